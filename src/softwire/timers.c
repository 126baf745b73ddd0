/* SPDX-License-Identifier: ISC */
#include "softwire/timers.h"

static void put(struct timers *t, size_t i, struct timer *timer)
{
	t->heap[i] = timer;
	timer->place = i + 1;
}

static void rise(struct timers *t, size_t i)
{
	struct timer *timer = t->heap[i];
	for (; i > 0 && t->heap[(i - 1) / 2]->at > timer->at; i = (i - 1) / 2)
		put(t, i, t->heap[(i - 1) / 2]);
	put(t, i, timer);
}

static void sink(struct timers *t, size_t i)
{
	struct timer *timer = t->heap[i];
	for (size_t child; (child = 2 * i + 1) < t->count; i = child) {
		if (child + 1 < t->count && t->heap[child + 1]->at < t->heap[child]->at)
			child++;
		if (t->heap[child]->at >= timer->at)
			break;
		put(t, i, t->heap[child]);
	}
	put(t, i, timer);
}

static void take_out(struct timers *t, size_t i)
{
	struct timer *last = t->heap[--t->count];
	t->heap[i]->place = 0;
	if (i == t->count)
		return;
	put(t, i, last);
	rise(t, i);
	sink(t, last->place - 1);
}

void timer_set(struct timers *t, struct timer *timer, time_ms at)
{
	if (at == TIMER_NEVER) {
		if (timer->place)
			take_out(t, timer->place - 1);
		timer->at = at;
		return;
	}
	if (timer->place && timer->at == at)
		return;
	timer->at = at;
	if (!timer->place) {
		ARRAY_RESERVE_ONE(t->heap, t->count, t->capacity);
		put(t, t->count++, timer);
	}
	rise(t, timer->place - 1);
	sink(t, timer->place - 1);
}

time_ms timers_next(const struct timers *t)
{
	return t->count ? t->heap[0]->at : TIMER_NEVER;
}

struct timer *timers_take(struct timers *t, time_ms now)
{
	struct timer *first = t->count && t->heap[0]->at <= now ? t->heap[0] : NULL;
	if (first)
		take_out(t, 0);
	return first;
}

void timers_clear(struct timers *t)
{
	while (t->count)
		t->heap[--t->count]->place = 0;
	free(TAKE_POINTER(t->heap));
	t->capacity = 0;
}
