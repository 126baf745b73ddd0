/* SPDX-License-Identifier: ISC */
/* A match: the view that stands, the others' views, and in words where they disagree. */
#include "vuln/match_private.h"
#include "vuln/rule.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static void add_alias(struct judge *j, const char *id)
{
	if (strcmp(id, j->match.id) == 0)
		return;
	for (size_t i = 0; i < j->n_aliases; i++)
		if (strcmp(j->aliases[i], id) == 0)
			return;
	ARRAY_RESERVE_ONE(j->aliases, j->n_aliases, j->aliases_capacity);
	j->aliases[j->n_aliases++] = id;
}

/* Those of the entry that stands are known to be different ones. */
static void add_aliases(struct judge *j, const struct package_entry *e, bool stands)
{
	const char *alias = e->aliases;
	for (size_t i = 0; i < e->head.n_aliases; i++, alias += strlen(alias) + 1) {
		if (!stands) {
			add_alias(j, alias);
			continue;
		}
		ARRAY_RESERVE_ONE(j->aliases, j->n_aliases, j->aliases_capacity);
		j->aliases[j->n_aliases++] = alias;
	}
}

static void add_view(struct judge *j, const struct package_entry *e)
{
	const char *fixed;
	int status = judge_status(j, e, &fixed);
	add_alias(j, e->id);
	add_aliases(j, e, false);
	if (status < 0)
		return;
	ARRAY_RESERVE_ONE(j->views, j->n_views, j->views_capacity);
	j->views[j->n_views++] = (struct vuln_view){ .id = e->id,
		.source = e->source,
		.precedence = e->head.precedence,
		.trust = (enum vuln_trust)e->head.trust,
		.status = (enum vuln_status)status,
		.severity = (enum vuln_severity)e->head.severity,
		.fixed = status == VULN_AFFECTED ? fixed
		        : *e->fixed              ? e->fixed
		                                 : NULL,
		.justification = e->justification,
		.modified = e->head.modified };
	if (!j->match.severity && status == VULN_AFFECTED)
		j->match.severity = (enum vuln_severity)e->head.severity;
}

static void __attribute__((format(printf, 2, 3))) say(struct judge *j, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	wr_bytes(&j->conflict, text, n < 0 ? 0 : MIN((size_t)n, sizeof(text) - 1));
}

static bool fix_differs(const struct judge *j, const char *a, const char *b)
{
	int order;
	if (!a || !b)
		return a != b;
	return strcmp(a, b) != 0 && (version_compare(j->order, a, b, &order, NULL) < 0 || order != 0);
}

/* What this view says otherwise; false where it does not. */
static bool say_difference(struct judge *j, const struct vuln_view *v)
{
	const struct vuln_match *m = &j->match;
	const char *sep = j->conflict.length ? "; " : "";
	if (v->status == VULN_NOT_AFFECTED)
		say(j, "%s%.127s says not affected%s%.240s%s", sep, v->source, *v->justification ? " (" : "",
		        v->justification, *v->justification ? ")" : "");
	else if (v->status == VULN_FIXED)
		say(j, "%s%.127s says that this version is not affected%s%.200s", sep, v->source,
		        v->fixed ? ", fixed in " : "", v->fixed ? v->fixed : "");
	else if (fix_differs(j, m->fixed, v->fixed))
		say(j, "%s%.127s says %s%.200s", sep, v->source, v->fixed ? "fixed in " : "no fix known",
		        v->fixed ? v->fixed : "");
	else if (v->severity && v->severity != m->severity)
		say(j, "%s%.127s says %s", sep, v->source, vuln_severity_name(v->severity));
	else
		return false;
	return true;
}

/* Why the match stands before that view. */
static void say_reason(struct judge *j, const struct vuln_view *v)
{
	const struct vuln_match *m = &j->match;
	say(j, ": %.127s stands, ", m->source);
	if (m->precedence != v->precedence)
		say(j, "precedence %u before %u", m->precedence, v->precedence);
	else if (m->trust != v->trust)
		say(j, "%s before %s", vuln_trust_name(m->trust), vuln_trust_name(v->trust));
	else if (m->modified > v->modified)
		say(j, "its record is the newer one");
	else
		say(j, "by its name");
}

static void word_conflict(struct judge *j)
{
	const struct vuln_view *first = NULL;
	size_t shown = 0, more = 0;
	j->conflict.limit = 16384;
	wr_reset(&j->conflict);
	for (size_t i = 0; i < j->n_views; i++) {
		const struct vuln_view *v = &j->views[i];
		if (strcmp(v->source, j->match.source) == 0)
			continue; /* a source does not disagree with itself: what any record of it affects is
			             affected */
		size_t length = j->conflict.length;
		if (!say_difference(j, v))
			continue;
		if (!first)
			first = v;
		if (shown++ < JUDGE_CONFLICTS_SHOWN)
			continue;
		j->conflict.length = length;
		more++;
	}
	if (!first)
		return;
	if (more)
		say(j, "; and %zu more", more);
	say_reason(j, first);
	wr_u8(&j->conflict, '\0');
	j->match.conflict = wr_failed(&j->conflict) ? "sources disagree" : (const char *)j->conflict.data;
}

static void add_views(struct judge *j, const struct package_value *value, const struct package_entry *lead,
        const struct package_entry *stands)
{
	struct package_entry e;
	if (lead->at != stands->at)
		add_view(j, lead);
	size_t at = lead->head.others_at;
	for (uint32_t n = lead->head.n_others; n > 0; n--, at += e.head.size) {
		if (!package_entry_read(value->bytes + at, value->length - at, &e))
			return;
		if (e.at != stands->at)
			add_view(j, &e);
	}
	if (j->n_views)
		word_conflict(j);
}

int judge_report(struct judge *j, const struct package_value *value, const struct package_entry *lead,
        const struct package_entry *e, const char *fixed)
{
	struct vuln_match *match = &j->match;
	*match = (struct vuln_match){ .posture = j->posture,
		.package = j->package,
		.matched_name = j->name,
		.judged_as = j->judged_as,
		.id = e->id,
		.fixed = fixed,
		.source = e->source,
		.summary = e->summary,
		.severity = (enum vuln_severity)e->head.severity,
		.published = e->head.published,
		.modified = e->head.modified,
		.trust = (enum vuln_trust)e->head.trust,
		.precedence = e->head.precedence };
	j->n_aliases = j->n_views = 0;
	add_aliases(j, e, true);
	if (lead->head.n_others)
		add_views(j, value, lead, e);
	ARRAY_RESERVE_ONE(j->aliases, j->n_aliases, j->aliases_capacity);
	j->aliases[j->n_aliases] = NULL;
	match->aliases = j->aliases;
	match->views = j->views;
	match->n_views = j->n_views;
	return j->fn(match, j->context);
}
