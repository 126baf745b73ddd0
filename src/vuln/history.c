/* SPDX-License-Identifier: ISC */
#include "vuln/history.h"

#include "vuln/index_private.h"
#include "vuln/text.h"

#include <errno.h>
#include <stdio.h>

#define SERIAL_LENGTH 8

int history_read_state(struct index_env *e, MDB_txn *txn, struct history_state *ret)
{
	return index_read_meta(e, txn, "history", ret, sizeof(*ret));
}

/* Big-endian, so that LMDB's order is the order in time. */
static void put_serial(uint8_t at[SERIAL_LENGTH], uint64_t serial)
{
	for (size_t i = 0; i < SERIAL_LENGTH; i++)
		at[i] = (uint8_t)(serial >> (8 * (SERIAL_LENGTH - 1 - i)));
}

/* The record key, a NUL and the serial; the length, 0 where it is too long. */
static size_t make_key(char key[INDEX_KEY_MAX], const MDB_val *record_key, uint64_t serial)
{
	size_t n = record_key->mv_size;
	if (n + 1 + SERIAL_LENGTH > INDEX_KEY_MAX)
		return 0;
	memcpy(key, record_key->mv_data, n);
	key[n] = '\0';
	put_serial((uint8_t *)key + n + 1, serial);
	return n + 1 + SERIAL_LENGTH;
}

static int drop_form(
        struct index_env *e, MDB_txn *txn, struct history_state *state, MDB_val key, size_t length)
{
	uint8_t serial[SERIAL_LENGTH];
	char copy[INDEX_KEY_MAX];
	memcpy(copy, key.mv_data, key.mv_size);
	memcpy(serial, copy + key.mv_size - SERIAL_LENGTH, SERIAL_LENGTH);
	MDB_val k = index_val(copy, key.mv_size), s = index_val(serial, SERIAL_LENGTH);
	int r = mdb_del(txn, e->history, &k, NULL);
	if (!r)
		r = mdb_del(txn, e->oldest, &s, NULL);
	state->forms--;
	state->bytes -= length;
	state->pruned++;
	return r;
}

/* Of the forms of one record the first, where they are too many. */
static int prune_record(
        struct index_env *e, MDB_txn *txn, struct history_state *state, const MDB_val *record_key)
{
	MDB_cursor *cursor;
	char prefix[INDEX_KEY_MAX], first[INDEX_KEY_MAX];
	size_t n = make_key(prefix, record_key, 0), forms = 0, first_length = 0, first_bytes = 0;
	MDB_val k = index_val(prefix, n), v;
	int r = mdb_cursor_open(txn, e->history, &cursor);
	if (r)
		return r;
	for (r = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	        r == 0 && k.mv_size == n && memcmp(k.mv_data, prefix, n - SERIAL_LENGTH) == 0;
	        r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		if (forms++ > 0)
			continue;
		memcpy(first, k.mv_data, k.mv_size);
		first_length = k.mv_size;
		first_bytes = v.mv_size;
	}
	mdb_cursor_close(cursor);
	if (r && r != MDB_NOTFOUND)
		return r;
	return forms > HISTORY_FORMS_MAX
	        ? drop_form(e, txn, state, index_val(first, first_length), first_bytes)
	        : 0;
}

static int prune_all(struct index_env *e, MDB_txn *txn, struct history_state *state)
{
	int r = 0;
	while (r == 0 && state->bytes > HISTORY_BYTES_MAX && state->forms > 0) {
		MDB_cursor *cursor;
		MDB_val serial, key, form;
		r = mdb_cursor_open(txn, e->oldest, &cursor);
		if (r)
			return r;
		r = mdb_cursor_get(cursor, &serial, &key, MDB_FIRST);
		mdb_cursor_close(cursor);
		if (!r)
			r = mdb_get(txn, e->history, &key, &form);
		if (!r)
			r = drop_form(e, txn, state, key, form.mv_size);
	}
	return r;
}

int history_add(struct index_env *e, MDB_txn *txn, struct history_state *state, const MDB_val *record_key,
        const struct vuln_form *form, const MDB_val *frame)
{
	char key[INDEX_KEY_MAX];
	uint8_t serial[SERIAL_LENGTH];
	struct writer w = wr_make(UINT32_MAX);
	size_t n = make_key(key, record_key, state->next);
	if (n == 0)
		return 0;
	put_serial(serial, state->next++);
	wr_u8(&w, HISTORY_FORMAT);
	wr_u8(&w, (uint8_t)form->events);
	wr_u64(&w, (uint64_t)form->when);
	wr_u64(&w, form->generation);
	wr_u64(&w, (uint64_t)form->modified);
	wr_bytes(&w, frame->mv_data, frame->mv_size);
	MDB_val k = index_val(key, n), v = index_val(w.data, w.length), s = index_val(serial, SERIAL_LENGTH);
	int r = wr_failed(&w) ? E2BIG : mdb_put(txn, e->history, &k, &v, 0);
	if (!r)
		r = mdb_put(txn, e->oldest, &s, &k, 0);
	state->forms++;
	state->bytes += w.length;
	wr_free(&w);
	if (!r)
		r = prune_record(e, txn, state, record_key);
	return r ? r : prune_all(e, txn, state);
}

static int tell_form(const MDB_val *value, int (*fn)(const struct vuln_form *form, void *context),
        void *context, struct error *err)
{
	struct reader r = rd_make(value->mv_data, value->mv_size);
	uint8_t format = rd_u8(&r);
	struct vuln_form form = { .events = rd_u8(&r) };
	form.when = (time_ms)rd_u64(&r);
	form.generation = rd_u64(&r);
	form.modified = (time_ms)rd_u64(&r);
	char *text FREE_ON_EXIT = NULL;
	if (rd_failed(&r) || format != HISTORY_FORMAT)
		return error_set(err, -EBADMSG, "an older form of the record is not readable");
	int code = text_decompress(r.at, rd_left(&r), &text, &form.length, err);
	form.text = text;
	return code < 0 ? code : fn(&form, context);
}

static int history_within(struct vuln_index *index, MDB_cursor *cursor, const MDB_val *record_key,
        int (*fn)(const struct vuln_form *form, void *context), void *context, struct error *err)
{
	char prefix[INDEX_KEY_MAX];
	size_t n = make_key(prefix, record_key, 0);
	MDB_val k = index_val(prefix, n), v;
	int code = n ? mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE) : MDB_NOTFOUND;
	for (; code == 0 && k.mv_size == n && memcmp(k.mv_data, prefix, n - SERIAL_LENGTH) == 0;
	        code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		int r = tell_form(&v, fn, context, err);
		if (r < 0)
			return r;
	}
	return code && code != MDB_NOTFOUND ? index_error(err, index->dir, code) : 0;
}

int vuln_index_history(struct vuln_index *index, const char *id, const char *source,
        int (*fn)(const struct vuln_form *form, void *context), void *context, struct error *err)
{
	MDB_cursor *cursor;
	char key[INDEX_KEY_MAX];
	size_t n = index_record_key(key, id, source);
	MDB_val record_key = index_val(key, n);
	if (n == 0)
		return 0;
	int r = index_begin_cursor(index, index->e.history, &cursor, err);
	if (r < 0)
		return r;
	r = history_within(index, cursor, &record_key, fn, context, err);
	index_end_cursor(index, cursor);
	return r;
}

static int each_source_within(MDB_cursor *cursor, const char *id,
        int (*fn)(const char *id, const char *source, void *context), void *context)
{
	size_t n = strlen(id) + 1;
	char last[RECORD_SOURCE_MAX] = "";
	MDB_val k = index_val(id, n), v;
	int r = 0;
	for (int code = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	        code == 0 && r >= 0 && k.mv_size > n + SERIAL_LENGTH && memcmp(k.mv_data, id, n) == 0;
	        code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		char source[RECORD_SOURCE_MAX];
		snprintf(source, sizeof(source), "%.*s", (int)(k.mv_size - n - 1 - SERIAL_LENGTH),
		        (const char *)k.mv_data + n);
		if (strcmp(source, last) == 0)
			continue;
		memcpy(last, source, sizeof(last));
		r = fn(id, source, context);
	}
	return r;
}

int history_each_source(struct vuln_index *index, const char *id,
        int (*fn)(const char *id, const char *source, void *context), void *context, struct error *err)
{
	MDB_cursor *cursor;
	int r = index_begin_cursor(index, index->e.history, &cursor, err);
	if (r < 0)
		return r;
	r = each_source_within(cursor, id, fn, context);
	index_end_cursor(index, cursor);
	return r;
}
