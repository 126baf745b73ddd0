/* SPDX-License-Identifier: ISC */
/* Many things that are due at some second: a wheel of lists. Sans-I/O. */
#pragma once

#include "base/defs.h"
#include <stdbool.h>
#include <sys/queue.h>

#define AAA_WHEEL_SLOTS 1024 /* of one second each; what is due later than that turns more than once */

struct aaa_wheel_entry {
	LIST_ENTRY(aaa_wheel_entry) next;
	int64_t due_s; /* 0: not on the wheel */
};
LIST_HEAD(aaa_wheel_list, aaa_wheel_entry);

struct aaa_wheel {
	struct aaa_wheel_list slots[AAA_WHEEL_SLOTS];
	struct aaa_wheel_list due; /* of the second that is being served */
	int64_t now_s;
};

/* now_s: above 0. */
void aaa_wheel_init(struct aaa_wheel *w, int64_t now_s);
/* On the wheel, or to another place on it. What is due already comes with the next second. */
void aaa_wheel_set(struct aaa_wheel *w, struct aaa_wheel_entry *e, int64_t due_s);
void aaa_wheel_remove(struct aaa_wheel_entry *e);
/* Takes off and returns the next one that is due by now_s; NULL when there is none any more. In between, all
 * may be set and removed. */
struct aaa_wheel_entry *aaa_wheel_next(struct aaa_wheel *w, int64_t now_s);
