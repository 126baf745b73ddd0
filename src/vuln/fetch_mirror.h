/* SPDX-License-Identifier: ISC */
/*
 * What lies below one URL, as far as it matters, in a folder that looks like it:
 *
 *   FOLDER/next/NAME      as the server has it now
 *   FOLDER/current/NAME   what was accepted: an index of files, and the files that it lists
 *
 * The index is fetched into next, and judged there; then the files that it lists, each of which moves to
 * current when it is the one that is listed; then the index, so that current is what can be read.
 */
#pragma once

#include "vuln/fetch_file.h"
#include <stdbool.h>

#define FETCH_AHEAD_MAX_MS 86400000 /* how far the publisher's clock may be before ours */

struct fetch_mirror {
	struct fetch *f;
	char *base;           /* the URL without a slash at its end */
	char *next, *current; /* folders */
};

/* -EINVAL for a URL with a query or a fragment. */
int fetch_mirror_open(
        struct fetch *f, const char *url, const char *folder, struct fetch_mirror *ret, struct error *err);
void fetch_mirror_close(struct fetch_mirror *m);
/* base/NAME into next/AS, as fetch_file() does; what the server does not have is not there then. */
int fetch_mirror_get(
        const struct fetch_mirror *m, const char *name, const char *as, int64_t limit, struct error *err);
/* Nothing of that name is in next any more. */
void fetch_mirror_forget(const struct fetch_mirror *m, const char *name);
/* From next to current. */
int fetch_mirror_move(const struct fetch_mirror *m, const char *name, struct error *err);
/* What next has under this name, current has too; or neither has any. limit: bytes of it. */
int fetch_mirror_accept(const struct fetch_mirror *m, const char *name, size_t limit, struct error *err);
