/* SPDX-License-Identifier: ISC */
/* Words for people: what an expression that is not satisfied found, and what it wanted. */
#include "policy/memo_row.h"

#include "policy/traits.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FINDING_LEAVES_MAX 8  /* facts that one sentence names */
#define FINDING_ITEMS_MAX 3   /* of what a number counts */
#define FINDING_VALUE_MAX 120 /* bytes of a value that a node reported */

static void finding_add(struct policy_evaluation *ev, const struct policy_finding *f)
{
	struct policy_decision *d = ev->decision;
	if (d->n_findings == POLICY_FINDINGS_MAX) {
		d->n_omitted++;
		return;
	}
	ARRAY_RESERVE_ONE(d->findings, d->n_findings, ev->findings_capacity);
	d->findings[d->n_findings++] = *f;
}

void policy_finding_sentence(struct policy_evaluation *ev, enum policy_finding_kind kind,
        const char *requirement, const char *text)
{
	finding_add(ev, &(struct policy_finding){ .kind = kind, .requirement = requirement, .text = text });
}

static const char *duration_words(struct policy_arena *a, int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *one, *many;
	} units[] = { { 86400000, "day", "days" }, { 3600000, "hour", "hours" }, { 60000, "min", "min" },
		{ 1000, "s", "s" } };
	for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
		int64_t n = ms / units[i].ms;
		if (n >= 2 || (n == 1 && i + 1 < ARRAY_LENGTH(units) && ms % units[i].ms < units[i + 1].ms) ||
		        units[i].ms == 1000)
			return policy_arena_format(
			        a, "%" PRId64 " %s", n, n == 1 ? units[i].one : units[i].many);
	}
	return "0 s";
}

static const char *unknown_words(struct policy_arena *a, const char *what, const char *why)
{
	return policy_arena_format(
	        a, "%s is unknown (%s)", what, policy_arena_shown(a, why, 2 * FINDING_VALUE_MAX));
}

/* "the number of ... is 4 (/usr/sbin/sshd: libssl3, ... and more)" */
static const char *number_words(
        struct policy_evaluation *ev, const struct policy_field *f, const struct policy_fact *fact)
{
	struct policy_arena *a = ev->arena;
	const char *words = policy_arena_format(a, "%s is %" PRId64, f->noun, fact->number), *items = "";
	struct policy_item item;
	size_t i = 0;
	while (f->item && i < FINDING_ITEMS_MAX && f->item(ev->input->posture, i, &item))
		items = policy_arena_format(a, "%s%s%s%s%s", items, i++ ? "; " : "",
		        policy_arena_shown(a, item.name, FINDING_VALUE_MAX), item.detail ? ": " : "",
		        policy_arena_shown(a, item.detail ? item.detail : "", FINDING_VALUE_MAX));
	if (i == 0)
		return words;
	bool more = f->item(ev->input->posture, i, &item);
	return policy_arena_format(a, "%s (%s%s)", words, items, more ? " and more" : "");
}

static const char *compare_words(struct policy_evaluation *ev, const struct policy_expression *e)
{
	const struct policy_field *f = e->field;
	struct policy_arena *a = ev->arena;
	struct policy_fact fact;
	policy_field_read(f, ev->input, &fact);
	if (!fact.known)
		return unknown_words(a, f->name, fact.why);
	if (f->type == POLICY_NUMBER)
		return number_words(ev, f, &fact);
	if (f->type == POLICY_DURATION)
		return policy_arena_format(a, "%s is %s", f->noun, duration_words(a, fact.number));
	if (!fact.text)
		return policy_arena_format(a, "%s is not set", f->noun);
	const char *shown = policy_arena_shown(a, fact.text, FINDING_VALUE_MAX);
	if (f->type == POLICY_TEXT)
		return policy_arena_format(a, "%s is \"%s\"", f->noun, shown);
	return policy_arena_format(a, "%s is %s%s", f->noun, shown,
	        policy_value(ev, e) == TRI_UNKNOWN ? ", which is not a version" : "");
}

static const char *source_age_words(struct policy_evaluation *ev, const struct policy_expression *e)
{
	struct policy_arena *a = ev->arena;
	const char *what = policy_arena_format(a, "the age of the source \"%s\"", e->name.text);
	struct policy_fact fact;
	policy_source_age_read(e->name.text, ev->input, &fact);
	if (!fact.known)
		return unknown_words(a, what, fact.why);
	return policy_arena_format(a, "%s is %s", what, duration_words(a, fact.number));
}

static const char *field_words(struct policy_evaluation *ev, const struct policy_expression *e)
{
	struct policy_fact fact;
	policy_field_read(e->field, ev->input, &fact);
	if (!fact.known)
		return unknown_words(ev->arena, e->field->name, fact.why);
	return fact.yes ? e->field->yes : e->field->no;
}

static const char *package_words(struct policy_evaluation *ev, const struct policy_expression *e)
{
	const struct posture *p = ev->input->posture;
	struct policy_arena *a = ev->arena;
	const char *name = e->name.text, *versions = NULL;
	size_t n = 0;
	const struct posture_package *package;
	for (size_t i = 0; p && n < FINDING_LEAVES_MAX && (package = policy_package_at(ev, i)); i++) {
		if (strcmp(package->name, name) != 0)
			continue;
		const char *version = policy_arena_shown(a, package->version, FINDING_VALUE_MAX);
		versions = n++ ? policy_arena_format(a, "%s, %s", versions, version) : version;
	}
	if (n > 0)
		return policy_arena_format(a, "package %s is installed (%s)", name, versions);
	if (p && p->packages_known && policy_package_count(ev) == 0)
		return unknown_words(a, policy_arena_format(a, "package %s", name), "the inventory is empty");
	if (p && p->packages_known)
		return policy_arena_format(a, "package %s is not installed", name);
	return unknown_words(a, policy_arena_format(a, "package %s", name),
	        p ? policy_unknown_reason(p, "packages") : "the node was not inspected");
}

static const char *setting_words(struct policy_evaluation *ev, const struct policy_expression *e)
{
	const struct posture *p = ev->input->posture;
	struct policy_arena *a = ev->arena;
	bool sshd = e->kind == POLICY_SSHD_SETTING;
	const struct posture_settings *list = !p ? NULL : sshd ? &p->sshd : &p->settings;
	const char *what = policy_arena_format(a, "%s %s", sshd ? "sshd's" : "setting", e->name.text);
	const char *values = NULL;
	size_t n = 0;
	for (size_t i = 0; list && list->known && i < list->count && n < FINDING_LEAVES_MAX; i++) {
		const struct posture_setting *s = &list->items[i];
		if (strcmp(s->name, e->name.text) != 0)
			continue;
		const char *value = policy_arena_format(a, "\"%s\"%s%s",
		        policy_arena_shown(a, s->value, FINDING_VALUE_MAX), s->match ? " for " : "",
		        policy_arena_shown(a, s->match ? s->match : "", FINDING_VALUE_MAX));
		values = n++ ? policy_arena_format(a, "%s, %s", values, value) : value;
	}
	if (n > 0)
		return policy_arena_format(a, "%s is %s", what, values);
	const char *why = "the node was not inspected";
	if (p && sshd && p->sshd_installed == TRI_NO)
		why = "sshd is not installed";
	else if (p)
		why = policy_unknown_reason(p,
		        policy_arena_format(a, "%s.%s", sshd ? "sshd.settings" : "settings", e->name.text));
	return unknown_words(a, what, why);
}

/* What of the condition the interface fulfils: "is a bridge, kind is "bridge"". */
static const char *trait_words(struct policy_evaluation *ev, const struct posture_interface *i,
        const struct policy_expression *e, const char *words)
{
	struct policy_arena *a = ev->arena;
	const char *text, *more = NULL;
	if (e->kind == POLICY_AND || e->kind == POLICY_OR) {
		for (const struct policy_expression *c = e->first; c; c = c->next)
			words = trait_words(ev, i, c, words);
		return words;
	}
	if (e->kind == POLICY_INTERFACE_IS && e->trait->is(ev->input->posture, i) == TRI_YES)
		more = e->trait->words;
	else if (e->kind == POLICY_INTERFACE_TEXT && e->trait->text(i, &text) && text &&
	        strcmp(e->trait->name, "name") != 0)
		more = policy_arena_format(a, "has the %s \"%s\"", e->trait->name,
		        policy_arena_shown(a, text, FINDING_VALUE_MAX));
	if (!more)
		return words;
	return *words ? policy_arena_format(a, "%s and %s", words, more) : more;
}

static const char *interface_words(
        struct policy_evaluation *ev, const struct posture_interface *i, const struct policy_expression *e)
{
	struct policy_arena *a = ev->arena;
	const char *name = policy_arena_shown(a, i->name, FINDING_VALUE_MAX);
	if (policy_trait_value(ev->input->posture, i, e) == TRI_UNKNOWN)
		return policy_arena_format(a, "interface %s is not known well enough (%s)", name,
		        policy_arena_shown(
		                a, policy_trait_doubt(ev->input->posture, i, e), 2 * FINDING_VALUE_MAX));
	const char *words = trait_words(ev, i, e, "");
	const char *kind = i->kind ? policy_arena_shown(a, i->kind, FINDING_VALUE_MAX) : "of unknown kind";
	return *words ? policy_arena_format(a, "interface %s (%s) %s", name, kind, words)
	              : policy_arena_format(a, "there is the interface %s (%s)", name, kind);
}

/* The interfaces that must not be. */
static const char *no_interface_words(struct policy_evaluation *ev, const struct policy_expression *e)
{
	const struct posture *p = ev->input->posture;
	struct policy_arena *a = ev->arena;
	const char *words = NULL;
	size_t n = 0;
	for (size_t i = 0; p && p->network_known && i < p->n_interfaces && n <= FINDING_LEAVES_MAX; i++) {
		if (policy_trait_value(p, &p->interfaces[i], e->first) == TRI_NO)
			continue;
		const char *one =
		        n == FINDING_LEAVES_MAX ? "more" : interface_words(ev, &p->interfaces[i], e->first);
		words = n++ ? policy_arena_format(a, "%s; %s", words, one) : one;
	}
	if (n > 0)
		return words;
	if (p && p->network_known && !policy_unknown_find(p, "network.interfaces"))
		return "no interface is one of those";
	return unknown_words(a, "the list of interfaces",
	        p ? policy_unknown_reason(p, "network.interfaces") : "the node was not inspected");
}

static const char *term_words(struct policy_evaluation *ev, const struct policy_expression *e)
{
	const struct policy_term *term = &ev->terms[e->term];
	size_t n = term->n_certain + term->n_possible;
	if (ev->advisories_unknown && n == 0)
		return policy_arena_format(
		        ev->arena, "the advisories are unknown (%s)", ev->advisories_unknown);
	const char *words =
	        policy_arena_format(ev->arena, "%zu %s", n, n == 1 ? "advisory matches" : "advisories match");
	return ev->advisories_unknown ? policy_arena_format(ev->arena, "%s and there may be more (%s)", words,
	                                        ev->advisories_unknown)
	                              : words;
}

static const char *leaf_words(struct policy_evaluation *ev, const struct policy_expression *e)
{
	const bool is_package = e->kind == POLICY_PACKAGE || e->kind == POLICY_PACKAGE_VERSION;
	if (ev->input->facts && (e->leaf || is_package)) {
		ev->needs_posture = true;
		return "";
	}
	switch (e->kind) {
	case POLICY_FIELD:
		return field_words(ev, e);
	case POLICY_COMPARE:
		return compare_words(ev, e);
	case POLICY_PACKAGE:
	case POLICY_PACKAGE_VERSION:
		return package_words(ev, e);
	case POLICY_KERNEL_SETTING:
	case POLICY_SSHD_SETTING:
		return setting_words(ev, e);
	case POLICY_SOURCE_AGE:
		return source_age_words(ev, e);
	case POLICY_NO_INTERFACE:
		return no_interface_words(ev, e);
	default:
		return term_words(ev, e);
	}
}

struct found {
	const char *words;
	size_t n;
};

/* Every leaf below e, or (all false) only those of branches that are not satisfied. */
static void found_collect(
        struct policy_evaluation *ev, const struct policy_expression *e, bool all, struct found *f)
{
	if (f->n > FINDING_LEAVES_MAX || (!all && policy_value(ev, e) == TRI_YES))
		return;
	switch (e->kind) {
	case POLICY_AND:
	case POLICY_OR:
	case POLICY_NOT:
		for (const struct policy_expression *c = e->first; c; c = c->next)
			found_collect(ev, c, all || e->kind == POLICY_NOT, f);
		return;
	case POLICY_REQUIREMENT:
		found_collect(ev, e->requirement->expression, all, f);
		return;
	default:
		break;
	}
	const char *words = f->n == FINDING_LEAVES_MAX ? "more" : leaf_words(ev, e);
	f->words = f->n++ ? policy_arena_format(ev->arena, "%s and %s", f->words, words) : words;
}

const char *policy_found(struct policy_evaluation *ev, const struct policy_expression *e)
{
	struct found f = { "", 0 };
	found_collect(ev, e, policy_value(ev, e) == TRI_YES, &f);
	return f.words;
}

static void advisory_finding(
        struct policy_evaluation *ev, const char *requirement, const struct policy_match *m)
{
	struct policy_arena *a = ev->arena;
	const struct posture_package *p = m->package;
	const struct posture platform = policy_platform_of(ev);
	char *purl FREE_ON_EXIT = posture_purl(&platform, p);
	struct policy_finding f = { .kind = POLICY_FINDING_ADVISORY,
		.requirement = requirement,
		.package = policy_arena_string(a, p->name),
		.source_package = policy_arena_string(a, p->source),
		.installed = policy_arena_string(a, p->version),
		.fixed = m->fixed,
		.advisory = m->id,
		.purl = policy_arena_string(a, purl),
		.aliases = m->aliases,
		.source = m->source,
		.conflict = m->conflict,
		.judged_as = m->judged_as,
		.severity = m->severity,
		.trust = m->trust };
	f.text = policy_arena_format(a, "%s %s has %s (%s%s%s), %s%s%s%s%s%s",
	        policy_arena_shown(a, p->name, FINDING_VALUE_MAX),
	        policy_arena_shown(a, p->version, FINDING_VALUE_MAX), m->id,
	        m->severity == VULN_SEVERITY_UNKNOWN ? "severity " : "", vuln_severity_name(m->severity),
	        m->emergency ? ", an emergency" : "", m->fixed ? "fixed in " : "no fix known",
	        m->fixed ? m->fixed : "", m->judged_as ? "; judged as " : "",
	        m->judged_as ? m->judged_as : "", m->conflict ? "; " : "", m->conflict ? m->conflict : "");
	finding_add(ev, &f);
}

static void met_finding(struct policy_evaluation *ev, const struct posture_package *package,
        const struct memo_match *m, const char *requirement)
{
	if (ev->decision->n_findings == POLICY_FINDINGS_MAX) {
		ev->decision->n_omitted++;
		return;
	}
	const struct policy_match match = { .package = package,
		.id = policy_arena_string(ev->arena, m->id),
		.aliases = policy_aliases_joined(ev->arena, m->aliases),
		.fixed = policy_arena_string(ev->arena, m->fixed),
		.source = policy_arena_string(ev->arena, m->source),
		.conflict = m->conflict ? policy_arena_string(ev->arena, m->conflict) : NULL,
		.judged_as = m->judged_as ? policy_arena_string(ev->arena, m->judged_as) : NULL,
		.severity = m->severity,
		.trust = m->trust,
		.emergency = m->emergency };
	advisory_finding(ev, requirement, &match);
}

/* One finding an advisory for every advisory term below e that is not satisfied. */
static void explain_terms(
        struct policy_evaluation *ev, const char *requirement, const struct policy_expression *e)
{
	if (policy_value(ev, e) == TRI_YES)
		return;
	if (e->kind == POLICY_NO_ADVISORY || e->kind == POLICY_ADVISORIES) {
		const struct policy_term *term = &ev->terms[e->term];
		ev->decision->emergency |= term->emergency;
		if (ev->input->inventory)
			policy_each_met(ev, e->term, met_finding, requirement);
		for (size_t i = 0; i < term->n_matches && term->matches; i++)
			advisory_finding(ev, requirement, &ev->matches[term->matches[i]]);
		ev->decision->n_omitted += term->n_certain + term->n_possible - term->n_matches;
	} else if (e->kind == POLICY_AND || e->kind == POLICY_OR) {
		for (const struct policy_expression *c = e->first; c; c = c->next)
			explain_terms(ev, requirement, c);
	}
}

static bool is_term(const struct policy_expression *e)
{
	return e->kind == POLICY_NO_ADVISORY || e->kind == POLICY_ADVISORIES;
}

static void explain(struct policy_evaluation *ev, const char *name, const struct policy_expression *e)
{
	enum tristate v = policy_value(ev, e);
	if (v == TRI_YES)
		return;
	if (e->kind == POLICY_AND) {
		for (const struct policy_expression *c = e->first; c; c = c->next)
			explain(ev, name, c);
		return;
	}
	if (e->kind == POLICY_REQUIREMENT) {
		policy_explain_requirement(ev, e->requirement);
		return;
	}
	explain_terms(ev, name, e);
	if (is_term(e) && v == TRI_NO && ev->terms[e->term].n_matches > 0)
		return; /* the advisories have said it */
	policy_finding_sentence(ev, v == TRI_UNKNOWN ? POLICY_FINDING_UNKNOWN : POLICY_FINDING_REQUIREMENT,
	        name,
	        policy_arena_format(
	                ev->arena, "%s; requirement %s wants %s", policy_found(ev, e), name, e->text));
}

void policy_explain_requirement(struct policy_evaluation *ev, const struct policy_requirement *r)
{
	struct policy_requirement_state *state = &ev->requirements[r->index];
	if (state->explained || policy_requirement_value(ev, r) == TRI_YES)
		return;
	state->explained = true;
	explain(ev, policy_arena_string(ev->arena, r->name.text), r->expression);
}
