/* SPDX-License-Identifier: ISC */
#include "vuln/show.h"

#include "vuln/index_private.h"

#include <errno.h>

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
	int r = index_begin(index);
	if (r)
		return index_error(err, index->dir, r);
	r = mdb_cursor_open(index->txn, index->e.records, &cursor);
	if (r) {
		r = index_error(err, index->dir, r);
	} else {
		r = show_within(index, cursor, id, fn, context, err);
		mdb_cursor_close(cursor);
	}
	index_end(index);
	return r;
}
