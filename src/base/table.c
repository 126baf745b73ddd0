/* SPDX-License-Identifier: ISC */
#include "base/table.h"

#include <string.h>
#include <sys/random.h>

#define TABLE_BUCKETS_FIRST 16

struct entry {
	struct entry *next;
	uint64_t hash;
	void *value;
	size_t key_length;
	uint8_t key[];
};

struct table {
	struct entry **buckets;
	size_t n_buckets, count;
	uint64_t seed[2];
};

static inline uint64_t rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static inline void sip_absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

uint64_t hash_bytes(const uint64_t key[2], const void *bytes, size_t length)
{
	const uint8_t *p = bytes;
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };
	uint64_t last = (uint64_t)length << 56;
	for (; length >= 8; p += 8, length -= 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		sip_absorb(v, word);
	}
	for (size_t i = 0; i < length; i++)
		last |= (uint64_t)p[i] << (8 * i);
	sip_absorb(v, last);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct table *table_new(void)
{
	struct table *t = xcalloc(1, sizeof(*t));
	t->n_buckets = TABLE_BUCKETS_FIRST;
	t->buckets = xcalloc(t->n_buckets, sizeof(*t->buckets));
	if (getrandom(t->seed, sizeof(t->seed), 0) != sizeof(t->seed))
		abort();
	return t;
}

struct table *table_free(struct table *t, void (*free_value)(void *value))
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < t->n_buckets; i++) {
		for (struct entry *e = t->buckets[i], *next; e; e = next) {
			next = e->next;
			if (free_value)
				free_value(e->value);
			free(e);
		}
	}
	free(t->buckets);
	free(t);
	return NULL;
}

size_t table_count(const struct table *t)
{
	return t->count;
}

/* The place that points to the entry with this key, or to the end of its chain. */
static struct entry **find(const struct table *t, uint64_t hash, const void *key, size_t key_length)
{
	struct entry **at = &t->buckets[hash & (t->n_buckets - 1)];
	while (*at &&
	        ((*at)->hash != hash || (*at)->key_length != key_length ||
	                (key_length && memcmp((*at)->key, key, key_length) != 0)))
		at = &(*at)->next;
	return at;
}

static void grow(struct table *t)
{
	size_t n = t->n_buckets * 2;
	struct entry **buckets = xcalloc(n, sizeof(*buckets));
	for (size_t i = 0; i < t->n_buckets; i++) {
		for (struct entry *e = t->buckets[i], *next; e; e = next) {
			next = e->next;
			e->next = buckets[e->hash & (n - 1)];
			buckets[e->hash & (n - 1)] = e;
		}
	}
	free(t->buckets);
	t->buckets = buckets;
	t->n_buckets = n;
}

void *table_get(const struct table *t, const void *key, size_t key_length)
{
	struct entry *e = *find(t, hash_bytes(t->seed, key, key_length), key, key_length);
	return e ? e->value : NULL;
}

void *table_set(struct table *t, const void *key, size_t key_length, void *value)
{
	uint64_t hash = hash_bytes(t->seed, key, key_length);
	struct entry **at = find(t, hash, key, key_length);
	if (*at) {
		void *before = (*at)->value;
		(*at)->value = value;
		return before;
	}
	struct entry *e = xmalloc(sizeof(*e) + key_length);
	*e = (struct entry){ .hash = hash, .value = value, .key_length = key_length };
	if (key_length)
		memcpy(e->key, key, key_length);
	*at = e;
	if (++t->count > t->n_buckets)
		grow(t);
	return NULL;
}

void *table_remove(struct table *t, const void *key, size_t key_length)
{
	struct entry **at = find(t, hash_bytes(t->seed, key, key_length), key, key_length);
	struct entry *e = *at;
	if (!e)
		return NULL;
	void *value = e->value;
	*at = e->next;
	free(e);
	t->count--;
	return value;
}

struct table_iterator table_begin(const struct table *t)
{
	return (struct table_iterator){ .table = t, .next = t->buckets[0] };
}

bool table_next(struct table_iterator *it)
{
	struct entry *e = it->next;
	while (!e) {
		if (++it->bucket >= it->table->n_buckets)
			return false;
		e = it->table->buckets[it->bucket];
	}
	it->key = e->key;
	it->key_length = e->key_length;
	it->value = e->value;
	it->next = e->next;
	return true;
}
