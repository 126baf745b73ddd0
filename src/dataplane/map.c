/* SPDX-License-Identifier: ISC */
#include "dataplane/map.h"

#include <stdlib.h>
#include <urcu/pointer.h>

static size_t bucket(const struct map *m, uint32_t key)
{
	return (size_t)((key * m->multiplier) >> (64 - m->bits));
}

void map_init(struct map *m, unsigned bits, uint64_t random)
{
	*m = (struct map){ .buckets = xcalloc((size_t)1 << bits, sizeof(struct map_node *)),
		.bits = bits,
		.multiplier = random | 1 };
}

void map_clear(struct map *m)
{
	free(m->buckets);
	*m = (struct map){ 0 };
}

struct map_node *map_find(const struct map *m, uint32_t key)
{
	struct map_node *node = rcu_dereference(m->buckets[bucket(m, key)]);
	while (node && node->key != key)
		node = rcu_dereference(node->next);
	return node;
}

void map_add(struct map *m, struct map_node *node)
{
	struct map_node **head = &m->buckets[bucket(m, node->key)];
	node->next = *head;
	rcu_assign_pointer(*head, node);
	m->count++;
}

void map_remove(struct map *m, struct map_node *node)
{
	struct map_node **at = &m->buckets[bucket(m, node->key)];
	while (*at && *at != node)
		at = &(*at)->next;
	if (!*at)
		return;
	rcu_assign_pointer(*at, node->next);
	m->count--;
}

struct map_node *map_next(const struct map *m, const struct map_node *node)
{
	if (!m->buckets)
		return NULL;
	if (node && node->next)
		return node->next;
	size_t at = node ? bucket(m, node->key) + 1 : 0;
	for (; at < (size_t)1 << m->bits; at++) {
		if (m->buckets[at])
			return m->buckets[at];
	}
	return NULL;
}
