/* SPDX-License-Identifier: ISC */
/* Whole files: read within a limit, replaced atomically, and checked before a secret is believed to be one.
 */
#pragma once

#include "base/error.h"
#include <sys/types.h>

/* Reads a file of at most limit bytes into memory that the caller frees; a NUL follows the last byte.
 * -EFBIG above the limit, else the errno of the failing call; err names the file. */
int file_read(const char *path, size_t limit, char **ret_data, size_t *ret_length, struct error *err);
/* The same from an open descriptor, which stays open; path is for the words only. */
int file_read_descriptor(
        int fd, const char *path, size_t limit, char **ret_data, size_t *ret_length, struct error *err);
/* Writes path.XXXXXX, syncs it, renames it over path and syncs the directory. */
int file_replace(const char *path, const void *data, size_t length, mode_t mode, struct error *err);
/* -EPERM with the reason unless path is a regular file of ours or root's that group and others cannot read.
 * For root it may be anybody's: a service's key is the service's. */
int file_check_private(const char *path, struct error *err);
/* mkdir -p; mode is for the last one. Those above it that are new can be passed by everybody (0755), because
 * what others need may lie beside a private directory. */
int file_make_directory(const char *path, mode_t mode, struct error *err);
