/* SPDX-License-Identifier: ISC */
/* The packages of an update: each that a record names that is written anew. */
#include "vuln/alias.h"
#include "vuln/rule.h"

#include <errno.h>

static int add_touches(
        struct commit *c, struct rewrite *rewrite, const uint8_t *bytes, size_t length, bool adds)
{
	struct record record;
	struct record_affected a;
	char key[INDEX_KEY_MAX];
	if (!bytes)
		return 0;
	if (record_read(bytes, length, &record) < 0)
		return MDB_CORRUPTED;
	while (!record.withdrawn && record_next_affected(&record.affected, &a)) {
		size_t n = index_package_key(
		        key, a.by_binary ? INDEX_BY_BINARY : INDEX_BY_ADVISORY, a.ecosystem, a.package);
		if (n == 0 || c->keys.length + n > UINT32_MAX || c->n_touches == UINT32_MAX)
			return E2BIG;
		ARRAY_RESERVE_ONE(c->touches, c->n_touches, c->touches_capacity);
		c->touches[c->n_touches] = (struct touch){ .key_at = (uint32_t)c->keys.length,
			.key_length = (uint16_t)n,
			.adds = adds,
			.serial = (uint32_t)c->n_touches,
			.rewrite = rewrite,
			.affected = a };
		c->n_touches++;
		wr_bytes(&c->keys, key, n);
	}
	return wr_failed(&c->keys) ? E2BIG : 0;
}

static int order_touches(const void *a_, const void *b_, void *keys_)
{
	const struct touch *a = a_, *b = b_;
	const uint8_t *keys = keys_;
	int order = version_key_order_bytes(keys + a->key_at, a->key_length, keys + b->key_at, b->key_length);
	return order ? order : (a->serial > b->serial) - (a->serial < b->serial);
}

static void add_entry(struct commit *c, const uint8_t *entry)
{
	ARRAY_RESERVE_ONE(c->entries, c->n_entries, c->entries_capacity);
	c->entries[c->n_entries++] = entry;
}

/* What a source knows of is known by what it calls affected, and not by what it excuses. */
static bool makes_known(const struct package_entry *entry)
{
	return entry->head.status == VULN_AFFECTED && !(entry->head.flags & ENTRY_PARTIAL);
}

static size_t count_known(const struct commit *c)
{
	struct package_entry entry;
	size_t n = 0;
	for (size_t i = 0; i < c->n_entries; i++)
		n += package_entry_read(c->entries[i], SIZE_MAX, &entry) && makes_known(&entry);
	return n;
}

/* Entries of records that are not written anew stay. Returns how many there were that make it known. */
static size_t keep_entries(struct commit *c, const MDB_val *value)
{
	struct package_entry entry;
	char key[INDEX_KEY_MAX];
	size_t n = 0;
	for (size_t at = PACKAGE_ENTRIES_AT; at < value->mv_size; at += entry.head.size) {
		if (!package_entry_read((const uint8_t *)value->mv_data + at, value->mv_size - at, &entry))
			break;
		n += makes_known(&entry);
		size_t key_length = index_record_key(key, entry.id, entry.source);
		if (!table_get(c->rewrites, key, key_length))
			add_entry(c, entry.at);
	}
	return n;
}

/* The entry of one record for the package at hand, which it may name n times (one a repository or module):
 * then the rules become one, so that a package has at most one match from a record. */
static int write_entry(struct commit *c, const struct touch *const *touches, size_t n)
{
	struct rewrite *rewrite = touches[0]->rewrite;
	struct record record;
	struct record_affected merged = touches[0]->affected;
	if (record_read(rewrite->new, rewrite->new_length, &record) < 0)
		return MDB_CORRUPTED;
	struct package_entry_terms terms = { .group = alias_group(c, record.id, record.source),
		.source = &commit_source(c, record.source)->s.v };
	wr_reset(&c->rule);
	for (size_t i = 0; i < n; i++)
		terms.severity = MAX(
		        terms.severity, commit_entry_severity(c, rewrite, &record, &touches[i]->affected));
	if (n > 1) {
		size_t count_at = rule_merge_begin(&c->rule);
		for (size_t i = 0; i < n; i++)
			rule_merge_ranges(&c->rule, count_at, &touches[i]->affected);
		count_at = rule_merge_versions_begin(&c->rule);
		for (size_t i = 0; i < n; i++)
			rule_merge_versions(&c->rule, count_at, &touches[i]->affected);
		/* One record must not stop an update: too many rules for one package affect all its versions,
		 * and excuse none. */
		if (wr_failed(&c->rule) && merged.status == VULN_NOT_AFFECTED)
			return 0;
		merged.kind = wr_failed(&c->rule) ? RULE_ALWAYS : RULE_EVENTS;
		merged.fixed = "";
		merged.rule = c->rule.data;
		merged.rule_length = wr_failed(&c->rule) ? 0 : c->rule.length;
	}
	package_entry_write(&c->fresh, &record, &merged, &terms);
	return wr_failed(&c->fresh) ? E2BIG : 0;
}

/* The same record's touches, what is affected apart from what is not. */
static int write_entries(struct commit *c, const struct touch *touches, size_t n)
{
	int r = 0;
	for (enum vuln_status status = VULN_AFFECTED; status <= VULN_NOT_AFFECTED && !r; status++) {
		c->n_same = 0;
		for (size_t i = 0; i < n; i++) {
			if (touches[i].affected.status != status)
				continue;
			ARRAY_RESERVE_ONE(c->same, c->n_same, c->same_capacity);
			c->same[c->n_same++] = &touches[i];
		}
		r = c->n_same ? write_entry(c, c->same, c->n_same) : 0;
	}
	return r;
}

/* Writes the new entries of touches[0..n) into c->fresh; pointers are taken once it no longer grows. */
static int write_fresh(struct commit *c, const struct touch *touches, size_t n)
{
	wr_reset(&c->fresh);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && touches[end].adds == touches[i].adds &&
		        touches[end].rewrite == touches[i].rewrite;)
			end++;
		int r = touches[i].adds ? write_entries(c, touches + i, end - i) : 0;
		if (r)
			return r;
	}
	struct package_entry entry;
	for (size_t at = 0; at < c->fresh.length; at += entry.head.size) {
		if (!package_entry_read(c->fresh.data + at, c->fresh.length - at, &entry))
			return MDB_CORRUPTED;
		add_entry(c, entry.at);
	}
	return 0;
}

static void add_delta(struct commit *c, const uint8_t *key, size_t key_length, int64_t delta)
{
	size_t n = strnlen((const char *)key, key_length);
	int64_t *sum = table_get(c->ecosystem_deltas, key, n);
	if (!sum) {
		sum = xcalloc(1, sizeof(*sum));
		table_set(c->ecosystem_deltas, key, n, sum);
	}
	*sum += delta;
}

static int write_package(struct commit *c, const struct touch *touches, size_t n)
{
	const uint8_t *key = c->keys.data + touches[0].key_at;
	MDB_val k = index_val(key, touches[0].key_length), old;
	int r = mdb_get(c->txn, c->index->packages, &k, &old);
	if (r && r != MDB_NOTFOUND)
		return r;
	bool had = r == 0;
	c->n_entries = 0;
	size_t n_old = had ? keep_entries(c, &old) : 0;
	r = write_fresh(c, touches, n);
	if (r)
		return r;
	wr_reset(&c->value);
	settle_entries(&c->settle, &c->value, c->entries, c->n_entries);
	if (wr_failed(&c->value))
		return E2BIG;
	if (had && c->n_entries && old.mv_size == c->value.length &&
	        memcmp(old.mv_data, c->value.data, c->value.length) == 0)
		return 0;
	if (!had && !c->n_entries)
		return 0;
	add_delta(c, key, touches[0].key_length, (int64_t)count_known(c) - (int64_t)n_old);
	c->result.keys_changed++;
	wr_u16(c->changed, touches[0].key_length);
	wr_bytes(c->changed, key, touches[0].key_length);
	MDB_val value = index_val(c->value.data, c->value.length);
	return c->n_entries ? mdb_put(c->txn, c->index->packages, &k, &value, 0)
	                    : mdb_del(c->txn, c->index->packages, &k, NULL);
}

int commit_packages(struct commit *c)
{
	TABLE_FOREACH(it, c->rewrites) {
		struct rewrite *w = it.value;
		int r = commit_goes_on(c);
		if (!r)
			r = add_touches(c, w, w->old, w->old_length, false);
		if (!r)
			r = add_touches(c, w, w->new, w->new_length, true);
		if (r)
			return r;
	}
	if (c->n_touches)
		qsort_r(c->touches, c->n_touches, sizeof(*c->touches), order_touches, c->keys.data);
	for (size_t i = 0, end; i < c->n_touches; i = end) {
		const struct touch *first = &c->touches[i];
		for (end = i + 1; end < c->n_touches; end++)
			if (c->touches[end].key_length != first->key_length ||
			        memcmp(c->keys.data + c->touches[end].key_at, c->keys.data + first->key_at,
			                first->key_length) != 0)
				break;
		int r = commit_goes_on(c);
		if (!r)
			r = write_package(c, first, end - i);
		if (r)
			return r;
	}
	return 0;
}
