/* SPDX-License-Identifier: ISC */
/* The transaction of an update, while it runs; private to commit*.c. */
#pragma once

#include "vuln/history.h"
#include "vuln/settle.h"
#include "vuln/source.h"
#include "vuln/update_private.h"

/* A record whose entries are written anew: as it was (for the packages that it leaves) and as it is. */
struct rewrite {
	uint8_t *old, *own; /* heap */
	const uint8_t *new; /* own, or the pending one */
	size_t old_length, new_length;
	const struct update_pending *pending; /* NULL: the record itself stays as it is */
	char *old_group;                      /* heap; where its aliases change */
	enum vuln_severity from_refs;
	bool refs_known;
};

/* One package that one record names. */
struct touch {
	uint32_t key_at; /* in commit.keys */
	uint16_t key_length;
	bool adds;
	uint32_t serial;
	struct rewrite *rewrite;
	struct record_affected affected; /* where it adds */
};

/* A source as it is to be in the index. Strings are heap, NULL for what stays "". */
struct commit_source {
	char *name, *kind, *origin, *licence, *mark;
	struct source s; /* its strings are those above */
	bool was_there, changed /* a record of it */, rank_changed, gone;
};

struct commit {
	struct vuln_update *u;
	struct index_env *index;
	MDB_txn *txn;
	time_ms now;
	struct table *sources;  /* name -> struct commit_source */
	struct table *rewrites; /* record key -> struct rewrite */
	struct table *groups;   /* precedence limit and id -> char *, what it is known by (alias.c) */
	uint32_t *levels;       /* the precedences of all sources, each once */
	size_t n_levels, levels_capacity;
	struct table *regroup; /* ids that may be known by another name than before -> non-NULL */
	struct index_state state;
	struct history_state history;
	struct writer keys;
	struct touch *touches;
	size_t n_touches, touches_capacity;
	const uint8_t **entries; /* of the package at hand */
	size_t n_entries, entries_capacity;
	const struct touch **same; /* of the record at hand */
	size_t n_same, same_capacity;
	struct writer rule, fresh, value;
	struct settle settle;
	struct writer *changed;
	struct table *ecosystem_deltas; /* ecosystem key -> int64_t */
	bool scope_changed;             /* an ecosystem is known that was not, or not any more */
	unsigned pieces;                /* of work, that were done */
	struct writer added;            /* keys of records that were not there; n_added 0: not made */
	size_t n_added;
	struct vuln_update_result result;
};

/* All return LMDB's codes. */

/* Once for every record or package: EAGAIN where somebody waits who goes first. */
int commit_goes_on(struct commit *c);

/* commit_sources.c: before anything else, and at the end. */
int commit_read_sources(struct commit *c);
struct commit_source *commit_source(struct commit *c, const char *name); /* makes it where it is not there */
int commit_write_sources(struct commit *c);
void commit_free_source(void *source);
bool commit_is_replaced(const struct vuln_update *u, const char *source, size_t length);

/* commit_records.c: the records, who refers to them, their texts and older forms. */
int commit_records(struct commit *c);
/* commit_dependents.c: which others must be written anew; and how severe a package's entry is. */
int commit_dependents(struct commit *c);
enum vuln_severity commit_severity_for_others(const uint8_t *bytes, size_t length);
enum vuln_severity commit_entry_severity(struct commit *c, struct rewrite *rewrite,
        const struct record *record, const struct record_affected *a);

/* commit_packages.c: every package that a record of c->rewrites names or named. */
int commit_packages(struct commit *c);
/* changes.c: a record that was not there; and all of them, after the generation was raised. */
void commit_note_added(struct commit *c, const MDB_val *record_key);
int commit_write_added(struct commit *c);
/* journal.c: what this update changed, or with all everything; after the generation was raised. */
int commit_write_journal(struct commit *c, bool all);
