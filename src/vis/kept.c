/* SPDX-License-Identifier: ISC */
#include "vis/kept.h"

#include "base/cursor.h"
#include "base/table.h"

#include <string.h>
#include <sys/queue.h>

#define KEY_FIXED 9    /* kind, length of the first part */
#define ENTRY_COST 256 /* bytes of memory that an entry takes beside its text and twice its key */

/* Its bytes are behind it, then its key. */
struct entry {
	struct kept_text text; /* first, so that its address is the entry's */
	size_t references, key_length;
	TAILQ_ENTRY(entry) next;
	uint8_t bytes[];
};

TAILQ_HEAD(entries, entry);

struct kept {
	size_t most, bytes;
	uint64_t generation;
	struct table *table;
	struct entries used; /* the one that was asked for last, last */
	struct writer key;
};

struct kept *kept_new(size_t most)
{
	struct kept *k = xcalloc(1, sizeof(*k));
	k->most = most;
	k->table = table_new();
	k->key = wr_make(KEPT_KEY_MAX + KEY_FIXED);
	TAILQ_INIT(&k->used);
	return k;
}

static size_t cost_of(const struct entry *e)
{
	return sizeof(*e) + ENTRY_COST + e->text.length + 2 * e->key_length;
}

void kept_release(void *text)
{
	struct entry *e = text;
	if (--e->references == 0)
		free(e);
}

const struct kept_text *kept_hold(const struct kept_text *text)
{
	struct entry *e = (struct entry *)text;
	e->references++;
	return text;
}

static void drop(struct kept *k, struct entry *e)
{
	(void)table_remove(k->table, e->bytes + e->text.length, e->key_length);
	TAILQ_REMOVE(&k->used, e, next);
	k->bytes -= cost_of(e);
	kept_release(e);
}

/* Those that were asked for longest ago, until there is room for so many bytes. */
static void make_room(struct kept *k, size_t room)
{
	for (struct entry *e = TAILQ_FIRST(&k->used), *next; e && k->bytes + room > k->most; e = next) {
		next = TAILQ_NEXT(e, next);
		drop(k, e);
	}
}

struct kept *kept_free(struct kept *k)
{
	if (!k)
		return NULL;
	make_room(k, k->most);
	table_free(k->table, NULL);
	wr_free(&k->key);
	free(k);
	return NULL;
}

void kept_begin(struct kept *k, uint64_t generation)
{
	if (generation != k->generation)
		make_room(k, k->most);
	k->generation = generation;
}

void kept_key(struct kept *k, char kind, const void *a, size_t n_a, const void *b, size_t n_b)
{
	wr_reset(&k->key);
	wr_u8(&k->key, (uint8_t)kind);
	wr_u64(&k->key, n_a);
	wr_bytes(&k->key, a, n_a);
	wr_bytes(&k->key, b, n_b);
}

const struct kept_text *kept_find(struct kept *k)
{
	struct entry *e = wr_failed(&k->key) ? NULL : table_get(k->table, k->key.data, k->key.length);
	if (!e)
		return NULL;
	TAILQ_REMOVE(&k->used, e, next);
	TAILQ_INSERT_TAIL(&k->used, e, next);
	return &e->text;
}

const struct kept_text *kept_put(struct kept *k, const struct kept_text *text)
{
	const size_t n_key = k->key.length;
	if (wr_failed(&k->key) || text->length > KEPT_ONE_MAX)
		return NULL;
	struct entry *e = xmalloc(sizeof(*e) + text->length + n_key);
	*e = (struct entry){ .text = *text, .references = 1, .key_length = n_key };
	e->text.bytes = e->bytes;
	if (text->length)
		memcpy(e->bytes, text->bytes, text->length);
	memcpy(e->bytes + text->length, k->key.data, n_key);
	if (cost_of(e) > k->most) {
		free(e);
		return NULL;
	}
	struct entry *before = table_get(k->table, k->key.data, n_key);
	if (before)
		drop(k, before);
	make_room(k, cost_of(e));
	(void)table_set(k->table, e->bytes + e->text.length, n_key, e);
	TAILQ_INSERT_TAIL(&k->used, e, next);
	k->bytes += cost_of(e);
	return &e->text;
}

size_t kept_bytes(const struct kept *k)
{
	return k->bytes;
}
