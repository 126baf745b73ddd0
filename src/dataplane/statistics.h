/* SPDX-License-Identifier: ISC */
/* The counters of the data plane: an array a worker, which only that worker writes, summed when they are
 * asked for. */
#pragma once

#include <stdint.h>

enum statistic {
#define STATISTIC(name) STAT_##name,
#include "dataplane/statistics.def"
#undef STATISTIC
	STATISTICS_N
};

struct statistics {
	uint64_t values[STATISTICS_N];
};

const char *statistic_name(enum statistic s);

static inline void statistics_add(struct statistics *s, enum statistic which, uint64_t n)
{
	/* One writer: no atomic addition is needed, only a store that a reader never sees in halves. */
	__atomic_store_n(&s->values[which], s->values[which] + n, __ATOMIC_RELAXED);
}
