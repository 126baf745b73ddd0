/* SPDX-License-Identifier: ISC */
#include "dataplane/statistics.h"

static const char *const names[STATISTICS_N] = {
#define STATISTIC(name) [STAT_##name] = #name,
#include "dataplane/statistics.def"
#undef STATISTIC
};

const char *statistic_name(enum statistic s)
{
	return names[s];
}
