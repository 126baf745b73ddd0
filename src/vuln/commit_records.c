/* SPDX-License-Identifier: ISC */
/* The records of an update, and which others change with them. */
#include "vuln/commit.h"

#include <errno.h>

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
	char value[INDEX_KEY_MAX + 1];
	memcpy(value + 1, key, key_length);
	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++)
		for (const char *name; (name = record_next_name(&lists[i]));) {
			MDB_val k = index_val(name, strlen(name)), v = index_val(value, key_length + 1);
			value[0] = (char)(i ? INDEX_RELATED : INDEX_ALIAS);
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

static bool list_is_same(struct reader a, struct reader b)
{
	return rd_left(&a) == rd_left(&b) && memcmp(a.at, b.at, rd_left(&a)) == 0;
}

/* What becomes of the form that the record had until now. */
static unsigned events_of(const struct rewrite *w, const struct record *old)
{
	struct record new;
	if (!w->new || record_read(w->new, w->new_length, &new) < 0)
		return VULN_REMOVED;
	unsigned events = VULN_MODIFIED;
	if (new.withdrawn != old->withdrawn)
		events |= new.withdrawn ? VULN_WITHDRAWN : VULN_RESTORED;
	if (!list_is_same(new.aliases, old->aliases))
		events |= VULN_ALIASED;
	return events;
}

static void count_events(struct vuln_update_result *result, unsigned events)
{
	result->records_new += events == 0;
	result->records_modified += (events & VULN_MODIFIED) != 0;
	result->records_withdrawn += (events & VULN_WITHDRAWN) != 0;
	result->records_restored += (events & VULN_RESTORED) != 0;
	result->records_aliased += (events & VULN_ALIASED) != 0;
	result->records_removed += (events & VULN_REMOVED) != 0;
	result->records_put += (events & VULN_REMOVED) == 0;
}

/* The form that goes is kept with what became of it. */
static int keep_form(struct commit *c, const MDB_val *key, const struct rewrite *w)
{
	struct record old;
	MDB_val frame;
	if (!w->old || record_read(w->old, w->old_length, &old) < 0) {
		count_events(&c->result, 0);
		return 0;
	}
	struct vuln_form form = { .events = events_of(w, &old),
		.when = c->now,
		.generation = c->state.generation + 1,
		.modified = old.modified };
	count_events(&c->result, form.events);
	int r = mdb_get(c->txn, c->index->texts, (MDB_val *)key, &frame);
	if (r)
		return r == MDB_NOTFOUND ? 0 : r;
	void *copy FREE_ON_EXIT = xmemdup(frame.mv_data, frame.mv_size);
	frame.mv_data = copy;
	return history_add(c->index, c->txn, &c->history, key, &form, &frame);
}

static void count_source(struct commit *c, const struct rewrite *w)
{
	struct record record;
	if (record_read(w->new ? w->new : w->old, w->new ? w->new_length : w->old_length, &record) < 0)
		return;
	struct commit_source *s = commit_source(c, record.source);
	s->changed = true;
	s->s.v.records += (w->new != NULL);
	s->s.v.records -= (w->old != NULL);
	if (w->new)
		s->s.v.newest = MAX(s->s.v.newest, record.modified);
	c->state.count += counts_as_live(w->new, w->new_length);
	c->state.count -= counts_as_live(w->old, w->old_length);
}

static int store_record(struct commit *c, MDB_val *key, const struct update_pending *p)
{
	MDB_val record = index_val(p->bytes, p->length),
	        text = index_val(p->bytes + p->length, p->text_length);
	if (p->length == 0) {
		int r = mdb_del(c->txn, c->index->texts, key, NULL);
		return r && r != MDB_NOTFOUND ? r : mdb_del(c->txn, c->index->records, key, NULL);
	}
	int r = mdb_put(c->txn, c->index->records, key, &record, 0);
	return r ? r : mdb_put(c->txn, c->index->texts, key, &text, 0);
}

static bool is_same(const MDB_val *value, const uint8_t *bytes, size_t length)
{
	return value->mv_size == length && memcmp(value->mv_data, bytes, length) == 0;
}

static int apply_record(struct commit *c, const char *key, size_t key_length, const struct update_pending *p)
{
	MDB_val k = index_val(key, key_length), v, text = { 0 };
	int r = mdb_get(c->txn, c->index->records, &k, &v);
	if (r && r != MDB_NOTFOUND)
		return r;
	bool had = r == 0;
	if (had && (r = mdb_get(c->txn, c->index->texts, &k, &text)) != 0)
		return r;
	if (had ? is_same(&v, p->bytes, p->length) && is_same(&text, p->bytes + p->length, p->text_length)
	        : p->length == 0)
		return 0;
	struct rewrite *rewrite = xcalloc(1, sizeof(*rewrite));
	if (had) {
		rewrite->old = xmemdup(v.mv_data, v.mv_size);
		rewrite->old_length = v.mv_size;
	}
	if (p->length) {
		rewrite->new = xmemdup(p->bytes, p->length);
		rewrite->new_length = p->length;
	}
	table_set(c->rewrites, key, key_length, rewrite);
	count_source(c, rewrite);
	r = keep_form(c, &k, rewrite);
	if (!r)
		r = put_refs(c, key, key_length, rewrite->old, rewrite->old_length, false);
	if (!r)
		r = put_refs(c, key, key_length, rewrite->new, rewrite->new_length, true);
	return r ? r : store_record(c, &k, p);
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
		if (!commit_is_replaced(u, id + n + 1, k.mv_size - n - 1))
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
		enum vuln_severity s = severity_for_others(v.mv_data, v.mv_size);
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
	MDB_cursor *cursor;
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
	if (r != MDB_NOTFOUND)
		return table_free(found, free), r;
	mdb_cursor_close(cursor);
	TABLE_FOREACH(it, found)
		table_set(c->rewrites, it.key, it.key_length, it.value);
	table_free(found, NULL);
	return 0;
}

const char *commit_group(struct commit *c, struct rewrite *rewrite, const struct record *record)
{
	return rewrite->group;
}

int commit_records(struct commit *c)
{
	int r = apply_records(c);
	if (!r)
		r = add_dependents(c);
	return r ? r : add_reranked(c);
}
