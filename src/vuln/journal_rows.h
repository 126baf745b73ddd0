/* SPDX-License-Identifier: ISC */
/*
 * What each update did, one row a generation, in the meta database of the index; the oldest rows are
 * forgotten when there are too many. Written within an update, so that none is without it.
 */
#pragma once

#include "base/cursor.h"
#include "vuln/index_private.h"

struct journal_kind {
	const char *state;  /* under which key its state is: struct journal_state */
	const char *prefix; /* and its rows: this and the generation, big-endian */
	uint64_t rows_max, bytes_max;
};
#define JOURNAL_PREFIX_MAX 16

/* In the meta database. */
struct journal_state {
	uint64_t first; /* the oldest generation that it has; 0 = none */
	uint64_t bytes; /* of all of them */
};

/* The row of this generation, the newest. LMDB's codes. */
int journal_rows_put(struct index_env *e, MDB_txn *txn, const struct journal_kind *kind, uint64_t generation,
        const struct writer *row);
/* Within index_begin(). A reader that has failed where there is no such row. */
struct reader journal_rows_get(
        struct vuln_index *index, const struct journal_kind *kind, uint64_t generation);
/* From which generation on there are rows; 0: none. */
uint64_t journal_rows_first(struct vuln_index *index, const struct journal_kind *kind);
