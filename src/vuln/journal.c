/* SPDX-License-Identifier: ISC */
#include "vuln/journal.h"

#include "vuln/commit.h"
#include "vuln/index_private.h"

#include <errno.h>
#include <openssl/rand.h>

#define STATE "journal"
#define PREFIX "change"
#define KEY_SIZE (sizeof(PREFIX) - 1 + sizeof(uint64_t))
#define HEAD_SIZE (sizeof(uint64_t) + 1)

/* In the meta database. */
struct journal_state {
	uint64_t first; /* the oldest generation that it has; 0 = none */
	uint64_t bytes; /* of all of them */
};

static MDB_val make_key(uint8_t key[KEY_SIZE], uint64_t generation)
{
	memcpy(key, PREFIX, sizeof(PREFIX) - 1);
	for (size_t i = 0; i < sizeof(generation); i++)
		key[sizeof(PREFIX) - 1 + i] = (uint8_t)(generation >> (56 - 8 * i));
	return index_val(key, KEY_SIZE);
}

/* ---- writing ---- */

static int forget_oldest(struct commit *c, struct journal_state *s)
{
	uint8_t bytes[KEY_SIZE];
	MDB_val key = make_key(bytes, s->first), value;
	int r = mdb_get(c->txn, c->index->meta, &key, &value);
	s->first++;
	if (r)
		return r == MDB_NOTFOUND ? 0 : r;
	s->bytes -= MIN(s->bytes, (uint64_t)value.mv_size);
	return mdb_del(c->txn, c->index->meta, &key, NULL);
}

static int write_row(struct commit *c, const struct writer *row)
{
	uint8_t bytes[KEY_SIZE];
	MDB_val key = make_key(bytes, c->state.generation), value = index_val(row->data, row->length);
	return mdb_put(c->txn, c->index->meta, &key, &value, 0);
}

int commit_write_journal(struct commit *c, bool all)
{
	struct journal_state state;
	uint64_t mark = 0;
	int r = index_read_meta(c->index, c->txn, STATE, &state, sizeof(state));
	if (r || RAND_bytes((uint8_t *)&mark, sizeof(mark)) != 1)
		return r ? r : EIO;
	struct writer row = wr_make(HEAD_SIZE + JOURNAL_UPDATE_MAX);
	all = all || c->changed->length > JOURNAL_UPDATE_MAX;
	wr_u64(&row, mark | 1);
	wr_u8(&row, all);
	if (!all)
		wr_bytes(&row, c->changed->data, c->changed->length);
	r = wr_failed(&row) ? ENOMEM : write_row(c, &row);
	state.bytes += row.length;
	wr_free(&row);
	if (!state.first)
		state.first = c->state.generation;
	while (!r && state.first < c->state.generation &&
	        (state.bytes > JOURNAL_BYTES_MAX || c->state.generation - state.first >= JOURNAL_UPDATES_MAX))
		r = forget_oldest(c, &state);
	MDB_val key = index_val(STATE, sizeof(STATE) - 1), value = index_val(&state, sizeof(state));
	return r ? r : mdb_put(c->txn, c->index->meta, &key, &value, 0);
}

/* ---- reading ---- */

/* What one update changed; the reader fails where that is not known. */
static struct reader open_row(
        struct vuln_index *index, uint64_t generation, uint64_t *ret_mark, bool *ret_all)
{
	uint8_t bytes[KEY_SIZE];
	MDB_val key = make_key(bytes, generation), value = { 0 };
	struct reader r = rd_make(NULL, 0);
	if (mdb_get(index->txn, index->e.meta, &key, &value) == 0)
		r = rd_make(value.mv_data, value.mv_size);
	*ret_mark = rd_u64(&r);
	*ret_all = rd_u8(&r) != 0;
	return r;
}

static struct vuln_moment read_moment(struct vuln_index *index)
{
	struct index_state state;
	struct vuln_moment moment = { 0 };
	bool all;
	if (index_read_state(&index->e, index->txn, &state))
		return moment;
	moment.generation = state.generation;
	(void)open_row(index, state.generation, &moment.mark, &all);
	return moment;
}

struct vuln_moment vuln_index_moment(struct vuln_index *index)
{
	struct vuln_moment moment = { 0 };
	if (index_begin(index) == 0) {
		moment = read_moment(index);
		index_end(index);
	}
	return moment;
}

/* kind ecosystem NUL package, as the index has them. */
static int tell(struct reader *r, vuln_changed_fn fn, void *context)
{
	int code = 0;
	while (code == 0 && rd_left(r) > 0) {
		const size_t n = rd_u16(r);
		const char *key = (const char *)rd_bytes(r, n);
		const size_t n_ecosystem = key ? strnlen(key, n) : 0;
		if (n_ecosystem == 0 || n_ecosystem == n)
			return 1;
		char *ecosystem FREE_ON_EXIT = xstrndup(key + 1, n_ecosystem - 1);
		char *package FREE_ON_EXIT = xstrndup(key + n_ecosystem + 1, n - n_ecosystem - 1);
		code = fn(ecosystem, package, context);
	}
	return code < 0 ? code : 0;
}

static int tell_all(struct vuln_index *index, const struct vuln_moment *after, const struct vuln_moment *now,
        vuln_changed_fn fn, void *context)
{
	uint64_t mark;
	bool all;
	(void)open_row(index, after->generation, &mark, &all);
	if (!after->mark || mark != after->mark || now->generation < after->generation ||
	        now->generation - after->generation > JOURNAL_UPDATES_MAX)
		return 1;
	for (uint64_t g = after->generation + 1; g <= now->generation; g++) {
		struct reader r = open_row(index, g, &mark, &all);
		if (rd_failed(&r) || all)
			return 1;
		int code = tell(&r, fn, context);
		if (code)
			return code;
	}
	return 0;
}

int vuln_index_changes(struct vuln_index *index, const struct vuln_moment *after, vuln_changed_fn fn,
        void *context, struct vuln_moment *ret, struct error *err)
{
	int code = index_begin(index);
	if (code)
		return index_error(err, index->dir, code);
	*ret = read_moment(index);
	code = tell_all(index, after, ret, fn, context);
	index_end(index);
	return code;
}
