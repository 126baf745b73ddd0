/* SPDX-License-Identifier: ISC */
/*
 * What sshd(8) is told: the output of `sshd -T`, which is in effect where no `Match` does, and
 * sshd_config(5), of which the `Match` blocks say what else can be in effect. Only the settings of
 * posture/settings.h are kept, under that list's spelling, with values as `sshd -T` writes them.
 */
#pragma once

#include "posture/posture.h"

#define SSHD_CONFIG_FILE_MAX (1u << 20)
#define SSHD_CONFIG_FILES_MAX 256 /* all `Include`s together */
#define SSHD_CONFIG_DEPTH_MAX 16  /* sshd's own limit */

/* Adds the settings that `sshd -T` printed. -E2BIG above the posture's limit, -ENODATA where there is none.
 */
int sshd_read_output(struct posture *p, const char *text, size_t length);

struct sshd_config {
	struct posture *p;
	/* What stands outside of `Match` blocks is taken too, the first value of each as sshd does. */
	bool global;
	/* One argument of an `Include` in a file, which is a pattern of glob(7). */
	int (*include)(struct sshd_config *c, const char *pattern, struct error *err);
	void *context;
	/* kept by the reader; zeroed at the beginning */
	const char *match; /* criteria of the block; NULL: none */
	unsigned int depth, n_files;
};

/* name: of the file, for messages. -EINVAL for what sshd would refuse as well, -E2BIG above a limit. */
int sshd_read_config(
        struct sshd_config *c, const char *name, const char *text, size_t length, struct error *err);
