/* SPDX-License-Identifier: ISC */
/* One package's value of the index against one version; shared by match.c, query.c and judge.c. */
#pragma once

#include "vuln/index_private.h"
#include "vuln/settle.h"
#include "vuln/version.h"

#define JUDGE_CONFLICTS_SHOWN 3 /* disagreements that a match words; the rest is counted */

/* What is asked, and what findings are made in: kept from one package to the next. */
struct judge {
	struct vuln_index *index;
	const struct posture *posture;         /* may be NULL */
	const struct posture_package *package; /* may be NULL */
	const char *name;                      /* as advisories call it */
	enum version_ecosystem order;
	const char *judged_as; /* what the package is judged as, if not itself; else NULL */
	bool any_version;      /* whatever the version, and so without a key */
	struct version_key key;
	vuln_match_fn fn;
	void *context;
	struct vuln_match match;
	const char **aliases;
	size_t n_aliases, aliases_capacity;
	struct vuln_view *views;
	size_t n_views, views_capacity;
	struct writer conflict;
	/* For a package that both its release and all releases have entries of. */
	struct settle settle;
	struct writer both;
	const uint8_t **entries;
	size_t n_entries, entries_capacity;
};
void judge_clear(struct judge *j);

/* Calls j->fn for each vulnerability of the value that stands. Negative stops and is returned; -EBADMSG for
 * what is no value. */
int judge_value(struct judge *j, const MDB_val *value);
/* The same for two values of one package, settled together. */
int judge_both(struct judge *j, const MDB_val *a, const MDB_val *b);

/* Makes and reports the match of entry e, which stands with this fix; lead is the entry that leads its
 * vulnerability (judge_report.c). */
int judge_report(struct judge *j, const struct package_value *value, const struct package_entry *lead,
        const struct package_entry *e, const char *fixed);
/* What an entry says here: settle_status(), or with any_version what it says of some version. */
int judge_status(const struct judge *j, const struct package_entry *e, const char **ret_fixed);
