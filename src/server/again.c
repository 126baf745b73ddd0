/* SPDX-License-Identifier: ISC */
/*
 * Who waits to be judged again, from what is stored. Urgency comes first, then who came first; a node waits
 * once, for the most urgent of its reasons. What makes nodes better off is left for the end, when nobody
 * waits any more who may lose something.
 */
#include "server/again.h"

#include <string.h>

struct again {
	struct waiting {
		struct site_node **nodes;
		size_t n, at, capacity;
	} queues[AGAIN_LAST + 1];
	size_t n; /* nodes that wait */
};

struct again *again_new(void)
{
	return xcalloc(1, sizeof(struct again));
}

struct again *again_free(struct again *a)
{
	for (size_t i = 0; a && i <= AGAIN_LAST; i++)
		free(a->queues[i].nodes);
	free(a);
	return NULL;
}

void again_add(struct site *site, struct site_node *node, const char *cause, unsigned urgency)
{
	struct again *a = site->again;
	if (!node->inspected || !node->attachments)
		return;
	const bool waits = node->again != NULL;
	node->again = cause;
	if (waits && node->urgency <= urgency)
		return;
	/* Where it waits for less, its place there does not count any more. */
	a->n += !waits;
	node->urgency = (uint8_t)urgency;
	struct waiting *q = &a->queues[urgency];
	ARRAY_RESERVE_ONE(q->nodes, q->n, q->capacity);
	q->nodes[q->n++] = node;
}

static struct site_node *take_from(struct waiting *q, unsigned urgency)
{
	while (q->at < q->n) {
		struct site_node *node = q->nodes[q->at++];
		if (node->again && node->urgency == urgency)
			return node;
	}
	q->n = q->at = 0;
	return NULL;
}

struct site_node *again_take(struct site *site, const char **ret_cause, unsigned *ret_urgency)
{
	struct again *a = site->again;
	for (unsigned i = 0; a->n && i <= AGAIN_LAST; i++) {
		struct site_node *node = take_from(&a->queues[i], i);
		if (!node)
			continue;
		*ret_cause = node->again;
		*ret_urgency = i;
		node->again = NULL;
		a->n--;
		return node;
	}
	return NULL;
}

size_t again_count(const struct again *a)
{
	return a->n;
}

/* ---- for the site ---- */

static void wants_work(struct site *site)
{
	if (again_count(site->again))
		site->effects.work(site->context);
}

void site_judge_soon(struct site *site, struct site_node *node, const char *cause)
{
	again_add(site, node, cause, AGAIN_USUAL);
	wants_work(site);
}

void site_judge_all(struct site *site, const char *cause)
{
	if (site->is_starting)
		return;
	judged_forget(site);
	for (size_t i = 0; i < site->n_numbered; i++)
		again_add(site, site->numbered[i], cause, AGAIN_USUAL);
	wants_work(site);
}

size_t site_waiting(const struct site *site)
{
	return again_count(site->again);
}

static bool judge_next(struct site *site, time_ms now)
{
	const char *cause;
	unsigned urgency;
	struct site_node *node = again_take(site, &cause, &urgency);
	if (!node)
		return false;
	if (!judge_again(site, node, cause, urgency < AGAIN_LAST, now))
		again_add(site, node, cause, AGAIN_LAST);
	return true;
}

bool site_work(struct site *site, time_ms now, size_t most)
{
	for (; most; most--)
		if (changes_wait(site))
			changes_work(site, now);
		else if (!judge_next(site, now))
			break;
	if (changes_wait(site) || again_count(site->again))
		return true;
	judged_settle(site);
	return false;
}
