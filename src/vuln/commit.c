/* SPDX-License-Identifier: ISC */
/*
 * The transaction of an update. First the sources and the records with what refers to them, so that
 * severities, names and ranks can be looked up in the final state; then every package that a changed record
 * names, before or after, is written anew. A record whose severity changed takes along those that have theirs
 * from it, an alias those that are known by another name because of it, a source whose rank changed all that
 * it has.
 */
#include "vuln/built_from.h"

#include <errno.h>

#define PIECES_AT_ONCE 64 /* before it is asked whether somebody waits */

int commit_goes_on(struct commit *c)
{
	const struct vuln_update *u = c->u;
	if (!u->waits || ++c->pieces % PIECES_AT_ONCE)
		return 0;
	return u->waits(u->waits_context) ? EAGAIN : 0;
}

static void free_rewrite(void *rewrite_)
{
	struct rewrite *rewrite = rewrite_;
	free(rewrite->old);
	free(rewrite->own);
	free(rewrite->old_group);
	free(rewrite);
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
	const bool was_known = count != 0;
	count += (uint64_t)delta;
	c->scope_changed |= was_known != (count != 0);
	if (count == 0)
		return r == MDB_NOTFOUND ? 0 : mdb_del(c->txn, c->index->ecosystems, &k, NULL);
	v = index_val(&count, sizeof(count));
	return mdb_put(c->txn, c->index->ecosystems, &k, &v, 0);
}

/* What replaced sources covered goes, unless they say so again. */
static int drop_covers(struct commit *c)
{
	MDB_cursor *cursor;
	MDB_val k, v;
	int r = mdb_cursor_open(c->txn, c->index->ecosystems, &cursor);
	if (r)
		return r;
	while ((r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
		const char *key = k.mv_data;
		size_t n = strnlen(key, k.mv_size);
		if (n == k.mv_size || !commit_is_replaced(c->u, key + n + 1, k.mv_size - n - 1) ||
		        table_get(c->u->covered, key, k.mv_size))
			continue;
		c->scope_changed = true;
		r = mdb_cursor_del(cursor, 0);
		if (r)
			break;
	}
	mdb_cursor_close(cursor);
	return r == MDB_NOTFOUND ? 0 : r;
}

static int write_covers(struct commit *c)
{
	int r = drop_covers(c);
	TABLE_FOREACH(it, c->u->covered) {
		MDB_val k = index_val(it.key, it.key_length), v = index_val("", 0);
		int put = r ? r : mdb_put(c->txn, c->index->ecosystems, &k, &v, MDB_NOOVERWRITE);
		c->scope_changed |= put == 0;
		r = put == MDB_KEYEXIST ? 0 : put;
	}
	return r;
}

static int write_state(struct commit *c)
{
	MDB_val k = index_val("history", 7), v = index_val(&c->history, sizeof(c->history));
	int r = mdb_put(c->txn, c->index->meta, &k, &v, 0);
	k = index_val("state", 5);
	v = index_val(&c->state, sizeof(c->state));
	return r ? r : mdb_put(c->txn, c->index->meta, &k, &v, 0);
}

static int write_rest(struct commit *c)
{
	int r = 0;
	TABLE_FOREACH(it, c->ecosystem_deltas)
		if (!r)
			r = write_ecosystem(c, it.key, it.key_length, *(int64_t *)it.value);
	if (!r)
		r = write_covers(c);
	if (c->result.records_put + c->result.records_removed + c->result.keys_changed > 0 ||
	        c->scope_changed) {
		c->state.generation++;
		c->state.updated = c->now;
		if (!r)
			r = commit_write_journal(c, c->scope_changed);
		if (!r)
			r = commit_write_added(c);
	}
	if (!r)
		r = commit_write_sources(c);
	return r ? r : write_state(c);
}

static int run_within(struct commit *c)
{
	int r = index_read_state(c->index, c->txn, &c->state);
	if (!r)
		r = history_read_state(c->index, c->txn, &c->history);
	if (!r)
		r = commit_read_sources(c);
	if (!r)
		r = commit_records(c);
	if (!r)
		r = commit_dependents(c);
	if (!r)
		r = commit_packages(c);
	if (!r)
		r = commit_built(c);
	return r ? r : write_rest(c);
}

int update_run(struct vuln_update *u, time_ms now, struct writer *changed, struct vuln_update_result *ret)
{
	struct commit c = { .u = u, .index = &u->index, .changed = changed, .now = now };
	c.keys = wr_make(UINT32_MAX);
	c.rule = wr_make(RECORD_MAX);
	c.fresh = wr_make(UINT32_MAX);
	c.value = wr_make(UINT32_MAX);
	int r = mdb_txn_begin(u->index.env, NULL, 0, &c.txn);
	if (r)
		return r;
	c.sources = table_new();
	c.rewrites = table_new();
	c.groups = table_new();
	c.regroup = table_new();
	c.ecosystem_deltas = table_new();
	r = run_within(&c);
	if (r)
		mdb_txn_abort(c.txn);
	else
		r = mdb_txn_commit(c.txn);
	c.result.generation = c.state.generation;
	*ret = c.result;
	table_free(c.sources, commit_free_source);
	table_free(c.rewrites, free_rewrite);
	table_free(c.groups, free);
	table_free(c.regroup, NULL);
	table_free(c.ecosystem_deltas, free);
	settle_clear(&c.settle);
	wr_free(&c.added);
	wr_free(&c.keys);
	wr_free(&c.rule);
	wr_free(&c.fresh);
	wr_free(&c.value);
	free(c.levels);
	free(c.touches);
	free(c.entries);
	free(c.same);
	return r;
}
