/* SPDX-License-Identifier: ISC */
/*
 * repomd.xml, the index of an RPM repository: where its updateinfo lies, and what its bytes are. Publishers
 * sign it beside (repomd.xml.asc: AlmaLinux, Rocky, openSUSE, SUSE) or not at all (Fedora). SHA-1 and MD5 are
 * no digests here.
 */
#pragma once

#include "base/clock.h"
#include "vuln/proof.h"

#define REPOMD_MAX (4u << 20) /* bytes of one */
#define REPOMD_HREF_MAX 512   /* with the NUL */
#define REPOMD_DIGITS_MAX 128

struct repomd_digest {
	enum proof_digest kind;
	char hex[REPOMD_DIGITS_MAX + 1]; /* "": not said */
};

/* The entry of one type. */
struct repomd_data {
	char href[REPOMD_HREF_MAX]; /* below the repository, never out of it */
	struct repomd_digest packed, open;
	uint64_t size, open_size; /* 0: not said */
	time_ms timestamp;        /* 0: not said */
};

/* The entry of this type ("updateinfo"). -ENOENT where there is none, -EINVAL with the reason where it, or
 * the file, is not what it should be. */
int repomd_read(
        const char *text, size_t length, const char *type, struct repomd_data *ret, struct error *err);
bool repomd_digest_is(const struct repomd_digest *digest, const void *bytes, size_t length);
