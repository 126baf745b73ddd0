/* SPDX-License-Identifier: ISC */
#include "vuln/changes.h"

#include "base/table.h"
#include "vuln/commit.h"
#include "vuln/history.h"
#include "vuln/journal_rows.h"

#include <errno.h>

#define ROW_HEAD (sizeof(uint64_t) + sizeof(uint32_t))
#define SERIAL_LENGTH 8

/* i64 when, u32 how many; of each: u16 length, id NUL source. None follow where there are too many. */
static const struct journal_kind added = { "added", "new", ADDED_UPDATES_MAX, ADDED_BYTES_MAX };

/* ---- writing ---- */

void commit_note_added(struct commit *c, const MDB_val *record_key)
{
	if (c->n_added++ == 0)
		c->added = wr_make(ADDED_UPDATE_MAX);
	wr_u16(&c->added, (uint16_t)record_key->mv_size);
	wr_bytes(&c->added, record_key->mv_data, record_key->mv_size);
}

int commit_write_added(struct commit *c)
{
	struct writer row = wr_make(ROW_HEAD + ADDED_UPDATE_MAX);
	wr_u64(&row, (uint64_t)c->now);
	wr_u32(&row, (uint32_t)MIN(c->n_added, (size_t)UINT32_MAX));
	if (c->n_added && !wr_failed(&c->added))
		wr_bytes(&row, c->added.data, c->added.length);
	int r = wr_failed(&row) ? ENOMEM
	                        : journal_rows_put(c->index, c->txn, &added, c->state.generation, &row);
	wr_free(&row);
	return r;
}

/* ---- reading ---- */

struct changes {
	uint64_t from, to;
	struct table *by_key; /* record key -> struct vuln_record_change */
	struct vuln_changes_kept kept;
};

static void note(
        struct changes *c, const void *key, size_t length, unsigned events, uint64_t generation, time_ms when)
{
	struct vuln_record_change *change = table_get(c->by_key, key, length);
	if (!change) {
		const size_t n = strnlen(key, length);
		change = xcalloc(1, sizeof(*change));
		change->id = xstrndup(key, n);
		change->source =
		        xstrndup((const char *)key + MIN(n + 1, length), length - MIN(n + 1, length));
		(void)table_set(c->by_key, key, length, change);
	}
	change->events |= events;
	change->times++;
	if (generation >= change->generation) {
		change->generation = generation;
		change->when = when;
	}
}

static void free_change(void *change_)
{
	struct vuln_record_change *change = change_;
	free((void *)(uintptr_t)change->id);
	free((void *)(uintptr_t)change->source);
	free(change);
}

/* The head of a form (history.h); false for what is none. */
static bool read_form(const MDB_val *value, unsigned *ret_events, time_ms *ret_when, uint64_t *ret_generation)
{
	struct reader r = rd_make(value->mv_data, value->mv_size);
	const uint8_t format = rd_u8(&r);
	*ret_events = rd_u8(&r);
	*ret_when = (time_ms)rd_u64(&r);
	*ret_generation = rd_u64(&r);
	return !rd_failed(&r) && format == HISTORY_FORMAT;
}

static int read_forms(struct vuln_index *index, struct changes *c)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	unsigned events;
	time_ms when;
	uint64_t generation;
	int r = mdb_cursor_open(index->txn, index->e.history, &cursor);
	if (r)
		return r;
	while ((r = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
		if (key.mv_size > SERIAL_LENGTH + 1 && read_form(&value, &events, &when, &generation) &&
		        generation > c->from && generation <= c->to)
			note(c, key.mv_data, key.mv_size - SERIAL_LENGTH - 1, events, generation, when);
	mdb_cursor_close(cursor);
	return r == MDB_NOTFOUND ? 0 : r;
}

/* From which generation on every change is among the forms. */
static int read_oldest(struct vuln_index *index, struct changes *c)
{
	struct history_state state;
	MDB_cursor *cursor;
	MDB_val serial, key, value;
	unsigned events;
	time_ms when;
	int r = history_read_state(&index->e, index->txn, &state);
	if (r || state.pruned == 0)
		return r;
	c->kept.forms_from = c->kept.generation + 1;
	r = mdb_cursor_open(index->txn, index->e.oldest, &cursor);
	if (r)
		return r;
	r = mdb_cursor_get(cursor, &serial, &key, MDB_FIRST);
	if (!r)
		r = mdb_get(index->txn, index->e.history, &key, &value);
	if (!r && !read_form(&value, &events, &when, &c->kept.forms_from))
		r = MDB_CORRUPTED;
	mdb_cursor_close(cursor);
	return r == MDB_NOTFOUND ? 0 : r;
}

static void read_added_row(struct vuln_index *index, struct changes *c, uint64_t generation)
{
	struct reader r = journal_rows_get(index, &added, generation);
	const time_ms when = (time_ms)rd_u64(&r);
	const uint32_t n = rd_u32(&r);
	if (!rd_failed(&r) && n && rd_left(&r) == 0)
		c->kept.unnamed += n;
	for (uint32_t i = 0; i < n && rd_left(&r) > 0; i++) {
		const size_t length = rd_u16(&r);
		const void *key = rd_bytes(&r, length);
		if (key)
			note(c, key, length, VULN_ADDED, generation, when);
	}
}

static int read_all(struct vuln_index *index, struct changes *c)
{
	struct index_state state;
	int r = index_read_state(&index->e, index->txn, &state);
	if (r)
		return r;
	c->kept.generation = state.generation;
	c->to = MIN(c->to, state.generation);
	r = read_oldest(index, c);
	if (!r)
		r = read_forms(index, c);
	c->kept.added_from = r ? 0 : journal_rows_first(index, &added);
	if (c->kept.added_from)
		for (uint64_t g = MAX(c->from + 1, c->kept.added_from); g <= c->to; g++)
			read_added_row(index, c, g);
	return r;
}

static int order_changes(const void *a_, const void *b_)
{
	const struct vuln_record_change *const *a = a_, *const *b = b_;
	int order = strcmp((*a)->id, (*b)->id);
	return order ? order : strcmp((*a)->source, (*b)->source);
}

static int tell(const struct changes *c, int (*fn)(const struct vuln_record_change *change, void *context),
        void *context)
{
	const size_t n = table_count(c->by_key);
	const struct vuln_record_change **sorted FREE_ON_EXIT =
	        xcalloc(n + 1, sizeof(struct vuln_record_change *));
	size_t i = 0;
	int r = 0;
	TABLE_FOREACH(it, c->by_key)
		sorted[i++] = it.value;
	if (n > 1)
		qsort(sorted, n, sizeof(*sorted), order_changes);
	for (i = 0; i < n && r >= 0; i++)
		r = fn(sorted[i], context);
	return MIN(r, 0);
}

int vuln_index_record_changes(struct vuln_index *index, uint64_t from, uint64_t to,
        int (*fn)(const struct vuln_record_change *change, void *context), void *context,
        struct vuln_changes_kept *ret, struct error *err)
{
	struct changes c = { .from = from, .to = to };
	int code = index_begin(index);
	if (code)
		return index_error(err, index->dir, code);
	c.by_key = table_new();
	code = read_all(index, &c);
	index_end(index);
	*ret = c.kept;
	int r = code ? index_error(err, index->dir, code) : tell(&c, fn, context);
	table_free(c.by_key, free_change);
	return r;
}
