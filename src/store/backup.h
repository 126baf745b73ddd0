/* SPDX-License-Identifier: ISC */
/*
 * Copies of the store. A snapshot is taken beside a running server, which goes on; an archive is one file
 * with the snapshot and, where wanted, secrets beside it, each with its checksum; restoring puts a snapshot
 * in the place of the database of a server that does not run, whole or not at all.
 */
#pragma once

#include "store/store.h"

struct store_progress {
	void (*copied)(uint64_t bytes, uint64_t of, void *context); /* may be NULL */
	void *context;
};

struct store_snapshot {
	int64_t schema;
	uint64_t generation; /* the highest that may have been given */
};

/* The database in dir, as it was at one moment after the call, into the new file `path` (0600): everything
 * that was durable before the call is in it. -ENOENT where there is no database. */
int store_snapshot_take(const char *dir, const char *path, const struct store_progress *progress,
        struct store_snapshot *ret, struct error *err);

/* What a restore could not know, for the operator. */
struct store_restored {
	bool old_read; /* what was there could be read: revocations since the backup were carried over */
	uint64_t generation;   /* from now on */
	int64_t nodes_revoked; /* in force after it */
};

/* Locks dir (made where it is not): -EBUSY while a server runs there. Close the descriptor to unlock. */
int store_lock(const char *dir, int *ret_fd, struct error *err);

/*
 * Puts the database file `path` (in dir, which is locked by the caller) in the place of dir's, and takes it
 * away on failure, too, when what was there stays as it was. Before that it is checked, brought to today's
 * schema, and made safe to go back to: nobody is placed, enrolment tokens are void, the generation is above
 * every one that was given, and of what was there before revocations, revoked tokens of the API and the audit
 * are carried over. The old database stays as pratique.db.before-restore. who: for the audit.
 */
int store_restore(
        const char *dir, const char *path, const char *who, struct store_restored *ret, struct error *err);

/* ---- archives (archive.c) ---- */

#define ARCHIVE_FORMAT 1
#define ARCHIVE_HEADER_MAX 16384
#define ARCHIVE_MEMBERS_MAX 16
#define ARCHIVE_NAME_MAX 63

struct archive_member {
	char name[ARCHIVE_NAME_MAX + 1]; /* a-z 0-9 . - _ and one '/' */
	uint64_t length, offset;
	uint8_t hash[32];
};

struct archive_header {
	char created[CLOCK_TEXT_SIZE], version[32];
	int64_t schema;
	uint64_t generation;
	struct archive_member members[ARCHIVE_MEMBERS_MAX];
	size_t n_members;
	size_t length; /* of the header itself */
};

/* Reads a header from the front of bytes. -EBADMSG: damaged or none; -EPROTO: of a newer format. */
int archive_header_parse(const char *bytes, size_t length, struct archive_header *ret, struct error *err);

/* Writes header and files (one a member, in order; lengths, offsets and hashes are filled in) to path, whole
 * or not at all; mode 0600. */
int archive_write(const char *path, struct archive_header *header, const char *const *files,
        const struct store_progress *progress, struct error *err);

struct archive;
/* Reads and checks everything, every byte. */
int archive_open(
        const char *path, const struct store_progress *progress, struct archive **ret, struct error *err);
struct archive *archive_close(struct archive *a); /* NULL in, NULL out */
const struct archive_header *archive_header(const struct archive *a);
/* The member into the new file `path` with that mode, synced; checked again on the way. */
int archive_extract(
        struct archive *a, const struct archive_member *m, const char *path, mode_t mode, struct error *err);
