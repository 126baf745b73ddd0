/* SPDX-License-Identifier: ISC */
/*
 * A hash table from byte keys to pointers. Keys are copied; values belong to the caller. The hash is keyed
 * with random bytes a table, so that peers cannot choose colliding keys.
 */
#pragma once

#include "base/defs.h"
#include <stdbool.h>

struct table;

struct table *table_new(void);
/* Frees the table; free_value (may be NULL) is called on each value. NULL in, NULL out. */
struct table *table_free(struct table *t, void (*free_value)(void *value));
size_t table_count(const struct table *t);
void *table_get(const struct table *t, const void *key, size_t key_length);
/* Sets or replaces; returns the value that was there before, or NULL. value must not be NULL. */
void *table_set(struct table *t, const void *key, size_t key_length, void *value);
/* Takes the entry out and returns its value, or NULL. */
void *table_remove(struct table *t, const void *key, size_t key_length);

static inline void *table_get_string(const struct table *t, const char *key)
{
	return table_get(t, key, __builtin_strlen(key));
}
static inline void *table_set_string(struct table *t, const char *key, void *value)
{
	return table_set(t, key, __builtin_strlen(key), value);
}
static inline void *table_remove_string(struct table *t, const char *key)
{
	return table_remove(t, key, __builtin_strlen(key));
}

/* Walks all entries in no order. The current entry may be removed while walking; nothing may be added. */
struct table_iterator {
	const struct table *table;
	size_t bucket;
	void *next;
	const void *key;
	size_t key_length;
	void *value;
};
struct table_iterator table_begin(const struct table *t);
bool table_next(struct table_iterator *it);
#define TABLE_FOREACH(it, t) for (struct table_iterator it = table_begin(t); table_next(&it);)

/* Keyed 64-bit hash of bytes (SipHash-2-4). */
uint64_t hash_bytes(const uint64_t key[2], const void *bytes, size_t length);
