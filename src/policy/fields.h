/* SPDX-License-Identifier: ISC */
/* What a policy can ask of a node: one row a field, with its type, its words and how to read it from the
 * input. */
#pragma once

#include "policy/ast.h"

#define POLICY_CLOCK_SKEW_MAX_MS (10 * 60 * 1000) /* a time further in the future makes an age unknown */

/* The value of a field. Which member holds it follows from the field's type; a TEXT that is known and NULL is
 * "none" (a node without a role), which equals no literal. */
struct policy_fact {
	bool known;
	bool yes;         /* BOOLEAN */
	const char *text; /* TEXT, VERSION */
	int64_t number;   /* NUMBER; ms for DURATION */
	const char *why;  /* where not known, if there is a reason to tell */
};

/* One of what a NUMBER counts, for people. */
struct policy_item {
	const char *name, *detail; /* detail: NULL where the name says all */
};

struct policy_field {
	const char *name;
	enum policy_type type;
	const char *noun;        /* "the version of the OS": goes before "is 12" */
	const char *yes, *no;    /* BOOLEAN: the two sentences */
	const char *reported_as; /* the field of the posture's list of unknowns: that name or one above it */
	void (*read)(const struct policy_input *in, struct policy_fact *ret);
	/* Of a NUMBER, may be NULL: the i-th of what it counts; false after the last. */
	bool (*item)(const struct posture *p, size_t i, struct policy_item *ret);
};

const struct policy_field *policy_field_find(const char *name); /* NULL: there is no such field */
/* All of them, for messages. */
const struct policy_field *policy_fields(size_t *ret_count);
void policy_field_read(const struct policy_field *f, const struct policy_input *in, struct policy_fact *ret);
/* Whether it is about the age of vulnerability information. */
bool policy_field_is_freshness(const struct policy_field *f);
/* The age of one source: since it was last loaded, or looked at and found unchanged. */
void policy_source_age_read(const char *source, const struct policy_input *in, struct policy_fact *ret);
/* Why the agent could not read a part of the posture; a fixed sentence where it did not say. */
const char *policy_unknown_reason(const struct posture *p, const char *reported_as);
/* The agent's reason where it says that it could not read that part, or not all of it; else NULL. */
const char *policy_unknown_find(const struct posture *p, const char *reported_as);
