/* SPDX-License-Identifier: ISC */
/*
 * Entries in chunks that never move, two hash tables of their numbers (by text, by what they are), one lock
 * of readers and writers. What a reader gets is not freed under him: a package that nobody refers to is
 * doomed first, a look-up takes that back, and it goes once every posture that was attached before is gone.
 */
#include "posture/catalogue.h"

#include "base/table.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#define CHUNK 4096u
#define SLOTS_FIRST 1024u
#define KEY_MAX (6 * (POSTURE_STRING_MAX + 2))

struct entry {
	struct posture_package package; /* type NULL: not in use. Its strings are one allocation, at type */
	char *text;
	uint32_t text_length, references, hash, text_hash;
	size_t bytes;
	atomic_bool is_doomed;
	bool is_stored;
};

/* Numbers by hash; open addressing, 0 is empty, at most half full. */
struct slots {
	uint32_t *ids, *hashes;
	size_t size, used;
};

struct posture_catalogue {
	pthread_rwlock_t lock; /* of all that follows, but for references and is_stored */
	struct entry *chunks[CATALOGUE_PACKAGES_MAX / CHUNK + 1];
	struct slots by_text, by_package;
	uint32_t limit; /* numbers 1 to limit - 1 were given */
	uint32_t *unused;
	size_t n_unused, unused_capacity;
	size_t packages, bytes, referred;
	atomic_ullong refused;
	unsigned era;
	atomic_uint attached[2]; /* postures of this era and of the one before */
	uint32_t doomed_at;      /* up to where the doomed were taken out; 0 = nobody is doomed */
	uint64_t seed[2];
};

struct posture_catalogue *catalogue_new(void)
{
	struct posture_catalogue *c = xcalloc(1, sizeof(*c));
	pthread_rwlockattr_t attributes;
	if (getrandom(c->seed, sizeof(c->seed), 0) != sizeof(c->seed) ||
	        pthread_rwlockattr_init(&attributes) != 0 ||
	        pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) !=
	                0 ||
	        pthread_rwlock_init(&c->lock, &attributes) != 0)
		abort(); /* without memory, before anything has been served */
	(void)pthread_rwlockattr_destroy(&attributes);
	c->limit = 1;
	return c;
}

static struct entry *entry_at(const struct posture_catalogue *c, uint32_t id)
{
	return &c->chunks[id / CHUNK][id % CHUNK];
}

struct posture_catalogue *catalogue_free(struct posture_catalogue *c)
{
	if (!c)
		return NULL;
	for (uint32_t id = 1; id < c->limit; id++) {
		free((char *)entry_at(c, id)->package.type);
		free(entry_at(c, id)->text);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(c->chunks); i++)
		free(c->chunks[i]);
	free(c->by_text.ids);
	free(c->by_text.hashes);
	free(c->by_package.ids);
	free(c->by_package.hashes);
	free(c->unused);
	(void)pthread_rwlock_destroy(&c->lock);
	free(c);
	return NULL;
}

/* ---- tables ---- */

static void slots_put(struct slots *s, uint32_t hash, uint32_t id)
{
	size_t at = hash & (s->size - 1);
	while (s->ids[at])
		at = (at + 1) & (s->size - 1);
	s->ids[at] = id;
	s->hashes[at] = hash;
	s->used++;
}

static void slots_add(struct slots *s, uint32_t hash, uint32_t id)
{
	if (2 * (s->used + 1) > s->size) {
		struct slots old = *s;
		*s = (struct slots){ .size = old.size ? 2 * old.size : SLOTS_FIRST };
		s->ids = xcalloc(s->size, sizeof(*s->ids));
		s->hashes = xcalloc(s->size, sizeof(*s->hashes));
		for (size_t i = 0; i < old.size; i++)
			if (old.ids[i])
				slots_put(s, old.hashes[i], old.ids[i]);
		free(old.ids);
		free(old.hashes);
	}
	slots_put(s, hash, id);
}

/* Those behind it that would not be found across the gap move into it. */
static void slots_remove(struct slots *s, uint32_t hash, uint32_t id)
{
	const size_t mask = s->size - 1;
	size_t gap = hash & mask;
	while (s->ids[gap] != id)
		gap = (gap + 1) & mask;
	for (size_t at = (gap + 1) & mask; s->ids[at]; at = (at + 1) & mask) {
		const size_t home = s->hashes[at] & mask;
		if (((at - home) & mask) < ((at - gap) & mask))
			continue;
		s->ids[gap] = s->ids[at];
		s->hashes[gap] = s->hashes[at];
		gap = at;
	}
	s->ids[gap] = 0;
	s->used--;
}

static uint32_t hash_of(const struct posture_catalogue *c, const char *bytes, size_t length)
{
	uint64_t h = hash_bytes(c->seed, bytes, length);
	return (uint32_t)(h >> 32) ^ (uint32_t)h;
}

/* ---- what a package is, as bytes ---- */

static size_t put_field(char *key, size_t at, const char *s)
{
	size_t n = s ? strlen(s) : 0;
	key[at] = s ? '+' : '-'; /* not known differs from empty */
	memcpy(key + at + 1, s ? s : "", n + 1);
	return at + n + 2;
}

/* key: KEY_MAX bytes. */
static size_t make_key(const struct posture_package *p, char *key)
{
	size_t n = put_field(key, 0, p->type);
	n = put_field(key, n, p->name);
	n = put_field(key, n, p->version);
	n = put_field(key, n, p->architecture);
	n = put_field(key, n, p->source);
	return put_field(key, n, p->source_version);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_package(const struct posture_package *a, const struct posture_package *b)
{
	return same_text(a->name, b->name) && same_text(a->version, b->version) &&
	        same_text(a->type, b->type) && same_text(a->architecture, b->architecture) &&
	        same_text(a->source, b->source) && same_text(a->source_version, b->source_version);
}

static struct entry *find_package(
        const struct posture_catalogue *c, uint32_t hash, const struct posture_package *package)
{
	const struct slots *s = &c->by_package;
	for (size_t at = hash & (s->size - 1); s->size && s->ids[at]; at = (at + 1) & (s->size - 1))
		if (s->hashes[at] == hash && same_package(&entry_at(c, s->ids[at])->package, package))
			return entry_at(c, s->ids[at]);
	return NULL;
}

/* What somebody gets is not doomed. */
static const struct posture_package *give(struct entry *e)
{
	if (atomic_load_explicit(&e->is_doomed, memory_order_relaxed))
		atomic_store_explicit(&e->is_doomed, false, memory_order_relaxed);
	return &e->package;
}

/* ---- adding ---- */

/* The strings in one allocation, equal ones once; the first is the type, so that it is what is freed. */
static size_t copy_strings(struct posture_package *to, const struct posture_package *from)
{
	const bool same_source = same_text(from->source, from->name),
	           same_version = same_text(from->source_version, from->version);
	const char *const strings[] = { from->type, from->name, from->version, from->architecture,
		same_source ? NULL : from->source, same_version ? NULL : from->source_version };
	const char *copies[ARRAY_LENGTH(strings)];
	size_t size = 0, at = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(strings); i++)
		size += strings[i] ? strlen(strings[i]) + 1 : 0;
	char *bytes = xmalloc(size);
	for (size_t i = 0; i < ARRAY_LENGTH(strings); i++) {
		const size_t n = strings[i] ? strlen(strings[i]) + 1 : 0;
		copies[i] = n ? memcpy(bytes + at, strings[i], n) : NULL;
		at += n;
	}
	*to = (struct posture_package){ .type = copies[0],
		.name = copies[1],
		.version = copies[2],
		.architecture = copies[3],
		.source = same_source ? copies[1] : copies[4],
		.source_version = same_version ? copies[2] : copies[5] };
	return size;
}

static bool is_whole(const struct posture_package *p)
{
	const char *const needed[] = { p->type, p->name, p->version, p->source, p->source_version };
	for (size_t i = 0; i < ARRAY_LENGTH(needed); i++)
		if (!needed[i] || strlen(needed[i]) > POSTURE_STRING_MAX)
			return false;
	return !p->architecture || strlen(p->architecture) <= POSTURE_STRING_MAX;
}

static size_t cost_of(const struct posture_package *p)
{
	return sizeof(struct entry) + strlen(p->type) + strlen(p->name) + strlen(p->version) +
	        strlen(p->source) + strlen(p->source_version) + 8;
}

static void set_text(struct posture_catalogue *c, struct entry *e, const char *text, size_t length)
{
	if (!text || e->text || length > UINT32_MAX)
		return;
	e->text = xmemdup(text, MAX(length, (size_t)1));
	e->text_length = (uint32_t)length;
	e->text_hash = hash_of(c, text, length);
	e->bytes += length;
	c->bytes += length;
	slots_add(&c->by_text, e->text_hash, e->package.id);
}

static void use_entry(
        struct posture_catalogue *c, uint32_t id, uint32_t hash, const struct posture_package *package)
{
	struct entry *e = entry_at(c, id);
	*e = (struct entry){ .hash = hash };
	e->bytes = sizeof(*e) + copy_strings(&e->package, package);
	e->package.id = id;
	c->bytes += e->bytes;
	c->packages++;
	slots_add(&c->by_package, hash, id);
}

/* Chunks up to the one that has the number. */
static void reach(struct posture_catalogue *c, uint32_t id)
{
	for (uint32_t chunk = 0; chunk <= id / CHUNK; chunk++)
		if (!c->chunks[chunk])
			c->chunks[chunk] = xcalloc(CHUNK, sizeof(**c->chunks));
}

static bool has_room(const struct posture_catalogue *c, size_t cost)
{
	return c->packages < CATALOGUE_PACKAGES_MAX && c->bytes + cost <= CATALOGUE_BYTES_MAX;
}

static struct entry *add_new(struct posture_catalogue *c, struct posture *p, uint32_t hash,
        const struct posture_package *package, size_t text_length)
{
	const size_t cost = cost_of(package) + text_length;
	if (!has_room(c, cost) || p->brought >= CATALOGUE_NEW_PACKAGES_MAX ||
	        p->brought_bytes + cost > CATALOGUE_NEW_BYTES_MAX) {
		atomic_fetch_add(&c->refused, 1);
		return NULL;
	}
	p->brought++;
	p->brought_bytes += cost;
	uint32_t id = c->n_unused ? c->unused[--c->n_unused] : c->limit;
	if (id == c->limit) {
		reach(c, id);
		c->limit++;
	}
	use_entry(c, id, hash, package);
	return entry_at(c, id);
}

const struct posture_package *catalogue_add(struct posture_catalogue *c, struct posture *p,
        const struct posture_package *package, const char *text, size_t length)
{
	char key[KEY_MAX];
	if (!is_whole(package))
		return NULL;
	const uint32_t hash = hash_of(c, key, make_key(package, key));
	(void)pthread_rwlock_wrlock(&c->lock);
	struct entry *e = find_package(c, hash, package);
	if (!e)
		e = add_new(c, p, hash, package, text ? length : 0);
	if (e)
		set_text(c, e, text, length);
	const struct posture_package *found = e ? give(e) : NULL;
	(void)pthread_rwlock_unlock(&c->lock);
	return found;
}

int catalogue_restore(struct posture_catalogue *c, uint32_t id, const struct posture_package *package)
{
	char key[KEY_MAX];
	if (id < c->limit || id > CATALOGUE_PACKAGES_MAX || !is_whole(package))
		return -EINVAL;
	const uint32_t hash = hash_of(c, key, make_key(package, key));
	(void)pthread_rwlock_wrlock(&c->lock);
	int r = has_room(c, cost_of(package)) ? 0 : -ENOSPC;
	for (; r == 0 && c->limit <= id; c->limit++) {
		reach(c, c->limit);
		if (c->limit == id)
			break;
		ARRAY_RESERVE_ONE(c->unused, c->n_unused, c->unused_capacity);
		c->unused[c->n_unused++] = c->limit;
	}
	if (r == 0) {
		c->limit = id + 1;
		use_entry(c, id, hash, package);
		entry_at(c, id)->is_stored = true;
	}
	(void)pthread_rwlock_unlock(&c->lock);
	return r;
}

/* ---- looking up ---- */

void catalogue_attach(struct posture_catalogue *c, struct posture *p)
{
	(void)pthread_rwlock_rdlock(&c->lock);
	p->catalogue = c;
	p->era = c->era;
	atomic_fetch_add(&c->attached[p->era & 1], 1);
	(void)pthread_rwlock_unlock(&c->lock);
}

void catalogue_detach(struct posture *p)
{
	if (p->catalogue)
		atomic_fetch_sub(&p->catalogue->attached[p->era & 1], 1);
	p->catalogue = NULL;
}

void catalogue_begin(struct posture_catalogue *c)
{
	(void)pthread_rwlock_rdlock(&c->lock);
}

void catalogue_end(struct posture_catalogue *c)
{
	(void)pthread_rwlock_unlock(&c->lock);
}

const struct posture_package *catalogue_find(struct posture_catalogue *c, const char *text, size_t length)
{
	const struct slots *s = &c->by_text;
	const uint32_t hash = hash_of(c, text, length);
	for (size_t at = hash & (s->size - 1); s->size && s->ids[at]; at = (at + 1) & (s->size - 1)) {
		struct entry *e = entry_at(c, s->ids[at]);
		if (s->hashes[at] == hash && e->text_length == length && memcmp(e->text, text, length) == 0)
			return give(e);
	}
	return NULL;
}

/* ---- the loop's thread ---- */

const struct posture_package *catalogue_package(const struct posture_catalogue *c, uint32_t id)
{
	if (id == 0 || id > CATALOGUE_PACKAGES_MAX || !c->chunks[id / CHUNK])
		return NULL;
	const struct entry *e = entry_at(c, id);
	return e->package.type ? &e->package : NULL;
}

uint32_t catalogue_limit(struct posture_catalogue *c)
{
	(void)pthread_rwlock_rdlock(&c->lock);
	const uint32_t limit = c->limit;
	(void)pthread_rwlock_unlock(&c->lock);
	return limit;
}

void catalogue_refer(struct posture_catalogue *c, uint32_t id)
{
	c->referred += entry_at(c, id)->references++ == 0;
}

void catalogue_drop(struct posture_catalogue *c, uint32_t id)
{
	c->referred -= --entry_at(c, id)->references == 0;
}

bool catalogue_is_stored(const struct posture_catalogue *c, uint32_t id)
{
	return entry_at(c, id)->is_stored;
}

void catalogue_set_stored(struct posture_catalogue *c, uint32_t id, bool is_stored)
{
	entry_at(c, id)->is_stored = is_stored;
}

struct catalogue_size catalogue_size(struct posture_catalogue *c)
{
	(void)pthread_rwlock_rdlock(&c->lock);
	const struct catalogue_size size = { c->packages, c->referred, c->bytes, atomic_load(&c->refused) };
	(void)pthread_rwlock_unlock(&c->lock);
	return size;
}

/* ---- collecting ---- */

static bool is_wanted(const struct posture_catalogue *c)
{
	const size_t unused = c->packages - c->referred;
	return unused > CATALOGUE_UNUSED_MAX + c->referred ||
	        (unused &&
	                (c->packages > CATALOGUE_PACKAGES_MAX / 4 * 3 ||
	                        c->bytes > CATALOGUE_BYTES_MAX / 4 * 3));
}

static void take_out(struct posture_catalogue *c, struct entry *e)
{
	slots_remove(&c->by_package, e->hash, e->package.id);
	if (e->text)
		slots_remove(&c->by_text, e->text_hash, e->package.id);
	c->packages--;
	c->bytes -= e->bytes;
	ARRAY_RESERVE_ONE(c->unused, c->n_unused, c->unused_capacity);
	c->unused[c->n_unused++] = e->package.id;
	free((char *)e->package.type);
	free(e->text);
	*e = (struct entry){ 0 };
}

/* Nobody has what is still doomed: who was attached when it was doomed has gone, and who came later and
 * looked it up has taken the doom back. */
static void take_out_doomed(
        struct posture_catalogue *c, void (*gone)(uint32_t id, bool was_stored, void *context), void *context)
{
	size_t n = 0;
	for (; c->doomed_at < c->limit && n < CATALOGUE_COLLECTED_MAX; c->doomed_at++) {
		struct entry *e = entry_at(c, c->doomed_at);
		if (!e->package.type || !atomic_load(&e->is_doomed))
			continue;
		atomic_store(&e->is_doomed, false);
		if (e->references)
			continue;
		if (gone)
			gone(c->doomed_at, e->is_stored, context);
		take_out(c, e);
		n++;
	}
	if (c->doomed_at == c->limit)
		c->doomed_at = 0;
}

static void doom(struct posture_catalogue *c)
{
	for (uint32_t id = 1; id < c->limit; id++) {
		struct entry *e = entry_at(c, id);
		if (e->package.type && e->references == 0)
			atomic_store(&e->is_doomed, true);
	}
	c->era++;
	c->doomed_at = 1;
}

void catalogue_collect(
        struct posture_catalogue *c, void (*gone)(uint32_t id, bool was_stored, void *context), void *context)
{
	(void)pthread_rwlock_wrlock(&c->lock);
	if (atomic_load(&c->attached[(c->era + 1) & 1]) > 0) {
		/* the era before is not over */
	} else if (c->doomed_at) {
		take_out_doomed(c, gone, context);
	} else if (is_wanted(c)) {
		doom(c);
	}
	(void)pthread_rwlock_unlock(&c->lock);
}
