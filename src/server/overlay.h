/* SPDX-License-Identifier: ISC */
/*
 * Advisories that are not there yet, over those that are: a temporary index with the new records and with all
 * that the index knows of the packages that they name, before or after, so that precedence, aliases and
 * severities are settled between them as they will be. Nothing of it ever is in the index itself.
 *
 * It is made in pieces, and committed by whoever has a thread for it; then it can be asked. Meanwhile the
 * index may go on: what it says of these packages later is not in it.
 */
#pragma once

#include "posture/posture.h"
#include "vuln/vuln.h"

#define OVERLAY_ADVISORIES_MAX 1000 /* new ones */
#define OVERLAY_RECORDS_MAX 50000   /* that the index has about the same packages */
#define OVERLAY_NAMES_MAX 10000     /* packages that are named */
#define OVERLAY_SOURCE "simulation" /* of records that no source has yet */

struct overlay;

/* A folder for it is made in parent, which has to be a directory of our own. */
int overlay_new(struct vuln_index *index, const char *parent, struct overlay **ret, struct error *err);
/* Removes the folder. NULL in, NULL out. */
struct overlay *overlay_free(struct overlay *o);
/* An OSV record from a source, in the place of the one that this source has of its id; source NULL: of the
 * one that alone has that id, else of OVERLAY_SOURCE. -EINVAL with the reason where it is no good, -E2BIG
 * above a limit. */
int overlay_add(struct overlay *o, const json_t *record, const char *source, struct error *err);
/* A system whose packages will be looked up; after all records were added. */
void overlay_add_platform(struct overlay *o, const struct posture *platform);
/* A package that the records may mean: a backport is looked up where it was built from. After the platforms.
 */
void overlay_add_package(struct overlay *o, const struct posture_package *package);
/* Copies one piece of what the index has: 1 = there is more, 0 = that was all, negative where it fails. */
int overlay_step(struct overlay *o, struct error *err);
/* In any thread, when nothing else uses it. */
int overlay_commit(struct overlay *o, struct error *err);
/* Opens it for reading. */
int overlay_open(struct overlay *o, struct error *err);
struct vuln_index *overlay_index(struct overlay *o);
/* Whether it knows all about the package: policy_memo_meant_fn. */
bool overlay_is_meant(const struct posture_package *package, const void *overlay);
/* The packages that its records name, by the names that advisories use; each is its own value. */
const struct table *overlay_names(const struct overlay *o);
