/* SPDX-License-Identifier: ISC */
/*
 * Which of the upper VISes is asked, and when: the first of the configuration's order that is not in its
 * pause, which each has for itself and which grows. Time is an argument, and chance too.
 *
 * Who is connected stays while he serves: that he is away, refuses us, forms a loop with us, sends what is
 * not signed by whom it should be, or withholds what the publisher says is due, takes us to the next.
 */
#pragma once

#include "net/push_event.h"

#define UPPERS_MAX 16
#define UPPER_FIRST_MS 100      /* the pause of one that is away, which doubles with each attempt */
#define UPPER_LAST_MS 5000      /* at most; one that served us for so long is as good as new */
#define UPPER_DISTRUST_MS 15000 /* one that ended otherwise than by being away is left alone for so long */
#define UPPER_NOTHING_MS 5000   /* so long one may know nothing at all of what we follow */
#define UPPER_PATIENCE_MS 30000 /* so long, or a third of an index's life, one may owe us what is due */

enum upper_state {
	UPPER_WAITING, /* its turn has not come */
	UPPER_CONNECTING,
	UPPER_SUBSCRIBED,
	UPPER_AWAY,       /* could not be reached, or went away */
	UPPER_REFUSED,    /* what it sent was not what it must be */
	UPPER_LOOP,       /* it gets its data from us */
	UPPER_WITHHOLDING /* what the publisher announced did not come */
};
const char *upper_state_name(enum upper_state state); /* "subscribed" */

struct upper {
	const char *name; /* of its certificate; kept by reference */
	enum upper_state state;
	enum upper_state last;                          /* the last one but connecting */
	time_ms since;                                  /* in that one; monotonic */
	int pause_ms;                                   /* the next one */
	time_ms not_before;                             /* it may be asked again; monotonic */
	char reason[256];                               /* why it is not subscribed to */
	uint64_t attempts, ends[UPPER_WITHHOLDING + 1]; /* by the state that an attempt ended in */
	struct push_path path;                          /* as it told us, itself first */
};

struct upper_plan {
	struct upper items[UPPERS_MAX];
	size_t n, current;
	bool busy; /* items[current] is being asked or subscribed to */
};

void upper_plan_init(struct upper_plan *p, const char *const *names, size_t n);
/* Whom to ask now; NULL: nobody, until *ret_ms have passed (-1: until something else happens). It is
 * UPPER_CONNECTING then. */
struct upper *upper_plan_due(struct upper_plan *p, time_ms now, int *ret_ms);
/* Who is being asked or subscribed to; NULL: nobody. */
struct upper *upper_plan_current(struct upper_plan *p);
/* It has answered as it should. */
void upper_plan_subscribed(struct upper_plan *p, time_ms now);
/* It is over with the current one. chance: any 16 random bits, which shorten the pause by up to a quarter, so
 * that not all children of a VIS come back at once. */
void upper_plan_ended(
        struct upper_plan *p, enum upper_state how, const char *reason, time_ms now, uint16_t chance);
/* Whether another one might serve us better than the current one, which owes us what is due. patience: how
 * long one is borne with. */
bool upper_plan_impatient(const struct upper_plan *p, time_ms now, int64_t patience_ms);
