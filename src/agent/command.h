/* SPDX-License-Identifier: ISC */
/* A program of the host that is asked something: fixed arguments, an empty environment, nothing on its input,
 * and an end to its time and its output. */
#pragma once

#include "base/error.h"

#define COMMAND_TIME_MAX_MS 5000
#define COMMAND_OUTPUT_MAX (256u << 10)

/* argv[0]: the path, which must be a regular file of root's that nobody else can write (-EPERM). The caller
 * frees *ret_output, a NUL behind it. -ETIMEDOUT, -EFBIG, or -EIO for an exit status other than 0, with the
 * first line of what it complained of in err. */
int command_run(const char *const argv[], char **ret_output, size_t *ret_length, struct error *err);
