/* SPDX-License-Identifier: ISC */
#include "vuln/update_private.h"

#include "vuln/source.h"
#include "vuln/text.h"

#include <ctype.h>
#include <errno.h>

#define MAP_SIZE_MAX ((size_t)1 << 40)

static void make_tables(struct vuln_update *u)
{
	u->pending = table_new();
	u->replaced = table_new();
	u->kept = table_new();
	u->covered = table_new();
	u->built = table_new();
	u->marks = table_new();
	u->declared = table_new();
	u->loaded = table_new();
}

static void free_tables(struct vuln_update *u)
{
	table_free(u->pending, free);
	table_free(u->replaced, NULL);
	table_free(u->kept, NULL);
	table_free(u->covered, NULL);
	table_free(u->built, free);
	table_free(u->marks, free);
	table_free(u->declared, free);
	table_free(u->loaded, free);
}

int vuln_update_open(const char *dir, struct vuln_update **ret, struct error *err)
{
	struct vuln_update *u = xcalloc(1, sizeof(*u));
	int r = index_env_open(dir, true, &u->index, err);
	if (r == -ESTALE) {
		u->replaced_index = true;
		r = index_env_replace(dir, err);
		if (r == 0)
			r = index_env_open(dir, true, &u->index, err);
	}
	if (r < 0) {
		free(u);
		return r;
	}
	u->dir = xstrdup(dir);
	u->frame = wr_make(OSV_RECORD_MAX * 2);
	make_tables(u);
	*ret = u;
	return 0;
}

struct vuln_update *vuln_update_close(struct vuln_update *u)
{
	if (!u)
		return NULL;
	index_env_close(&u->index);
	osv_parser_clear(&u->parser);
	free_tables(u);
	wr_free(&u->frame);
	text_press_free(u->press);
	free(u->dir);
	free(u);
	return NULL;
}

bool vuln_update_replaced_index(const struct vuln_update *u)
{
	return u->replaced_index;
}

/* length 0: the record goes. */
static void set_pending(struct vuln_update *u, const char *key, size_t key_length, const void *record,
        size_t length, const struct writer *frame)
{
	size_t text_length = length ? frame->length : 0;
	struct update_pending *p = xmalloc(sizeof(*p) + length + text_length);
	p->length = length;
	p->text_length = text_length;
	if (length) {
		memcpy(p->bytes, record, length);
		memcpy(p->bytes + length, frame->data, text_length);
	}
	struct update_pending *old = table_set(u->pending, key, key_length, p);
	u->pending_bytes += length + text_length;
	if (old)
		u->pending_bytes -= old->length + old->text_length;
	free(old);
}

static int put_record(struct vuln_update *u, const void *bytes, size_t length, const char *text,
        size_t text_length, struct error *err)
{
	struct record record, other;
	char key[INDEX_KEY_MAX];
	if (record_read(bytes, length, &record) < 0)
		return error_set(err, -EBADMSG, "the record is not whole");
	size_t n = index_record_key(key, record.id, record.source);
	struct update_pending *old = table_get(u->pending, key, n);
	if (old && old->length && record_read(old->bytes, old->length, &other) == 0 &&
	        other.modified > record.modified)
		return 0;
	wr_reset(&u->frame);
	text_compress(&u->press, &u->frame, text, text_length);
	if (wr_failed(&u->frame))
		return error_set(err, -E2BIG, "its text cannot be kept");
	if (u->pending_bytes + length + u->frame.length > UPDATE_PENDING_MAX)
		return error_set(err, -E2BIG, "the update takes more than %zu bytes", UPDATE_PENDING_MAX);
	set_pending(u, key, n, bytes, length, &u->frame);
	u->parser.counts.affected += record.n_affected;
	return 0;
}

int vuln_update_put_record(struct vuln_update *u, const void *bytes, size_t length, struct error *err)
{
	struct record record;
	if (record_read(bytes, length, &record) < 0)
		return error_set(err, -EBADMSG, "the record is not whole");
	char *text FREE_ON_EXIT = record_to_osv(&record);
	return put_record(u, bytes, length, text, strlen(text), err);
}

void vuln_update_allow(struct vuln_update *u, const char *const *ecosystems)
{
	u->parser.ecosystems = ecosystems;
}

int vuln_update_put(
        struct vuln_update *u, const char *source, const char *text, size_t length, struct error *err)
{
	int r = osv_parse_text(&u->parser, source, text, length, err);
	if (r < 0)
		return r;
	return put_record(u, u->parser.record.w.data, u->parser.record.w.length, text, length, err);
}

void vuln_update_remove(struct vuln_update *u, const char *source, const char *id)
{
	char key[INDEX_KEY_MAX];
	size_t n = index_record_key(key, id, source);
	if (n)
		set_pending(u, key, n, NULL, 0, NULL);
}

/* Bytes of the key. */
static size_t kept_key(
        char key[INDEX_KEY_MAX], const char *source, size_t source_length, const char *id, size_t id_length)
{
	size_t n = MIN(source_length, (size_t)INDEX_KEY_MAX / 2);
	memcpy(key, source, n);
	key[n++] = '\0';
	for (size_t i = 0; i < id_length && n < INDEX_KEY_MAX; i++)
		key[n++] = (char)(isalnum((unsigned char)id[i]) ? tolower((unsigned char)id[i]) : '_');
	return n;
}

void vuln_update_keep(struct vuln_update *u, const char *source, const char *id)
{
	char key[INDEX_KEY_MAX];
	size_t n = id ? index_record_key(key, id, source) : 0;
	struct update_pending *put = n ? table_remove(u->pending, key, n) : NULL;
	if (put)
		u->pending_bytes -= put->length + put->text_length;
	free(put);
	n = kept_key(key, source, strlen(source), id,
	        id && table_count(u->kept) < UPDATE_KEPT_MAX ? strlen(id) : 0);
	table_set(u->kept, key, n, u);
}

bool update_keeps(const struct vuln_update *u, const char *source, size_t source_length, const char *id)
{
	const char *colon = strrchr(id, ':');
	const size_t lengths[] = { strlen(id), colon ? (size_t)(colon - id) : 0, 0 };
	char key[INDEX_KEY_MAX];
	for (size_t i = 0; table_count(u->kept) && i < ARRAY_LENGTH(lengths); i++)
		if (table_get(u->kept, key, kept_key(key, source, source_length, id, lengths[i])))
			return true;
	return false;
}

void vuln_update_replace_source(struct vuln_update *u, const char *source)
{
	table_set_string(u->replaced, source, u);
}

void vuln_update_replace_all(struct vuln_update *u)
{
	u->replace_all = true;
}

void vuln_update_cover(struct vuln_update *u, const char *source, enum index_kind kind, const char *ecosystem)
{
	char key[INDEX_KEY_MAX];
	size_t n = index_package_key(key, kind, ecosystem, source);
	if (n)
		table_set(u->covered, key, n, u);
}

static const char *keep_text(char **at, const char *text)
{
	size_t n = strnlen(text ? text : "", SOURCE_TEXT_MAX);
	const char *kept = *at;
	memcpy(*at, text ? text : "", n);
	(*at)[n] = '\0';
	*at += n + 1;
	return kept;
}

void vuln_update_put_source(struct vuln_update *u, const struct vuln_source *source)
{
	struct vuln_source *copy = xmalloc(sizeof(*copy) + 4 * (SOURCE_TEXT_MAX + 1));
	char *at = (char *)(copy + 1);
	*copy = *source;
	copy->name = keep_text(&at, source->name);
	copy->kind = keep_text(&at, source->kind);
	copy->origin = keep_text(&at, source->origin);
	copy->licence = keep_text(&at, source->licence);
	copy->precedence = MIN(source->precedence, (uint32_t)VULN_PRECEDENCE_MAX);
	free(table_set_string(u->declared, source->name, copy));
}

void vuln_update_note_loaded(struct vuln_update *u, const char *source, time_ms when)
{
	free(table_set_string(u->loaded, source, xmemdup(&when, sizeof(when))));
}

void vuln_update_mark_source(struct vuln_update *u, const char *source, const char *mark)
{
	free(table_set_string(u->marks, source, xstrdup(mark)));
}

uint64_t vuln_update_generation(struct vuln_update *u)
{
	struct index_state state = { 0 };
	MDB_txn *txn;
	if (mdb_txn_begin(u->index.env, NULL, MDB_RDONLY, &txn))
		return 0;
	if (index_read_state(&u->index, txn, &state))
		state.generation = 0;
	mdb_txn_abort(txn);
	return state.generation;
}

bool vuln_update_source_is(struct vuln_update *u, const char *source, const char *mark)
{
	MDB_txn *txn;
	MDB_val key = index_val(source, strlen(source)), value;
	struct source known;
	if (mdb_txn_begin(u->index.env, NULL, MDB_RDONLY, &txn))
		return false;
	bool same = mdb_get(txn, u->index.sources, &key, &value) == 0 &&
	        source_read(value.mv_data, value.mv_size, source, &known) == 0 && *mark &&
	        strcmp(known.mark, mark) == 0;
	mdb_txn_abort(txn);
	return same;
}

int vuln_update_stored(struct vuln_update *u, const char *source, const char *id, struct writer *ret)
{
	MDB_txn *txn;
	char bytes[INDEX_KEY_MAX];
	size_t n = index_record_key(bytes, id, source);
	MDB_val key = index_val(bytes, n), value;
	if (n == 0 || mdb_txn_begin(u->index.env, NULL, MDB_RDONLY, &txn))
		return -ENOENT;
	int r = mdb_get(txn, u->index.records, &key, &value) ? -ENOENT : 0;
	if (r == 0)
		wr_bytes(ret, value.mv_data, value.mv_size);
	mdb_txn_abort(txn);
	return r;
}

int vuln_update_each_source(struct vuln_update *u, void (*fn)(const char *source, void *context),
        void *context, struct error *err)
{
	MDB_txn *txn;
	MDB_cursor *cursor;
	MDB_val key, value;
	int r = mdb_txn_begin(u->index.env, NULL, MDB_RDONLY, &txn);
	if (r)
		return index_error(err, u->dir, r);
	r = mdb_cursor_open(txn, u->index.sources, &cursor);
	if (!r) {
		while ((r = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
			char *source FREE_ON_EXIT = xstrndup(key.mv_data, key.mv_size);
			fn(source, context);
		}
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return r == MDB_NOTFOUND ? 0 : index_error(err, u->dir, r);
}

const struct osv_counts *vuln_update_counts(const struct vuln_update *u)
{
	return &u->parser.counts;
}

void vuln_update_forget(struct vuln_update *u)
{
	free_tables(u);
	make_tables(u);
	u->pending_bytes = 0;
	u->replace_all = false;
}

void vuln_update_give_way(struct vuln_update *u, bool (*waits)(void *context), void *context)
{
	u->waits = waits;
	u->waits_context = context;
}

static int grow_map(struct vuln_update *u, struct error *err)
{
	MDB_envinfo info;
	int r = mdb_env_info(u->index.env, &info);
	if (!r && info.me_mapsize >= MAP_SIZE_MAX)
		return error_set(err, -EFBIG, "index %s: larger than %zu bytes", u->dir, MAP_SIZE_MAX);
	if (!r)
		r = mdb_env_set_mapsize(u->index.env, info.me_mapsize * 2);
	return r ? index_error(err, u->dir, r) : 0;
}

static void report_changed(struct writer *changed, vuln_update_changed_fn fn, void *context)
{
	struct reader r = rd_make(changed->data, changed->length);
	while (fn && rd_left(&r) > 0) {
		size_t n = rd_u16(&r);
		const char *key = (const char *)rd_bytes(&r, n);
		if (!key)
			return;
		char *text FREE_ON_EXIT = xstrndup(key, strnlen(key, n));
		size_t ecosystem = strlen(text) + 1;
		char *package FREE_ON_EXIT = xstrndup(key + MIN(ecosystem, n), n - MIN(ecosystem, n));
		fn(text + 1, package, context);
	}
}

int vuln_update_commit(struct vuln_update *u, time_ms now, vuln_update_changed_fn fn, void *context,
        struct vuln_update_result *ret, struct error *err)
{
	struct writer changed = wr_make(SIZE_MAX / 2);
	int r, dead;
	mdb_reader_check(u->index.env, &dead);
	for (;;) {
		wr_reset(&changed);
		memset(ret, 0, sizeof(*ret));
		r = update_run(u, now, &changed, ret);
		if (r == MDB_MAP_RESIZED)
			r = mdb_env_set_mapsize(u->index.env, 0);
		else if (r == MDB_MAP_FULL)
			r = grow_map(u, err);
		else
			break;
		if (r < 0) {
			wr_free(&changed);
			return r;
		}
	}
	if (r == EAGAIN)
		r = error_set(err, -EAGAIN, "index %s: somebody else goes first", u->dir);
	else if (r)
		r = index_error(err, u->dir, r);
	else {
		vuln_update_forget(u);
		report_changed(&changed, fn, context);
	}
	wr_free(&changed);
	return r;
}
