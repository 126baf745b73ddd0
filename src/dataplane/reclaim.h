/* SPDX-License-Identifier: ISC */
/* What readers under QSBR may still look at: given away by the changing thread, freed after a grace period.
 */
#pragma once

#include <stddef.h>

struct reclaim_item {
	void *what;
	void (*destroy)(void *what);
};

struct reclaim {
	struct reclaim_item *items;
	size_t n, capacity;
};

void reclaim_later(struct reclaim *r, void *what, void (*destroy)(void *what)); /* takes NULL */
/* Waits until no reader can see what was given away, and frees it. Does nothing where there is nothing. */
void reclaim_now(struct reclaim *r);
void reclaim_clear(struct reclaim *r);
