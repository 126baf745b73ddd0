/* SPDX-License-Identifier: ISC */
#include "vuln/vuln.h"

#include <errno.h>
#include <string.h>

static const char *const names[] = { "unknown", "low", "medium", "high", "critical" };

const char *vuln_severity_name(enum vuln_severity s)
{
	return names[s];
}

int vuln_severity_parse(const char *name, enum vuln_severity *ret)
{
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum vuln_severity)i;
			return 0;
		}
	return -EINVAL;
}

enum vuln_severity vuln_severity_rank(enum vuln_severity s)
{
	return s == VULN_SEVERITY_UNKNOWN ? VULN_SEVERITY_HIGH : s;
}
