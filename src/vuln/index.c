/* SPDX-License-Identifier: ISC */
#include "vuln/index_private.h"

int vuln_index_open(const char *dir, struct vuln_index **ret, struct error *err)
{
	struct vuln_index *index = xcalloc(1, sizeof(*index));
	int r = index_env_open(dir, false, &index->e, err);
	if (r < 0) {
		free(index);
		return r;
	}
	index->dir = xstrdup(dir);
	*ret = index;
	return 0;
}

struct vuln_index *vuln_index_close(struct vuln_index *index)
{
	if (!index)
		return NULL;
	if (index->txn)
		mdb_txn_abort(index->txn);
	index_env_close(&index->e);
	free(index->dir);
	free(index);
	return NULL;
}

int index_begin(struct vuln_index *index)
{
	for (int tries = 0; tries < 2; tries++) {
		int r = index->txn ? mdb_txn_renew(index->txn)
		                   : mdb_txn_begin(index->e.env, NULL, MDB_RDONLY, &index->txn);
		if (r != MDB_MAP_RESIZED)
			return r;
		/* The writer made the file larger than this process has mapped. */
		if (index->txn)
			mdb_txn_abort(index->txn);
		index->txn = NULL;
		r = mdb_env_set_mapsize(index->e.env, 0);
		if (r)
			return r;
	}
	return MDB_MAP_RESIZED;
}

void index_end(struct vuln_index *index)
{
	if (index->txn)
		mdb_txn_reset(index->txn);
}

int index_begin_cursor(struct vuln_index *index, MDB_dbi db, MDB_cursor **ret, struct error *err)
{
	int code = index_begin(index);
	if (code)
		return index_error(err, index->dir, code);
	code = mdb_cursor_open(index->txn, db, ret);
	if (code == 0)
		return 0;
	index_end(index);
	return index_error(err, index->dir, code);
}

void index_end_cursor(struct vuln_index *index, MDB_cursor *cursor)
{
	mdb_cursor_close(cursor);
	index_end(index);
}

static struct index_state read_state(struct vuln_index *index)
{
	struct index_state state = { 0 };
	if (index_begin(index) == 0) {
		if (index_read_state(&index->e, index->txn, &state))
			memset(&state, 0, sizeof(state));
		index_end(index);
	}
	return state;
}

uint64_t vuln_index_generation(struct vuln_index *index)
{
	return read_state(index).generation;
}

time_ms vuln_index_updated(struct vuln_index *index)
{
	return read_state(index).updated;
}

size_t vuln_index_count(struct vuln_index *index)
{
	return read_state(index).count;
}
