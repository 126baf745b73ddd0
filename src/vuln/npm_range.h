/* SPDX-License-Identifier: ISC */
/*
 * npm's version ranges (node-semver): comparators with blanks between them, sets of these with "||", "A - B",
 * "~", "^", and partial versions ("1.x", "1.2"). A pre-release is in a range only where a comparator of its
 * set names one of the same MAJOR.MINOR.PATCH, unless all are asked for.
 */
#pragma once

#include "base/error.h"
#include <stdbool.h>

#define NPM_RANGE_MAX 4096
#define NPM_TERMS_MAX 256 /* in one range */

enum npm_operator {
	NPM_NONE,
	NPM_EQUAL,
	NPM_LESS,
	NPM_LESS_EQUAL,
	NPM_GREATER,
	NPM_GREATER_EQUAL,
	NPM_TILDE,
	NPM_CARET
};

/* A version of which parts may be missing or "x"; these are below n. */
struct npm_partial {
	unsigned n; /* how many of the three numbers are there */
	bool any;   /* one of the others is written as x or * */
	uint64_t number[3];
	const char *pre; /* the pre-release, in the text; NULL without */
	size_t pre_length;
};

/* One comparator as it is written; hyphen: from "version" to "to". */
struct npm_term {
	enum npm_operator operator;
	bool hyphen, new_set;
	struct npm_partial version, to;
};

/* Reads the terms of a range, which point into text. loose as in npm. Returns how many, -EINVAL with the
 * reason; sets without terms are every version: one term with n == 0. */
int npm_range_read(const char *text, bool loose, struct npm_term terms[NPM_TERMS_MAX], struct error *err);

enum { NPM_LOOSE = 1, NPM_PRERELEASES = 2 };
/* Whether the version is in the range. -EINVAL where one of them is none. */
int npm_range_contains(const char *range, const char *version, unsigned flags, bool *ret, struct error *err);
