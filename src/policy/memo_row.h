/* SPDX-License-Identifier: ISC */
/* The rows of the memo, private to this room. */
#pragma once

#include "policy/evaluation.h"
#include "policy/memo.h"

struct memo_match {
	const char *id, *fixed, *source, *conflict, *judged_as;
	const char *const *aliases; /* NULL-terminated */
	enum vuln_severity severity;
	enum vuln_trust trust;
	bool emergency;
	const uint8_t *values; /* enum tristate, one a term */
};

struct memo_count {
	uint32_t certain, possible, kept; /* kept: how many of them are in matches */
};

/* One block of memory. */
struct memo_row {
	size_t bytes;
	time_ms until; /* good until then; INT64_MAX: no date is in it */
	uint64_t hash; /* of all that follows */
	bool emergency;
	enum vuln_severity highest;
	const char *unjudged;            /* why the package could not be judged; NULL: it was */
	const struct memo_count *counts; /* one a term; NULL: zeroes */
	const struct memo_match *matches;
	size_t n_matches;
};

/* What one package met, while it is being put together. */
struct memo_draft {
	char *unjudged;
	struct memo_count *counts;
	struct memo_draft_match {
		struct memo_match match; /* its strings and values are its own */
		size_t n_aliases;
	} * matches;
	size_t n_matches, capacity;
	time_ms until;
	bool emergency;
	enum vuln_severity highest;
};

extern const struct memo_row memo_row_empty;

/* Notes in the draft a match that a term may meet. */
void memo_draft_add(
        struct memo_draft *d, const struct policy *policy, const struct vuln_match *match, time_ms now);
/* A new row, or memo_row_empty; clears the draft. */
const struct memo_row *memo_row_new(struct memo_draft *d, size_t n_terms);
void memo_row_free(const struct memo_row *row); /* NULL is fine */
/* From one to the other; before NULL: not known. */
enum policy_change memo_row_compare(
        const struct memo_row *before, const struct memo_row *after, size_t n_terms);

/* The rows of these packages, in their order, all of them good at that time: into rows. Those that are not
 * kept are in *ret_own too, for memo_free_own(). */
struct memo_own {
	const struct memo_row **rows;
	size_t n, capacity;
};
int memo_rows(struct policy_memo *m, uint32_t platform, const uint32_t *ids, size_t n, time_ms now,
        const struct memo_row **rows, struct memo_own *ret_own, struct error *err);
void memo_free_own(struct memo_own *own);
const struct posture_package *memo_package(const struct policy_memo *m, uint32_t id);
bool memo_asks_for_any(const struct policy_memo *m);
/* Whether an expression of the policy asks for a package of that name. */
bool memo_is_asked_for(const struct policy_memo *m, uint32_t platform, uint32_t id);
