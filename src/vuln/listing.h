/* SPDX-License-Identifier: ISC */
/* What there is in the index, by platform and by record; for who serves it. */
#pragma once

#include "base/cursor.h"
#include "vuln/vuln.h"

/* Calls fn for each ecosystem that has entries ("Debian:12"), by name. Negative stops and is returned. */
int vuln_index_each_ecosystem(struct vuln_index *index,
        int (*fn)(const char *ecosystem, uint64_t entries, void *context), void *context, struct error *err);

/* Whether there is anything about packages of this ecosystem ("Debian:12"), or a source that knows all about
 * it. */
bool vuln_index_knows(struct vuln_index *index, const char *ecosystem);

/* Calls fn for each entry of this ecosystem (as the index has it), package by package: a record may come
 * several times, for each package that it names. Negative stops and is returned. */
struct vuln_entry {
	const char *id, *source;
	time_ms modified;
	uint32_t precedence;
};
int vuln_index_each_entry(struct vuln_index *index, const char *ecosystem,
        int (*fn)(const struct vuln_entry *entry, void *context), void *context, struct error *err);

/* One record of one source. */
struct vuln_name {
	const char *id, *source;
};
/* The compressed texts (text.h) of n records in turn, in one read transaction; frame NULL: that one is not
 * there any more, or was never OSV JSON. Valid until fn returns. Negative or positive stops and is returned.
 */
int vuln_index_each_frame(struct vuln_index *index, const struct vuln_name *names, size_t n,
        int (*fn)(size_t i, const void *frame, size_t length, void *context), void *context,
        struct error *err);
