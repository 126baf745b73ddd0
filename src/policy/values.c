/* SPDX-License-Identifier: ISC */
#include "policy/evaluation.h"

#include "policy/traits.h"
#include "vuln/ecosystem.h"
#include "vuln/named.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum tristate policy_and(enum tristate a, enum tristate b)
{
	if (a == TRI_NO || b == TRI_NO)
		return TRI_NO;
	return a == TRI_YES && b == TRI_YES ? TRI_YES : TRI_UNKNOWN;
}

enum tristate policy_or(enum tristate a, enum tristate b)
{
	if (a == TRI_YES || b == TRI_YES)
		return TRI_YES;
	return a == TRI_NO && b == TRI_NO ? TRI_NO : TRI_UNKNOWN;
}

enum tristate policy_not(enum tristate a)
{
	return a == TRI_YES ? TRI_NO : a == TRI_NO ? TRI_YES : TRI_UNKNOWN;
}

static enum tristate tri(bool yes)
{
	return yes ? TRI_YES : TRI_NO;
}

static enum tristate holds(enum policy_operator o, int64_t order)
{
	switch (o) {
	case POLICY_EQ:
		return tri(order == 0);
	case POLICY_NE:
		return tri(order != 0);
	case POLICY_LT:
		return tri(order < 0);
	case POLICY_LE:
		return tri(order <= 0);
	case POLICY_GT:
		return tri(order > 0);
	case POLICY_GE:
		return tri(order >= 0);
	}
	return TRI_UNKNOWN;
}

/* A version that its ecosystem does not allow has no place in the order. */
static enum tristate version_holds(
        enum version_ecosystem e, enum policy_operator o, const char *have, const char *want)
{
	int order;
	return version_compare(e, have, want, &order, NULL) < 0 ? TRI_UNKNOWN : holds(o, order);
}

static enum tristate text_holds(enum policy_operator o, const char *have, const char *want)
{
	return holds(o, !have || strcmp(have, want) != 0);
}

static enum tristate compare_value(const struct policy_evaluation *ev, const struct policy_expression *e)
{
	struct policy_fact fact;
	policy_field_read(e->field, ev->input, &fact);
	if (!fact.known)
		return TRI_UNKNOWN;
	switch (e->field->type) {
	case POLICY_TEXT:
		return text_holds(e->operator, fact.text, e->literal.text);
	case POLICY_VERSION:
		return version_holds(VERSION_DPKG, e->operator, fact.text, e->literal.text);
	case POLICY_NUMBER:
	case POLICY_DURATION:
		return holds(e->operator, fact.number - e->literal.number);
	case POLICY_BOOLEAN:
		break;
	}
	return TRI_UNKNOWN;
}

static enum tristate source_age_value(const struct policy_input *in, const struct policy_expression *e)
{
	struct policy_fact fact;
	policy_source_age_read(e->name.text, in, &fact);
	return fact.known ? holds(e->operator, fact.number - e->literal.number) : TRI_UNKNOWN;
}

uint64_t policy_freshness(const struct policy *p, struct vuln_index *index, time_ms now)
{
	const struct policy_input in = { .index = index, .now = now };
	struct policy_evaluation ev = { .policy = p, .input = &in };
	uint64_t all = 0xcbf29ce484222325ull;
	for (size_t i = 0; i < p->tree.n_ages; i++) {
		const struct policy_expression *e = p->tree.ages[i];
		const enum tristate v =
		        e->kind == POLICY_SOURCE_AGE ? source_age_value(&in, e) : compare_value(&ev, e);
		all = (all ^ (uint64_t)v) * 0x100000001b3ull;
	}
	return all;
}

static enum version_ecosystem package_ecosystem(const struct posture_package *package)
{
	enum version_ecosystem e;
	return package->type && ecosystem_order_of_type(package->type, &e) == 0 ? e : VERSION_DPKG;
}

bool policy_is_inspected(const struct policy_input *in)
{
	return in->posture || in->facts;
}

const struct posture_package *policy_package_at(const struct policy_evaluation *ev, size_t i)
{
	if (ev->input->inventory)
		return i < ev->n_asked ? ev->asked[i] : NULL;
	return i < ev->input->posture->n_packages ? &ev->input->posture->packages[i] : NULL;
}

size_t policy_package_count(const struct policy_evaluation *ev)
{
	if (ev->input->inventory)
		return ev->input->inventory->n;
	return ev->input->posture ? ev->input->posture->n_packages : 0;
}

/* Installed: once at least. Version: where copies (architectures, slots) disagree neither answer is safe. */
static enum tristate package_value(const struct policy_evaluation *ev, const struct policy_expression *e)
{
	const struct posture *p = ev->input->posture;
	enum tristate all = TRI_UNKNOWN, v;
	bool any = false;
	if (!policy_is_inspected(ev->input))
		return TRI_UNKNOWN;
	const struct posture_package *package;
	for (size_t i = 0; (package = policy_package_at(ev, i)); i++) {
		if (strcmp(package->name, e->name.text) != 0)
			continue;
		if (e->kind == POLICY_PACKAGE)
			return TRI_YES;
		v = version_holds(package_ecosystem(package), e->operator, package->version, e->literal.text);
		all = any && v != all ? TRI_UNKNOWN : v;
		any = true;
		if (all == TRI_UNKNOWN)
			return TRI_UNKNOWN;
	}
	if (policy_package_count(ev) == 0 ||
	        (p && (!p->packages_known || policy_unknown_find(p, "packages"))))
		return TRI_UNKNOWN;
	return any ? all : TRI_NO;
}

/* A setting that is not a number has no place in their order. */
static enum tristate setting_holds(const struct policy_expression *e, const char *have)
{
	if (e->literal.type == POLICY_TEXT)
		return text_holds(e->operator, have, e->literal.text);
	char *end;
	errno = 0;
	long long n = strtoll(have, &end, 10);
	bool digits = *have == '-' ? have[1] >= '0' && have[1] <= '9' : *have >= '0' && *have <= '9';
	if (!digits || *end || errno || n < INT64_MIN / 4 || n > INT64_MAX / 4)
		return TRI_UNKNOWN;
	return holds(e->operator,(int64_t) n - e->literal.number);
}

/* One setting may have several values: ports, or what a `Match` block says. Where the answers differ neither
 * is safe. */
static enum tristate setting_value(const struct policy_evaluation *ev, const struct policy_expression *e)
{
	const struct posture *p = ev->input->posture;
	enum tristate all = TRI_UNKNOWN;
	bool any = false;
	if (!p)
		return TRI_UNKNOWN;
	const struct posture_settings *list = e->kind == POLICY_SSHD_SETTING ? &p->sshd : &p->settings;
	for (size_t i = 0; list->known && i < list->count; i++) {
		if (strcmp(list->items[i].name, e->name.text) != 0)
			continue;
		enum tristate v = setting_holds(e, list->items[i].value);
		if (any && v != all)
			return TRI_UNKNOWN;
		all = v;
		any = true;
	}
	return all;
}

static enum tristate no_interface_value(const struct policy_evaluation *ev, const struct policy_expression *e)
{
	const struct posture *p = ev->input->posture;
	if (!p || !p->network_known)
		return TRI_UNKNOWN;
	enum tristate any = policy_unknown_find(p, "network.interfaces") ? TRI_UNKNOWN : TRI_NO;
	for (size_t i = 0; i < p->n_interfaces; i++)
		any = policy_or(any, policy_trait_value(p, &p->interfaces[i], e->first));
	return policy_not(any);
}

static enum tristate no_advisory_value(const struct policy_evaluation *ev, const struct policy_term *term)
{
	if (term->n_certain > 0)
		return TRI_NO;
	return term->n_possible > 0 || ev->advisories_unknown ? TRI_UNKNOWN : TRI_YES;
}

/* The count lies between low and high; where the answer is not the same all along, it is unknown. */
static enum tristate count_value(
        const struct policy_evaluation *ev, const struct policy_expression *e, const struct policy_term *term)
{
	int64_t low = (int64_t)term->n_certain, want = e->literal.number;
	int64_t high = ev->advisories_unknown ? INT64_MAX / 2 : low + (int64_t)term->n_possible;
	enum tristate at_low = holds(e->operator, low - want), at_high = holds(e->operator, high - want);
	if (e->operator== POLICY_EQ || e->operator== POLICY_NE) {
		if (low < high && low <= want && want <= high)
			return TRI_UNKNOWN;
		return at_low;
	}
	return at_low == at_high ? at_low : TRI_UNKNOWN;
}

enum tristate policy_requirement_value(struct policy_evaluation *ev, const struct policy_requirement *r)
{
	struct policy_requirement_state *state = &ev->requirements[r->index];
	if (!state->judged) {
		state->value = policy_value(ev, r->expression);
		state->judged = true;
		if (state->value != TRI_YES && (state->waiver = policy_waiver_of_requirement(ev, r)))
			state->value = TRI_YES;
	}
	return state->value;
}

enum tristate policy_value(struct policy_evaluation *ev, const struct policy_expression *e)
{
	enum tristate v = e->kind == POLICY_OR ? TRI_NO : TRI_YES;
	struct policy_fact fact;
	if (e->leaf && ev->input->facts)
		return (enum tristate)ev->input->facts->values[e->leaf - 1];
	switch (e->kind) {
	case POLICY_AND:
		for (const struct policy_expression *c = e->first; c; c = c->next)
			v = policy_and(v, policy_value(ev, c));
		return v;
	case POLICY_OR:
		for (const struct policy_expression *c = e->first; c; c = c->next)
			v = policy_or(v, policy_value(ev, c));
		return v;
	case POLICY_NOT:
		return policy_not(policy_value(ev, e->first));
	case POLICY_FIELD:
		policy_field_read(e->field, ev->input, &fact);
		return !fact.known ? TRI_UNKNOWN : tri(fact.yes);
	case POLICY_COMPARE:
		return compare_value(ev, e);
	case POLICY_REQUIREMENT:
		return policy_requirement_value(ev, e->requirement);
	case POLICY_PACKAGE:
	case POLICY_PACKAGE_VERSION:
		return package_value(ev, e);
	case POLICY_KERNEL_SETTING:
	case POLICY_SSHD_SETTING:
		return setting_value(ev, e);
	case POLICY_SOURCE_AGE:
		return source_age_value(ev->input, e);
	case POLICY_NO_INTERFACE:
		return no_interface_value(ev, e);
	case POLICY_NO_ADVISORY:
		return no_advisory_value(ev, &ev->terms[e->term]);
	case POLICY_ADVISORIES:
		return count_value(ev, e, &ev->terms[e->term]);
	default: /* conditions are never judged without an advisory */
		return TRI_UNKNOWN;
	}
}

/* An advisory without a date could be of any age. */
static enum tristate older_value(const struct vuln_match *m, int64_t than_ms, time_ms now)
{
	time_ms since = m->published > 0 ? m->published : m->modified;
	return since <= 0 ? TRI_UNKNOWN : tri(now - since > than_ms);
}

static enum tristate id_value(const struct policy_expression *e, const struct vuln_match *m)
{
	bool same = strcmp(m->id, e->literal.text) == 0;
	for (const char *const *a = m->aliases; a && *a && !same; a++)
		same = strcmp(*a, e->literal.text) == 0;
	return holds(e->operator, !same);
}

static enum tristate match_package_value(const struct policy_expression *e, const struct vuln_match *m)
{
	bool same = strcmp(m->package->name, e->literal.text) == 0 ||
	        (m->package->source && strcmp(m->package->source, e->literal.text) == 0);
	return holds(e->operator, !same);
}

enum tristate policy_condition_value(
        const struct policy_expression *e, const struct vuln_match *m, time_ms now)
{
	enum tristate v = e->kind == POLICY_OR ? TRI_NO : TRI_YES;
	switch (e->kind) {
	case POLICY_AND:
		for (const struct policy_expression *c = e->first; c; c = c->next)
			v = policy_and(v, policy_condition_value(c, m, now));
		return v;
	case POLICY_OR:
		for (const struct policy_expression *c = e->first; c; c = c->next)
			v = policy_or(v, policy_condition_value(c, m, now));
		return v;
	case POLICY_NOT:
		return policy_not(policy_condition_value(e->first, m, now));
	case POLICY_IS_FIXED:
		return tri(m->fixed != NULL);
	case POLICY_IS_OLDER:
		return older_value(m, e->literal.number, now);
	case POLICY_SEVERITY:
		return holds(e->operator,(int64_t) vuln_severity_rank(m->severity) - e->literal.number);
	case POLICY_ADVISORY_ID:
		return id_value(e, m);
	case POLICY_ADVISORY_PACKAGE:
		return match_package_value(e, m);
	case POLICY_ADVISORY_SOURCE:
		return text_holds(e->operator, m->source, e->literal.text);
	default: /* what asks about the node was refused behind `where` */
		return TRI_UNKNOWN;
	}
}

const char *policy_aliases_joined(struct policy_arena *a, const char *const *aliases)
{
	size_t length = 0, used = 0;
	for (const char *const *name = aliases; name && *name; name++)
		length += strlen(*name) + 1;
	if (length == 0)
		return NULL;
	char *all = policy_arena_alloc(a, length);
	for (const char *const *name = aliases; *name; name++) {
		size_t n = strlen(*name);
		if (used)
			all[used++] = ',';
		memcpy(all + used, *name, n);
		used += n;
	}
	return all;
}

/* Keeps one match for the findings; SIZE_MAX where there are too many already. */
static size_t match_keep(struct policy_evaluation *ev, const struct vuln_match *m, bool emergency)
{
	if (ev->n_matches == POLICY_FINDINGS_MAX)
		return SIZE_MAX;
	ARRAY_RESERVE_ONE(ev->matches, ev->n_matches, ev->matches_capacity);
	ev->matches[ev->n_matches] = (struct policy_match){ .package = m->package,
		.id = policy_arena_string(ev->arena, m->id),
		.aliases = policy_aliases_joined(ev->arena, m->aliases),
		.fixed = policy_arena_string(ev->arena, m->fixed),
		.source = policy_arena_string(ev->arena, m->source),
		.conflict = m->conflict ? policy_arena_string(ev->arena, m->conflict) : NULL,
		.judged_as = m->judged_as ? policy_arena_string(ev->arena, m->judged_as) : NULL,
		.severity = m->severity,
		.trust = m->trust,
		.emergency = emergency };
	return ev->n_matches++;
}

static int match_judge(const struct vuln_match *m, void *context)
{
	struct policy_evaluation *ev = context;
	const struct policy_tree *t = &ev->policy->tree;
	const struct policy_waiver_node *waiver = policy_waiver_of_advisory(ev, m->id, m->aliases);
	const bool emergency = policy_is_emergency(ev->policy, m);
	size_t kept = SIZE_MAX;
	bool tried = false;
	if (ev->n_met++ == POLICY_MATCHES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < t->n_terms; i++) {
		struct policy_term *term = &ev->terms[i];
		const struct policy_expression *where = t->terms[i]->first;
		enum tristate v = where ? policy_condition_value(where, m, ev->input->now) : TRI_YES;
		if (v == TRI_NO)
			continue;
		if (waiver) {
			policy_waive_advisory(ev, waiver, m->id);
			return 0;
		}
		term->emergency |= emergency;
		*(v == TRI_YES ? &term->n_certain : &term->n_possible) += 1;
		if (!tried)
			kept = match_keep(ev, m, emergency);
		tried = true;
		if (kept == SIZE_MAX)
			continue;
		ARRAY_RESERVE_ONE(term->matches, term->n_matches, term->capacity);
		term->matches[term->n_matches++] = kept;
	}
	return 0;
}

/* What the index cannot judge is never a pass: it makes the advisories unknown. */
void policy_note_unjudged(
        struct policy_evaluation *ev, const struct posture_package *package, const char *reason)
{
	if (ev->n_unjudged++ == 0)
		ev->unjudged = policy_arena_format(ev->arena, "%s %s: %s",
		        policy_arena_shown(ev->arena, package->name, 100),
		        policy_arena_shown(ev->arena, package->version, 100), reason);
}

static int match_unjudged(const struct posture_package *package, const char *reason, void *context)
{
	policy_note_unjudged(context, package, reason);
	return 0;
}

/* What the node itself says that more is known about, elsewhere. */
static const char *missing_source(struct policy_evaluation *ev)
{
	const struct policy_input *in = ev->input;
	struct vuln_named_list own CLEANUP(vuln_named_clear) = { 0 };
	if (!in->named && in->posture)
		vuln_named_collect(in->posture, &own);
	const struct vuln_named_list *named = in->named ? in->named : &own;
	if (named->n == 0)
		return NULL;
	struct vuln_origins *read = in->origins ? NULL : vuln_origins_read(in->index);
	char *missing FREE_ON_EXIT = vuln_named_missing(in->origins ? in->origins : read, named);
	vuln_origins_free(read);
	return missing ? policy_arena_string(ev->arena, missing) : NULL;
}

/* Why the answer of the index is not the whole answer; NULL where it is. */
static const char *match_doubt(struct policy_evaluation *ev)
{
	const struct posture *p = ev->input->posture;
	const char *unread = p ? policy_unknown_find(p, "packages") : NULL;
	if (p && (!p->packages_known || unread))
		return policy_arena_shown(ev->arena, unread ? unread : "the agent did not report it", 200);
	if (policy_package_count(ev) == 0) /* no system has none: it was not read, or not where it is */
		return "the inventory is empty";
	if (ev->n_unjudged)
		return policy_arena_format(ev->arena, "%zu %s cannot be judged, the first is %s",
		        ev->n_unjudged, ev->n_unjudged == 1 ? "package" : "packages", ev->unjudged);
	return missing_source(ev);
}

static int match_all(struct policy_evaluation *ev, struct memo_own *own, struct error *err)
{
	const struct policy_input *in = ev->input;
	const struct vuln_match_sink sink = { match_judge, match_unjudged, ev };
	if (in->inventory)
		return policy_meet(ev, own, err);
	return vuln_match_all(in->index, in->posture, &sink, &ev->decision->advisory_generation, err);
}

void policy_match_advisories(struct policy_evaluation *ev, struct memo_own *own)
{
	const struct policy_input *in = ev->input;
	struct error err = { "" };
	ev->advisories_unknown = NULL;
	if (ev->policy->tree.n_terms == 0)
		return;
	if (!in->index)
		ev->advisories_unknown = "there is no vulnerability information";
	else if (!policy_is_inspected(in))
		ev->advisories_unknown = "the node was not inspected";
	else if (match_all(ev, own, &err) < 0)
		ev->advisories_unknown = ev->n_met > POLICY_MATCHES_MAX
		        ? "there are more matches than are gone through"
		        : policy_arena_format(ev->arena, "the advisories could not be read: %s", err.text);
	else
		ev->advisories_unknown = match_doubt(ev);
}
