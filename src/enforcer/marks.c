/* SPDX-License-Identifier: ISC */
#include "enforcer/marks.h"
#include "enforcer/element.h"
#include "enforcer/segments.h"

#include <string.h>

/* A mark that neither policy uses, counted up from the last one that was given; in a pinch one that in_force
 * uses for a segment that ends. */
static uint8_t free_mark(const bool *taken, const bool *given, uint8_t after)
{
	for (int pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < ENFORCER_MARK_MAX; i++) {
			unsigned mark = (after + i) % ENFORCER_MARK_MAX + 1;
			if (!given[mark] && (pass || !taken[mark]))
				return (uint8_t)mark;
		}
	return 0; /* not reached: a policy has at most ENFORCER_MARK_MAX segments */
}

void marks_assign(const struct ipc_segments *in_force, struct ipc_segments *policy)
{
	bool taken[256] = { false }, given[256] = { false };
	uint8_t of_theirs[256] = { 0 }, last = 0;
	for (size_t i = 0; i < in_force->n_segments; i++) {
		uint8_t mark = in_force->segments[i].mark;
		taken[mark] = true;
		last = mark <= ENFORCER_MARK_MAX ? MAX(last, mark) : last;
	}
	for (size_t i = 0; i < policy->n_segments; i++) {
		const struct ipc_segment *old = segments_by_name(in_force, policy->segments[i].name);
		if (old && old->mark <= ENFORCER_MARK_MAX)
			of_theirs[policy->segments[i].mark] = old->mark;
		given[of_theirs[policy->segments[i].mark]] = true;
	}
	for (size_t i = 0; i < policy->n_segments; i++) {
		uint8_t *mark = &of_theirs[policy->segments[i].mark];
		if (*mark == 0)
			*mark = last = free_mark(taken, given, last);
		given[*mark] = true;
	}
	for (size_t i = 0; i < policy->n_segments; i++) {
		struct ipc_segment *s = &policy->segments[i];
		s->mark = of_theirs[s->mark];
		for (size_t j = 0; j < s->n_rules; j++)
			s->rules[j].peer_mark = of_theirs[s->rules[j].peer_mark];
	}
}

void marks_learn(struct marks *m, const struct ipc_segments *sent, const struct ipc_segments *in_force)
{
	*m = (struct marks){ { 0 }, { 0 } };
	for (size_t i = 0; i < sent->n_segments; i++) {
		const struct ipc_segment *s = segments_by_name(in_force, sent->segments[i].name);
		if (!s)
			continue;
		m->ours[sent->segments[i].mark] = s->mark;
		m->theirs[s->mark] = sent->segments[i].mark;
	}
}

void marks_from_server(const struct marks *m, struct ipc_placement *placements, size_t count)
{
	for (size_t i = 0; i < count; i++)
		placements[i].mark = m->ours[placements[i].mark];
}

void marks_to_server(const struct marks *m, struct ipc_counters *counters)
{
	size_t kept = 0;
	for (size_t i = 0; i < counters->n_segments; i++) {
		uint8_t mark = m->theirs[counters->segments[i].mark];
		if (mark == 0)
			continue;
		counters->segments[kept] = counters->segments[i];
		counters->segments[kept++].mark = mark;
	}
	counters->n_segments = kept;
}
