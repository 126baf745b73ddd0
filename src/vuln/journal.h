/* SPDX-License-Identifier: ISC */
/*
 * Which packages changed in the index, update by update: whoever knows what it was asked at one moment is
 * told what may be answered otherwise since. A moment is one generation of one index: another index that has
 * the same number, be it a copy that went on by itself, has other moments.
 *
 * It is a part of the updates themselves, so that no update is without it. What it has forgotten, and what
 * was written by a program that knew nothing of it, is not known: then anything may have changed.
 */
#pragma once

#include "vuln/vuln.h"

#define JOURNAL_UPDATES_MAX 4096             /* older ones are forgotten */
#define JOURNAL_UPDATE_MAX ((size_t)1 << 20) /* bytes of package names; one with more says "everything" */
#define JOURNAL_BYTES_MAX ((size_t)16 << 20)

struct vuln_moment {
	uint64_t generation, mark; /* mark 0: not known */
};

/* What the index is now. */
struct vuln_moment vuln_index_moment(struct vuln_index *index);

/* Of a package whose advisories changed, maybe more than once. Negative: ends the walk. */
typedef int (*vuln_changed_fn)(const char *ecosystem, const char *package, void *context);
/* Tells what changed after a moment, and until which (ret). 0 = that was all; 1 = it is not known: anything
 * may have changed, whatever was told; else negative, from fn too. */
int vuln_index_changes(struct vuln_index *index, const struct vuln_moment *after, vuln_changed_fn fn,
        void *context, struct vuln_moment *ret, struct error *err);
