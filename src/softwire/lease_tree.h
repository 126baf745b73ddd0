/* SPDX-License-Identifier: ISC */
/*
 * Leases in the order of their addresses: a treap whose prefixes never overlap, so that one search tells
 * whether a prefix is free. The pools' own (pool.c).
 */
#pragma once

#include "softwire/pool.h"
#include <sys/queue.h>

#define LEASE_IDENTITY_SIZE 16

struct lease_pool;

struct lease {
	struct ip_prefix prefix;
	uint8_t identity[LEASE_IDENTITY_SIZE]; /* a digest; zero: nobody's any more */
	bool in_use, anonymous;
	uint32_t priority;
	uint64_t session; /* while in use */
	time_ms used;     /* wall time of the last change */
	struct lease_pool *pool;
	struct lease *left, *right;
	TAILQ_ENTRY(lease) of_pool; /* the pool's list of those in use, or not */
	LIST_ENTRY(lease) of_owner;
};

/* The one lease that overlaps p, or the first of them; NULL: it is free. */
struct lease *lease_tree_overlap(struct lease *root, const struct ip_prefix *p);
/* It must not overlap any. */
void lease_tree_insert(struct lease **root, struct lease *l);
void lease_tree_remove(struct lease **root, struct lease *l);

/* The last address of a prefix. */
struct ip_address lease_prefix_end(const struct ip_prefix *p);
static inline bool lease_same_prefix(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->length == b->length && ip_equal(&a->address, &b->address);
}
