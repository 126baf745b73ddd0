/* SPDX-License-Identifier: ISC */
/*
 * OSV records (schema 1.6, https://ossf.github.io/osv-schema/) into records of the index. A record that
 * breaks the schema or a limit is refused whole; an affected entry whose versions its ecosystem does not
 * allow is refused alone.
 *
 * What OSV lacks an affected entry says in database_specific.pratique, which importers of CSAF and VEX write:
 * {"status": "not_affected", "justification": TEXT}: the package is not affected at the versions that the
 * entry tells, by ranges and versions as usual; at any where it tells none. "status": "affected" is what OSV
 * says anyhow.
 */
#pragma once

#include "base/table.h"
#include "vuln/rule.h"
#include <jansson.h>

#define OSV_RECORD_MAX (16u << 20) /* bytes of JSON; the largest that is known is 1.3 MB */
#define OSV_UNMAPPED "no package that is known here is affected" /* said of a record */

struct osv_counts {
	uint64_t withdrawn;            /* records */
	uint64_t unmapped;             /* records that name no package which the index can hold */
	uint64_t affected;             /* entries taken */
	uint64_t affected_refused;     /* a version that the ecosystem does not allow */
	uint64_t affected_unsupported; /* an ecosystem without a known version order, or no package */
	uint64_t affected_outside;     /* an ecosystem that the source may not speak of */
	uint64_t git_ranges;           /* ignored: packages have no commits */
	uint64_t versions_invalid;     /* listed versions that no installed package can have */
	uint64_t not_affected;         /* entries taken that say so (VEX) */
	uint64_t beyond_limits;     /* records refused because they claim more than a record may (record.h) */
	struct error first_refused; /* why the first affected entry was */
};

struct osv_parser {
	const char *const
	        *ecosystems; /* canonical, NULL-terminated: entries of others are not taken; NULL: all */
	struct record_writer record;
	struct rule_builder rule;
	struct osv_counts counts; /* summed over all records */
	const char **names;
	size_t n_names, names_capacity;
	struct table *packages;      /* that the record at hand names -> non-NULL */
	enum vuln_severity severity; /* of the record at hand */
};
void osv_parser_clear(struct osv_parser *p);

/* The record is in p->record.w until the next call. -EINVAL with the reason for a malformed one. */
int osv_parse(struct osv_parser *p, const char *source, const json_t *json, struct error *err);
/* The same from text. */
int osv_parse_text(
        struct osv_parser *p, const char *source, const char *text, size_t length, struct error *err);
