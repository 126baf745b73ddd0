/* SPDX-License-Identifier: ISC */
/*
 * The words that go with a failure. Functions that can fail return 0 or a negative errno value; those whose
 * failure a person will read also take a struct error and say in it what is wrong, where, and what to do.
 * Only the outermost layer prints or logs it.
 */
#pragma once

#include "base/defs.h"

struct error {
	char text[512];
};

/* Sets the text (err may be NULL) and returns code, so that a caller can write `return error_set(...)`. */
int error_set(struct error *err, int code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "prefix: " in front of the text that is there. Returns code. */
int error_prefix(struct error *err, int code, const char *format, ...) PRINTF_LIKE(3, 4);

/* For a check that finds everything at once: each finding goes to report (may be NULL) as it is found, the
 * first one into err (may be NULL), and result becomes -EINVAL. */
struct error_report {
	void (*report)(const char *text);
	struct error *err;
	int result;
};
void error_report_add(struct error_report *r, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same of one that went to report already. */
void error_report_note(struct error_report *r, const struct error *e);
