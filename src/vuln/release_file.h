/* SPDX-License-Identifier: ISC */
/*
 * The Release file of a Debian or Ubuntu suite: what the suite is, until when it holds, and the digests of
 * its files. Signed as InRelease, by whom is found out before a field of it is believed. One that is past its
 * Valid-Until is refused: whoever serves it keeps something newer from us.
 */
#pragma once

#include "base/clock.h"
#include "vuln/proof.h"

#define RELEASE_FILE_MAX PROOF_CLEARSIGNED_MAX

struct release_file {
	char origin[64], codename[64], version[32]; /* codename without "-security"; "": not said */
	char suite[64], full_codename[64];          /* as they stand there */
	char components[512];                       /* with blanks between */
	time_ms date, valid_until;                  /* 0: not said */
	bool by_hash;                               /* its files are to be had by their digests */
	bool is_signed;                             /* by one of the keys */
	char *text;                                 /* that was signed */
};

/* keys NULL: signatures are not looked at. now 0: nothing expires. -EBADMSG where it is not signed as it must
 * be, -ESTALE where it has expired. */
int release_file_read(const char *bytes, size_t length, const struct proof_keys *keys, time_ms now,
        struct release_file *ret, struct error *err);
/* The same of a Release file with its signature beside it (Release.gpg, armoured). */
int release_file_read_detached(const char *text, size_t length, const char *signature,
        size_t signature_length, const struct proof_keys *keys, time_ms now, struct release_file *ret,
        struct error *err);
void release_file_clear(struct release_file *r);
/* Whether it is of the suite that was asked for, by its suite or its codename: another suite of the same
 * publisher has as good a signature. -EBADMSG with both names. */
int release_file_is_of(const struct release_file *r, const char *suite, struct error *err);
/* Whether the file at path ("main/binary-amd64/Packages") is this one by SHA-256 and size. -EBADMSG with the
 * reason. */
int release_file_check(
        const struct release_file *r, const char *path, const void *bytes, size_t length, struct error *err);
/* What it says of the file at path; hash points to RELEASE_HASH_DIGITS digits. False where it has none. */
#define RELEASE_HASH_DIGITS 64
struct release_entry {
	const char *hash;
	uint64_t size;
};
bool release_file_find(const struct release_file *r, const char *path, struct release_entry *ret);
