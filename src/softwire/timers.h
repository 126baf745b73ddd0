/* SPDX-License-Identifier: ISC */
/* Many deadlines in one heap, so that a session costs a few words and the loop one event. */
#pragma once

#include "base/clock.h"
#include "base/defs.h"

#define TIMER_NEVER INT64_MAX

/* Inside of whatever waits; zeroed to begin, and not moved or freed while it is set. */
struct timer {
	time_ms at;
	size_t place; /* in the heap, from 1; 0: not set */
};

struct timers {
	struct timer **heap;
	size_t count, capacity;
};

/* Sets, moves, or (TIMER_NEVER) clears. */
void timer_set(struct timers *t, struct timer *timer, time_ms at);
/* When the first is due; TIMER_NEVER. */
time_ms timers_next(const struct timers *t);
/* Takes out one that is due now; NULL: none. */
struct timer *timers_take(struct timers *t, time_ms now);
void timers_clear(struct timers *t);
