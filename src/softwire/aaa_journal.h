/* SPDX-License-Identifier: ISC */
/* The journal of what is open: records in one file, which is written anew when most of it is history. */
#pragma once

#include "softwire/aaa_record.h"
#include <stdbool.h>

#define AAA_JOURNAL_SHORT (1 << 20)  /* bytes that are not worth the trouble */
#define AAA_JOURNAL_BUFFER (1 << 18) /* bytes that wait for others */

struct aaa_journal;
typedef void aaa_journal_fn(void *user, const uint8_t *record, size_t length);

/* Gives every record that is there to on_record, then goes on behind the last. */
int aaa_journal_open(const char *directory, const char *name, aaa_journal_fn *on_record, void *user,
        struct aaa_journal **ret, struct error *err);
struct aaa_journal *aaa_journal_close(struct aaa_journal *j);
/* At once: it survives kill -9. */
int aaa_journal_append(struct aaa_journal *j, const void *record, size_t length);
/* Together with others, by aaa_journal_sync() at the latest: for what may be lost, and comes often. */
int aaa_journal_append_later(struct aaa_journal *j, const void *record, size_t length);
/* To the disk, if there is anything new. Returns 0 or why not. */
int aaa_journal_sync(struct aaa_journal *j);
/* The same for another thread: a descriptor that is to be synced, the caller's from now on; -1: there is
 * nothing new. */
int aaa_journal_begin_sync(struct aaa_journal *j, int *ret_fd);
/* Most of it is history: `live` records would do. */
bool aaa_journal_is_long(const struct aaa_journal *j, size_t live);
/* Writes it anew: emit appends what lives (later). On failure it stays as it was. Either the old or the new
 * one is there after a crash. */
int aaa_journal_rewrite(
        struct aaa_journal *j, int (*emit)(struct aaa_journal *j, void *user), void *user, struct error *err);
