/* SPDX-License-Identifier: ISC */
/* A directory of its own for a test, removed afterwards with what is in it. */
#pragma once

#include "base/defs.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

static inline int directory_remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

/* The path, which the caller frees; NULL where none can be made. */
static inline char *directory_make(void)
{
	const char *base = getenv("TMPDIR");
	char *path = xasprintf("%s/pratique-test-XXXXXX", base ? base : "/tmp");
	if (mkdtemp(path))
		return path;
	free(path);
	return NULL;
}

static inline void directory_remove(char *path)
{
	if (path)
		(void)nftw(path, directory_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}

/* The names in it that begin with no dot. */
static inline size_t directory_count(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;
	for (struct dirent *e; dir && (e = readdir(dir));)
		n += e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}
