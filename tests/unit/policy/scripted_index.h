/* SPDX-License-Identifier: ISC */
/*
 * A vulnerability index that says what the test wrote: matches by package name, in order, or a failure. It
 * stands in for index and matcher, so that dates, severities and errors can be chosen one by one;
 * index_test.c uses the real one.
 */
#pragma once

#include "vuln/vuln.h"

struct scripted_match {
	const char *package, *id, *fixed, *source;
	enum vuln_severity severity;
	time_ms published, modified;
	const char *aliases[3]; /* NULL-terminated */
	enum vuln_trust trust;
	const char *conflict, *judged_as;
};

/* What a generation changed. */
struct scripted_change {
	uint64_t generation;
	const char *package;
};

struct vuln_index {
	const struct scripted_match *matches;
	size_t n_matches;
	uint64_t generation;
	time_ms updated;
	const char *unjudged; /* a package that it cannot judge; may be NULL */
	int failure;          /* negative errno: reading fails after the matches */
	size_t passes;        /* how often it was asked */
	size_t packages;      /* about how many packages in all */
	const struct vuln_source *sources;
	size_t n_sources;
	size_t listings;          /* how often they were gone through */
	const char *const *needs; /* ecosystems that it lacks, whatever a node has */
	size_t n_needs;
	uint64_t mark; /* of its journal; 0: it has none */
	const struct scripted_change *changes;
	size_t n_changes;
};
