/* SPDX-License-Identifier: ISC */
/* Passwords and shared secrets in files: one line, private to us. */
#pragma once

#include "base/error.h"

#define SECRET_FILE_MAX 4096

/* The file's first line. -EINVAL where it is empty or holds a NUL; else as file_check_private() and
 * file_read(). The caller gives it to secret_free(). */
int secret_read(const char *path, char **ret, struct error *err);
/* Wipes and frees; NULL is nothing. */
void secret_free(char *secret);
