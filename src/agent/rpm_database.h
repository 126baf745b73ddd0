/* SPDX-License-Identifier: ISC */
/*
 * An rpm database (sqlite, ndb, and Berkeley DB for reading) by librpm. It is read in a process of its own,
 * which sees nothing but the inspected root, has a limit of time and hands text over: what librpm does with a
 * damaged database, or with signals and locks, is not the agent's. Built without librpm, every database is
 * one that cannot be read.
 */
#pragma once

#include "agent/root.h"

#define RPM_DATABASE_SECONDS_MAX 60
#define RPM_DATABASE_PATHS_MAX 65536

/* Where a root keeps its database: a folder within it, and the file that is it. */
struct rpm_database {
	const char *folder, *file;
	const char *backend; /* rpm's word for it */
};

/* False where the root has none. */
bool rpm_database_find(const struct root *root, struct rpm_database *ret);

/* All packages, as rpm_read_list() reads them; caller frees. */
int rpm_database_list(const struct root *root, const struct rpm_database *database, char **ret_text,
        size_t *ret_length, struct error *err);

/* For each path that a package has, a line with its number in the list (from 0), a tab and the package's
 * name; caller frees. */
int rpm_database_owners(const struct root *root, const struct rpm_database *database,
        const char *const *paths, size_t n_paths, char **ret_text, size_t *ret_length, struct error *err);
