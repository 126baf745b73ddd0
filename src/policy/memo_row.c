/* SPDX-License-Identifier: ISC */
/* What one package met, put together while the index is asked, then packed into one block. */
#include "policy/memo_row.h"

#include "base/table.h"

#include <string.h>

const struct memo_row memo_row_empty = { .until = INT64_MAX };

/* ---- putting together ---- */

/* When a date in the condition next makes another answer of it. */
static time_ms next_flip(const struct policy_expression *e, const struct vuln_match *m, time_ms now)
{
	time_ms next = INT64_MAX;
	if (e->kind == POLICY_IS_OLDER) {
		const time_ms since = m->published > 0 ? m->published : m->modified;
		const time_ms flips = since > 0 ? since + e->literal.number + 1 : INT64_MAX;
		return flips > now ? flips : INT64_MAX;
	}
	for (const struct policy_expression *c = e->first; c; c = c->next)
		next = MIN(next, next_flip(c, m, now));
	return next;
}

/* Fills values; whether any term may meet it. */
static bool meet_terms(struct memo_draft *d, const struct policy_tree *t, const struct vuln_match *match,
        time_ms now, uint8_t *values)
{
	bool any = false;
	for (size_t i = 0; i < t->n_terms; i++) {
		const struct policy_expression *where = t->terms[i]->first;
		values[i] = (uint8_t)(where ? policy_condition_value(where, match, now) : TRI_YES);
		if (where)
			d->until = MIN(d->until, next_flip(where, match, now));
		any |= values[i] != TRI_NO;
	}
	return any;
}

static void keep_match(struct memo_draft *d, const struct vuln_match *match, bool emergency, uint8_t *values)
{
	size_t n = 0;
	for (const char *const *a = match->aliases; a && *a; a++)
		n++;
	const char **aliases = xcalloc(n + 1, sizeof(*aliases));
	for (size_t i = 0; i < n; i++)
		aliases[i] = xstrdup(match->aliases[i]);
	ARRAY_RESERVE_ONE(d->matches, d->n_matches, d->capacity);
	d->matches[d->n_matches++] =
	        (struct memo_draft_match){ .match = { .id = xstrdup(match->id),
		                                   .fixed = xstrdup(match->fixed),
		                                   .source = xstrdup(match->source),
		                                   .conflict = xstrdup(match->conflict),
		                                   .judged_as = xstrdup(match->judged_as),
		                                   .aliases = aliases,
		                                   .severity = match->severity,
		                                   .trust = match->trust,
		                                   .emergency = emergency,
		                                   .values = values },
		        .n_aliases = n };
}

void memo_draft_add(
        struct memo_draft *d, const struct policy *policy, const struct vuln_match *match, time_ms now)
{
	const struct policy_tree *t = &policy->tree;
	uint8_t *values FREE_ON_EXIT = xmalloc(t->n_terms + 1);
	if (!meet_terms(d, t, match, now, values))
		return;
	const bool kept = d->n_matches < POLICY_FINDINGS_MAX, emergency = policy_is_emergency(policy, match);
	if (!d->counts)
		d->counts = xcalloc(t->n_terms, sizeof(*d->counts));
	for (size_t i = 0; i < t->n_terms; i++) {
		d->counts[i].certain += values[i] == TRI_YES;
		d->counts[i].possible += values[i] == TRI_UNKNOWN;
		d->counts[i].kept += kept && values[i] != TRI_NO;
	}
	d->emergency |= emergency;
	d->highest = MAX(d->highest, vuln_severity_rank(match->severity));
	if (kept)
		keep_match(d, match, emergency, TAKE_POINTER(values));
}

static void draft_clear(struct memo_draft *d)
{
	for (size_t i = 0; i < d->n_matches; i++) {
		struct memo_draft_match *m = &d->matches[i];
		for (size_t k = 0; k < m->n_aliases; k++)
			free((void *)(uintptr_t)m->match.aliases[k]);
		free((void *)(uintptr_t)m->match.aliases);
		free((void *)(uintptr_t)m->match.id);
		free((void *)(uintptr_t)m->match.fixed);
		free((void *)(uintptr_t)m->match.source);
		free((void *)(uintptr_t)m->match.conflict);
		free((void *)(uintptr_t)m->match.judged_as);
		free((void *)(uintptr_t)m->match.values);
	}
	free(d->matches);
	free(d->counts);
	free(d->unjudged);
	memset(d, 0, sizeof(*d));
}

/* ---- packing ---- */

/* Where the next piece of the block goes; counts only while at is NULL. */
struct packer {
	char *at;
	size_t used;
};

static void *pack(struct packer *p, const void *bytes, size_t n)
{
	char *to = p->at ? p->at + p->used : NULL;
	if (to && n)
		memcpy(to, bytes, n);
	p->used += n;
	return to;
}

static const char *pack_string(struct packer *p, const char *s)
{
	return s ? pack(p, s, strlen(s) + 1) : NULL;
}

/* What needs alignment goes before what does not. */
static void pack_row(struct packer *p, const struct memo_draft *d, size_t n_terms)
{
	struct memo_row *row = pack(p, &(struct memo_row){ 0 }, sizeof(*row));
	struct memo_match *matches = pack(p, NULL, 0);
	for (size_t i = 0; i < d->n_matches; i++)
		(void)pack(p, &d->matches[i].match, sizeof(*matches));
	const char **aliases = pack(p, NULL, 0);
	for (size_t i = 0; i < d->n_matches; i++)
		(void)pack(p, d->matches[i].match.aliases, (d->matches[i].n_aliases + 1) * sizeof(*aliases));
	const struct memo_count *counts = d->counts ? pack(p, d->counts, n_terms * sizeof(*counts)) : NULL;
	const char *unjudged = pack_string(p, d->unjudged);
	for (size_t i = 0; i < d->n_matches; i++) {
		const struct memo_match *from = &d->matches[i].match;
		struct memo_match packed = { .id = pack_string(p, from->id),
			.fixed = pack_string(p, from->fixed),
			.source = pack_string(p, from->source),
			.conflict = pack_string(p, from->conflict),
			.judged_as = pack_string(p, from->judged_as),
			.aliases = aliases,
			.severity = from->severity,
			.trust = from->trust,
			.emergency = from->emergency,
			.values = pack(p, from->values, n_terms) };
		for (size_t k = 0; k < d->matches[i].n_aliases; k++) {
			const char *alias = pack_string(p, from->aliases[k]);
			if (p->at)
				aliases[k] = alias;
		}
		if (!p->at)
			continue;
		aliases += d->matches[i].n_aliases + 1;
		matches[i] = packed;
	}
	if (!p->at)
		return;
	*row = (struct memo_row){ .bytes = p->used,
		.until = d->until,
		.emergency = d->emergency,
		.highest = d->highest,
		.unjudged = unjudged,
		.counts = counts,
		.matches = matches,
		.n_matches = d->n_matches };
}

static uint64_t hash_text(uint64_t h, const char *s)
{
	static const uint64_t key[2] = { 0 };
	return (h ^ (s ? hash_bytes(key, s, strlen(s)) : 1)) * 0x100000001b3ull;
}

static uint64_t hash_row(const struct memo_row *row, size_t n_terms)
{
	static const uint64_t key[2] = { 0 };
	uint64_t h = hash_text(0xcbf29ce484222325ull, row->unjudged);
	if (row->counts)
		h ^= hash_bytes(key, row->counts, n_terms * sizeof(*row->counts));
	for (size_t i = 0; i < row->n_matches; i++) {
		const struct memo_match *m = &row->matches[i];
		h = hash_text(hash_text(hash_text(hash_text(h, m->id), m->fixed), m->source), m->conflict);
		h = hash_text(h, m->judged_as);
		for (const char *const *a = m->aliases; *a; a++)
			h = hash_text(h, *a);
		h = (h ^ (uint64_t)m->severity ^ (uint64_t)m->emergency << 8 ^ (uint64_t)m->trust << 16) *
		        0x100000001b3ull;
		h = (h ^ hash_bytes(key, m->values, n_terms)) * 0x100000001b3ull;
	}
	return h;
}

const struct memo_row *memo_row_new(struct memo_draft *d, size_t n_terms)
{
	struct packer p = { 0 };
	if (!d->counts && !d->unjudged && d->until == INT64_MAX) {
		draft_clear(d);
		return &memo_row_empty;
	}
	pack_row(&p, d, n_terms);
	p = (struct packer){ .at = xmalloc(p.used) };
	pack_row(&p, d, n_terms);
	struct memo_row *row = (struct memo_row *)(void *)p.at;
	row->hash = hash_row(row, n_terms);
	draft_clear(d);
	return row;
}

void memo_row_free(const struct memo_row *row)
{
	if (row != &memo_row_empty)
		free((void *)(uintptr_t)row);
}

/* ---- comparing ---- */

static struct memo_count count_of(const struct memo_row *row, size_t term)
{
	return row->counts ? row->counts[term] : (struct memo_count){ 0 };
}

enum policy_change memo_row_compare(
        const struct memo_row *before, const struct memo_row *after, size_t n_terms)
{
	static const enum policy_change by_severity[] = { POLICY_CHANGE_HIGH, POLICY_CHANGE_LOW,
		POLICY_CHANGE_MEDIUM, POLICY_CHANGE_HIGH, POLICY_CHANGE_CRITICAL };
	bool more, less = false;
	if (before == after ||
	        (before && before != &memo_row_empty && after != &memo_row_empty &&
	                before->hash == after->hash))
		return POLICY_CHANGE_NONE;
	if (after->emergency && (!before || !before->emergency))
		return POLICY_CHANGE_EMERGENCY;
	if (!before)
		return POLICY_CHANGE_OTHER;
	more = after->unjudged && !before->unjudged;
	for (size_t i = 0; i < n_terms; i++) {
		const struct memo_count a = count_of(before, i), b = count_of(after, i);
		more |= b.certain > a.certain || b.certain + b.possible > a.certain + a.possible;
		less |= b.certain < a.certain || b.certain + b.possible < a.certain + a.possible;
	}
	if (more)
		return by_severity[after->highest];
	if (!less && !before->counts && !after->counts && !before->unjudged && !after->unjudged)
		return POLICY_CHANGE_NONE; /* a date alone */
	return less || (before->unjudged && !after->unjudged) ? POLICY_CHANGE_BETTER : POLICY_CHANGE_OTHER;
}
