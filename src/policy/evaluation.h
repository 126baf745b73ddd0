/* SPDX-License-Identifier: ISC */
/* One decision in the making, private to this room: the advisories that match, and what each term is worth.
 */
#pragma once

#include "policy/fields.h"

struct policy_match { /* a copy of a vuln_match in the decision's arena */
	const struct posture_package *package;
	const char *id, *aliases, *fixed, *source, *conflict, *judged_as;
	enum vuln_severity severity;
	enum vuln_trust trust;
	bool emergency;
};

/* A package of an inventory that meets some term, or could not be judged. */
struct memo_row;
struct policy_met {
	const struct memo_row *row;
	const struct posture_package *package;
};

/* What one advisory term (`no advisory where ...`, `advisories where ...`) met. */
struct policy_term {
	size_t n_certain, n_possible; /* its condition holds; it cannot be told whether it holds */
	size_t *matches;              /* into policy_evaluation.matches, both kinds; of an inventory: none */
	size_t n_matches, capacity;   /* that can be told of */
	bool emergency;               /* one of those that it met is one, kept or not */
};

struct policy_requirement_state {
	bool judged, explained;
	enum tristate value;
	const struct policy_waiver_node *waiver; /* why it is YES; NULL: it is by itself, or it is not */
};

struct policy_waived_advisory {
	const char *id; /* in the decision's arena */
	const struct policy_waiver_node *waiver;
	size_t packages;
};

/* Answers of the expressions that ask a posture something else than its packages. */
struct policy_facts {
	uint64_t fingerprint; /* of the policy */
	time_ms made, until;
	uint8_t values[]; /* enum tristate, one a leaf */
};

struct policy_evaluation {
	const struct policy *policy;
	const struct policy_input *input;
	struct policy_decision *decision;
	struct policy_arena *arena; /* of the decision */
	struct policy_match *matches;
	size_t n_matches, matches_capacity;
	size_t n_met;            /* matches that were judged, kept or not */
	struct policy_met *rows; /* of an inventory */
	size_t n_rows;
	bool rows_sorted;
	const struct posture_package **asked; /* of an inventory: those that an expression may ask for */
	size_t n_asked;
	struct policy_term *terms;
	const char
	        *advisories_unknown; /* why the advisories were not, or not all, looked at; NULL: they were */
	size_t n_unjudged;           /* packages that the index could not judge */
	const char *unjudged;        /* the first of them, and why */
	struct policy_requirement_state *requirements;
	size_t findings_capacity;
	bool needs_posture; /* words about it are wanted, and facts stand in for it */
	/* Those for this node that count now. */
	const struct policy_waiver_node **waivers;
	size_t n_waivers;
	struct policy_waived_advisory *waived_advisories;
	size_t n_waived_advisories, waived_advisories_capacity;
};

/* waivers.c */
void policy_waivers_begin(struct policy_evaluation *ev);
/* The waiver of a requirement, or of an advisory by its id or an alias; NULL: there is none. */
const struct policy_waiver_node *policy_waiver_of_requirement(
        const struct policy_evaluation *ev, const struct policy_requirement *r);
const struct policy_waiver_node *policy_waiver_of_advisory(
        const struct policy_evaluation *ev, const char *id, const char *const *aliases);
void policy_waive_advisory(struct policy_evaluation *ev, const struct policy_waiver_node *w, const char *id);
/* Says in the decision what was waived. */
void policy_waivers_end(struct policy_evaluation *ev);
bool policy_is_emergency(const struct policy *p, const struct vuln_match *m);

/* values.c: three-valued logic (Kleene): unknown wherever the answer hangs on what is not known. */
enum tristate policy_and(enum tristate a, enum tristate b);
enum tristate policy_or(enum tristate a, enum tristate b);
enum tristate policy_not(enum tristate a);
enum tristate policy_value(struct policy_evaluation *ev, const struct policy_expression *e);
enum tristate policy_requirement_value(struct policy_evaluation *ev, const struct policy_requirement *r);
/* A condition behind `where`, for one advisory. */
enum tristate policy_condition_value(
        const struct policy_expression *e, const struct vuln_match *m, time_ms now);
const char *policy_aliases_joined(struct policy_arena *a, const char *const *aliases); /* NULL: none */
/* One pass over the node's matches for all terms of the policy. */
struct memo_own;
void policy_match_advisories(struct policy_evaluation *ev, struct memo_own *own);

/* The node was inspected: there is a posture, or what was found in it. */
bool policy_is_inspected(const struct policy_input *in);
/* What package URLs need of the posture. */
struct posture policy_platform_of(const struct policy_evaluation *ev);
/* The packages that expressions may ask for: the i-th; NULL after the last. And how many there are in all. */
const struct posture_package *policy_package_at(const struct policy_evaluation *ev, size_t i);
size_t policy_package_count(const struct policy_evaluation *ev);
/* What the index cannot judge makes the advisories unknown. */
void policy_note_unjudged(
        struct policy_evaluation *ev, const struct posture_package *package, const char *reason);

/* meet.c: the same for an inventory, from the memo. Calls fn, in an order that does not hang on the numbers,
 * for each match that the term may meet. What it used goes with policy_meet_end(). */
struct memo_match;
void policy_meet_begin(struct policy_evaluation *ev); /* which packages expressions may ask for */
int policy_meet(struct policy_evaluation *ev, struct memo_own *ret_own, struct error *err);
void policy_meet_end(struct policy_evaluation *ev, struct memo_own *own);
typedef void (*policy_met_fn)(struct policy_evaluation *ev, const struct posture_package *package,
        const struct memo_match *match, const char *requirement);
void policy_each_met(struct policy_evaluation *ev, size_t term, policy_met_fn fn, const char *requirement);

/* findings.c: words for what an expression that is not satisfied met. */
void policy_explain_requirement(struct policy_evaluation *ev, const struct policy_requirement *r);
void policy_finding_sentence(struct policy_evaluation *ev, enum policy_finding_kind kind,
        const char *requirement, const char *text);
/* "the firewall is not active and the role is "guest"": what every leaf of the expression met. */
const char *policy_found(struct policy_evaluation *ev, const struct policy_expression *e);
