/* SPDX-License-Identifier: ISC */
/* A folder of its own for the store under test, gone with the test. */
#pragma once

#include "store/store.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char dir[64];

static int setup(void **state)
{
	strcpy(dir, "/tmp/pratique-store-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = { "pratique.db", "pratique.db-wal", "pratique.db-shm" };
	char path[128];
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

static struct store *open_store(void)
{
	struct store *s = NULL;
	struct error err = { "" };
	int code = store_open(dir, &s, &err);
	if (code < 0)
		fail_msg("store_open: %s", err.text);
	return s;
}
