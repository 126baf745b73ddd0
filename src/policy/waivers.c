/* SPDX-License-Identifier: ISC */
/* Waivers in one decision: which count for this node now, what they cover, and that it is said. */
#include "policy/evaluation.h"

#include <string.h>

#define WAIVED_ADVISORIES_MAX 1000 /* that are told of; the others are waived all the same */

void policy_waivers_begin(struct policy_evaluation *ev)
{
	const struct policy_tree *t = &ev->policy->tree;
	ev->waivers = xcalloc(t->n_waivers + 1, sizeof(*ev->waivers));
	for (const struct policy_waiver_node *w = t->waivers; w; w = w->next)
		if (ev->input->now < w->until &&
		        policy_whom_means(&w->whom, ev->input->node, ev->input->role))
			ev->waivers[ev->n_waivers++] = w;
}

static bool is_named(const struct policy_word *list, const char *name)
{
	for (; list; list = list->next)
		if (strcmp(list->name.text, name) == 0)
			return true;
	return false;
}

const struct policy_waiver_node *policy_waiver_of_requirement(
        const struct policy_evaluation *ev, const struct policy_requirement *r)
{
	for (size_t i = 0; i < ev->n_waivers; i++)
		if (!ev->waivers[i]->is_advisory && is_named(ev->waivers[i]->what, r->name.text))
			return ev->waivers[i];
	return NULL;
}

/* By the id that it is published under or any other that it goes by. */
static bool names_match(const struct policy_word *list, const char *id, const char *const *aliases)
{
	if (!list)
		return false;
	bool same = is_named(list, id);
	for (const char *const *a = aliases; a && *a && !same; a++)
		same = is_named(list, *a);
	return same;
}

const struct policy_waiver_node *policy_waiver_of_advisory(
        const struct policy_evaluation *ev, const char *id, const char *const *aliases)
{
	for (size_t i = 0; i < ev->n_waivers; i++)
		if (ev->waivers[i]->is_advisory && names_match(ev->waivers[i]->what, id, aliases))
			return ev->waivers[i];
	return NULL;
}

void policy_waive_advisory(struct policy_evaluation *ev, const struct policy_waiver_node *w, const char *id)
{
	for (size_t i = 0; i < ev->n_waived_advisories; i++) {
		if (strcmp(ev->waived_advisories[i].id, id) != 0)
			continue;
		ev->waived_advisories[i].packages++;
		return;
	}
	if (ev->n_waived_advisories == WAIVED_ADVISORIES_MAX)
		return;
	ARRAY_RESERVE_ONE(ev->waived_advisories, ev->n_waived_advisories, ev->waived_advisories_capacity);
	ev->waived_advisories[ev->n_waived_advisories++] =
	        (struct policy_waived_advisory){ policy_arena_string(ev->arena, id), w, 1 };
}

bool policy_is_emergency(const struct policy *p, const struct vuln_match *m)
{
	if (names_match(p->tree.emergency_ids, m->id, m->aliases) ||
	        (m->source && is_named(p->tree.emergency_sources, m->source)))
		return true;
	/* Also where another source stands before it. */
	for (size_t i = 0; i < m->n_views; i++)
		if (m->views[i].status == VULN_AFFECTED &&
		        is_named(p->tree.emergency_sources, m->views[i].source))
			return true;
	return false;
}

static void add(struct policy_evaluation *ev, const struct policy_waiver_node *w, const char *requirement,
        const char *advisory, const char *found)
{
	struct policy_decision *d = ev->decision;
	char until[CLOCK_TEXT_SIZE];
	clock_format(w->until - 1, until);
	until[10] = '\0'; /* the day */
	d->waived[d->n_waived++] =
	        (struct policy_waived){ .requirement = policy_arena_string(ev->arena, requirement),
		        .advisory = advisory,
		        .owner = policy_arena_string(ev->arena, w->owner),
		        .reason = policy_arena_string(ev->arena, w->reason),
		        .until = w->until,
		        .text = policy_arena_format(ev->arena, "%s; waived until the end of %s by %s: %s",
		                found, until, w->owner, w->reason) };
}

void policy_waivers_end(struct policy_evaluation *ev)
{
	const struct policy_tree *t = &ev->policy->tree;
	ev->decision->waived =
	        xcalloc(t->n_requirements + ev->n_waived_advisories + 1, sizeof(*ev->decision->waived));
	for (const struct policy_requirement *r = t->requirements; r; r = r->next) {
		const struct policy_waiver_node *w = ev->requirements[r->index].waiver;
		if (w)
			add(ev, w, r->name.text, NULL,
			        policy_arena_format(ev->arena, "%s; requirement %s wants %s",
			                policy_found(ev, r->expression), r->name.text, r->expression->text));
	}
	for (size_t i = 0; i < ev->n_waived_advisories; i++) {
		const struct policy_waived_advisory *a = &ev->waived_advisories[i];
		add(ev, a->waiver, NULL, a->id,
		        policy_arena_format(ev->arena, "advisory %s affects %zu package%s", a->id,
		                a->packages, a->packages == 1 ? "" : "s"));
	}
	free(ev->waived_advisories);
	free(ev->waivers);
}
