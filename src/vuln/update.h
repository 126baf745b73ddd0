/* SPDX-License-Identifier: ISC */
/*
 * Vulnerability information, write side: changes are collected in memory and committed as one transaction.
 * Readers in all processes see the old generation until then and the new one after it; nothing in between,
 * whenever the writer dies. A directory has one writer at a time (LMDB's lock); a second one waits in
 * vuln_update_commit().
 */
#pragma once

#include "vuln/index.h"
#include "vuln/osv.h"

struct vuln_update;

/* One pratique-vis keeps an index and alone changes it, for what others change nobody is told of. The lock is
 * no child's and ends with the process, or with *ret_fd. make: its file and the index's directory, where they
 * are not there; else an index without that file is nobody's, and *ret_fd is -1. -EBUSY: another one has it.
 */
int vuln_index_lock(const char *dir, bool make, int *ret_fd, struct error *err);
/* Opens the index for writing; creates what is not there, and puts an empty index in the place of one with an
 * older format, whose generations it goes on from: all sources must then be loaded. */
int vuln_update_open(const char *dir, struct vuln_update **ret, struct error *err);
/* True where that happened. */
bool vuln_update_replaced_index(const struct vuln_update *u);
/* The generation of the index now; 0 where it is empty or cannot be read. */
uint64_t vuln_update_generation(struct vuln_update *u);
struct vuln_update *vuln_update_close(
        struct vuln_update *u); /* NULL in, NULL out; pending changes are dropped */

/* Takes an OSV record from a source, instead of what that source said under this id before. Of two with one
 * id and source in one update the one modified later stands, else the last. -EINVAL with the reason where it
 * is malformed. */
int vuln_update_put(
        struct vuln_update *u, const char *source, const char *text, size_t length, struct error *err);
/* What the records of the next vuln_update_put() may speak of: of these ecosystems (canonical,
 * NULL-terminated; kept by reference), or with NULL of all. */
void vuln_update_allow(struct vuln_update *u, const char *const *ecosystems);
/* The same for a record that was made otherwise (record.h); the bytes are copied. Its text is made from it.
 */
int vuln_update_put_record(struct vuln_update *u, const void *record, size_t length, struct error *err);
/* The record that the index has now; ret is appended to. -ENOENT: it has none. */
int vuln_update_stored(struct vuln_update *u, const char *source, const char *id, struct writer *ret);
/* The source no longer has this record. Nothing happens where it had none. */
void vuln_update_remove(struct vuln_update *u, const char *source, const char *id);
/* What was refused of a source stays as it was, whatever else this update says: the record that is called so,
 * and those whose ids go on behind a colon. Case, and what is neither letter nor digit, does not count: files
 * are called after the ids of their records. With id NULL, and beyond UPDATE_KEPT_MAX of them, all stays that
 * is not put. */
void vuln_update_keep(struct vuln_update *u, const char *source, const char *id);
/* What is not put in this update goes: of one source, or of all. */
void vuln_update_replace_source(struct vuln_update *u, const char *source);
void vuln_update_replace_all(struct vuln_update *u);
/* The source knows all about packages of this ecosystem (canonical name): they are judged even where no
 * record names it, until the source is replaced without saying so again. */
void vuln_update_cover(
        struct vuln_update *u, const char *source, enum index_kind kind, const char *ecosystem);
/* The source knows that this binary package of the ecosystem is built from that source package, until it is
 * replaced without saying so again; package "": whose versions are not the binary's. Each source says one
 * package of a binary, the last one. Where sources differ it is judged by all of them, and where one says ""
 * by none. */
void vuln_update_put_built(struct vuln_update *u, const char *source, const char *ecosystem,
        const char *binary, const char *package);
/* What a source is (all but generation, newest and records are taken; loaded 0 = when this update is
 * committed, if it has anything from the source; strings may be NULL). Kept until it is said anew;
 * source_default until then. Another precedence or trust settles all that the source says anew. */
void vuln_update_put_source(struct vuln_update *u, const struct vuln_source *source);
/* The source was looked at then, whether or not anything was new: how fresh it is. */
void vuln_update_note_loaded(struct vuln_update *u, const char *source, time_ms when);
/* Notes what a source was loaded from; read back with vuln_update_source_is(). */
void vuln_update_mark_source(struct vuln_update *u, const char *source, const char *mark);
/* True where the mark of the source is this one. */
bool vuln_update_source_is(struct vuln_update *u, const char *source, const char *mark);

/* Calls fn for every source. */
int vuln_update_each_source(struct vuln_update *u, void (*fn)(const char *source, void *context),
        void *context, struct error *err);
/* Drops the pending changes. */
void vuln_update_forget(struct vuln_update *u);

struct vuln_update_result {
	uint64_t generation; /* after the commit; raised if and only if a record, a package or what is known
	                      * of whole ecosystems changed */
	size_t records_put, records_removed;
	/* What records_put are, and what became of them (show.h, enum vuln_event). */
	size_t records_new, records_modified, records_withdrawn, records_restored, records_aliased,
	        records_merged;
	size_t aliases_refused; /* ids that aliases do not join, because they would join too much (alias.h) */
	uint64_t forms_pruned;  /* older forms that had to go, since the index was made */
	size_t keys_changed;
};
/* Called for each package whose entries, or whose source's, changed, after the commit. */
typedef void (*vuln_update_changed_fn)(const char *ecosystem, const char *package, void *context);
/* On failure nothing of the update is in the index; the pending changes are kept for another try. */
int vuln_update_commit(struct vuln_update *u, time_ms now, vuln_update_changed_fn changed, void *context,
        struct vuln_update_result *ret, struct error *err);

/* While a commit is prepared, `waits` is asked now and then whether somebody wants the index who goes first:
 * then vuln_update_commit() returns -EAGAIN, as after any failure, and is to be called again. NULL: nobody
 * does. */
void vuln_update_give_way(struct vuln_update *u, bool (*waits)(void *context), void *context);

const struct osv_counts *vuln_update_counts(const struct vuln_update *u);
