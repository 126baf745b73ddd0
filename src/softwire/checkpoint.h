/* SPDX-License-Identifier: ISC */
/*
 * What the control process knows about its sessions, in memory that the keeper holds for it (a memfd), so
 * that one that comes after a kill -9 goes on with them. A slot a session (an initiator's has two, written by
 * turns); a slot is valid only while its checksum is right, so that one that was being written at that moment
 * is lost and no other. No secrets in it.
 */
#pragma once

#include "base/error.h"
#include <stdbool.h>
#include <sys/types.h>

#define CHECKPOINT_SLOT_HEADER 8
#define CHECKPOINT_RECORD_MAX 1520 /* bytes of a concentrator's session */

struct checkpoint;

/* The memory, for the keeper: so many slots for records of so many bytes, empty. Returns the descriptor. */
int checkpoint_make(size_t slots, size_t record_max, struct error *err);
/* Maps it; record_max is as it was made with; the descriptor is closed. What another version of the program
 * has left is forgotten. */
int checkpoint_open(int fd, size_t record_max, struct checkpoint **ret, struct error *err);
struct checkpoint *checkpoint_close(struct checkpoint *c); /* NULL in, NULL out; the records stay */

/* A slot for a session; -ENOSPC. */
int checkpoint_claim(struct checkpoint *c);
/* -E2BIG: the slot is empty then, and counted as lost. */
int checkpoint_write(struct checkpoint *c, int slot, const void *bytes, size_t length);
/* The slot holds no record, and stays claimed. */
void checkpoint_clear(struct checkpoint *c, int slot);
void checkpoint_release(struct checkpoint *c, int slot);
/* The next slot from *at on that holds a record, which is claimed by this; -ENOENT after the last. */
int checkpoint_next(struct checkpoint *c, size_t *at, const uint8_t **ret_bytes, size_t *ret_length);
