/* SPDX-License-Identifier: ISC */
/* The words for what sources are and say. */
#include "vuln/show.h"

#include <errno.h>
#include <string.h>

static const char *const trust_names[] = {
	[VULN_TRUST_NONE] = "none",
	[VULN_TRUST_TRANSPORT] = "transport",
	[VULN_TRUST_CHECKSUM] = "checksum",
	[VULN_TRUST_SIGNED] = "signed",
};

static const char *const status_names[] = {
	[VULN_AFFECTED] = "affected",
	[VULN_NOT_AFFECTED] = "not_affected",
	[VULN_FIXED] = "fixed",
};

const char *vuln_trust_name(enum vuln_trust t)
{
	return trust_names[t];
}

int vuln_trust_parse(const char *name, enum vuln_trust *ret)
{
	for (size_t i = 0; i < ARRAY_LENGTH(trust_names); i++)
		if (strcmp(name, trust_names[i]) == 0) {
			*ret = (enum vuln_trust)i;
			return 0;
		}
	return -EINVAL;
}

const char *vuln_status_name(enum vuln_status s)
{
	return status_names[s];
}

const char *vuln_event_name(enum vuln_event e)
{
	switch (e) {
	case VULN_MODIFIED:
		return "modified";
	case VULN_WITHDRAWN:
		return "withdrawn";
	case VULN_RESTORED:
		return "restored";
	case VULN_ALIASED:
		return "aliased";
	case VULN_MERGED:
		return "merged";
	case VULN_ADDED:
		return "added";
	case VULN_REMOVED:
		return "cancelled";
	}
	return "changed";
}
