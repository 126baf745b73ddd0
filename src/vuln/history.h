/* SPDX-License-Identifier: ISC */
/*
 * The forms that records had before: what a source changed, withdrew or took back stays readable. A form is
 * the text as it was (text.h) and what became of it:
 *
 *   u8 format, u8 events, u64 when, u64 generation, u64 modified, zstd frame
 *
 * The oldest forms go first: of a record above HISTORY_FORMS_MAX, of all above HISTORY_BYTES_MAX.
 */
#pragma once

#include "vuln/index.h"
#include "vuln/show.h"

#define HISTORY_FORMAT 1
#define HISTORY_FORMS_MAX 32                    /* of one record */
#define HISTORY_BYTES_MAX ((uint64_t)256 << 20) /* of all, compressed */

struct history_state {
	uint64_t forms, bytes;
	uint64_t next;   /* serial */
	uint64_t pruned; /* forms that went because there were too many */
};

/* LMDB's codes. */
int history_read_state(struct index_env *e, MDB_txn *txn, struct history_state *ret);
/* Adds the form whose frame this is to the record of this key, and lets go of what is too much. form->text is
 * not looked at. */
int history_add(struct index_env *e, MDB_txn *txn, struct history_state *state, const MDB_val *record_key,
        const struct vuln_form *form, const MDB_val *frame);
/* Calls fn for each source that has an older form of a record with this id. Negative stops and is returned.
 */
int history_each_source(struct vuln_index *index, const char *id,
        int (*fn)(const char *id, const char *source, void *context), void *context, struct error *err);
