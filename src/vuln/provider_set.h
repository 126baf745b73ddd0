/* SPDX-License-Identifier: ISC */
/*
 * A document of a provider with its proofs, which the mirror has as they are together: they come into
 * FOLDER/.next, beside the tree, and take their places there when all of them are known. What is to be done
 * then stands in FOLDER/.next before it is begun, and doing it twice does no harm; so a program that was
 * killed meanwhile finishes it when it comes back, before anybody reads the tree.
 */
#pragma once

#include "base/error.h"

extern const char *const provider_proofs[]; /* ".sha512", ".sha256", ".asc", NULL */

struct provider_set {
	const char *tree; /* the caller's */
	char *next;
	int fd; /* of next, which is locked */
};

/* What was begun before is finished. -EBUSY where another program is at it. */
int provider_set_open(struct provider_set *s, const char *folder, const char *tree, struct error *err);
void provider_set_close(struct provider_set *s); /* also of one that did not open */
/* The same again, and nothing is in the set. A failure is the folder's, not the document's. */
int provider_set_begin(const struct provider_set *s, struct error *err);
/* Where the document (suffix "") comes to, or a proof of it. Caller frees. */
char *provider_set_file(const struct provider_set *s, const char *suffix);
/* Such a proof leaves, unless one comes. */
int provider_set_drop(const struct provider_set *s, const char *suffix, struct error *err);
/* To tree/path, whose folder is there: what has come takes its place, what was dropped leaves, the rest
 * stays. On failure nothing is changed, or what is missing is done by the next provider_set_begin(). */
int provider_set_place(const struct provider_set *s, const char *path, struct error *err);
