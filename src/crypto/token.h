/* SPDX-License-Identifier: ISC */
/*
 * The quarantine certificate: a JWT (RFC 7519, JWS compact, ES256 or EdDSA) whose claims are an attestation
 * result in the terms of EAT (RFC 9711) and EAR. Signed by the server, verified offline by whoever has its
 * public key.
 */
#pragma once

#include "base/clock.h"
#include "crypto/key.h"

#define TOKEN_TEXT_MAX 4096
#define TOKEN_NAME_MAX 255
/* No admission outlives the hour in which its node was inspected. */
#define TOKEN_LIFETIME_MAX_MS (60 * 60 * 1000)
/* How far in the future a token may seem to have been issued: the clocks of a site differ. */
#define TOKEN_SKEW_MAX_MS (60 * 1000)

struct token_claims {
	char issuer[TOKEN_NAME_MAX + 1];                               /* iss: the server's name */
	char node[TOKEN_NAME_MAX + 1];                                 /* sub: the node id */
	char id[37];                                                   /* jti: a UUID */
	uint8_t thumbprint[32];                                        /* cnf.jkt-like: the node key */
	char enforcement_point[TOKEN_NAME_MAX + 1], port[64], mac[18]; /* the attachment */
	char segment[64];
	uint64_t policy_fingerprint, advisory_generation;
	uint8_t posture_digest[32];
	uint8_t nonce[32];       /* eat_nonce: of the inspection that it certifies */
	time_ms issued, expires; /* whole seconds in the token (RFC 7519 2): both are rounded down */
	bool compliant;          /* EAR status: affirming (2) or contraindicated (96) */
};

/* Returns the compact form; caller frees. -EINVAL where a claim is empty, too long, not UTF-8 or out of
 * range. */
int token_issue(const struct token_claims *claims, EVP_PKEY *key, char **ret_text, struct error *err);
/* -EBADMSG for a bad signature or an algorithm that is not the key's, -EINVAL for a malformed token, -ESTALE
 * once expired (or issued more than a minute in the future). */
int token_verify(
        const char *text, EVP_PKEY *public_key, time_ms now, struct token_claims *ret, struct error *err);
