/* SPDX-License-Identifier: ISC */
#include "dataplane/reclaim.h"

#include "base/defs.h"

#include <stdlib.h>
#include <urcu/urcu-qsbr.h>

void reclaim_later(struct reclaim *r, void *what, void (*destroy)(void *what))
{
	if (!what)
		return;
	if (r->n == r->capacity) {
		r->capacity = r->capacity ? 2 * r->capacity : 64;
		r->items = xrealloc_array(r->items, r->capacity, sizeof(*r->items));
	}
	r->items[r->n++] = (struct reclaim_item){ .what = what, .destroy = destroy };
}

void reclaim_now(struct reclaim *r)
{
	if (!r->n)
		return;
	urcu_qsbr_synchronize_rcu();
	size_t n = r->n;
	for (size_t i = 0; i < n; i++)
		r->items[i].destroy(r->items[i].what);
	r->n = 0;
}

void reclaim_clear(struct reclaim *r)
{
	reclaim_now(r);
	free(r->items);
	*r = (struct reclaim){ 0 };
}
