/* SPDX-License-Identifier: ISC */
/*
 * Signatures that were good not long ago: of a tree of documents that changes, only what is new is gpgv's
 * work. What is remembered is the digest of keyring, signature and text together, so that it holds for
 * nothing else; and for a day, because keys expire and gpgv alone knows when. The file lies in the cache,
 * which nobody but the user that writes the index may write; in it
 *
 *   "PQPROOF1", then for each u8[32] SHA-256, i64 wall time of the verification
 */
#pragma once

#include "base/clock.h"
#include "vuln/proof.h"

#define PROOF_MEMORY_MS ((time_ms)86400000)
#define PROOF_MEMORY_MAX 400000 /* signatures */
#define PROOF_MEMORY_DIGEST 32

struct proof_memory;
/* An empty one where path cannot be read or is none. NULL where the keyring has no digest. */
struct proof_memory *proof_memory_open(const char *path, const struct proof_keys *keys, time_ms now);
/* Writes to path what was asked for and known, or added, since it was opened. */
int proof_memory_write(const struct proof_memory *m, const char *path, struct error *err);
struct proof_memory *proof_memory_close(struct proof_memory *m); /* NULL in, NULL out */

struct proof_memory_key {
	uint8_t digest[PROOF_MEMORY_DIGEST];
};
/* Whether this signature over this text was good; ret is what proof_memory_add() takes where it turns out to
 * be so. m may be NULL: nothing is known. */
bool proof_memory_has(struct proof_memory *m, const void *signature, size_t signature_length,
        const void *text, size_t length, struct proof_memory_key *ret);
void proof_memory_add(struct proof_memory *m, const struct proof_memory_key *key);
