/* SPDX-License-Identifier: ISC */
/*
 * What became of records between two generations of one index: from the older forms that it keeps (history.h)
 * and from what each update notes of the records that were new to it.
 */
#pragma once

#include "vuln/show.h"

#define ADDED_UPDATES_MAX 4096             /* of older ones it is not known what they added */
#define ADDED_UPDATE_MAX ((size_t)1 << 20) /* bytes of names; of an update with more it is known how many */
#define ADDED_BYTES_MAX ((size_t)16 << 20)

/* Of one record of one source. */
struct vuln_record_change {
	const char *id, *source;
	unsigned events;     /* enum vuln_event, of all that happened to it in between */
	size_t times;        /* how often something did */
	uint64_t generation; /* when last, */
	time_ms when;        /* and the wall time */
};

/* How much of it is known. */
struct vuln_changes_kept {
	uint64_t generation; /* of the index now */
	uint64_t forms_from; /* changes before this generation may be missing; 0: none is */
	uint64_t added_from; /* which records were new is known from this one on; 0: of none */
	uint64_t unnamed;    /* so many were new in between, and it is not known which */
};

/* Calls fn for each record that changed after generation `from`, up to `to`, by id and source. Negative stops
 * and is returned. */
int vuln_index_record_changes(struct vuln_index *index, uint64_t from, uint64_t to,
        int (*fn)(const struct vuln_record_change *change, void *context), void *context,
        struct vuln_changes_kept *ret, struct error *err);
