/* SPDX-License-Identifier: ISC */
/* The files of `pratique simulate --advisory`: whatever `vuln import` reads, as OSV records. */
#pragma once

#include "ctl/ctl.h"
#include <jansson.h>

struct simulate_kind {
	const char *kind;                /* as of `vuln import`; NULL: OSV or CSAF, told by the file */
	struct command_texts ecosystems; /* canonical */
};

/* Appends the records of a file; says on stderr which file and line is no good. An exit code. */
int simulate_read(json_t *records, const char *path, const struct simulate_kind *kind);
/* The same of a policy: ret is its text (caller frees). */
int simulate_read_policy(const char *path, char **ret);
