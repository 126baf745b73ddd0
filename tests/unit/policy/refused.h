/* SPDX-License-Identifier: ISC */
/* Policies that must be refused, with the exact words; a row's text is complete but for what it is about. */
#pragma once

#include "policy/policy.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SERVER "define server { address 2001:db8::2 tcp 271 }\n"
#define QUARANTINE "segment quarantine default { allow to server }\n"
#define OTHERWISE "otherwise quarantine\n"
#define TIMES "inspect every 30 min certificate lifetime 45 min\n"
#define BASE SERVER QUARANTINE OTHERWISE TIMES /* good as it is, with four lines */
#define STAFF "segment staff level 2 { allow to any }\n"
#define FIT "require fit { firewall.active }\n"
#define ADMIT "admit to staff when fit\n"

struct row {
	const char *text, *said;
};

static inline void keep_report(const char *text, void *context)
{
	char **said = context;
	char *more = xasprintf("%s%s\n", *said ? *said : "", text);
	free(*said);
	*said = more;
}

/* Everything that the checker says of a policy; caller frees; NULL where it says nothing. */
static inline char *checker_said(const char *text, int *ret, struct error *err)
{
	struct policy *p = NULL;
	char *said = NULL;
	*ret = policy_parse("p", text, strlen(text), keep_report, &said, &p, err);
	policy_free(p);
	return said;
}

static inline void refused(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct error err = { "" };
		int r;
		char *said FREE_ON_EXIT = checker_said(rows[i].text, &r, &err);
		assert_int_equal(r, -EINVAL);
		assert_non_null(said);
		assert_string_equal(said, rows[i].said);
		/* the error keeps the first, cut to its size */
		assert_true(strlen(err.text) > 0 && strncmp(said, err.text, strlen(err.text)) == 0);
	}
}
