/* SPDX-License-Identifier: ISC */
/*
 * Publishers' proofs: OpenPGP signatures (RFC 9580), detached or around a text, by keys that the
 * administrator named; and files of digests. Signatures are gpgv's work, run as a child of its own with
 * bounded input, output and time, and without a shell; what it may say is read from its status lines, never
 * from its exit code alone.
 *
 * A signature holds where at least one is good and none is bad: further ones by keys that the keyring does
 * not have are passed over, as publishers sign with the next key beside the present one. Expired and revoked
 * keys, expired signatures, and SHA-1 and older digests are no proof.
 */
#pragma once

#include "base/error.h"
#include <stdbool.h>

#define PROOF_GPGV "/usr/bin/gpgv"
#define PROOF_SIGNATURE_MAX (64u << 10)   /* of one detached signature, armoured */
#define PROOF_KEYRING_MAX (4u << 20)      /* of one keyring */
#define PROOF_CLEARSIGNED_MAX (16u << 20) /* of one text with its signature around it */
#define PROOF_DIGEST_FILE_MAX 4096        /* of one .sha512 or .sha256 */
#define PROOF_SIGNATURES_MAX 16           /* over one text */
#define PROOF_SECONDS_MAX 20              /* for one run of gpgv, of time and of processor */

/* The keys of one keyring file: binary (gpg --export, a keybox is not read) or armoured. */
struct proof_keys;
int proof_keys_open(const char *path, struct proof_keys **ret, struct error *err);
struct proof_keys *proof_keys_close(struct proof_keys *k); /* NULL in, NULL out */
/* gpgv is run by the prover at the other end of this socket (proof_serve()), which stays the caller's. */
void proof_keys_ask(struct proof_keys *k, int prover);
/* The whole life of a prover: runs gpgv over descriptors that it is sent until the other end is closed.
 * -EPROTO for what is no such message. */
int proof_serve(int fd);
/* Whether it holds a key or subkey with this fingerprint, in hexadecimal. */
bool proof_keys_have(const struct proof_keys *keys, const char *fingerprint);

/* Who signed: the fingerprint of the signing key, in hexadecimal. */
#define PROOF_FINGERPRINT_SIZE 65

/* 0 where the armoured detached signature is over exactly this text. -EBADMSG with the reason where it is not
 * a good signature by one of the keys; another error where that could not be found out. */
int proof_verify_detached(const struct proof_keys *keys, const void *signature, size_t signature_length,
        const void *text, size_t length, char ret_signer[PROOF_FINGERPRINT_SIZE], struct error *err);
/* The same of a text within a cleartext signature (RFC 9580, 7) and nothing before or behind it; the text
 * that was signed is the caller's to free, a NUL follows. */
int proof_verify_clearsigned(const struct proof_keys *keys, const void *message, size_t length,
        char **ret_text, size_t *ret_length, char ret_signer[PROOF_FINGERPRINT_SIZE], struct error *err);
/* The text of one without asking who signed it; the same shape is demanded. Caller frees. -EBADMSG. */
int proof_strip_clearsigned(
        const char *message, size_t length, char **ret_text, size_t *ret_length, struct error *err);

enum proof_digest { PROOF_SHA256, PROOF_SHA512 };
/* Whether a file of one digest, as sha256sum and sha512sum write it ("HEX  NAME", or HEX alone), is the
 * text's and, where it gives a name, this one's. -EBADMSG with the reason. */
int proof_check_digest_file(enum proof_digest kind, const char *file, size_t file_length, const char *name,
        const void *text, size_t length, struct error *err);
/* Whether hex, of hex_length digits, is the text's digest. */
bool proof_digest_is(
        enum proof_digest kind, const char *hex, size_t hex_length, const void *text, size_t length);
