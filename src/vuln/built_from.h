/* SPDX-License-Identifier: ISC */
/*
 * Which source package a binary package is built from, as a suite's indexes say it: for inventories that do
 * not, because theirs are names of binaries alone. In the index under the binary's name among the packages
 * (INDEX_BUILT_FROM): the source package and a NUL, then who says so and a NUL. An empty source package is
 * one whose versions are others than the binary's.
 */
#pragma once

#include "vuln/commit.h"

/* Within a commit, behind the packages: what replaced sources said goes, unless they say it again. */
int commit_built(struct commit *c);

/* The source package in a value of the index; NULL where it is none. */
const char *built_from_read(const void *value, size_t length);
/* A rebuild ("1.2-3+b1") has its source's version without the mark. What is too long is left as it is. */
void built_from_version(const char *version, char ret[VERSION_MAX + 1]);
