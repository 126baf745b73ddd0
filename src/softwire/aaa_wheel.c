/* SPDX-License-Identifier: ISC */
#include "softwire/aaa_wheel.h"

void aaa_wheel_init(struct aaa_wheel *w, int64_t now_s)
{
	for (size_t i = 0; i < AAA_WHEEL_SLOTS; i++)
		LIST_INIT(&w->slots[i]);
	LIST_INIT(&w->due);
	w->now_s = now_s;
}

void aaa_wheel_remove(struct aaa_wheel_entry *e)
{
	if (e->due_s)
		LIST_REMOVE(e, next);
	e->due_s = 0;
}

void aaa_wheel_set(struct aaa_wheel *w, struct aaa_wheel_entry *e, int64_t due_s)
{
	aaa_wheel_remove(e);
	e->due_s = MAX(due_s, w->now_s + 1);
	LIST_INSERT_HEAD(&w->slots[e->due_s % AAA_WHEEL_SLOTS], e, next);
}

/* The entries of the second go to the list of those that are due. */
static void serve(struct aaa_wheel *w, int64_t second)
{
	struct aaa_wheel_entry *e, *next;
	for (e = LIST_FIRST(&w->slots[second % AAA_WHEEL_SLOTS]); e; e = next) {
		next = LIST_NEXT(e, next);
		if (e->due_s > second)
			continue;
		LIST_REMOVE(e, next);
		LIST_INSERT_HEAD(&w->due, e, next);
	}
}

struct aaa_wheel_entry *aaa_wheel_next(struct aaa_wheel *w, int64_t now_s)
{
	/* After a long sleep one turn sees every slot, with the time as it is now. */
	if (now_s - w->now_s > AAA_WHEEL_SLOTS && LIST_EMPTY(&w->due)) {
		for (int64_t i = 0; i < AAA_WHEEL_SLOTS; i++)
			serve(w, now_s - i);
		w->now_s = now_s;
	}
	while (LIST_EMPTY(&w->due) && w->now_s < now_s)
		serve(w, ++w->now_s);
	struct aaa_wheel_entry *e = LIST_FIRST(&w->due);
	if (e)
		aaa_wheel_remove(e);
	return e;
}
