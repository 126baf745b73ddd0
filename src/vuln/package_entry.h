/* SPDX-License-Identifier: ISC */
/*
 * What the index holds under one package: all entries that can affect it, ready to be judged and reported
 * without another lookup. Entries that are RULE_ALWAYS come first, then RULE_BELOW with the highest fixed
 * version first, so that a walk ends at the first one that is already fixed; then RULE_EVENTS. Integers are
 * in the machine's order, unaligned.
 *
 *   u32 offset of the first RULE_EVENTS entry; entries
 *   entry: struct package_entry_head, rule, strings id, source, summary, fixed, aliases (each with its NUL)
 */
#pragma once

#include "vuln/record.h"

#define PACKAGE_ENTRIES_AT 4

struct package_entry_head {
	uint32_t size; /* with the head */
	uint32_t rule_length;
	int64_t published, modified;
	uint16_t source_at, summary_at, fixed_at, aliases_at; /* from the id */
	uint16_t n_aliases;
	uint8_t kind, severity;
};

struct package_entry {
	struct package_entry_head head;
	const uint8_t *at, *rule;
	const char *id, *source, *summary, *fixed, *aliases;
};

/* Reads the entry at `at`; false at the end or where the bytes are no entry. */
static inline bool package_entry_read(const uint8_t *at, size_t left, struct package_entry *ret)
{
	if (left < sizeof(ret->head))
		return false;
	memcpy(&ret->head, at, sizeof(ret->head));
	size_t size = ret->head.size, strings = sizeof(ret->head) + (size_t)ret->head.rule_length;
	if (size > left || strings + ret->head.aliases_at > size || at[size - 1] != '\0')
		return false;
	ret->at = at;
	ret->rule = at + sizeof(ret->head);
	ret->id = (const char *)at + strings;
	ret->source = ret->id + ret->head.source_at;
	ret->summary = ret->id + ret->head.summary_at;
	ret->fixed = ret->id + ret->head.fixed_at;
	ret->aliases = ret->id + ret->head.aliases_at;
	return true;
}

/* Appends the entry that a record makes for one of its affected packages. */
void package_entry_write(struct writer *w, const struct record *record,
        const struct record_affected *affected, enum vuln_severity severity);

/* Sorts whole entries (a list of pointers to their bytes) and writes the value for the index. */
void package_entries_write(struct writer *w, const uint8_t **entries, size_t n);
