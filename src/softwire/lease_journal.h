/* SPDX-License-Identifier: ISC */
/*
 * Leases on the disk: a text file, a line a change, each with a check of its own:
 *
 *     + IDENTITY PREFIX SECONDS CHECK     in use since
 *     - IDENTITY PREFIX SECONDS CHECK     let go, remembered
 *
 * A later line about an overlapping prefix replaces the earlier one. What a crash has torn is a last line
 * whose check is wrong, and is left out. The pools' own.
 */
#pragma once

#include "base/cursor.h"
#include "softwire/lease_tree.h"

#define LEASE_JOURNAL_MAX (128u << 20) /* bytes of the file that are read */
#define LEASE_LINE_MAX 160

struct lease_record {
	bool in_use;
	uint8_t identity[LEASE_IDENTITY_SIZE];
	struct ip_prefix prefix;
	time_ms used;
};

struct lease_journal {
	char *path; /* NULL: nothing is written */
	int fd;
	struct writer waiting; /* lines that are not in the file yet */
	size_t lines;          /* in the file */
	bool rewrite;          /* all anew, the next time */
	time_ms retry;         /* not before, after a failure */
};

/* Reads what is there, each record in order given to on_record. -EPROTO for a file that is something else. */
int lease_journal_open(struct lease_journal *j, const char *path,
        void (*on_record)(const struct lease_record *record, void *user), void *user, struct error *err);
void lease_journal_close(struct lease_journal *j);
void lease_journal_add(struct lease_journal *j, const struct lease *l);
/* Writes the lines that wait, and makes them durable: now, or, where ret_fd is not NULL, when the caller has
 * synced the descriptor that it is given there (and closes; -1: there is nothing to sync), in whatever
 * thread. What is written anew is synced at once. all (n of them, in the order in which they are to be
 * remembered) is called for where the file must be written anew: after a failure, or because it has grown to
 * several times its worth. */
int lease_journal_commit(struct lease_journal *j, size_t n, time_ms now,
        void (*all)(struct lease_journal *j, struct writer *w, void *user), void *user, int *ret_fd,
        struct error *err);
/* The sync has failed: all is written anew, after a while. */
void lease_journal_failed(struct lease_journal *j, time_ms now);
void lease_journal_write_line(struct writer *w, const struct lease *l);
