/* SPDX-License-Identifier: ISC */
/* The file lists of package managers, read for the paths that are asked about; private to ownership*.c. */
#pragma once

#include "agent/root.h"
#include "base/table.h"

struct owned_file {
	char *path, *package;
	bool answered;
	struct owned_file *next; /* with the same last name */
};

struct owned_files {
	const struct root *root;
	struct owned_file **files;
	size_t n;
	struct table *by_name; /* last name -> first owned_file */
	struct table *folders; /* folder as a list has it -> what root_resolve() makes of it */
};

void owned_files_begin(struct owned_files *o);
void owned_files_end(struct owned_files *o);
/* A package has this path. Cheap for the many that nobody asks about. */
void owned_files_take(struct owned_files *o, const char *path, size_t length, const char *package);

/* 1: read; 0: the root has no such database; negative: it has, and cannot be read. */
int ownership_read_dpkg(struct owned_files *o, struct error *err);
int ownership_read_apk(struct owned_files *o, struct error *err);
int ownership_read_rpm(struct owned_files *o, struct error *err);
