/* SPDX-License-Identifier: ISC */
#include "server/reverse.h"

#include "base/table.h"
#include "server/site.h"
#include "vuln/ecosystem.h"

#include <string.h>

#define LOG_ENTRIES (1u << 18)
#define NOBODY UINT32_MAX
#define GONE 0x80000000u /* in the log: the node has it no more */

/* Most packages of a large site that are not on many nodes are on one. */
struct node_set {
	roaring_bitmap_t *many; /* NULL: none, or one */
	uint32_t one;
	bool named; /* its names are known */
};

struct log_entry {
	uint32_t id, node;
};

struct name_entry {
	uint32_t *ids;
	size_t n, capacity;
};

struct reverse {
	struct posture_catalogue *catalogue;
	struct node_set *sets; /* by id */
	size_t n_sets;
	struct table *names; /* site_package_key() -> struct name_entry */
	struct log_entry *log, *other;
	size_t n_log;
};

struct reverse *reverse_new(struct posture_catalogue *catalogue)
{
	struct reverse *r = xcalloc(1, sizeof(*r));
	r->catalogue = catalogue;
	r->names = table_new();
	r->log = xcalloc(LOG_ENTRIES, sizeof(*r->log));
	r->other = xcalloc(LOG_ENTRIES, sizeof(*r->other));
	return r;
}

static void free_name(void *p)
{
	struct name_entry *e = p;
	free(e->ids);
	free(e);
}

struct reverse *reverse_free(struct reverse *r)
{
	if (!r)
		return NULL;
	for (size_t i = 0; i < r->n_sets; i++)
		if (r->sets[i].many)
			roaring_bitmap_free(r->sets[i].many);
	free(r->sets);
	table_free(r->names, free_name);
	free(r->log);
	free(r->other);
	free(r);
	return NULL;
}

/* ---- names ---- */

static void name_add(struct reverse *r, uint32_t key, uint32_t id)
{
	struct name_entry *e = table_get(r->names, &key, sizeof(key));
	if (!e) {
		e = xcalloc(1, sizeof(*e));
		table_set(r->names, &key, sizeof(key), e);
	}
	if (e->n && e->ids[e->n - 1] == id) /* two of its names have one key */
		return;
	ARRAY_RESERVE_ONE(e->ids, e->n, e->capacity);
	e->ids[e->n++] = id;
}

static void name_remove(struct reverse *r, uint32_t key, uint32_t id)
{
	struct name_entry *e = table_get(r->names, &key, sizeof(key));
	size_t n = 0;
	for (size_t i = 0; e && i < e->n; i++)
		if (e->ids[i] != id)
			e->ids[n++] = e->ids[i];
	if (!e)
		return;
	e->n = n;
	if (n == 0)
		free_name(table_remove(r->names, &key, sizeof(key)));
}

/* linux-signed-amd64 and its like are built from linux; their advisories say linux. */
static bool is_kernel(const struct posture_package *p)
{
	return strncmp(p->source, "linux-signed", strlen("linux-signed")) == 0 ||
	        strncmp(p->name, "linux-image-", strlen("linux-image-")) == 0;
}

/* What else only signs another source: grub2, shim and fwupd. Which distribution it is of is the node's
 * affair, so it has the names of both. */
static void each_signed(struct reverse *r, uint32_t id, const struct posture_package *p,
        void (*fn)(struct reverse *r, uint32_t key, uint32_t id))
{
	static const char *const kin[] = { "Debian:", "Ubuntu:" };
	NOT_CLEARED struct source_alias alias;
	for (size_t i = 0; i < ARRAY_LENGTH(kin); i++)
		if (ecosystem_signed_source(kin[i], p, &alias) > 0)
			fn(r, site_package_key(alias.name), id);
}

static void each_name(
        struct reverse *r, uint32_t id, void (*fn)(struct reverse *r, uint32_t key, uint32_t id))
{
	const struct posture_package *p = catalogue_package(r->catalogue, id);
	if (!p)
		return;
	fn(r, site_package_key(p->name), id);
	if (p->source && strcmp(p->source, p->name) != 0)
		fn(r, site_package_key(p->source), id);
	if (p->source && is_kernel(p))
		fn(r, site_package_key("linux"), id);
	if (p->source)
		each_signed(r, id, p, fn);
}

/* ---- sets ---- */

static struct node_set *set_of(struct reverse *r, uint32_t id)
{
	if (id >= r->n_sets) {
		size_t n = MAX((size_t)id + 1, r->n_sets * 2);
		r->sets = xrealloc_array(r->sets, n, sizeof(*r->sets));
		for (size_t i = r->n_sets; i < n; i++)
			r->sets[i] = (struct node_set){ .one = NOBODY };
		r->n_sets = n;
	}
	return &r->sets[id];
}

/* Ascending where the log was, so that the last container is found at once. */
static void set_add(struct node_set *s, const uint32_t *nodes, size_t n)
{
	if (!s->many && (s->one == NOBODY || s->one == nodes[0]) && n == 1) {
		s->one = nodes[0];
		return;
	}
	if (!s->many) {
		s->many = roaring_bitmap_create();
		if (!s->many)
			abort();
		if (s->one != NOBODY)
			roaring_bitmap_add(s->many, s->one);
		s->one = NOBODY;
	}
	roaring_bitmap_add_many(s->many, n, nodes);
}

static void set_remove(struct node_set *s, uint32_t node)
{
	if (s->one == node)
		s->one = NOBODY;
	if (!s->many)
		return;
	roaring_bitmap_remove(s->many, node);
	if (roaring_bitmap_is_empty(s->many)) {
		roaring_bitmap_free(s->many);
		s->many = NULL;
	}
}

/* ---- the log ---- */

/* By id, stable: two digits of eleven bits hold every number of the catalogue. */
static void sort_log(struct reverse *r)
{
	_Static_assert(CATALOGUE_PACKAGES_MAX < 1u << 22, "two digits");
	enum { DIGIT = 11, VALUES = 1 << DIGIT };
	for (unsigned shift = 0; shift < 2 * DIGIT; shift += DIGIT) {
		uint32_t at[VALUES] = { 0 }, sum = 0;
		for (size_t i = 0; i < r->n_log; i++)
			at[r->log[i].id >> shift & (VALUES - 1)]++;
		for (size_t v = 0; v < VALUES; v++) {
			uint32_t count = at[v];
			at[v] = sum;
			sum += count;
		}
		for (size_t i = 0; i < r->n_log; i++)
			r->other[at[r->log[i].id >> shift & (VALUES - 1)]++] = r->log[i];
		struct log_entry *sorted = r->other;
		r->other = r->log;
		r->log = sorted;
	}
}

/* All that the log says of one package, in order. */
static void apply(struct reverse *r, const struct log_entry *e, size_t n, uint32_t *nodes)
{
	struct node_set *s = set_of(r, e->id);
	size_t n_added = 0;
	if (!s->named)
		each_name(r, e->id, name_add);
	s->named = true;
	for (size_t i = 0; i < n; i++) {
		if (!(e[i].node & GONE)) {
			nodes[n_added++] = e[i].node;
			continue;
		}
		if (n_added)
			set_add(s, nodes, n_added);
		n_added = 0;
		set_remove(s, e[i].node & ~GONE);
	}
	if (n_added)
		set_add(s, nodes, n_added);
}

static void merge(struct reverse *r)
{
	if (r->n_log == 0)
		return;
	uint32_t *nodes FREE_ON_EXIT = xmalloc(r->n_log * sizeof(*nodes));
	sort_log(r);
	for (size_t at = 0, n; at < r->n_log; at += n) {
		for (n = 1; at + n < r->n_log && r->log[at + n].id == r->log[at].id;)
			n++;
		apply(r, r->log + at, n, nodes);
	}
	r->n_log = 0;
}

static void note(struct reverse *r, uint32_t id, uint32_t node)
{
	if (r->n_log == LOG_ENTRIES)
		merge(r);
	r->log[r->n_log++] = (struct log_entry){ id, node };
}

void reverse_add(struct reverse *r, uint32_t id, uint32_t node)
{
	note(r, id, node);
}

void reverse_remove(struct reverse *r, uint32_t id, uint32_t node)
{
	note(r, id, node | GONE);
}

void reverse_forget(struct reverse *r, uint32_t id)
{
	merge(r);
	if (id >= r->n_sets)
		return;
	if (r->sets[id].named)
		each_name(r, id, name_remove);
	if (r->sets[id].many)
		roaring_bitmap_free(r->sets[id].many);
	r->sets[id] = (struct node_set){ .one = NOBODY };
}

/* ---- questions ---- */

size_t reverse_packages_of(struct reverse *r, const char *name, const uint32_t **ret_ids)
{
	const uint32_t key = site_package_key(name);
	merge(r);
	const struct name_entry *e = table_get(r->names, &key, sizeof(key));
	*ret_ids = e ? e->ids : NULL;
	return e ? e->n : 0;
}

void reverse_add_nodes(struct reverse *r, uint32_t id, roaring_bitmap_t *to)
{
	merge(r);
	if (id >= r->n_sets)
		return;
	if (r->sets[id].one != NOBODY)
		roaring_bitmap_add(to, r->sets[id].one);
	if (r->sets[id].many)
		roaring_bitmap_or_inplace(to, r->sets[id].many);
}

struct reverse_size reverse_size(struct reverse *r)
{
	struct reverse_size size = { .names = table_count(r->names),
		.bytes = r->n_sets * sizeof(*r->sets) + (size_t)2 * LOG_ENTRIES * sizeof(*r->log) };
	merge(r);
	for (size_t i = 0; i < r->n_sets; i++) {
		size.packages += r->sets[i].named;
		if (r->sets[i].many)
			size.bytes +=
			        sizeof(roaring_bitmap_t) + roaring_bitmap_size_in_bytes(r->sets[i].many);
	}
	return size;
}
