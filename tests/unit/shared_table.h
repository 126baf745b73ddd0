/* SPDX-License-Identifier: ISC */
/* Tables of third parties in ../shared or in $PRATIQUE_SHARED. */
#pragma once

#include "tests/unit/test.h"

#include "base/file.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#define SHARED_TABLE_MAX (4u << 20)

static inline char *shared_path(const char *name)
{
	const char *root = getenv("PRATIQUE_SHARED");
	return xasprintf("%s/advisories/versions/%s", root ? root : SHARED_DEFAULT, name);
}

static inline char *shared_file(const char *name)
{
	char *path FREE_ON_EXIT = shared_path(name), *data = NULL;
	size_t length;
	struct error err;
	if (file_read(path, SHARED_TABLE_MAX, &data, &length, &err) < 0)
		fail_msg("%s", err.text);
	return data;
}

static inline json_t *shared_json(const char *name)
{
	char *data FREE_ON_EXIT = shared_file(name);
	json_t *json = json_loads(data, 0, NULL);
	if (!json)
		fail_msg("%s: not JSON", name);
	return json;
}

/* In main(): a plan without tests where the tables are not there. */
#define SKIP_WITHOUT_SHARED_TABLES() \
	do { \
		char *folder FREE_ON_EXIT = shared_path(""); \
		if (access(folder, R_OK) < 0) { \
			printf("1..0 # SKIP there are no tables of third parties in %s\n", folder); \
			return 0; \
		} \
	} while (0)
