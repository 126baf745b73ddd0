/* SPDX-License-Identifier: ISC */
/* A state of advisories, wherever it is: an index, a signed repository, or a source; to be compared. */
#pragma once

#include "base/table.h"
#include "vuln/vuln.h"

struct state_record {
	char *id, *source;
	bool withdrawn;
	enum vuln_severity severity;
	/* "ECOSYSTEM NUL PACKAGE" -> a number that differs where what is said of the package does; nothing of
	 * one that is withdrawn. */
	struct table *packages;
};
struct state {
	struct table *records; /* "ID NUL SOURCE" -> struct state_record */
	struct table *sources; /* names -> non-NULL */
};
/* from: the directory of an index or of a signed repository, whose files must be whole, or a SOURCE argument.
 * What it says of itself is not judged. */
int state_read(const char *from, struct state *ret, struct error *err);
void state_clear(struct state *s);
