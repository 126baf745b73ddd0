/* SPDX-License-Identifier: ISC */
/*
 * When a burst of changes has settled: dpkg writes its files many times in one run, and only the last state
 * is worth an inspection. Settled is: the package manager's locks are free, or SETTLE_QUIET_MS have passed
 * without a change. Time is monotonic milliseconds and an argument.
 */
#pragma once

#include "base/clock.h"

#include <stdbool.h>

#define SETTLE_QUIET_MS 300
#define SETTLE_PROBE_MS 50     /* between looks at the locks */
#define SETTLE_LATEST_MS 10000 /* after the first change, however much goes on */

struct settle {
	bool pending;
	bool quiet_only; /* of this burst no change was the package manager's: free locks say nothing */
	time_ms first, last;
};

/* is_packages: the change was one that the package manager's locks guard. */
void settle_change(struct settle *s, time_ms now, bool is_packages);
/* True once for each burst that has settled. */
bool settle_check(struct settle *s, time_ms now, bool locks_are_free);
/* When to check next; INT64_MAX where nothing is pending. */
time_ms settle_next(const struct settle *s, time_ms now);
