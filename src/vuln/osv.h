/* SPDX-License-Identifier: ISC */
/*
 * OSV records (schema 1.6, https://ossf.github.io/osv-schema/) into records of the index. A record that
 * breaks the schema is refused whole; an affected entry whose versions its ecosystem does not allow is
 * refused alone.
 */
#pragma once

#include "vuln/rule.h"
#include <jansson.h>

#define OSV_RECORD_MAX (32u << 20) /* bytes of JSON */

struct osv_counts {
	uint64_t withdrawn;            /* records */
	uint64_t affected;             /* entries taken */
	uint64_t affected_refused;     /* a version that the ecosystem does not allow */
	uint64_t affected_unsupported; /* an ecosystem without a known version order, or no package */
	uint64_t git_ranges;           /* ignored: packages have no commits */
	uint64_t versions_invalid;     /* listed versions that no installed package can have */
	struct error first_refused;    /* why the first affected entry was */
};

struct osv_parser {
	struct record_writer record;
	struct rule_builder rule;
	struct osv_counts counts; /* summed over all records */
	const char **names;
	size_t n_names, names_capacity;
	enum vuln_severity severity; /* of the record at hand */
};
void osv_parser_clear(struct osv_parser *p);

/* The record is in p->record.w until the next call. -EINVAL with the reason for a malformed one. */
int osv_parse(struct osv_parser *p, const char *source, const json_t *json, struct error *err);
/* The same from text. */
int osv_parse_text(
        struct osv_parser *p, const char *source, const char *text, size_t length, struct error *err);
