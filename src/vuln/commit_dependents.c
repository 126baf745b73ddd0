/* SPDX-License-Identifier: ISC */
/* Which records change with those of an update, and how severe their packages' entries are. */
#include "vuln/commit.h"

#include <errno.h>

enum vuln_severity commit_severity_for_others(const uint8_t *bytes, size_t length)
{
	struct record record;
	return bytes && record_read(bytes, length, &record) == 0 ? record.offered : VULN_SEVERITY_UNKNOWN;
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
	rewrite->new = rewrite->own = xmemdup(v.mv_data, v.mv_size);
	rewrite->old_length = rewrite->new_length = v.mv_size;
	table_set(ret, k.mv_data, k.mv_size, rewrite);
	return 0;
}

static void take_found(struct commit *c, struct table *found)
{
	TABLE_FOREACH(it, found)
		table_set(c->rewrites, it.key, it.key_length, it.value);
	table_free(found, NULL);
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
		MDB_val record_key = index_val((const char *)v.mv_data + 1, v.mv_size - 1);
		r = add_dependent(c, ret, &record_key);
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
		if (commit_severity_for_others(w->old, w->old_length) !=
		        commit_severity_for_others(w->new, w->new_length))
			r = add_dependents_of(c, found, it.key);
		if (r)
			break;
	}
	take_found(c, found);
	return r;
}

/* The severity that the source which stands gives to this id. */
static enum vuln_severity severity_of_id(struct commit *c, const char *id)
{
	enum vuln_severity best = VULN_SEVERITY_UNKNOWN;
	const struct vuln_source *best_source = NULL;
	MDB_cursor *cursor;
	size_t n = strlen(id) + 1; /* the NUL ends the id in a record key */
	MDB_val k = index_val(id, n), v;
	if (mdb_cursor_open(c->txn, c->index->records, &cursor))
		return best;
	for (int r = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	        r == 0 && k.mv_size >= n && memcmp(k.mv_data, id, n) == 0;
	        r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		enum vuln_severity s = commit_severity_for_others(v.mv_data, v.mv_size);
		char *name FREE_ON_EXIT = xstrndup((const char *)k.mv_data + n, k.mv_size - n);
		const struct vuln_source *source = &commit_source(c, name)->s.v;
		bool stands = !best_source || source->precedence < best_source->precedence ||
		        (source->precedence == best_source->precedence && source->trust > best_source->trust);
		bool equal = best_source && source->precedence == best_source->precedence &&
		        source->trust == best_source->trust;
		if (!s || !(stands || (equal && s > best)))
			continue;
		best = s;
		best_source = source;
	}
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

enum vuln_severity commit_entry_severity(struct commit *c, struct rewrite *rewrite,
        const struct record *record, const struct record_affected *a)
{
	if (a->severity || record->severity)
		return a->severity ? a->severity : record->severity;
	if (!rewrite->refs_known)
		rewrite->from_refs = severity_from_refs(c, record);
	rewrite->refs_known = true;
	return rewrite->from_refs;
}

/* All that a source has whose rank changed. */
static int add_reranked(struct commit *c)
{
	MDB_cursor *cursor = NULL;
	MDB_val k, v;
	bool any = false;
	int r = 0;
	TABLE_FOREACH(it, c->sources)
		any = any || ((struct commit_source *)it.value)->rank_changed;
	if (!any)
		return 0;
	struct table *found = table_new();
	r = mdb_cursor_open(c->txn, c->index->records, &cursor);
	while (!r && (r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0)
		r = add_dependent(c, found, &k);
	if (cursor)
		mdb_cursor_close(cursor);
	take_found(c, found);
	return r == MDB_NOTFOUND ? 0 : r;
}

/* The records whose ids may be known by another name than before. */
static int add_regrouped(struct commit *c)
{
	struct table *found = table_new();
	MDB_cursor *cursor = NULL;
	int r = mdb_cursor_open(c->txn, c->index->records, &cursor);
	TABLE_FOREACH(it, c->regroup) {
		char *id FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		size_t n = it.key_length + 1; /* the NUL ends the id in a record key */
		MDB_val k = index_val(id, n), v;
		if (r)
			break;
		for (r = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
		        r == 0 && k.mv_size >= n && memcmp(k.mv_data, id, n) == 0;
		        r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
			r = add_dependent(c, found, &k);
			if (r)
				break;
		}
		r = r == MDB_NOTFOUND ? 0 : r;
	}
	if (cursor)
		mdb_cursor_close(cursor);
	take_found(c, found);
	return r;
}

int commit_dependents(struct commit *c)
{
	int r = add_dependents(c);
	if (!r)
		r = add_regrouped(c);
	return r ? r : add_reranked(c);
}
