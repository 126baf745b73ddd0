/* SPDX-License-Identifier: ISC */
/*
 * Answers to queries of OSV.dev's API, as bytes: lists of records as their sources wrote them, or of ids.
 * A list is in the order of ids. Of several sources that hold an id, the one that stands answers; where
 * another one says something else, or the same id is another source's too, the record says so in
 * database_specific.pratique.
 */
#pragma once

#include "vis/coding.h"
#include "vis/kept.h"
#include "vis/osv_query.h"
#include "vuln/vuln.h"

#define OSV_ANSWER_MAX (30u << 20) /* bytes of an answer, unpacked or not */
#define OSV_ANSWER_PAGE (8u << 20) /* above that a page ends; one record is always on it */
#define OSV_MATCHES_MAX 200000     /* that are looked at for one query */
#define OSV_WORK_MAX 400000        /* in one request: a vulnerability that is looked at is one, */
#define OSV_WORK_LOOKUP 2          /* and an ecosystem that a query is asked of so much */
#define OSV_ECOSYSTEMS_MAX 8192    /* that a query without one is asked of */

struct osv_answer {
	struct vuln_index *index;
	struct kept *kept; /* records as they are unpacked */
	struct coder *coder;
	struct writer out, packed; /* what is sent is out, or packed */
	/* What there is at a generation of the index, by name. */
	char (*ecosystems)[ECOSYSTEM_NAME_MAX];
	size_t n_ecosystems, ecosystems_capacity;
	uint64_t generation;
	/* The rest is of one query. */
	struct writer names; /* strings, each with its NUL */
	struct osv_found *found;
	size_t n_found, capacity;
	const char **asked; /* ecosystems that the query is asked of */
	size_t n_asked, asked_capacity;
	const char *unjudged; /* why a query could not be judged; NULL: it was */
	size_t n_unjudged;    /* such queries since osv_answer_begin() */
	char reason[sizeof(struct error)];
	size_t work;        /* since then, up to OSV_WORK_MAX */
	uint64_t n_records; /* written whole since then */
	bool is_cut;        /* something is continued on another page */
};

void osv_answer_open(struct osv_answer *a, struct vuln_index *index, struct kept *kept);
void osv_answer_close(struct osv_answer *a);
void osv_answer_begin(struct osv_answer *a);

/* Looks for what the query asks; then one of the following writes the page. -EINVAL, -E2BIG where the request
 * asks for too much at once. */
int osv_answer_find(struct osv_answer *a, const struct osv_query *q, struct error *err);
/* The same for all that there is about an ecosystem, or those of its releases. */
int osv_answer_list(struct osv_answer *a, const struct osv_query *q, struct error *err);
/* {"vulns": [{"id", "modified"}], "next_page_token"} into out, limit of them at most; how many. */
size_t osv_answer_write_ids(struct osv_answer *a, const struct osv_query *q, size_t limit);
/* The same with whole records: into packed for CODING_ZSTD, else into out. */
int osv_answer_write_records(
        struct osv_answer *a, const struct osv_query *q, enum coding coding, struct error *err);
/* The record of an id, from the source that stands. -ENOENT; err names those that know it as an alias. */
int osv_answer_write_record(struct osv_answer *a, const char *id, enum coding coding, struct error *err);
