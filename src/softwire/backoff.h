/* SPDX-License-Identifier: ISC */
/*
 * When an initiator tries again: at once after a session that was steady, then after times that double, each
 * shortened by up to a quarter by chance, so that a thousand of them that lost one concentrator do not come
 * back in step. Without a clock; the load generator of bench/ goes by the same rules.
 */
#pragma once

#include "base/defs.h"

#define BACKOFF_STEADY_MS 10000 /* up that long: the next failure starts with the first waiting time */

struct backoff {
	int64_t wait_ms; /* before the next attempt; 0: at once */
};

/* An attempt has failed, or a session has ended that was up for up_ms (0: it was not up). Returns how long to
 * wait; random: any 32 bits. */
static inline int64_t backoff_next(
        struct backoff *b, int64_t up_ms, int64_t first_ms, int64_t last_ms, uint32_t random)
{
	if (up_ms > BACKOFF_STEADY_MS)
		b->wait_ms = 0;
	const int64_t wait = b->wait_ms - (b->wait_ms ? random % (b->wait_ms / 4 + 1) : 0);
	b->wait_ms = MIN(MAX(2 * b->wait_ms, first_ms), last_ms);
	return wait;
}
