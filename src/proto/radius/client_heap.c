/* SPDX-License-Identifier: ISC */
/* Calls by the time at which something is due: a binary heap whose elements know their place. */
#include "proto/radius/client_private.h"

static void put(struct radius_client *c, size_t i, struct radius_call *call)
{
	c->heap[i] = call;
	call->heap_index = i;
}

static void sift_up(struct radius_client *c, size_t i)
{
	struct radius_call *call = c->heap[i];
	for (; i && c->heap[(i - 1) / 2]->due > call->due; i = (i - 1) / 2)
		put(c, i, c->heap[(i - 1) / 2]);
	put(c, i, call);
}

static void sift_down(struct radius_client *c, size_t i)
{
	struct radius_call *call = c->heap[i];
	for (size_t child; (child = 2 * i + 1) < c->n_calls; i = child) {
		if (child + 1 < c->n_calls && c->heap[child + 1]->due < c->heap[child]->due)
			child++;
		if (c->heap[child]->due >= call->due)
			break;
		put(c, i, c->heap[child]);
	}
	put(c, i, call);
}

void radius_heap_moved(struct radius_client *c, struct radius_call *call)
{
	sift_up(c, call->heap_index);
	sift_down(c, call->heap_index);
}

void radius_heap_add(struct radius_client *c, struct radius_call *call)
{
	ARRAY_RESERVE_ONE(c->heap, c->n_calls, c->heap_capacity);
	put(c, c->n_calls++, call);
	sift_up(c, call->heap_index);
}

void radius_heap_remove(struct radius_client *c, struct radius_call *call)
{
	struct radius_call *last = c->heap[--c->n_calls];
	if (last == call)
		return;
	put(c, call->heap_index, last);
	radius_heap_moved(c, last);
}
