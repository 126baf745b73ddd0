/* SPDX-License-Identifier: ISC */
/* The state of a PT-TLS session; private to the room. */
#pragma once

#include "proto/pttls/wire.h"

#define PTTLS_KEEP_MAX 65536 /* memory that an idle session keeps for the next message */

/* What the session waits for. */
enum pttls_state {
	PTTLS_IDLE,             /* client before pttls_start() */
	PTTLS_WAIT_VERSION,     /* server: Version Request; client: Version Response */
	PTTLS_WAIT_MECHANISMS,  /* client */
	PTTLS_WAIT_SELECTION,   /* server */
	PTTLS_WAIT_SASL_DATA,   /* server: the PLAIN message after our empty challenge */
	PTTLS_WAIT_SASL_RESULT, /* client */
	PTTLS_TRANSPORT,
	PTTLS_CLOSED,
	PTTLS_N_STATES,
};

struct pttls_session {
	struct pttls_config config;
	size_t message_max;
	enum pttls_state state;
	uint32_t next_id;
	unsigned sasl_attempts;
	struct pttls_counters counters;
	struct writer in, out;
	size_t in_at;                /* of in: what was handled already */
	struct pttls_header message; /* the one being handled, with its bytes in in */
	bool tell_ready, tell_authenticated, tell_closed;
	struct pttls_event closed;
	char user[PTTLS_PLAIN_MAX + 1];
};

/* Writes one message. */
void pttls_send(struct pttls_session *s, enum pttls_type type, const void *body, size_t n);
/* Sends an Error with a copy of the message being handled (3.9); fatal ones close the session. */
void pttls_send_error(struct pttls_session *s, enum pttls_error_code code);
void pttls_fail(struct pttls_session *s, enum pttls_error_code code, const char *text);
void pttls_enter_transport(struct pttls_session *s);

/* The negotiation's handlers, one a message. body is what follows the header. */
void pttls_on_version_request(struct pttls_session *s, struct reader body);
void pttls_on_version_response(struct pttls_session *s, struct reader body);
void pttls_on_mechanisms(struct pttls_session *s, struct reader body);
void pttls_on_selection(struct pttls_session *s, struct reader body);
void pttls_on_sasl_data(struct pttls_session *s, struct reader body);
void pttls_on_sasl_result(struct pttls_session *s, struct reader body);
