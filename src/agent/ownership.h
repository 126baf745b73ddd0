/* SPDX-License-Identifier: ISC */
/*
 * Which package has a file: asked about many paths at once, answered from dpkg's file lists and diversions,
 * apk's database and rpm's. Each list is read once for all that is asked, and the answers are kept until a
 * package database changes. A path of a list is compared after the links of its folder were followed, so that
 * /bin/sh and /usr/bin/sh are one file where /bin is a link; its own last link is not followed, because a
 * package that has a link does not have what somebody made it lead to.
 */
#pragma once

#include "agent/root.h"

#define OWNERSHIP_PATHS_MAX 65536

struct ownership;

struct ownership *ownership_new(void);
struct ownership *ownership_free(struct ownership *o); /* NULL in, NULL out */

/* Looks whether the package databases of the root are still those that the answers are from; to be called
 * before paths are asked about. */
void ownership_begin(struct ownership *o, const struct root *root);
/* path: without links in it, as root_resolve() gives it. What is above OWNERSHIP_PATHS_MAX is not asked, and
 * then no package has it. */
void ownership_ask(struct ownership *o, const char *path);
/* Answers all that was asked. -ENOENT where the root has no package database, else what could not be read;
 * err says which. */
int ownership_answer(struct ownership *o, const struct root *root, struct error *err);
/* The package that has the file, or NULL where none has it (or it was not asked). Valid until the next
 * ownership_begin(). */
const char *ownership_of(const struct ownership *o, const char *path);
