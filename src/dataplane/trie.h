/* SPDX-License-Identifier: ISC */
/*
 * Longest prefix match: a binary trie of prefixes with its one-way branches left out. One thread changes it
 * while any number look up under QSBR. IPv4 and IPv6 have a root each, so that ::/0 says nothing about IPv4.
 */
#pragma once

#include "base/address.h"
#include "dataplane/reclaim.h"

struct trie_node;

struct trie {
	struct trie_node *roots[2]; /* IPv6, IPv4 */
	struct reclaim *reclaim;    /* takes the nodes that went */
	size_t count;               /* of prefixes */
};

/* Is this prefix one of IPv4 addresses? ::/0 to ::ffff:0:0/95 are not. */
bool trie_prefix_is_v4(const struct ip_prefix *p);

/* Sets or replaces; returns the value that was there, or NULL. value is not NULL. */
void *trie_set(struct trie *t, const struct ip_prefix *prefix, void *value);
/* The value of exactly this prefix, or NULL. */
void *trie_get(const struct trie *t, const struct ip_prefix *prefix);
void *trie_remove(struct trie *t, const struct ip_prefix *prefix);
/* The value of the longest prefix that the address is in, or NULL. */
void *trie_find(const struct trie *t, const struct ip_address *address);
void trie_clear(struct trie *t); /* all nodes, at once: nobody may be looking any more */
