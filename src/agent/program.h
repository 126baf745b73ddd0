/* SPDX-License-Identifier: ISC */
/* Programs by their paths, and what speaks against each: filled by the looks at processes (processes.h) and
 * at what starts at boot (boot.h), judged by collect_software.c. */
#pragma once

#include "agent/name_set.h"
#include "base/table.h"
#include <stdint.h>

#define PROGRAMS_MAX 16384

struct program {
	char *path;
	bool foreign;             /* no package has it, whatever its path: a file of another root, rc.local */
	uint32_t outdated;        /* processes that run replaced files */
	struct name_set replaced; /* those files */
	struct name_set listens;  /* "tcp [::]:80" */
	struct name_set starts;   /* "unit x.service" */
};

struct programs {
	struct table *table; /* of struct program */
	size_t refused;      /* above PROGRAMS_MAX */
};

void programs_init(struct programs *p);
void programs_clear(struct programs *p);
/* The program of that path, made where it is new; NULL above PROGRAMS_MAX. */
struct program *programs_get(struct programs *p, const char *path, bool foreign);
/* All of them in the order of their paths, n = table_count(); caller frees the list. */
struct program **programs_list(const struct programs *p);
