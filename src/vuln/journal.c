/* SPDX-License-Identifier: ISC */
#include "vuln/journal.h"

#include "vuln/commit.h"
#include "vuln/journal_rows.h"

#include <errno.h>
#include <openssl/rand.h>

#define HEAD_SIZE (sizeof(uint64_t) + 1)

static const struct journal_kind journal = { "journal", "change", JOURNAL_UPDATES_MAX, JOURNAL_BYTES_MAX };

/* ---- writing ---- */

int commit_write_journal(struct commit *c, bool all)
{
	uint64_t mark = 0;
	if (RAND_bytes((uint8_t *)&mark, sizeof(mark)) != 1)
		return EIO;
	struct writer row = wr_make(HEAD_SIZE + JOURNAL_UPDATE_MAX);
	all = all || c->changed->length > JOURNAL_UPDATE_MAX;
	wr_u64(&row, mark | 1);
	wr_u8(&row, all);
	if (!all)
		wr_bytes(&row, c->changed->data, c->changed->length);
	int r = wr_failed(&row) ? ENOMEM
	                        : journal_rows_put(c->index, c->txn, &journal, c->state.generation, &row);
	wr_free(&row);
	return r;
}

/* ---- reading ---- */

/* What one update changed; the reader fails where that is not known. */
static struct reader open_row(
        struct vuln_index *index, uint64_t generation, uint64_t *ret_mark, bool *ret_all)
{
	struct reader r = journal_rows_get(index, &journal, generation);
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
