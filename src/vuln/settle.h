/* SPDX-License-Identifier: ISC */
/*
 * Who stands where sources disagree. The entries of one package that are about one vulnerability are put in
 * order: source by source, the lower precedence first, then the more trusted, then the one with the newest
 * record, then by name; within a source the newest record first. The first source that says anything of the
 * installed version decides:
 *
 *   - it names the package as affected: it is, where the version is in what any of its records calls
 * affected, and else is not, whatever those behind it say;
 *   - it names it as not affected at this version (VEX): it is not. Within one source the newer record
 * counts, within one record that it is affected.
 *
 * Mostly that can be told without the version: then one entry leads, or none.
 */
#pragma once

#include "vuln/package_entry.h"

struct settle_member {
	const uint8_t *bytes;
	struct package_entry entry;
	int64_t newest; /* among the entries of its source here */
};

/* Scratch memory, kept from one package to the next; free() with settle_clear(). */
struct settle {
	struct settle_member *members;
	size_t n, capacity;
	struct settle_lead {
		const struct settle_member *member;
		size_t others_at, n_others; /* in others */
		bool deliberate;
	} * leads;
	size_t n_leads, leads_capacity;
	struct writer others;
};
void settle_clear(struct settle *s);

/* Writes the value of a package from whole entries (package_entry.h). */
void settle_entries(struct settle *s, struct writer *w, const uint8_t *const *entries, size_t n);

/* What one entry says of a version, whose key is given. VULN_FIXED: it names it as affected, but at other
 * versions; -ENOENT: nothing. *ret_fixed as rule_evaluate() has it. */
int settle_status(
        const struct package_entry *e, const uint8_t *key, size_t key_length, const char **ret_fixed);
