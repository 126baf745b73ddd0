/* SPDX-License-Identifier: ISC */
#include "vuln/built_from.h"

#include <stdio.h>
#include <string.h>

struct update_built {
	size_t length;
	char value[];
};

void vuln_update_put_built(struct vuln_update *u, const char *source, const char *ecosystem,
        const char *binary, const char *package)
{
	char key[INDEX_KEY_MAX];
	size_t n = index_package_key(key, INDEX_BUILT_FROM, ecosystem, binary),
	       n_package = strlen(package) + 1;
	size_t length = n_package + strlen(source) + 1;
	if (n == 0)
		return;
	struct update_built *b = xmalloc(sizeof(*b) + length);
	b->length = length;
	memcpy(b->value, package, n_package);
	memcpy(b->value + n_package, source, length - n_package);
	free(table_set(u->built, key, n, b));
}

const char *built_from_read(const void *value, size_t length)
{
	return length > 1 && memchr(value, '\0', length - 1) ? value : NULL;
}

void built_from_version(const char *version, char ret[VERSION_MAX + 1])
{
	size_t n = strnlen(version, VERSION_MAX), digits = 0;
	snprintf(ret, VERSION_MAX + 1, "%s", version);
	while (digits < n && ret[n - 1 - digits] >= '0' && ret[n - 1 - digits] <= '9')
		digits++;
	if (digits > 0 && n > digits + 2 && ret[n - digits - 1] == 'b' && ret[n - digits - 2] == '+')
		ret[n - digits - 2] = '\0';
}

static void note(struct commit *c, const void *key, size_t length)
{
	c->result.keys_changed++;
	wr_u16(c->changed, (uint16_t)length);
	wr_bytes(c->changed, key, length);
}

static int drop_replaced(struct commit *c, MDB_cursor *cursor)
{
	const char kind = INDEX_BUILT_FROM;
	MDB_val k = index_val(&kind, 1), v;
	int r = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	for (; r == 0; r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		const char *package = built_from_read(v.mv_data, v.mv_size);
		if (*(const char *)k.mv_data != INDEX_BUILT_FROM)
			return 0;
		if (!package)
			return MDB_CORRUPTED;
		const char *source = package + strlen(package) + 1;
		if (!commit_is_replaced(c->u, source, v.mv_size - 1 - (size_t)(source - package)) ||
		        table_get(c->u->built, k.mv_data, k.mv_size))
			continue;
		note(c, k.mv_data, k.mv_size);
		if ((r = mdb_cursor_del(cursor, 0)))
			return r;
	}
	return r == MDB_NOTFOUND ? 0 : r;
}

int commit_built(struct commit *c)
{
	MDB_cursor *cursor;
	MDB_val k, v;
	int r = 0;
	if (c->u->replace_all || table_count(c->u->replaced)) {
		r = mdb_cursor_open(c->txn, c->index->packages, &cursor);
		if (r)
			return r;
		r = drop_replaced(c, cursor);
		mdb_cursor_close(cursor);
	}
	TABLE_FOREACH(it, c->u->built) {
		const struct update_built *b = it.value;
		k = index_val(it.key, it.key_length);
		if (r)
			return r;
		r = mdb_get(c->txn, c->index->packages, &k, &v);
		if (r == 0 && v.mv_size == b->length && memcmp(v.mv_data, b->value, b->length) == 0)
			continue;
		if (r && r != MDB_NOTFOUND)
			return r;
		note(c, it.key, it.key_length);
		v = index_val(b->value, b->length);
		r = mdb_put(c->txn, c->index->packages, &k, &v, 0);
	}
	return r;
}
