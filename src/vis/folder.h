/* SPDX-License-Identifier: ISC */
/*
 * A folder where advisories are published: one OSV record a file, named *.json, put in place by rename
 * (`pratique vuln publish` does). What is in the folder is what its source says; a file that goes takes its
 * record along. A file that is malformed is refused and leaves the record of its earlier form standing.
 *
 * A file named *.emergency.json is a record of the source "emergency" (`pratique vuln publish --emergency`),
 * which a policy may let go past its brake. Whoever may put files here may do that, and nobody else: no
 * record says it of itself.
 */
#pragma once

#include "vuln/update.h"

#define FOLDER_EMERGENCY "emergency"
#define FOLDER_EMERGENCY_SUFFIX ".emergency.json"
#define FOLDER_FILES_MAX 1000000
#define FOLDER_BATCH_MAX 4096 /* files that one update takes */

struct folder;

/* Watches path from now on; the first folder_take() reads all that is there. source: what the index calls it.
 */
int folder_open(const char *path, const char *source, struct folder **ret, struct error *err);
struct folder *folder_close(struct folder *f); /* NULL in, NULL out */
int folder_fd(const struct folder *f);         /* readable when folder_take() has work */

/* refused: a file that holds no sound record. */
typedef void (*folder_refused_fn)(const char *path, const char *reason, void *context);
/* Puts what changed since the last call into the update; *ret_more where it stopped at the limit of a batch.
 */
int folder_take(struct folder *f, struct vuln_update *u, folder_refused_fn refused, void *context,
        bool *ret_more, struct error *err);
