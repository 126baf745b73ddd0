/* SPDX-License-Identifier: ISC */
/*
 * PT-TLS (RFC 6876): the posture transport over TLS, both roles. The caller owns the TLS connection and moves
 * bytes: what it decrypts goes into pttls_receive(), what pttls_output() holds is to be encrypted and sent.
 * Nothing here blocks, reads a clock or touches a socket.
 *
 * A session goes through version negotiation (3.7), authentication by SASL (3.8; with a client certificate
 * the server offers the empty list, which ends it) and then carries PB-TNC batches. After a fatal error the
 * last event is CLOSED: send what is left in the output, then close the TLS session.
 */
#pragma once

#include "base/cursor.h"

#define PTTLS_PORT 271            /* 3.1 */
#define PTTLS_HEADER_SIZE 16      /* 3.5 */
#define PTTLS_VERSION 1           /* 3.7 */
#define PTTLS_ERROR_COPY_MAX 1024 /* 3.9: of the offending message */
/* The largest message that is taken unless the configuration says otherwise; strongSwan's largest is
 * 2,097,136 bytes. */
#define PTTLS_MESSAGE_MAX (4u << 20)
#define PTTLS_NEGOTIATION_MESSAGE_MAX 65536 /* before authentication has ended */
#define PTTLS_REFUSED_MAX 64                /* messages of unknown types before the session is given up */
#define PTTLS_SASL_ATTEMPTS_MAX 3
#define PTTLS_PLAIN_MAX 255 /* bytes of a user name or password */

enum pttls_role { PTTLS_CLIENT, PTTLS_SERVER };

/* 3.6, vendor 0 */
enum pttls_type {
	PTTLS_EXPERIMENTAL = 0,
	PTTLS_VERSION_REQUEST = 1,
	PTTLS_VERSION_RESPONSE = 2,
	PTTLS_SASL_MECHANISMS = 3,
	PTTLS_SASL_MECHANISM_SELECTION = 4,
	PTTLS_SASL_AUTHENTICATION_DATA = 5,
	PTTLS_SASL_RESULT = 6,
	PTTLS_PB_TNC_BATCH = 7,
	PTTLS_ERROR = 8,
};

/* 3.9, vendor 0 */
enum pttls_error_code {
	PTTLS_E_NONE = 0,
	PTTLS_E_MALFORMED_MESSAGE = 1,
	PTTLS_E_VERSION_NOT_SUPPORTED = 2,
	PTTLS_E_TYPE_NOT_SUPPORTED = 3, /* the only one that does not end the session */
	PTTLS_E_INVALID_MESSAGE = 4,
	PTTLS_E_SASL_MECHANISM = 5,
	PTTLS_E_INVALID_PARAMETER = 6,
};

enum pttls_event_kind {
	PTTLS_EVENT_AUTHENTICATED, /* server: SASL PLAIN succeeded; bytes is the user name */
	PTTLS_EVENT_READY,         /* negotiation has ended, batches may be sent */
	PTTLS_EVENT_BATCH,         /* bytes is a PB-TNC batch */
	PTTLS_EVENT_ERROR,         /* the peer did not support a message of ours; the session goes on */
	PTTLS_EVENT_CLOSED,        /* the end; code, vendor, by_peer and text say why */
};

struct pttls_event {
	enum pttls_event_kind kind;
	const uint8_t *bytes; /* valid until the next pttls_next() or pttls_receive() */
	size_t length;
	uint32_t vendor, code; /* of the PT-TLS Error message */
	bool by_peer;
	const char *text; /* a sentence for people; static */
};

struct pttls_plain {
	char user[PTTLS_PLAIN_MAX + 1], password[PTTLS_PLAIN_MAX + 1];
};

struct pttls_config {
	enum pttls_role role;
	size_t message_max; /* 0: PTTLS_MESSAGE_MAX */
	/* Client: fills in name and password for SASL PLAIN (RFC 4616) where the server asks for it; 0 or
	 * negative. NULL: PLAIN is not used, and a server that insists on a mechanism is refused with SASL
	 * Mechanism Error. */
	int (*get_plain)(void *context, struct pttls_plain *ret);
	/* Server: 0 accepts. NULL: the client's certificate is authentication enough and the empty list is
	 * sent. The authorization identity is empty or equal to the user: others are refused before this is
	 * asked. */
	int (*check_plain)(void *context, const struct pttls_plain *plain);
	void *context;
};

struct pttls_counters {
	uint64_t messages_received, messages_sent, refused;
};

struct pttls_session;

/* The configuration is copied. */
struct pttls_session *pttls_session_new(const struct pttls_config *config);
struct pttls_session *pttls_session_free(struct pttls_session *s); /* NULL in, NULL out */
/* Client: queues the Version Request. Server: nothing to do, it is allowed. -EALREADY the second time. */
int pttls_start(struct pttls_session *s);
/* Takes any number of decrypted bytes. All events must be drained by pttls_next() after each call: what is
 * kept is bounded. -EPIPE after CLOSED, -ENOBUFS where the events were not drained. */
int pttls_receive(struct pttls_session *s, const void *bytes, size_t n);
/* True with the next event; false where there is none until more bytes come. */
bool pttls_next(struct pttls_session *s, struct pttls_event *ret);
/* -ENOTCONN before READY, -EPIPE after CLOSED, -EMSGSIZE above the limit, -ENOBUFS where the peer does not
 * take what is there. */
int pttls_send_batch(struct pttls_session *s, const void *bytes, size_t n);
/* Encrypted and sent by the caller, who drops what is sent with wr_consume(). Ask for it each time: memory
 * that a large batch took is given back once it is empty. */
struct writer *pttls_output(struct pttls_session *s);
bool pttls_is_ready(const struct pttls_session *s);
bool pttls_is_closed(const struct pttls_session *s);
struct pttls_counters pttls_get_counters(const struct pttls_session *s);
const char *pttls_error_text(uint32_t vendor, uint32_t code);

static inline void pttls_session_free_pointer(struct pttls_session **s)
{
	pttls_session_free(*s);
}
