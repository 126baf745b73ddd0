/* SPDX-License-Identifier: ISC */
/* What the index says of one advisory: its records, their texts, and what they were before. */
#pragma once

#include "vuln/record.h"
#include "vuln/vuln.h"

/* Calls fn for the record of each source that has this id; its strings are valid until fn returns. Negative
 * stops and is returned; -ENOENT where no source has it. */
int vuln_index_show(struct vuln_index *index, const char *id,
        int (*fn)(const struct record *r, void *context), void *context, struct error *err);

/* Calls fn for every record of every source, by id. Strings are valid until fn returns; negative stops and is
 * returned. */
int vuln_index_each_record(struct vuln_index *index, int (*fn)(const struct record *r, void *context),
        void *context, struct error *err);

/* Calls fn for every record that has this id or names it as an alias, by id and source: under which ids and
 * by whom the vulnerability is known. None is not an error. Negative stops and is returned. */
int vuln_index_ids(struct vuln_index *index, const char *id,
        int (*fn)(const char *id, const char *source, void *context), void *context, struct error *err);

/* The record as the source wrote it, OSV JSON with a NUL behind it that length does not count; caller frees.
 * -ENOENT where the source has no such record. */
int vuln_index_text(struct vuln_index *index, const char *id, const char *source, char **ret_text,
        size_t *ret_length, struct error *err);

/* What became of a form of a record. */
enum vuln_event {
	VULN_MODIFIED = 1,
	VULN_WITHDRAWN = 2,
	VULN_RESTORED = 4, /* it was withdrawn */
	VULN_ALIASED = 8,  /* its aliases changed */
	VULN_MERGED = 16,  /* and it is another vulnerability's record because of it, or no longer */
	VULN_REMOVED = 32, /* its source no longer has it: cancelled */
	VULN_ADDED = 64,   /* it was not there before (changes.h); of no form */
};
const char *vuln_event_name(enum vuln_event e); /* "modified", ... */
struct vuln_form {
	unsigned events;     /* enum vuln_event */
	time_ms when;        /* wall time */
	uint64_t generation; /* of the index */
	time_ms modified;    /* of the form: its own "modified" */
	const char *text;    /* OSV JSON; valid until fn returns */
	size_t length;
};
/* Calls fn for each older form of the record, the oldest first; also of a record that is there no more. None
 * is not an error. Negative stops and is returned. */
int vuln_index_history(struct vuln_index *index, const char *id, const char *source,
        int (*fn)(const struct vuln_form *form, void *context), void *context, struct error *err);
