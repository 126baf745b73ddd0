/* SPDX-License-Identifier: ISC */
/*
 * TLS 1.3 (RFC 8446) and nothing older (but see struct tls_config, foreign), certificates on both sides,
 * trust in the site CA only, its revocation list honoured, no session tickets (a resumed session would
 * outlive a revocation), no renegotiation, no 0-RTT.
 */
#pragma once

#include "net/stream.h"
#include <openssl/ssl.h>

/* In the reasons of refusals, for whoever counts them by kind. */
#define TLS_WORDS_EXPIRED "has expired"
#define TLS_WORDS_EARLY "is not valid yet"
#define TLS_WORDS_REVOKED "is revoked"
#define TLS_WORDS_STRANGE "is not from this site's CA"
#define TLS_WORDS_ROLE "which has no business here"

/* A set of roles. */
#define TLS_ROLE(role) (1u << (role))
#define TLS_ROLES_ALL (~0u)

struct tls_config {
	bool server;
	const char *ca_path;  /* PEM of the site CA; of several while it rolls over (crypto/bundle.h) */
	const char *crl_path; /* PEM of its revocation list, of each of theirs; NULL: none is checked */
	const char *certificate_path; /* NULL with key_path: a client that is not enrolled yet */
	const char *key_path;
	unsigned peer_roles;            /* who may be at the other end */
	bool peer_certificate_optional; /* server: clients without one may come (enrolment); on_open tells */
	/* client: the other end is another organisation's (RadSec), with what certificates those have. Any
	 * chain to one of the CAs in ca_path will do, TLS 1.2 too; roles mean nothing, so that each stream
	 * must expect a name. Our own certificate may be followed by its chain. */
	bool foreign;
};

struct tls_context;

/* Reads the files; what the strings say is copied. */
int tls_context_new(const struct tls_config *config, struct tls_context **ret, struct error *err);
/* Its streams stay as they are. NULL in, NULL out. */
struct tls_context *tls_context_free(struct tls_context *t);
/* Reads the files again; on failure all stays as it was. Open streams go on, but those whose peer is now
 * revoked, or not of this CA any more, are closed. */
int tls_context_reload(struct tls_context *t, struct error *err);
/* Looks at the files every interval_ms, reloads when one has changed, and closes streams whose peer's
 * certificate has expired. on_reload (may be NULL): err is NULL after a success. */
int tls_context_watch(struct tls_context *t, struct event_base *base, int interval_ms,
        void (*on_reload)(const struct error *err, void *user), void *user);
#define TLS_WATCH_MS 1000
/* For blocking clients: a new SSL of the context that demands expected_name, NULL on exhaustion or for a
 * name of more than 255 characters. Caller frees. */
SSL *tls_context_ssl(struct tls_context *t, const char *expected_name);
/* Why the last handshake or call on ssl failed, as a sentence; result is what it returned, error_number errno
 * after it. */
void tls_failure_text(SSL *ssl, int result, int error_number, struct error *err);

struct tls_target {
	struct sockaddr_storage address;
	const char *expected_name; /* the peer's identity name or one of its alternative names; NULL: any of
	                              the roles */
	/* Where to leave from; both optional. */
	const struct sockaddr_storage *local;
	const char *interface;
};

/* A client's connection. on_open comes later, or on_close with the reason why not. */
int tls_connect(struct event_base *base, struct tls_context *t, const struct tls_target *target,
        const struct stream_limits *limits, const struct stream_handlers *handlers, void *user,
        struct stream **ret, struct error *err);
/* One end over a connected socket, which the stream owns from then on (also on failure). */
int tls_stream_over_socket(struct event_base *base, struct tls_context *t, int fd, const char *expected_name,
        const struct stream_limits *limits, const struct stream_handlers *handlers, void *user,
        struct stream **ret, struct error *err);

#define TLS_EXPORTER_SIZE 32
/* tls-exporter channel binding (RFC 9266 2): label "EXPORTER-Channel-Binding", no context. -ENOTCONN before
 * the handshake is done. */
int tls_stream_exporter(struct stream *s, uint8_t ret[TLS_EXPORTER_SIZE]);
/* The peer's certificate, owned by the stream; NULL without one. */
X509 *tls_stream_peer_certificate(const struct stream *s);
