/* SPDX-License-Identifier: ISC */
/*
 * Where the files of a suite lie in an archive (its Release file and the indexes that this lists), in a
 * folder or behind a URL alike: ROOT/dists/SUITE/InRelease, ROOT/dists/SUITE/main/binary-amd64/Packages.xz.
 * Nothing of an index counts that the Release file does not list with this size and SHA-256.
 */
#pragma once

#include "vuln/load_private.h"
#include "vuln/release_file.h"

#define SUITE_INDEX_MAX ((uint64_t)256 << 20) /* bytes of one index as it comes */
#define SUITE_INDEXES_MAX 256
#define SUITE_SOURCES "source" /* the name of the Sources indexes among the architectures */

/* How an index may be packed, the best way first; NULL at the end, the empty text is "not at all". */
extern const char *const suite_packings[];
extern const char *const suite_release_names[]; /* InRelease, Release, Release.gpg, NULL */

struct suite_indexes {
	struct suite_index {
		char *base; /* "main/binary-amd64/Packages", without how it is packed */
		bool is_sources;
	} items[SUITE_INDEXES_MAX];
	size_t n;
};

/* The Release file under this root: InRelease, or Release with Release.gpg. -ENOENT where there is none,
 * -EBADMSG where it is not signed by one of the keys (NULL: not looked at) or of another suite, -ESTALE where
 * it has expired (now 0: nothing does). */
int suite_open(const struct load_source *s, const char *root, const struct proof_keys *keys, time_ms now,
        struct release_file *ret, struct error *err);
/* The indexes that the source wants; -ENOENT with what there is instead where one of them is not listed. */
int suite_find_indexes(const struct load_source *s, const struct release_file *release,
        struct suite_indexes *ret, struct error *err);
void suite_clear_indexes(struct suite_indexes *indexes);
/* Whether the file there is the one that is listed. -ENOENT, -EBADMSG. */
int suite_check_file(const char *path, const struct release_entry *entry, struct error *err);
