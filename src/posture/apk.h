/* SPDX-License-Identifier: ISC */
/*
 * Reader of the database of Alpine's package manager, lib/apk/db/installed: one block of lines for each
 * package, each line a letter, a colon and a value, and blank lines between the blocks. P name, V version, A
 * architecture, o the origin (source package); then the files: F a folder below /, R a file in it. One pass
 * over memory, no copies.
 */
#pragma once

#include "posture/posture.h"

#define APK_INSTALLED_FILE_MAX (256u << 20)
#define APK_PATH_MAX 4096

/* A value in place; NULL where the block has no such line. */
struct apk_value {
	const char *text;
	size_t length;
};

struct apk_block {
	struct apk_value name, version, architecture, origin;
	const char *at, *end; /* the whole block, for apk_next_file() */
	unsigned int line;    /* of its first line, from 1 */
	const char *broken;   /* why it cannot be used; NULL for a sound one */
};

struct apk_scanner {
	const char *at, *end;
	unsigned int line;
};

static inline struct apk_scanner apk_scan(const char *text, size_t length)
{
	return (struct apk_scanner){ .at = text, .end = text + length, .line = 1 };
}
/* False at the end. */
bool apk_next_block(struct apk_scanner *s, struct apk_block *ret);

/* The files of one block: start with the block's at and end. */
struct apk_files {
	const char *at, *end;
	struct apk_value folder;
};
/* Writes the next file as an absolute path; false at the end. Paths that are longer than APK_PATH_MAX are
 * passed over. */
bool apk_next_file(struct apk_files *files, char ret_path[APK_PATH_MAX]);

/* Adds every package. Blocks that are broken are counted and become one unknown "packages" with the first
 * reason. -E2BIG above POSTURE_PACKAGES_MAX packages. Whether all packages are known is for the caller to
 * say. path is for the words only. */
int apk_read_installed(
        const char *path, const char *text, size_t length, struct posture *p, struct error *err);
