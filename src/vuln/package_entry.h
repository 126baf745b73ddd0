/* SPDX-License-Identifier: ISC */
/*
 * What the index holds under one package: an entry for every record that names it, ready to be judged and
 * reported without another lookup. Who disagrees is settled here, when the index is written (settle.c): of
 * the entries of one vulnerability one leads, and the matcher walks over those that lead alone. First those
 * that are RULE_ALWAYS, then RULE_BELOW with the highest fixed version first, so that a walk ends at the
 * first one that is already fixed; then what has to be evaluated. The others follow, vulnerability by
 * vulnerability and in their order; an entry that leads says where the others of its vulnerability are.
 * Integers are in the machine's order, unaligned.
 *
 *   u32 offset of the first that has to be evaluated; u32 offset of the first that does not lead; entries
 *   entry: struct package_entry_head, rule, strings id, source, summary, fixed, group, justification, aliases
 *   (each with its NUL)
 */
#pragma once

#include "vuln/record.h"
#include "vuln/source.h"

#define PACKAGE_ENTRIES_AT 8

enum package_entry_flag {
	ENTRY_DELIBERATE = 1, /* no entry decides alone: all are gone through, this one first (settle.h) */
	ENTRY_PARTIAL = 2,    /* of a source that does not make its ecosystem known */
};

struct package_entry_head {
	uint32_t size; /* with the head */
	uint32_t rule_length;
	int64_t published, modified;
	uint32_t others_at,
	        n_others; /* of its vulnerability, from the beginning of the value; where it leads */
	uint32_t precedence;
	uint16_t source_at, summary_at, fixed_at, group_at, justification_at, aliases_at; /* from the id */
	uint16_t n_aliases;
	uint8_t kind, severity, status, trust, flags;
};

struct package_entry {
	struct package_entry_head head;
	const uint8_t *at, *rule;
	const char *id, *source, *summary, *fixed, *aliases;
	const char *group; /* what the vulnerability is known by, whichever record names it (alias.h) */
	const char *justification; /* "" where there is none */
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
	ret->group = ret->id + ret->head.group_at;
	ret->justification = ret->id + ret->head.justification_at;
	ret->aliases = ret->id + ret->head.aliases_at;
	return true;
}

/* The two offsets at the beginning of a value; false where it is none of ours. */
struct package_value {
	const uint8_t *bytes;
	uint32_t length, events_at, others_at;
};
static inline bool package_value_read(const void *bytes, size_t length, struct package_value *ret)
{
	if (length < PACKAGE_ENTRIES_AT || length > UINT32_MAX)
		return false;
	ret->bytes = bytes;
	ret->length = (uint32_t)length;
	memcpy(&ret->events_at, ret->bytes, sizeof(ret->events_at));
	memcpy(&ret->others_at, ret->bytes + 4, sizeof(ret->others_at));
	return ret->events_at >= PACKAGE_ENTRIES_AT && ret->events_at <= ret->others_at &&
	        ret->others_at <= length;
}

/* What an entry takes from elsewhere than its record. */
struct package_entry_terms {
	const char *group; /* NULL: the record's own id */
	enum vuln_severity severity;
	const struct vuln_source *source;
};
/* Appends the entry that a record makes for one of its affected packages. */
void package_entry_write(struct writer *w, const struct record *record,
        const struct record_affected *affected, const struct package_entry_terms *terms);
