/* SPDX-License-Identifier: ISC */
#include "vuln/show.h"

#include "vuln/index_private.h"

#include <errno.h>
#include <stdio.h>

static int show_within(struct vuln_index *index, MDB_cursor *cursor, const char *id,
        int (*fn)(const struct record *r, void *context), void *context, struct error *err)
{
	size_t n = strlen(id) + 1, found = 0; /* the NUL ends the id in a record key */
	MDB_val key = index_val(id, n), value;
	int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	for (; code == 0 && key.mv_size >= n && memcmp(key.mv_data, id, n) == 0;
	        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
		struct record record;
		int r = record_read(value.mv_data, value.mv_size, &record);
		if (r < 0)
			return error_set(err, r, "the record of %s is not readable", id);
		r = fn(&record, context);
		if (r < 0)
			return r;
		found++;
	}
	if (code && code != MDB_NOTFOUND)
		return index_error(err, index->dir, code);
	return found ? 0 : error_set(err, -ENOENT, "no source has an advisory %.128s", id);
}

int vuln_index_show(struct vuln_index *index, const char *id,
        int (*fn)(const struct record *r, void *context), void *context, struct error *err)
{
	MDB_cursor *cursor;
	if (strlen(id) >= RECORD_ID_MAX)
		return error_set(err, -ENOENT, "no id is as long as that");
	int r = index_begin_cursor(index, index->e.records, &cursor, err);
	if (r < 0)
		return r;
	r = show_within(index, cursor, id, fn, context, err);
	index_end_cursor(index, cursor);
	return r;
}

static int each_within(struct vuln_index *index, MDB_cursor *cursor,
        int (*fn)(const struct record *r, void *context), void *context, struct error *err)
{
	MDB_val key, value;
	int code;
	while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		struct record record;
		int r = record_read(value.mv_data, value.mv_size, &record);
		if (r < 0)
			return error_set(err, r, "index %s: a record is not readable", index->dir);
		r = fn(&record, context);
		if (r < 0)
			return r;
	}
	return code == MDB_NOTFOUND ? 0 : index_error(err, index->dir, code);
}

int vuln_index_each_record(struct vuln_index *index, int (*fn)(const struct record *r, void *context),
        void *context, struct error *err)
{
	MDB_cursor *cursor;
	int r = index_begin_cursor(index, index->e.records, &cursor, err);
	if (r < 0)
		return r;
	r = each_within(index, cursor, fn, context, err);
	index_end_cursor(index, cursor);
	return r;
}

/* id NUL source, as record keys have it. */
static int tell_key(const char *key, size_t length,
        int (*fn)(const char *id, const char *source, void *context), void *context)
{
	char id[RECORD_ID_MAX], source[RECORD_SOURCE_MAX];
	size_t n = strnlen(key, length);
	snprintf(id, sizeof(id), "%.*s", (int)n, key);
	snprintf(
	        source, sizeof(source), "%.*s", (int)(length - MIN(n + 1, length)), key + MIN(n + 1, length));
	return fn(id, source, context);
}

static int ids_within(MDB_cursor *records, MDB_cursor *refs, const char *id,
        int (*fn)(const char *id, const char *source, void *context), void *context)
{
	size_t n = strlen(id) + 1;
	MDB_val key = index_val(id, n), value;
	int code, r = 0;
	for (code = mdb_cursor_get(records, &key, &value, MDB_SET_RANGE);
	        code == 0 && r >= 0 && key.mv_size >= n && memcmp(key.mv_data, id, n) == 0;
	        code = mdb_cursor_get(records, &key, &value, MDB_NEXT))
		r = tell_key(key.mv_data, key.mv_size, fn, context);
	key = index_val(id, n - 1);
	for (code = r < 0 ? MDB_NOTFOUND : mdb_cursor_get(refs, &key, &value, MDB_SET_KEY);
	        code == 0 && r >= 0 && value.mv_size > 1;
	        code = mdb_cursor_get(refs, &key, &value, MDB_NEXT_DUP)) {
		const char *by = value.mv_data;
		/* A record that names itself was told of already. */
		if (by[0] == INDEX_ALIAS && (value.mv_size < n + 1 || memcmp(by + 1, id, n) != 0))
			r = tell_key(by + 1, value.mv_size - 1, fn, context);
	}
	return r;
}

int vuln_index_ids(struct vuln_index *index, const char *id,
        int (*fn)(const char *id, const char *source, void *context), void *context, struct error *err)
{
	MDB_cursor *records = NULL, *refs = NULL;
	if (!*id || strlen(id) >= RECORD_ID_MAX)
		return 0;
	int r = index_begin_cursor(index, index->e.records, &records, err);
	if (r < 0)
		return r;
	int code = mdb_cursor_open(index->txn, index->e.refs, &refs);
	r = code ? index_error(err, index->dir, code) : ids_within(records, refs, id, fn, context);
	if (refs)
		mdb_cursor_close(refs);
	index_end_cursor(index, records);
	return r;
}
