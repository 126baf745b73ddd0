/* SPDX-License-Identifier: ISC */
/*
 * What a site trusts: the certificates of its root CAs in one PEM file, the one that signs now first. There
 * is one, or two while the CA rolls over to a new key. Beside it the revocation lists, one for each CA, again
 * in one file.
 */
#pragma once

#include "crypto/x509.h"

#define BUNDLE_MAX 4 /* CAs at a time */
#define BUNDLE_FILE_MAX (64u << 10)
#define BUNDLE_CRL_FILE_MAX (32u << 20)

struct bundle {
	X509 *certificates[BUNDLE_MAX];
	size_t n;
};

/* -EINVAL unless the text is 1 to BUNDLE_MAX different root CA certificates in PEM; what is between them does
 * not count. */
int bundle_parse(const char *pem, size_t length, struct bundle *ret, struct error *err);
/* The same from a file. */
int bundle_load(const char *path, struct bundle *ret, struct error *err);
void bundle_clear(struct bundle *b);
/* PEM; caller frees. */
char *bundle_format(const struct bundle *b, struct error *err);
/* The same certificates in the same order. */
bool bundle_equal(const struct bundle *a, const struct bundle *b);
bool bundle_has(const struct bundle *b, const X509 *ca);
/* Whose signature the certificate has; NULL: of none of them. */
X509 *bundle_issuer(const struct bundle *b, X509 *certificate);
/* As certificate_check(), for any of them. */
int bundle_check(const struct bundle *b, X509 *certificate, EVP_PKEY *key, time_ms now, struct error *err);

struct bundle_crls {
	X509_CRL *lists[BUNDLE_MAX];
	size_t n;
};

/* Of a text with several lists those that one of trusted has signed, the newest of each. -EINVAL unless each
 * of trusted has one: without its list nobody of a CA could be let in. */
int bundle_parse_crls(const struct bundle *trusted, const char *pem, size_t length, struct bundle_crls *ret,
        struct error *err);
int bundle_load_crls(
        const struct bundle *trusted, const char *path, struct bundle_crls *ret, struct error *err);
void bundle_clear_crls(struct bundle_crls *c);
char *bundle_format_crls(const struct bundle_crls *c, struct error *err);
/* On any of the lists: a CA's own serials are random, so that those of two never meet. */
bool bundle_revokes(const struct bundle_crls *c, X509 *certificate);
