/* SPDX-License-Identifier: ISC */
/* Small root file systems for the tests of the collectors, in a temporary folder that is removed afterwards.
 */
#pragma once

#include "base/file.h"
#include "tests/unit/test.h"

#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct tree {
	char path[64];
};

static inline struct tree tree_make(void)
{
	struct tree t = { .path = "/tmp/pratique-test-XXXXXX" };
	assert_non_null(mkdtemp(t.path));
	return t;
}

static inline char *tree_path(const struct tree *t, const char *name)
{
	return xasprintf("%s%s", t->path, name);
}

static inline void tree_make_folder(const struct tree *t, const char *name)
{
	char *path FREE_ON_EXIT = tree_path(t, name);
	assert_int_equal(file_make_directory(path, 0755, NULL), 0);
}

static inline void tree_write_bytes(const struct tree *t, const char *name, const void *data, size_t length)
{
	char *path FREE_ON_EXIT = tree_path(t, name), *copy FREE_ON_EXIT = xstrdup(path);
	assert_int_equal(file_make_directory(dirname(copy), 0755, NULL), 0);
	assert_int_equal(file_replace(path, data, length, 0644, NULL), 0);
}

static inline void tree_write(const struct tree *t, const char *name, const char *text)
{
	tree_write_bytes(t, name, text, strlen(text));
}

static inline int tree_remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

static inline void tree_remove(const struct tree *t)
{
	(void)nftw(t->path, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
