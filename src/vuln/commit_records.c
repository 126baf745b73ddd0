/* SPDX-License-Identifier: ISC */
/* The records of an update, and which others change with them. */
#include "vuln/alias.h"

#include <errno.h>

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
static unsigned events_of(struct commit *c, const struct rewrite *w, const struct record *old)
{
	struct record new;
	if (!w->new || record_read(w->new, w->new_length, &new) < 0)
		return VULN_REMOVED;
	unsigned events = VULN_MODIFIED;
	if (new.withdrawn != old->withdrawn)
		events |= new.withdrawn ? VULN_WITHDRAWN : VULN_RESTORED;
	if (!list_is_same(new.aliases, old->aliases))
		events |= VULN_ALIASED;
	if (w->old_group && strcmp(w->old_group, alias_group(c, new.id, new.source)) != 0)
		events |= VULN_MERGED;
	return events;
}

static void count_events(struct vuln_update_result *result, unsigned events)
{
	result->records_new += events == 0;
	result->records_modified += (events & VULN_MODIFIED) != 0;
	result->records_withdrawn += (events & VULN_WITHDRAWN) != 0;
	result->records_restored += (events & VULN_RESTORED) != 0;
	result->records_aliased += (events & VULN_ALIASED) != 0;
	result->records_merged += (events & VULN_MERGED) != 0;
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
		commit_note_added(c, key);
		return 0;
	}
	struct vuln_form form = { .events = events_of(c, w, &old),
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

static bool is_same(const MDB_val *value, const uint8_t *bytes, size_t length)
{
	return value->mv_size == length && memcmp(value->mv_data, bytes, length) == 0;
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
		if (!commit_is_replaced(u, id + n + 1, k.mv_size - n - 1) ||
		        update_keeps(u, id + n + 1, k.mv_size - n - 1, id))
			continue;
		struct update_pending *gone = xcalloc(1, sizeof(*gone));
		table_set(u->pending, id, k.mv_size, gone);
	}
	mdb_cursor_close(cursor);
	return r == MDB_NOTFOUND ? 0 : r;
}

/* Notes a record that changes, as it is and as it is to be. */
static int collect_record(
        struct commit *c, const char *key, size_t key_length, const struct update_pending *p)
{
	MDB_val k = index_val(key, key_length), v, text = { 0 };
	int r = mdb_get(c->txn, c->index->records, &k, &v);
	if (r && r != MDB_NOTFOUND)
		return r;
	bool had = r == 0;
	r = had ? mdb_get(c->txn, c->index->texts, &k, &text) : 0;
	if (r)
		return r;
	if (had ? is_same(&v, p->bytes, p->length) && is_same(&text, p->bytes + p->length, p->text_length)
	        : p->length == 0)
		return 0;
	struct rewrite *rewrite = xcalloc(1, sizeof(*rewrite));
	rewrite->pending = p;
	if (had) {
		rewrite->old = xmemdup(v.mv_data, v.mv_size);
		rewrite->old_length = v.mv_size;
	}
	if (p->length) {
		rewrite->new = p->bytes;
		rewrite->new_length = p->length;
	}
	table_set(c->rewrites, key, key_length, rewrite);
	count_source(c, rewrite);
	return 0;
}

static int collect_records(struct commit *c)
{
	int r = add_removals(c);
	if (r)
		return r;
	TABLE_FOREACH(it, c->u->pending) {
		r = commit_goes_on(c);
		if (!r)
			r = collect_record(c, it.key, it.key_length, it.value);
		if (r)
			return r;
	}
	return 0;
}

/* Which ids are one may change with the aliases that a record names or named, and with its being there:
 * whatever hangs together with any of them before, and after. */
static int note_aliases(struct commit *c, struct rewrite *w, bool before)
{
	struct record old, next;
	bool was = w->old && record_read(w->old, w->old_length, &old) == 0;
	bool is = w->new_length && record_read(w->new, w->new_length, &next) == 0;
	if (was && is && list_is_same(old.aliases, next.aliases))
		return 0;
	int r = was ? alias_note_change(c, &old) : 0;
	if (!r && is)
		r = alias_note_change(c, &next);
	if (!r && was && before)
		w->old_group = xstrdup(alias_group(c, old.id, old.source));
	return r;
}

static int note_all_aliases(struct commit *c, bool before)
{
	alias_forget(c);
	TABLE_FOREACH(it, c->rewrites) {
		int r = commit_goes_on(c);
		if (!r)
			r = note_aliases(c, it.value, before);
		if (r)
			return r;
	}
	if (before)
		alias_forget(c);
	return 0;
}

static int store_records(struct commit *c)
{
	TABLE_FOREACH(it, c->rewrites) {
		const struct rewrite *w = it.value;
		MDB_val k = index_val(it.key, it.key_length), v = index_val(w->new, w->new_length);
		int r = commit_goes_on(c);
		if (!r)
			r = put_refs(c, it.key, it.key_length, w->old, w->old_length, false);
		if (!r)
			r = put_refs(c, it.key, it.key_length, w->new, w->new_length, true);
		if (!r)
			r = w->new ? mdb_put(c->txn, c->index->records, &k, &v, 0)
			           : mdb_del(c->txn, c->index->records, &k, NULL);
		if (r)
			return r;
	}
	return 0;
}

static int store_texts(struct commit *c)
{
	TABLE_FOREACH(it, c->rewrites) {
		const struct rewrite *w = it.value;
		MDB_val k = index_val(it.key, it.key_length);
		MDB_val v = index_val(w->pending->bytes + w->pending->length, w->pending->text_length);
		int r = commit_goes_on(c);
		if (!r)
			r = keep_form(c, &k, w);
		if (!r)
			r = w->new ? mdb_put(c->txn, c->index->texts, &k, &v, 0)
			           : mdb_del(c->txn, c->index->texts, &k, NULL);
		if (r)
			return r;
	}
	c->result.forms_pruned = c->history.pruned;
	return 0;
}

static void note_levels(struct commit *c)
{
	TABLE_FOREACH(it, c->sources) {
		uint32_t precedence = ((struct commit_source *)it.value)->s.v.precedence;
		size_t i = 0;
		while (i < c->n_levels && c->levels[i] != precedence)
			i++;
		if (i < c->n_levels)
			continue;
		ARRAY_RESERVE_ONE(c->levels, c->n_levels, c->levels_capacity);
		c->levels[c->n_levels++] = precedence;
	}
}

int commit_records(struct commit *c)
{
	int r = collect_records(c);
	note_levels(c);
	if (!r)
		r = note_all_aliases(c, true);
	if (!r)
		r = store_records(c);
	if (!r)
		r = note_all_aliases(c, false);
	return r ? r : store_texts(c);
}
