/* SPDX-License-Identifier: ISC */
#include "vuln/severity.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const char *const names[] = {
	[VULN_SEVERITY_UNKNOWN] = "unknown",
	[VULN_SEVERITY_LOW] = "low",
	[VULN_SEVERITY_MEDIUM] = "medium",
	[VULN_SEVERITY_HIGH] = "high",
	[VULN_SEVERITY_CRITICAL] = "critical",
};

/* The words of OSV's databases: GitHub, Red Hat and its rebuilds, Ubuntu, and the urgencies of Debian's
 * tracker, whose "not yet assigned" and "end-of-life" say nothing about severity. */
static const struct {
	const char *word;
	enum vuln_severity severity;
} words[] = {
	{ "critical", VULN_SEVERITY_CRITICAL },
	{ "important", VULN_SEVERITY_HIGH },
	{ "high", VULN_SEVERITY_HIGH },
	{ "moderate", VULN_SEVERITY_MEDIUM },
	{ "medium", VULN_SEVERITY_MEDIUM },
	{ "low", VULN_SEVERITY_LOW },
	{ "minor", VULN_SEVERITY_LOW },
	{ "negligible", VULN_SEVERITY_LOW },
	{ "unimportant", VULN_SEVERITY_LOW },
};

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

enum vuln_severity severity_from_word(const char *word)
{
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (strcasecmp(word, words[i].word) == 0)
			return words[i].severity;
	return VULN_SEVERITY_UNKNOWN;
}

/* CVSS v3.1 section 5, v4.0 section 6: None 0.0, Low 0.1 to 3.9, Medium to 6.9, High to 8.9, Critical. */
enum vuln_severity severity_from_score(int tenths)
{
	if (tenths >= 90)
		return VULN_SEVERITY_CRITICAL;
	if (tenths >= 70)
		return VULN_SEVERITY_HIGH;
	return tenths >= 40 ? VULN_SEVERITY_MEDIUM : VULN_SEVERITY_LOW;
}
