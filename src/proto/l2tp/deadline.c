/* SPDX-License-Identifier: ISC */
/*
 * When which tunnel is due: a binary heap of the earliest moments. A tunnel whose moment moves into the
 * future keeps its place and is looked at again when the old moment comes, so that a packet costs no sifting.
 */
#include "proto/l2tp/endpoint.h"

static void put(struct l2tp_endpoint *e, size_t i, struct l2tp_due due)
{
	e->heap[i] = due;
	due.tunnel->heap_index = (uint32_t)i + 1;
}

static void sift_up(struct l2tp_endpoint *e, size_t i, struct l2tp_due due)
{
	for (; i > 0 && e->heap[(i - 1) / 2].at > due.at; i = (i - 1) / 2)
		put(e, i, e->heap[(i - 1) / 2]);
	put(e, i, due);
}

static void sift_down(struct l2tp_endpoint *e, size_t i, struct l2tp_due due)
{
	for (size_t child; (child = 2 * i + 1) < e->heap_count; i = child) {
		if (child + 1 < e->heap_count && e->heap[child + 1].at < e->heap[child].at)
			child++;
		if (e->heap[child].at >= due.at)
			break;
		put(e, i, e->heap[child]);
	}
	put(e, i, due);
}

void l2tp_heap_remove(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	if (!t->heap_index)
		return;
	size_t i = t->heap_index - 1;
	t->heap_index = 0;
	struct l2tp_due last = e->heap[--e->heap_count];
	if (i == e->heap_count)
		return;
	if (i > 0 && e->heap[(i - 1) / 2].at > last.at)
		sift_up(e, i, last);
	else
		sift_down(e, i, last);
}

void l2tp_heap_set(struct l2tp_endpoint *e, struct l2tp_tunnel *t, time_ms at)
{
	struct l2tp_due due = { at, t };
	if (t->heap_index) {
		if (at < e->heap[t->heap_index - 1].at)
			sift_up(e, t->heap_index - 1, due);
		return;
	}
	if (at == L2TP_NEVER)
		return;
	ARRAY_RESERVE_ONE(e->heap, e->heap_count, e->heap_capacity);
	sift_up(e, e->heap_count++, due);
}

time_ms l2tp_due_at(const struct l2tp_endpoint *e, const struct l2tp_tunnel *t)
{
	time_ms at = MIN(MIN(t->retransmit_at, t->acknowledge_at), t->end_at);
	if (t->state == L2TP_ESTABLISHED && t->queued == 0)
		at = MIN(at, t->heard_at + e->config.timing.hello_ms);
	for (const struct l2tp_session *s = t->sessions; s; s = s->next)
		at = MIN(at, s->end_at);
	return at;
}

time_ms l2tp_deadline(const struct l2tp_endpoint *e)
{
	return e->heap_count > 0 ? e->heap[0].at : L2TP_NEVER;
}
