/* SPDX-License-Identifier: ISC */
/*
 * Accounting that waits for a server: a queue on disk. Records go into files of AAA_SPOOL_FILE bytes; they
 * are numbered, handed out in order, and may be done with out of order; a file whose records are all done is
 * removed. Which are done is written at each step, so a crash hands at most those out again that were under
 * way: each record is told at least once.
 */
#pragma once

#include "softwire/aaa_record.h"
#include <stdbool.h>

#define AAA_SPOOL_FILE (1 << 20)
#define AAA_SPOOL_WINDOW 1024 /* records that are handed out and not done */

struct aaa_spool;
typedef void aaa_spool_fn(void *user, const uint8_t *record, size_t length);

/* max: bytes on disk. on_record (may be NULL) is given every record that is still there, done or not. */
int aaa_spool_open(const char *directory, uint64_t max, aaa_spool_fn *on_record, void *user,
        struct aaa_spool **ret, struct error *err);
struct aaa_spool *aaa_spool_close(struct aaa_spool *s);

/* -ENOSPC above max (and where the disk says so). */
int aaa_spool_append(struct aaa_spool *s, const void *record, size_t length);
/* The next that was not handed out. -ENODATA: all were, or the window is full. */
int aaa_spool_peek(
        struct aaa_spool *s, uint8_t ret[AAA_RECORD_MAX], size_t *ret_length, uint64_t *ret_number);
/* The one that was peeked at is handed out. */
void aaa_spool_take(struct aaa_spool *s);
/* A server has it. */
void aaa_spool_done(struct aaa_spool *s, uint64_t number);
int aaa_spool_sync(struct aaa_spool *s);
/* The same for another thread: the descriptors that are to be synced, at most AAA_SPOOL_SYNC_MAX, which
 * become the caller's; then all that has been appended until now is durable. Returns how many. */
#define AAA_SPOOL_SYNC_MAX 4
size_t aaa_spool_begin_sync(struct aaa_spool *s, int ret_fds[AAA_SPOOL_SYNC_MAX]);
/* Of the next record that is appended. */
uint64_t aaa_spool_next(const struct aaa_spool *s);

uint64_t aaa_spool_waiting(const struct aaa_spool *s); /* records not done */
uint64_t aaa_spool_bytes(const struct aaa_spool *s);
uint64_t aaa_spool_lost(const struct aaa_spool *s); /* records that were damaged on disk */
