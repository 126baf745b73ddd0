/* SPDX-License-Identifier: ISC */
/*
 * Which source package a binary package is built from, as a suite's indexes say it: for inventories that do
 * not, because theirs are names of binaries alone. In the index under the binary's name among the packages
 * (INDEX_BUILT_FROM): for each source that says so the source package and a NUL, then its own name and a NUL,
 * in the order of these; each source once. An empty source package, so the first, is one whose versions are
 * others than the binary's.
 */
#pragma once

#include "vuln/commit.h"

/* Within a commit, behind the packages: what replaced sources said goes, unless they say it again; and with a
 * source package whose advisories changed those are told of (journal.h) that are built from it. */
int commit_built(struct commit *c);

/* A walk over a value of the index; the strings are in it. */
struct built_from {
	const char *package, *source; /* NULL before the first */
	const char *at;
	size_t left; /* not 0 at the end: the rest is no value */
};
struct built_from built_from_begin(const void *value, size_t length);
bool built_from_next(struct built_from *b);         /* what the next source says */
bool built_from_next_package(struct built_from *b); /* the next that names another package than the last */
/* A rebuild ("1.2-3+b1") has its source's version without the mark. What is too long is left as it is. */
void built_from_version(const char *version, char ret[VERSION_MAX + 1]);
