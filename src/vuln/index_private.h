/* SPDX-License-Identifier: ISC */
/* The read side's handle: one environment, one read transaction that is renewed for each question. */
#pragma once

#include "vuln/index.h"

struct vuln_index {
	struct index_env e;
	char *dir;
	MDB_txn *txn; /* reset while nothing reads */
};

/* A fresh view of the index in index->txn; LMDB's code. index_end() gives it back. */
int index_begin(struct vuln_index *index);
void index_end(struct vuln_index *index);
/* A fresh view and a cursor over one of its databases; index_end_cursor() gives both back. */
int index_begin_cursor(struct vuln_index *index, MDB_dbi db, MDB_cursor **ret, struct error *err);
void index_end_cursor(struct vuln_index *index, MDB_cursor *cursor);

/* Within index_begin(): whether an ecosystem has entries, or a source that knows all about it. */
bool index_has_ecosystem(struct vuln_index *index, enum index_kind kind, const char *ecosystem);
