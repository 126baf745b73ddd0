/* SPDX-License-Identifier: ISC */
/*
 * A hash table from 32-bit keys to nodes that lie in what they name. One thread changes it while any number
 * read it under QSBR: a node that was removed is reused only after a grace period. The number of buckets is
 * fixed; the hash is keyed.
 */
#pragma once

#include "base/defs.h"

struct map_node {
	struct map_node *next;
	uint32_t key;
};

struct map {
	struct map_node **buckets;
	unsigned bits;
	uint64_t multiplier; /* random, odd */
	size_t count;
};

void map_init(struct map *m, unsigned bits, uint64_t random);
void map_clear(struct map *m); /* frees the buckets, not the nodes */
/* The newest node with that key, or NULL. */
struct map_node *map_find(const struct map *m, uint32_t key);
/* In front of any that have its key already. */
void map_add(struct map *m, struct map_node *node);
void map_remove(struct map *m, struct map_node *node);
/* Walks all nodes, for the changing thread: NULL starts; node may be removed before the next one is asked for
 * if its successor was asked for first. */
struct map_node *map_next(const struct map *m, const struct map_node *node);
