/* SPDX-License-Identifier: ISC */
#include "vuln/listing.h"

#include "vuln/index_private.h"
#include "vuln/package_entry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Keys of `ecosystems`: kind, name; those with a NUL behind the name are about sources. */
static int walk_ecosystems(
        int (*fn)(const char *ecosystem, uint64_t entries, void *context), void *context, MDB_cursor *cursor)
{
	const char kind = INDEX_BY_ADVISORY;
	MDB_val k = index_val(&kind, 1), v;
	int code = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	for (; code == 0; code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		char name[ECOSYSTEM_NAME_MAX];
		uint64_t entries;
		const char *key = k.mv_data;
		if (k.mv_size < 1 || key[0] != kind)
			break;
		if (memchr(key, '\0', k.mv_size) || v.mv_size != sizeof(entries) || k.mv_size > sizeof(name))
			continue;
		memcpy(name, key + 1, k.mv_size - 1);
		name[k.mv_size - 1] = '\0';
		memcpy(&entries, v.mv_data, sizeof(entries));
		int r = fn(name, entries, context);
		if (r)
			return r;
	}
	return code == 0 || code == MDB_NOTFOUND ? 0 : -EIO;
}

int vuln_index_each_ecosystem(struct vuln_index *index,
        int (*fn)(const char *ecosystem, uint64_t entries, void *context), void *context, struct error *err)
{
	MDB_cursor *cursor;
	int r = index_begin_cursor(index, index->e.ecosystems, &cursor, err);
	if (r < 0)
		return r;
	r = walk_ecosystems(fn, context, cursor);
	index_end_cursor(index, cursor);
	return r == -EIO ? error_set(err, r, "index %s: its ecosystems cannot be read", index->dir) : r;
}

bool index_has_ecosystem(struct vuln_index *index, enum index_kind kind, const char *ecosystem)
{
	char key[INDEX_KEY_MAX];
	MDB_cursor *cursor;
	const size_t n = index_ecosystem_key(key, kind, ecosystem);
	MDB_val k = index_val(key, n), v;
	if (n == 0 || mdb_cursor_open(index->txn, index->e.ecosystems, &cursor))
		return false;
	const bool there = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE) == 0 && k.mv_size >= n &&
	        memcmp(k.mv_data, key, n) == 0 && (k.mv_size == n || ((const char *)k.mv_data)[n] == '\0');
	mdb_cursor_close(cursor);
	return there;
}

bool vuln_index_knows(struct vuln_index *index, const char *ecosystem)
{
	if (index_begin(index))
		return false;
	const bool known = index_has_ecosystem(index, INDEX_BY_ADVISORY, ecosystem) ||
	        index_has_ecosystem(index, INDEX_BY_BINARY, ecosystem);
	index_end(index);
	return known;
}

typedef int (*entry_fn)(const struct vuln_entry *entry, void *context);

static int walk_entries(const MDB_val *value, entry_fn fn, void *context)
{
	struct package_value v;
	struct package_entry e;
	if (!package_value_read(value->mv_data, value->mv_size, &v))
		return -EIO;
	for (size_t at = PACKAGE_ENTRIES_AT; at < v.length; at += e.head.size) {
		if (!package_entry_read(v.bytes + at, v.length - at, &e))
			return -EIO;
		const struct vuln_entry entry = { e.id, e.source, e.head.modified, e.head.precedence };
		int r = fn(&entry, context);
		if (r)
			return r;
	}
	return 0;
}

/* Keys of `packages`: kind, ecosystem, NUL, package. */
static int walk_packages(
        MDB_cursor *cursor, enum index_kind kind, const char *ecosystem, entry_fn fn, void *context)
{
	char prefix[INDEX_KEY_MAX];
	const size_t n = index_package_key(prefix, kind, ecosystem, "");
	MDB_val k = index_val(prefix, n), v;
	int code = n ? mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE) : MDB_NOTFOUND;
	for (; code == 0; code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		if (k.mv_size < n || memcmp(k.mv_data, prefix, n) != 0)
			return 0;
		int r = walk_entries(&v, fn, context);
		if (r)
			return r;
	}
	return code == MDB_NOTFOUND ? 0 : -EIO;
}

int vuln_index_each_entry(
        struct vuln_index *index, const char *ecosystem, entry_fn fn, void *context, struct error *err)
{
	MDB_cursor *cursor;
	int r = index_begin_cursor(index, index->e.packages, &cursor, err);
	if (r < 0)
		return r;
	r = walk_packages(cursor, INDEX_BY_ADVISORY, ecosystem, fn, context);
	if (r == 0)
		r = walk_packages(cursor, INDEX_BY_BINARY, ecosystem, fn, context);
	index_end_cursor(index, cursor);
	return r == -EIO ? error_set(err, r, "index %s: its packages cannot be read", index->dir) : r;
}

static int read_frames(struct vuln_index *index, const struct vuln_name *names, size_t n,
        int (*fn)(size_t i, const void *frame, size_t length, void *context), void *context)
{
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		char key[INDEX_KEY_MAX];
		MDB_val k = index_val(key, index_record_key(key, names[i].id, names[i].source)), v;
		int code = k.mv_size ? mdb_get(index->txn, index->e.texts, &k, &v) : MDB_NOTFOUND;
		if (code && code != MDB_NOTFOUND)
			return -EIO;
		r = fn(i, code ? NULL : v.mv_data, code ? 0 : v.mv_size, context);
	}
	return r;
}

int vuln_index_each_frame(struct vuln_index *index, const struct vuln_name *names, size_t n,
        int (*fn)(size_t i, const void *frame, size_t length, void *context), void *context,
        struct error *err)
{
	int code = index_begin(index);
	if (code)
		return index_error(err, index->dir, code);
	int r = read_frames(index, names, n, fn, context);
	index_end(index);
	return r == -EIO ? error_set(err, r, "index %s: its texts cannot be read", index->dir) : r;
}
