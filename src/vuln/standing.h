/* SPDX-License-Identifier: ISC */
/* One vulnerability as all sources have it, under all its ids: for who shows it. */
#pragma once

#include "vuln/show.h"

/* One record, or one that was there. Valid until fn returns. */
struct standing_record {
	const char *id, *source;
	enum vuln_trust trust;
	uint32_t precedence;
	const struct record *record; /* NULL: its source took it back; vuln_index_history() has what it was */
	bool stands;                 /* before all the others, for whatever package it names */
	const char *why;             /* why it stands, or stands behind; NULL: it is the only one */
};
/* Calls fn for each record that is about this vulnerability, by whichever of its ids it is asked for, in the
 * order in which they stand (settle.h); withdrawn ones, and then those that were taken back, last. Negative
 * stops and is returned; -ENOENT where nothing is known of it. */
int vuln_index_standing(struct vuln_index *index, const char *id,
        int (*fn)(const struct standing_record *r, void *context), void *context, struct error *err);
