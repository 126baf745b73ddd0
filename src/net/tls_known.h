/* SPDX-License-Identifier: ISC */
/*
 * Certificates that a TLS context has verified: the signature of one that comes again need not be computed
 * again. It belongs to one SSL_CTX and goes with it, so with every change of CA, revocation lists or
 * configuration; its dates, and those of all that its verification stood on, are looked at each time. Who it
 * is, and whether he may be here, is not part of it. Any thread.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* A power of two: certificates that are known at most; another one takes the place of one of them. */
#define TLS_KNOWN_PEERS 16384 /* of a server: 1 MB */
#define TLS_KNOWN_SERVERS 16

struct tls_known;

/* Hangs on the context, which frees it. until: when a revocation list that counts ends. NULL where memory has
 * run out. */
struct tls_known *tls_known_new(SSL_CTX *ssl_ctx, size_t most, time_t until);
bool tls_known_has(struct tls_known *k, X509 *certificate, time_t now);
/* verified: X509_verify_cert() has just succeeded on it. */
void tls_known_note(struct tls_known *k, X509_STORE_CTX *verified);
