/* SPDX-License-Identifier: ISC */
/* The advisory terms of one decision, as the sum over what the memo says of the packages. */
#include "policy/memo_row.h"

#include <errno.h>
#include <string.h>

static bool has_advisory_waiver(const struct policy_evaluation *ev)
{
	for (size_t i = 0; i < ev->n_waivers; i++)
		if (ev->waivers[i]->is_advisory)
			return true;
	return false;
}

static void add_counts(struct policy_evaluation *ev, const struct memo_row *row)
{
	for (size_t i = 0; row->counts && i < ev->policy->tree.n_terms; i++) {
		ev->terms[i].n_certain += row->counts[i].certain;
		ev->terms[i].n_possible += row->counts[i].possible;
		ev->terms[i].n_matches += row->counts[i].kept;
	}
}

static void note_emergency(struct policy_evaluation *ev, const struct memo_match *m)
{
	for (size_t t = 0; t < ev->policy->tree.n_terms; t++)
		ev->terms[t].emergency |= m->values[t] != TRI_NO;
}

static const struct policy_waiver_node *waiver_of(
        const struct policy_evaluation *ev, const struct memo_match *m)
{
	return policy_waiver_of_advisory(ev, m->id, m->aliases);
}

static void subtract(struct policy_evaluation *ev, const struct memo_match *m)
{
	for (size_t t = 0; t < ev->policy->tree.n_terms; t++) {
		ev->terms[t].n_certain -= m->values[t] == TRI_YES;
		ev->terms[t].n_possible -= m->values[t] == TRI_UNKNOWN;
		ev->terms[t].n_matches -= m->values[t] != TRI_NO;
	}
}

/* Matches are gone through one by one only where one of them may be waived, or is an emergency. */
static void meet_row(struct policy_evaluation *ev, const struct policy_met *met, bool may_be_waived)
{
	const struct memo_row *row = met->row;
	if (row->unjudged)
		policy_note_unjudged(ev, met->package, row->unjudged);
	add_counts(ev, row);
	ev->n_met += row->n_matches;
	for (size_t i = 0; (may_be_waived || row->emergency) && i < row->n_matches; i++) {
		const struct memo_match *m = &row->matches[i];
		const struct policy_waiver_node *w = may_be_waived ? waiver_of(ev, m) : NULL;
		if (w) {
			policy_waive_advisory(ev, w, m->id);
			subtract(ev, m);
		} else if (m->emergency) {
			note_emergency(ev, m);
		}
	}
}

static void note_asked(struct policy_evaluation *ev)
{
	const struct policy_inventory *in = ev->input->inventory;
	size_t capacity = 0;
	for (size_t i = 0; i < in->n && memo_asks_for_any(in->memo); i++) {
		if (!memo_is_asked_for(in->memo, in->platform, in->ids[i]))
			continue;
		ARRAY_RESERVE_ONE(ev->asked, ev->n_asked, capacity);
		ev->asked[ev->n_asked++] = memo_package(in->memo, in->ids[i]);
	}
}

static int compare_met(const void *a_, const void *b_)
{
	const struct policy_met *x = a_, *y = b_;
	const struct posture_package *a = x->package, *b = y->package;
	int order = strcmp(a->name, b->name);
	if (order == 0)
		order = strcmp(a->version, b->version);
	if (order == 0)
		order = strcmp(a->type, b->type);
	return order ? order
	             : strcmp(a->architecture ? a->architecture : "", b->architecture ? b->architecture : "");
}

static void sort_rows(struct policy_evaluation *ev)
{
	if (!ev->rows_sorted && ev->n_rows)
		qsort(ev->rows, ev->n_rows, sizeof(*ev->rows), compare_met);
	ev->rows_sorted = true;
}

struct posture policy_platform_of(const struct policy_evaluation *ev)
{
	const struct policy_inventory *in = ev->input->inventory;
	return ev->input->posture ? *ev->input->posture
	                          : policy_memo_platform_posture(in->memo, in->platform);
}

void policy_meet_begin(struct policy_evaluation *ev)
{
	if (ev->input->inventory)
		note_asked(ev);
}

int policy_meet(struct policy_evaluation *ev, struct memo_own *ret_own, struct error *err)
{
	const struct policy_inventory *in = ev->input->inventory;
	const struct memo_row **rows FREE_ON_EXIT = xmalloc((in->n + 1) * sizeof(*rows));
	const bool may_be_waived = has_advisory_waiver(ev);
	size_t capacity = 0;
	bool any_unjudged = false;
	int r = memo_rows(in->memo, in->platform, in->ids, in->n, ev->input->now, rows, ret_own, err);
	for (size_t i = 0; i < in->n && r == 0; i++) {
		if (rows[i] == &memo_row_empty)
			continue;
		ARRAY_RESERVE_ONE(ev->rows, ev->n_rows, capacity);
		ev->rows[ev->n_rows++] = (struct policy_met){ rows[i], memo_package(in->memo, in->ids[i]) };
		any_unjudged |= rows[i]->unjudged != NULL;
	}
	if (any_unjudged || may_be_waived) /* what is told of first must not hang on the numbers */
		sort_rows(ev);
	for (size_t i = 0; i < ev->n_rows; i++) {
		meet_row(ev, &ev->rows[i], may_be_waived);
		if (ev->n_met > POLICY_MATCHES_MAX)
			ev->n_rows = i + 1;
	}
	return ev->n_met > POLICY_MATCHES_MAX ? -E2BIG : r;
}

void policy_each_met(struct policy_evaluation *ev, size_t term, policy_met_fn fn, const char *requirement)
{
	const bool may_be_waived = has_advisory_waiver(ev);
	sort_rows(ev);
	for (size_t i = 0; i < ev->n_rows; i++)
		for (size_t k = 0; k < ev->rows[i].row->n_matches; k++) {
			const struct memo_match *m = &ev->rows[i].row->matches[k];
			if (m->values[term] != TRI_NO && !(may_be_waived && waiver_of(ev, m)))
				fn(ev, ev->rows[i].package, m, requirement);
		}
}

void policy_meet_end(struct policy_evaluation *ev, struct memo_own *own)
{
	memo_free_own(own);
	free(ev->rows);
	free(ev->asked);
}
