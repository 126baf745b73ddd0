/* SPDX-License-Identifier: ISC */
/* The file system that is inspected: this machine's own, or a tree below a folder that its links cannot lead
 * out of. */
#pragma once

#include "base/error.h"
#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>

struct root {
	char *path; /* "" = live */
	int fd;
	bool live;
};

/* "" or "/" is this machine. The caller closes with root_close() also after a failure. */
int root_open(const char *path, struct root *ret, struct error *err);
void root_close(struct root *root);

/* path: absolute within the root. The texts of err name the path as the user knows it. */
int root_open_file(const struct root *root, const char *path, int *ret_fd, struct error *err);
int root_read_file(const struct root *root, const char *path, size_t limit, char **ret_data,
        size_t *ret_length, struct error *err);
/* First line without its end and blanks around it, in memory that the caller frees; -ENODATA for an empty
 * one. */
int root_read_line(const struct root *root, const char *path, char **ret, struct error *err);
/* Caller closes with closedir(). */
int root_open_directory(const struct root *root, const char *path, DIR **ret, struct error *err);
/* Whether there is anything of that name, a link that leads nowhere included. */
bool root_has(const struct root *root, const char *path);
/* Follows links. */
int root_stat(const struct root *root, const char *path, struct stat *ret);
/* The path within the root without links, "." and "..", in memory that the caller frees; what it names must
 * be there. */
int root_resolve(const struct root *root, const char *path, char **ret);
