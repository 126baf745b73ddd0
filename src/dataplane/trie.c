/* SPDX-License-Identifier: ISC */
/*
 * A node is a prefix; its children are longer ones within it that differ in the first bit behind it. A node
 * without a value has two children. The changing thread prepares a node whole before it is linked, and links
 * it with one store, so that a reader sees the trie as it was or as it is.
 */
#include "dataplane/trie.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/pointer.h>

struct trie_node {
	struct trie_node *child[2];
	void *value;
	uint64_t key[2]; /* the prefix's bits, in host order, zeroes behind them */
	uint8_t length;
};

static void key_of(const struct ip_address *a, uint64_t key[2])
{
	memcpy(key, a->bytes, 16);
	key[0] = be64toh(key[0]);
	key[1] = be64toh(key[1]);
}

static inline unsigned bit(const uint64_t key[2], unsigned at)
{
	return (unsigned)(key[at >> 6] >> (63 - (at & 63)) & 1);
}

/* How many leading bits two keys share, at most limit. */
static inline unsigned common(const uint64_t a[2], const uint64_t b[2], unsigned limit)
{
	uint64_t high = a[0] ^ b[0], low = a[1] ^ b[1];
	unsigned n = high ? (unsigned)__builtin_clzll(high) : low ? 64 + (unsigned)__builtin_clzll(low) : 128;
	return n < limit ? n : limit;
}

bool trie_prefix_is_v4(const struct ip_prefix *p)
{
	return p->length >= 96 && ip_is_v4(&p->address);
}

static struct trie_node *node_new(const uint64_t key[2], unsigned length, void *value)
{
	struct trie_node *node = xcalloc(1, sizeof(*node));
	node->length = (uint8_t)length;
	node->value = value;
	if (length > 64) {
		node->key[0] = key[0];
		node->key[1] = key[1] & (length == 128 ? UINT64_MAX : ~(UINT64_MAX >> (length - 64)));
	} else {
		node->key[0] = key[0] & (length == 64 ? UINT64_MAX : ~(UINT64_MAX >> length));
	}
	return node;
}

void *trie_set(struct trie *t, const struct ip_prefix *prefix, void *value)
{
	uint64_t key[2];
	key_of(&prefix->address, key);
	struct trie_node **at = &t->roots[trie_prefix_is_v4(prefix)];
	while (*at && (*at)->length < prefix->length && common((*at)->key, key, 128) >= (*at)->length)
		at = &(*at)->child[bit(key, (*at)->length)];
	struct trie_node *here = *at;
	unsigned shared = here ? common(here->key, key, MIN(here->length, prefix->length)) : 0;
	if (here && here->length == prefix->length && shared == prefix->length) {
		void *before = here->value;
		rcu_assign_pointer(here->value, value);
		t->count += !before;
		return before;
	}
	struct trie_node *node = node_new(key, prefix->length, value);
	struct trie_node *top = node;
	if (here && shared == prefix->length) {
		node->child[bit(here->key, node->length)] = here;
	} else if (here) {
		top = node_new(key, shared, NULL);
		top->child[bit(key, shared)] = node;
		top->child[!bit(key, shared)] = here;
	}
	rcu_assign_pointer(*at, top);
	t->count++;
	return NULL;
}

/* Takes a node out that has no value and not two children. */
static void unlink_node(struct trie *t, struct trie_node **at)
{
	struct trie_node *node = *at;
	if (node->value || (node->child[0] && node->child[1]))
		return;
	rcu_assign_pointer(*at, node->child[0] ? node->child[0] : node->child[1]);
	reclaim_later(t->reclaim, node, free);
}

/* The link that leads to exactly this prefix, or NULL; ret_parent is the link that leads to its parent, if
 * any. */
static struct trie_node **find_link(
        struct trie *t, const struct ip_prefix *prefix, struct trie_node ***ret_parent)
{
	uint64_t key[2];
	key_of(&prefix->address, key);
	struct trie_node **at = &t->roots[trie_prefix_is_v4(prefix)], **parent = NULL;
	while (*at && (*at)->length < prefix->length && common((*at)->key, key, 128) >= (*at)->length) {
		parent = at;
		at = &(*at)->child[bit(key, (*at)->length)];
	}
	if (!*at || (*at)->length != prefix->length || common((*at)->key, key, 128) < prefix->length)
		return NULL;
	*ret_parent = parent;
	return at;
}

void *trie_get(const struct trie *t, const struct ip_prefix *prefix)
{
	struct trie_node **parent, **at = find_link((struct trie *)t, prefix, &parent);
	return at ? (*at)->value : NULL;
}

void *trie_remove(struct trie *t, const struct ip_prefix *prefix)
{
	struct trie_node **parent, **at = find_link(t, prefix, &parent);
	if (!at || !(*at)->value)
		return NULL;
	void *value = (*at)->value;
	rcu_assign_pointer((*at)->value, NULL);
	t->count--;
	unlink_node(t, at);
	if (parent)
		unlink_node(t, parent);
	return value;
}

void *trie_find(const struct trie *t, const struct ip_address *address)
{
	uint64_t key[2];
	key_of(address, key);
	void *best = NULL;
	const struct trie_node *node = rcu_dereference(t->roots[ip_is_v4(address)]);
	while (node && common(node->key, key, 128) >= node->length) {
		void *value = rcu_dereference(node->value);
		best = value ? value : best;
		if (node->length == 128)
			break;
		node = rcu_dereference(node->child[bit(key, node->length)]);
	}
	return best;
}

static void free_below(struct trie_node *node)
{
	if (!node)
		return;
	free_below(node->child[0]);
	free_below(node->child[1]);
	free(node);
}

void trie_clear(struct trie *t)
{
	for (size_t i = 0; i < ARRAY_LENGTH(t->roots); i++)
		free_below(t->roots[i]);
	*t = (struct trie){ .reclaim = t->reclaim };
}
