/* SPDX-License-Identifier: ISC */
#include "vuln/built_from.h"

#include "vuln/ecosystem.h"
#include "vuln/journal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct update_built {
	size_t length;
	char value[];
};

/* ---- what a value says ---- */

struct built_from built_from_begin(const void *value, size_t length)
{
	return (struct built_from){ .at = value, .left = length };
}

static const char *take_name(struct built_from *b)
{
	const char *name = b->at, *end = b->left ? memchr(name, '\0', b->left) : NULL;
	if (!end)
		return NULL;
	b->left -= (size_t)(end + 1 - name);
	b->at = end + 1;
	return name;
}

bool built_from_next(struct built_from *b)
{
	struct built_from rest = *b;
	const char *package = take_name(&rest), *source = package ? take_name(&rest) : NULL;
	if (!source)
		return false;
	*b = (struct built_from){ package, source, rest.at, rest.left };
	return true;
}

bool built_from_next_package(struct built_from *b)
{
	const char *last = b->package;
	while (built_from_next(b))
		if (!last || strcmp(last, b->package) != 0)
			return true;
	return false;
}

static bool same_packages(struct built_from a, struct built_from b)
{
	bool has_a, has_b;
	do {
		has_a = built_from_next_package(&a);
		has_b = built_from_next_package(&b);
	} while (has_a && has_b && strcmp(a.package, b.package) == 0);
	return !has_a && !has_b;
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

/* ---- what is said anew ---- */

static bool is_said_by(struct built_from said, const char *source)
{
	while (built_from_next(&said))
		if (strcmp(said.source, source) == 0)
			return true;
	return false;
}

/* The next that stays beside what is said now: of a source that is not replaced, and does not say it anew. */
static bool next_kept(struct built_from *old, struct built_from said, const struct vuln_update *replacing)
{
	while (built_from_next(old))
		if (!(replacing && commit_is_replaced(replacing, old->source, strlen(old->source))) &&
		        !is_said_by(said, old->source))
			return true;
	return false;
}

static int order_said(const struct built_from *a, const struct built_from *b)
{
	int order = strcmp(a->package, b->package);
	return order ? order : strcmp(a->source, b->source);
}

static void put_said(struct writer *w, const struct built_from *b)
{
	wr_bytes(w, b->package, strlen(b->package) + 1);
	wr_bytes(w, b->source, strlen(b->source) + 1);
}

/* Both are in order, and so is what is written. False where old is no value. */
static bool merge(struct writer *w, struct built_from old, const struct built_from said,
        const struct vuln_update *replacing)
{
	struct built_from new = said;
	bool has_old = next_kept(&old, said, replacing), has_new = built_from_next(&new);
	while (has_old || has_new) {
		const bool is_old = has_old && (!has_new || order_said(&old, &new) < 0);
		put_said(w, is_old ? &old : &new);
		if (is_old)
			has_old = next_kept(&old, said, replacing);
		else
			has_new = built_from_next(&new);
	}
	return old.left == 0;
}

static struct update_built *make_value(const struct writer *w)
{
	struct update_built *b = xmalloc(sizeof(*b) + w->length);
	b->length = w->length;
	memcpy(b->value, w->data, w->length);
	return b;
}

void vuln_update_put_built(struct vuln_update *u, const char *source, const char *ecosystem,
        const char *binary, const char *package)
{
	char key[INDEX_KEY_MAX];
	const struct built_from said = { .package = package, .source = source };
	const size_t n = index_package_key(key, INDEX_BUILT_FROM, ecosystem, binary);
	struct writer w = wr_make(UINT32_MAX);
	if (n == 0)
		return;
	const struct update_built *others = table_get(u->built, key, n);
	put_said(&w, &said);
	struct update_built *b = make_value(&w);
	if (others) {
		wr_reset(&w);
		(void)merge(&w, built_from_begin(others->value, others->length),
		        built_from_begin(b->value, b->length), NULL);
		free(b);
		b = make_value(&w);
	}
	free(table_set(u->built, key, n, b));
	wr_free(&w);
}

/* ---- within a commit ---- */

static void tell(struct commit *c, const void *key, size_t length)
{
	wr_u16(c->changed, (uint16_t)length);
	wr_bytes(c->changed, key, length);
}

static void note(struct commit *c, const void *key, size_t length)
{
	c->result.keys_changed++;
	tell(c, key, length);
}

/* What is known of one binary from now on. A second source that says the same is kept, and changes nothing.
 */
static int write_said(struct commit *c, const void *key, size_t length, struct built_from said)
{
	MDB_val k = index_val(key, length), v = { 0 };
	int r = mdb_get(c->txn, c->index->packages, &k, &v);
	if (r && r != MDB_NOTFOUND)
		return r;
	const struct built_from old = built_from_begin(v.mv_data, v.mv_size);
	wr_reset(&c->value);
	if (!merge(&c->value, old, said, c->u))
		return MDB_CORRUPTED;
	if (wr_failed(&c->value))
		return E2BIG;
	const MDB_val value = index_val(c->value.data, c->value.length);
	if (v.mv_size == value.mv_size &&
	        (v.mv_size == 0 || memcmp(v.mv_data, value.mv_data, v.mv_size) == 0))
		return 0;
	if (!same_packages(old, built_from_begin(value.mv_data, value.mv_size)))
		note(c, key, length);
	v = value;
	return v.mv_size ? mdb_put(c->txn, c->index->packages, &k, &v, 0)
	                 : mdb_del(c->txn, c->index->packages, &k, NULL);
}

static bool has_replaced(const struct commit *c, struct built_from *b)
{
	while (built_from_next(b))
		if (commit_is_replaced(c->u, b->source, strlen(b->source)))
			return true;
	return false;
}

/* The binaries of which a replaced source said something, and nothing is said now. */
static int find_replaced(struct commit *c, MDB_cursor *cursor, struct table *ret)
{
	const char kind = INDEX_BUILT_FROM;
	MDB_val k = index_val(&kind, 1), v;
	int r = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	for (; r == 0; r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		struct built_from b = built_from_begin(v.mv_data, v.mv_size);
		if (*(const char *)k.mv_data != INDEX_BUILT_FROM)
			return 0;
		if (table_get(c->u->built, k.mv_data, k.mv_size))
			continue;
		if (has_replaced(c, &b))
			table_set(ret, k.mv_data, k.mv_size, c);
		else if (b.left)
			return MDB_CORRUPTED;
	}
	return r == MDB_NOTFOUND ? 0 : r;
}

static int write_replaced(struct commit *c)
{
	MDB_cursor *cursor;
	int r = mdb_cursor_open(c->txn, c->index->packages, &cursor);
	if (r)
		return r;
	struct table *silent = table_new();
	r = find_replaced(c, cursor, silent);
	mdb_cursor_close(cursor);
	TABLE_FOREACH(it, silent)
		if (!r)
			r = write_said(c, it.key, it.key_length, built_from_begin(NULL, 0));
	table_free(silent, NULL);
	return r;
}

/* ---- what is judged by a source that changed ---- */

static struct table *find_changed(const struct commit *c)
{
	struct table *names = table_new();
	struct reader r = rd_make(c->changed->data, c->changed->length);
	while (rd_left(&r) > 0) {
		const size_t n = rd_u16(&r);
		const char *key = (const char *)rd_bytes(&r, n);
		const size_t at = key ? strnlen(key, n) + 1 : 0;
		if (at > 1 && at < n && *key == INDEX_BY_ADVISORY)
			table_set(names, key + at, n - at, c->changed);
	}
	return names;
}

/* By its name or, where it only signs another source, by that one's, whatever the version. */
static bool has_changed(const struct table *names, const char *ecosystem, const char *package)
{
	const struct posture_package signed_package = {
		.source = package, .source_version = "1+1+1", .version = "1+1+1+1"
	};
	NOT_CLEARED struct source_alias alias;
	return table_get_string(names, package) ||
	        (ecosystem_signed_source(ecosystem, &signed_package, &alias) > 0 &&
	                table_get_string(names, alias.name));
}

/* Who has the binary alone is asked by its name: it tells of its sources' advisories too. */
static int tell_built(struct commit *c, MDB_cursor *cursor, const struct table *names)
{
	const char kind = INDEX_BUILT_FROM;
	MDB_val k = index_val(&kind, 1), v;
	int r = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	for (; r == 0; r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		struct built_from b = built_from_begin(v.mv_data, v.mv_size);
		bool changed = false;
		if (*(const char *)k.mv_data != INDEX_BUILT_FROM)
			return 0;
		while (!changed && built_from_next_package(&b))
			changed = has_changed(names, (const char *)k.mv_data + 1, b.package);
		if (changed)
			tell(c, k.mv_data, k.mv_size);
	}
	return r == MDB_NOTFOUND ? 0 : r;
}

/* Of what is too much for the journal all is told. */
static int tell_changed(struct commit *c)
{
	MDB_cursor *cursor;
	if (c->changed->length == 0 || c->changed->length > JOURNAL_UPDATE_MAX)
		return 0;
	int r = mdb_cursor_open(c->txn, c->index->packages, &cursor);
	if (r)
		return r;
	struct table *names = find_changed(c);
	r = table_count(names) ? tell_built(c, cursor, names) : 0;
	mdb_cursor_close(cursor);
	table_free(names, NULL);
	return r;
}

int commit_built(struct commit *c)
{
	int r = c->u->replace_all || table_count(c->u->replaced) ? write_replaced(c) : 0;
	TABLE_FOREACH(it, c->u->built) {
		const struct update_built *b = it.value;
		if (!r)
			r = write_said(c, it.key, it.key_length, built_from_begin(b->value, b->length));
	}
	return r ? r : tell_changed(c);
}
