/* SPDX-License-Identifier: ISC */
/* A small set of names in their order, each once. Above its limit it keeps those that come first, so that
 * what is in it does not depend on the order in which they were found. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define NAME_SET_MAX 256

struct name_set {
	char **names;
	size_t n, capacity;
	bool cut; /* there were more */
};

/* The name is copied. */
void name_set_add(struct name_set *s, const char *name);
/* "a, b, c" in at most limit bytes, "and more" where something had to be left out. Caller frees. */
char *name_set_join(const struct name_set *s, size_t limit);
void name_set_clear(struct name_set *s);
