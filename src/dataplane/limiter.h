/* SPDX-License-Identifier: ISC */
/*
 * A rate limit that any number of threads take from without a lock: the generic cell rate algorithm. Its
 * whole state is the time at which what was taken so far would have passed at the allowed rate; something
 * passes while that time is at most `burst` ahead of now. Times are ns of a clock that does not go back.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct limiter {
	_Atomic int64_t arrival;
};

/* cost: the time that this one takes at the allowed rate. */
static inline bool limiter_take(struct limiter *l, int64_t now, int64_t cost, int64_t burst)
{
	int64_t arrival = atomic_load_explicit(&l->arrival, memory_order_relaxed);
	int64_t next;
	do {
		next = (arrival > now ? arrival : now) + cost;
		if (next - now > burst)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
	        &l->arrival, &arrival, next, memory_order_relaxed, memory_order_relaxed));
	return true;
}

/* The time that so many bytes take at a rate of bit/s (which is not 0). */
static inline int64_t limiter_bytes_cost(uint64_t bytes, uint64_t rate)
{
	return (int64_t)((unsigned __int128)bytes * 8 * 1000000000u / rate);
}
