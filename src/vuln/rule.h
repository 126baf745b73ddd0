/* SPDX-License-Identifier: ISC */
/* Rules of records (record.h): made from OSV's ranges and versions, and evaluated against an installed
 * version. */
#pragma once

#include "vuln/record.h"

/* Collects what one affected entry says, in its ecosystem's order. Reused: rule_reset() keeps the memory. */
struct rule_builder {
	enum version_ecosystem order;
	struct rule_builder_event {
		enum rule_event kind;
		uint32_t key_at, text_at;
		uint16_t key_length, text_length;
		uint32_t serial; /* keeps the order of events with one version */
	} * events;
	size_t n_events, events_capacity;
	struct writer bytes; /* keys and texts of events */
	size_t *range_ends;  /* n_events after each range */
	size_t n_ranges, ranges_capacity;
	struct writer versions; /* encoded as in the rule */
	uint32_t n_versions;
	struct writer rule;
	struct version_key key; /* scratch */
};
void rule_builder_clear(struct rule_builder *b);
void rule_reset(struct rule_builder *b, enum version_ecosystem order);

/* version "0" of INTRODUCED and "*" of LIMIT stand for no bound. -EINVAL with the reason for a version that
 * the order does not allow, -E2BIG above a limit. */
int rule_add_event(struct rule_builder *b, enum rule_event kind, const char *version, struct error *err);
/* Ends the range that the events since the last call make; -EINVAL where it has no INTRODUCED. */
int rule_end_range(struct rule_builder *b, struct error *err);
/* Adds a listed version, after all ranges: one that a range covers is dropped. 0, or -EINVAL, -E2BIG as
 * above. */
int rule_add_version(struct rule_builder *b, const char *version, struct error *err);
/* Sets kind, rule, rule_length and fixed of ret; they point into the builder. False where it is empty. */
bool rule_finish(struct rule_builder *b, struct record_affected *ret);

/* Whether the version with this key is affected (RULE_EVENTS). Where it is, and some later version is fixed,
 * *ret_fixed is the text of the first of them, else NULL. */
bool rule_evaluate(
        const uint8_t *rule, size_t length, const uint8_t *key, size_t key_length, const char **ret_fixed);

/* Several rules into one RULE_EVENTS that affects what any of them affects: first all ranges, then all listed
 * versions. begin returns where the count is that the others raise; a failure is the writer's. */
size_t rule_merge_begin(struct writer *w);
void rule_merge_ranges(struct writer *w, size_t count_at, const struct record_affected *from);
size_t rule_merge_versions_begin(struct writer *w);
void rule_merge_versions(struct writer *w, size_t count_at, const struct record_affected *from);
