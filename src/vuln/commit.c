/* SPDX-License-Identifier: ISC */
/*
 * The transaction of an update. First the records and what refers to them, so that severities can be looked
 * up in the final state; then every package that a changed record names, before or after, is written anew. A
 * record whose severity changed takes along those that have theirs from it.
 */
#include "vuln/update_private.h"

#include "vuln/package_entry.h"
#include "vuln/rule.h"

#include <errno.h>

/* A record whose entries are written anew: as it was (for the packages that it leaves) and as it is. */
struct rewrite {
	uint8_t *old, *new; /* heap */
	size_t old_length, new_length;
	enum vuln_severity from_refs;
	bool refs_known;
};

/* One package that one record names. */
struct touch {
	uint32_t key_at; /* in commit.keys */
	uint16_t key_length;
	bool adds;
	uint32_t serial;
	struct rewrite *rewrite;
	struct record_affected affected; /* where it adds */
};

struct commit {
	struct vuln_update *u;
	struct index_env *index;
	MDB_txn *txn;
	struct table *rewrites; /* record key -> struct rewrite */
	struct index_state state;
	struct writer keys;
	struct touch *touches;
	size_t n_touches, touches_capacity;
	const uint8_t **entries; /* of the package at hand */
	size_t n_entries, entries_capacity;
	struct writer rule, fresh, value;
	struct writer *changed;
	struct table *ecosystem_deltas; /* ecosystem key -> int64_t */
	struct vuln_update_result result;
};

static void free_rewrite(void *rewrite_)
{
	struct rewrite *rewrite = rewrite_;
	free(rewrite->old);
	free(rewrite->new);
	free(rewrite);
}

static enum vuln_severity severity_for_others(const uint8_t *bytes, size_t length)
{
	struct record record;
	return bytes && record_read(bytes, length, &record) == 0 ? record.offered : VULN_SEVERITY_UNKNOWN;
}

static int put_refs(
        struct commit *c, const char *key, size_t key_length, const uint8_t *bytes, size_t length, bool add)
{
	struct record record;
	if (!bytes || record_read(bytes, length, &record) < 0)
		return 0;
	struct reader lists[] = { record.aliases, record.related };
	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++)
		for (const char *name; (name = record_next_name(&lists[i]));) {
			MDB_val k = index_val(name, strlen(name)), v = index_val(key, key_length);
			int r = add ? mdb_put(c->txn, c->index->refs, &k, &v, MDB_NODUPDATA)
			            : mdb_del(c->txn, c->index->refs, &k, &v);
			if (r && r != MDB_KEYEXIST && r != MDB_NOTFOUND)
				return r;
		}
	return 0;
}

static bool counts_as_live(const uint8_t *bytes, size_t length)
{
	struct record record;
	return bytes && record_read(bytes, length, &record) == 0 && !record.withdrawn;
}

static int apply_record(struct commit *c, const char *key, size_t key_length, const struct update_pending *p)
{
	MDB_val k = index_val(key, key_length), v;
	int r = mdb_get(c->txn, c->index->records, &k, &v);
	if (r && r != MDB_NOTFOUND)
		return r;
	bool had = r == 0;
	if (had ? v.mv_size == p->length && memcmp(v.mv_data, p->record, p->length) == 0 : p->length == 0)
		return 0;
	struct rewrite *rewrite = xcalloc(1, sizeof(*rewrite));
	if (had) {
		rewrite->old = xmemdup(v.mv_data, v.mv_size);
		rewrite->old_length = v.mv_size;
	}
	if (p->length) {
		rewrite->new = xmemdup(p->record, p->length);
		rewrite->new_length = p->length;
	}
	table_set(c->rewrites, key, key_length, rewrite);
	c->state.count += counts_as_live(rewrite->new, rewrite->new_length);
	c->state.count -= counts_as_live(rewrite->old, rewrite->old_length);
	c->result.records_put += p->length > 0;
	c->result.records_removed += p->length == 0;
	r = put_refs(c, key, key_length, rewrite->old, rewrite->old_length, false);
	if (!r)
		r = put_refs(c, key, key_length, rewrite->new, rewrite->new_length, true);
	if (r)
		return r;
	v = index_val(p->record, p->length);
	return p->length ? mdb_put(c->txn, c->index->records, &k, &v, 0)
	                 : mdb_del(c->txn, c->index->records, &k, NULL);
}

static bool is_replaced(const struct vuln_update *u, const char *source, size_t length)
{
	return u->replace_all || table_get(u->replaced, source, length);
}

/* Records of replaced sources that this update does not put become removals. */
static int add_removals(struct commit *c)
{
	struct vuln_update *u = c->u;
	if (!u->replace_all && table_count(u->replaced) == 0)
		return 0;
	MDB_cursor *cursor;
	MDB_val k, v;
	int r = mdb_cursor_open(c->txn, c->index->records, &cursor);
	if (r)
		return r;
	while ((r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
		const char *id = k.mv_data;
		size_t n = strnlen(id, k.mv_size);
		if (n == k.mv_size || table_get(u->pending, id, k.mv_size))
			continue;
		if (!is_replaced(u, id + n + 1, k.mv_size - n - 1))
			continue;
		struct update_pending *gone = xcalloc(1, sizeof(*gone));
		table_set(u->pending, id, k.mv_size, gone);
	}
	mdb_cursor_close(cursor);
	return r == MDB_NOTFOUND ? 0 : r;
}

static int apply_records(struct commit *c)
{
	int r = add_removals(c);
	if (r)
		return r;
	TABLE_FOREACH(it, c->u->pending) {
		r = apply_record(c, it.key, it.key_length, it.value);
		if (r)
			return r;
	}
	return 0;
}

/* A record that refers to one whose severity changed: its packages are written anew. */
static int add_dependent(struct commit *c, struct table *ret, const MDB_val *record_key)
{
	MDB_val k = *record_key, v;
	if (table_get(c->rewrites, k.mv_data, k.mv_size) || table_get(ret, k.mv_data, k.mv_size))
		return 0;
	int r = mdb_get(c->txn, c->index->records, &k, &v);
	if (r)
		return r == MDB_NOTFOUND ? 0 : r;
	struct rewrite *rewrite = xcalloc(1, sizeof(*rewrite));
	rewrite->old = xmemdup(v.mv_data, v.mv_size);
	rewrite->new = xmemdup(v.mv_data, v.mv_size);
	rewrite->old_length = rewrite->new_length = v.mv_size;
	table_set(ret, k.mv_data, k.mv_size, rewrite);
	return 0;
}

static int add_dependents_of(struct commit *c, struct table *ret, const char *id)
{
	MDB_cursor *cursor;
	MDB_val k = index_val(id, strlen(id)), v;
	int r = mdb_cursor_open(c->txn, c->index->refs, &cursor);
	if (r)
		return r;
	for (r = mdb_cursor_get(cursor, &k, &v, MDB_SET); r == 0;
	        r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT_DUP)) {
		r = add_dependent(c, ret, &v);
		if (r)
			break;
	}
	mdb_cursor_close(cursor);
	return r == MDB_NOTFOUND ? 0 : r;
}

static int add_dependents(struct commit *c)
{
	struct table *found = table_new();
	int r = 0;
	TABLE_FOREACH(it, c->rewrites) {
		const struct rewrite *w = it.value;
		if (severity_for_others(w->old, w->old_length) != severity_for_others(w->new, w->new_length))
			r = add_dependents_of(c, found, it.key);
		if (r)
			break;
	}
	TABLE_FOREACH(it, found)
		table_set(c->rewrites, it.key, it.key_length, it.value);
	table_free(found, NULL);
	return r;
}

/* The highest severity that any source gives to this id. */
static enum vuln_severity severity_of_id(struct commit *c, const char *id)
{
	enum vuln_severity best = VULN_SEVERITY_UNKNOWN;
	MDB_cursor *cursor;
	size_t n = strlen(id) + 1; /* the NUL ends the id in a record key */
	MDB_val k = index_val(id, n), v;
	if (mdb_cursor_open(c->txn, c->index->records, &cursor))
		return best;
	for (int r = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	        r == 0 && k.mv_size >= n && memcmp(k.mv_data, id, n) == 0;
	        r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT))
		best = MAX(best, severity_for_others(v.mv_data, v.mv_size));
	mdb_cursor_close(cursor);
	return best;
}

/* Aliases are the same vulnerability: what any of them says counts. Related ones are several (an update's
 * CVEs): the highest counts, unless one of them is unknown and might be higher. */
static enum vuln_severity severity_from_refs(struct commit *c, const struct record *record)
{
	struct reader aliases = record->aliases, related = record->related;
	enum vuln_severity best = VULN_SEVERITY_UNKNOWN;
	bool any_unknown = false;
	for (const char *name; (name = record_next_name(&aliases));)
		best = MAX(best, severity_of_id(c, name));
	if (best)
		return best;
	for (const char *name; (name = record_next_name(&related));) {
		if (strncmp(name, "CVE-", 4) != 0)
			continue;
		enum vuln_severity s = severity_of_id(c, name);
		any_unknown = any_unknown || !s;
		best = MAX(best, s);
	}
	return any_unknown && best < VULN_SEVERITY_HIGH ? VULN_SEVERITY_UNKNOWN : best;
}

static enum vuln_severity severity_of_entry(struct commit *c, struct rewrite *rewrite,
        const struct record *record, const struct record_affected *a)
{
	if (a->severity || record->severity)
		return a->severity ? a->severity : record->severity;
	if (!rewrite->refs_known)
		rewrite->from_refs = severity_from_refs(c, record);
	rewrite->refs_known = true;
	return rewrite->from_refs;
}

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

/* Entries of records that are not written anew stay. */
static size_t keep_entries(struct commit *c, const MDB_val *value)
{
	struct package_entry entry;
	char key[INDEX_KEY_MAX];
	size_t n = 0;
	for (size_t at = PACKAGE_ENTRIES_AT; at < value->mv_size; at += entry.head.size, n++) {
		if (!package_entry_read((const uint8_t *)value->mv_data + at, value->mv_size - at, &entry))
			break;
		size_t key_length = index_record_key(key, entry.id, entry.source);
		if (!table_get(c->rewrites, key, key_length))
			add_entry(c, entry.at);
	}
	return n;
}

/* The entry of one record for the package at hand, which it may name n times (one a repository or module):
 * then the rules become one, so that a package has at most one match from a record. */
static int write_entry(struct commit *c, const struct touch *touches, size_t n)
{
	struct rewrite *rewrite = touches[0].rewrite;
	struct record record;
	struct record_affected merged = touches[0].affected;
	if (record_read(rewrite->new, rewrite->new_length, &record) < 0)
		return MDB_CORRUPTED;
	enum vuln_severity severity = VULN_SEVERITY_UNKNOWN;
	wr_reset(&c->rule);
	for (size_t i = 0; i < n; i++)
		severity = MAX(severity, severity_of_entry(c, rewrite, &record, &touches[i].affected));
	if (n > 1) {
		size_t count_at = rule_merge_begin(&c->rule);
		for (size_t i = 0; i < n; i++)
			rule_merge_ranges(&c->rule, count_at, &touches[i].affected);
		count_at = rule_merge_versions_begin(&c->rule);
		for (size_t i = 0; i < n; i++)
			rule_merge_versions(&c->rule, count_at, &touches[i].affected);
		/* One record must not stop an update: too many rules for one package affect all its versions.
		 */
		merged.kind = wr_failed(&c->rule) ? RULE_ALWAYS : RULE_EVENTS;
		merged.fixed = "";
		merged.rule = c->rule.data;
		merged.rule_length = wr_failed(&c->rule) ? 0 : c->rule.length;
	}
	package_entry_write(&c->fresh, &record, &merged, severity);
	return wr_failed(&c->fresh) ? E2BIG : 0;
}

/* Writes the new entries of touches[0..n) into c->fresh; pointers are taken once it no longer grows. */
static int write_fresh(struct commit *c, const struct touch *touches, size_t n)
{
	wr_reset(&c->fresh);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && touches[end].adds == touches[i].adds &&
		        touches[end].rewrite == touches[i].rewrite;)
			end++;
		int r = touches[i].adds ? write_entry(c, touches + i, end - i) : 0;
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
	package_entries_write(&c->value, c->entries, c->n_entries);
	if (wr_failed(&c->value))
		return E2BIG;
	if (had && c->n_entries && old.mv_size == c->value.length &&
	        memcmp(old.mv_data, c->value.data, c->value.length) == 0)
		return 0;
	if (!had && !c->n_entries)
		return 0;
	add_delta(c, key, touches[0].key_length, (int64_t)c->n_entries - (int64_t)n_old);
	c->result.keys_changed++;
	wr_u16(c->changed, touches[0].key_length);
	wr_bytes(c->changed, key, touches[0].key_length);
	MDB_val value = index_val(c->value.data, c->value.length);
	return c->n_entries ? mdb_put(c->txn, c->index->packages, &k, &value, 0)
	                    : mdb_del(c->txn, c->index->packages, &k, NULL);
}

static int write_packages(struct commit *c)
{
	TABLE_FOREACH(it, c->rewrites) {
		struct rewrite *w = it.value;
		int r = add_touches(c, w, w->old, w->old_length, false);
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
		int r = write_package(c, first, end - i);
		if (r)
			return r;
	}
	return 0;
}

static int write_ecosystem(struct commit *c, const void *key, size_t key_length, int64_t delta)
{
	MDB_val k = index_val(key, key_length), v;
	uint64_t count = 0;
	int r = mdb_get(c->txn, c->index->ecosystems, &k, &v);
	if (r && r != MDB_NOTFOUND)
		return r;
	if (r == 0 && v.mv_size == sizeof(count))
		memcpy(&count, v.mv_data, sizeof(count));
	count += (uint64_t)delta;
	if (count == 0)
		return r == MDB_NOTFOUND ? 0 : mdb_del(c->txn, c->index->ecosystems, &k, NULL);
	v = index_val(&count, sizeof(count));
	return mdb_put(c->txn, c->index->ecosystems, &k, &v, 0);
}

/* What replaced sources covered goes, unless they say so again. */
static int write_covers(struct commit *c)
{
	MDB_cursor *cursor;
	MDB_val k, v;
	int r = mdb_cursor_open(c->txn, c->index->ecosystems, &cursor);
	if (r)
		return r;
	while ((r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
		const char *key = k.mv_data;
		size_t n = strnlen(key, k.mv_size);
		if (n < k.mv_size && is_replaced(c->u, key + n + 1, k.mv_size - n - 1))
			r = mdb_cursor_del(cursor, 0);
		if (r)
			break;
	}
	mdb_cursor_close(cursor);
	r = r == MDB_NOTFOUND ? 0 : r;
	TABLE_FOREACH(it, c->u->covered) {
		k = index_val(it.key, it.key_length);
		v = index_val("", 0);
		if (!r)
			r = mdb_put(c->txn, c->index->ecosystems, &k, &v, 0);
	}
	return r;
}

static int write_rest(struct commit *c, time_ms now)
{
	int r = 0;
	TABLE_FOREACH(it, c->ecosystem_deltas)
		if (!r)
			r = write_ecosystem(c, it.key, it.key_length, *(int64_t *)it.value);
	if (!r)
		r = write_covers(c);
	TABLE_FOREACH(it, c->u->marks) {
		MDB_val k = index_val(it.key, it.key_length), v = index_val(it.value, strlen(it.value));
		if (!r)
			r = mdb_put(c->txn, c->index->sources, &k, &v, 0);
	}
	/* A source that is replaced and not marked again is loaded anew next time. */
	TABLE_FOREACH(it, c->u->replaced) {
		MDB_val k = index_val(it.key, it.key_length);
		if (!r && !table_get(c->u->marks, it.key, it.key_length))
			r = mdb_del(c->txn, c->index->sources, &k, NULL);
		if (r == MDB_NOTFOUND)
			r = 0;
	}
	if (r || c->result.records_put + c->result.records_removed == 0)
		return r;
	c->state.generation++;
	c->state.updated = now;
	MDB_val k = index_val("state", 5), v = index_val(&c->state, sizeof(c->state));
	return mdb_put(c->txn, c->index->meta, &k, &v, 0);
}

static int run_within(struct commit *c, time_ms now)
{
	int r = index_read_state(c->index, c->txn, &c->state);
	if (!r)
		r = apply_records(c);
	if (!r)
		r = add_dependents(c);
	if (!r)
		r = write_packages(c);
	return r ? r : write_rest(c, now);
}

int update_run(struct vuln_update *u, time_ms now, struct writer *changed, struct vuln_update_result *ret)
{
	struct commit c = { .u = u, .index = &u->index, .changed = changed };
	c.keys = wr_make(UINT32_MAX);
	c.rule = wr_make(RECORD_MAX);
	c.fresh = wr_make(UINT32_MAX);
	c.value = wr_make(UINT32_MAX);
	int r = mdb_txn_begin(u->index.env, NULL, 0, &c.txn);
	if (r)
		return r;
	c.rewrites = table_new();
	c.ecosystem_deltas = table_new();
	r = run_within(&c, now);
	if (r)
		mdb_txn_abort(c.txn);
	else
		r = mdb_txn_commit(c.txn);
	c.result.generation = c.state.generation;
	*ret = c.result;
	table_free(c.rewrites, free_rewrite);
	table_free(c.ecosystem_deltas, free);
	wr_free(&c.keys);
	wr_free(&c.rule);
	wr_free(&c.fresh);
	wr_free(&c.value);
	free(c.touches);
	free(c.entries);
	return r;
}
