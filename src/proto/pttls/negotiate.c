/* SPDX-License-Identifier: ISC */
/* PT-TLS negotiation: the version (RFC 6876 3.7) and authentication by SASL PLAIN (3.8, RFC 4616). */
#include "proto/pttls/session.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#define MECHANISM "PLAIN"

/* 3.8.9 */
enum sasl_result { SASL_SUCCESS = 0, SASL_FAILURE = 1, SASL_ABORT = 2, SASL_MECHANISM_FAILURE = 3 };

static void send_mechanisms(struct pttls_session *s, const char *name)
{
	struct writer w CLEANUP(wr_free) = wr_make(1 + PTTLS_MECHANISM_NAME_MAX);
	if (name)
		pttls_write_mechanism(&w, name);
	pttls_send(s, PTTLS_SASL_MECHANISMS, w.data, w.length);
}

static void send_result(struct pttls_session *s, enum sasl_result result)
{
	uint8_t body[2] = { 0, (uint8_t)result };
	pttls_send(s, PTTLS_SASL_RESULT, body, sizeof(body));
}

void pttls_on_version_request(struct pttls_session *s, struct reader body)
{
	rd_skip(&body, 1);
	uint8_t min = rd_u8(&body), max = rd_u8(&body), preferred = rd_u8(&body);
	if (rd_failed(&body) || rd_left(&body)) {
		pttls_fail(s, PTTLS_E_MALFORMED_MESSAGE,
		        "the Version Request has not the length that it must have");
		return;
	}
	if (min > max || preferred < min || preferred > max) {
		pttls_fail(
		        s, PTTLS_E_INVALID_PARAMETER, "the Version Request's versions contradict each other");
		return;
	}
	if (min > PTTLS_VERSION || max < PTTLS_VERSION) {
		pttls_fail(s, PTTLS_E_VERSION_NOT_SUPPORTED, "the peer does not speak version 1 of PT-TLS");
		return;
	}
	static const uint8_t response[4] = { 0, 0, 0, PTTLS_VERSION };
	pttls_send(s, PTTLS_VERSION_RESPONSE, response, sizeof(response));
	if (s->config.check_plain) {
		send_mechanisms(s, MECHANISM);
		s->state = PTTLS_WAIT_SELECTION;
	} else {
		send_mechanisms(s, NULL);
		pttls_enter_transport(s);
	}
}

void pttls_on_version_response(struct pttls_session *s, struct reader body)
{
	rd_skip(&body, 3);
	uint8_t version = rd_u8(&body);
	if (rd_failed(&body) || rd_left(&body))
		pttls_fail(s, PTTLS_E_MALFORMED_MESSAGE,
		        "the Version Response has not the length that it must have");
	else if (version != PTTLS_VERSION)
		pttls_fail(s, PTTLS_E_VERSION_NOT_SUPPORTED, "the peer chose a version that was not offered");
	else
		s->state = PTTLS_WAIT_MECHANISMS;
}

/* Client: answers the list with a selection that carries the PLAIN message as its initial response (3.8.7).
 */
static void select_plain(struct pttls_session *s)
{
	struct pttls_plain plain = { 0 };
	struct writer w = wr_make(1 + PTTLS_MECHANISM_NAME_MAX + sizeof(plain) + 1);
	pttls_write_mechanism(&w, MECHANISM);
	if (s->config.get_plain(s->config.context, &plain) < 0 || pttls_write_plain(&w, &plain) < 0) {
		pttls_fail(s, PTTLS_E_SASL_MECHANISM,
		        "there is no user name and password for the server's SASL mechanisms");
	} else {
		pttls_send(s, PTTLS_SASL_MECHANISM_SELECTION, w.data, w.length);
		s->state = PTTLS_WAIT_SASL_RESULT;
	}
	OPENSSL_cleanse(&plain, sizeof(plain));
	if (w.data)
		OPENSSL_cleanse(w.data, w.capacity);
	wr_free(&w);
}

void pttls_on_mechanisms(struct pttls_session *s, struct reader body)
{
	char name[PTTLS_MECHANISM_NAME_MAX + 1];
	bool any = rd_left(&body) > 0, plain = false;
	while (pttls_read_mechanism(&body, name))
		plain |= strcmp(name, MECHANISM) == 0;
	if (rd_failed(&body))
		pttls_fail(s, PTTLS_E_MALFORMED_MESSAGE, "the list of SASL mechanisms is malformed");
	else if (!any)
		pttls_enter_transport(s);
	else if (!plain || !s->config.get_plain)
		pttls_fail(s, PTTLS_E_SASL_MECHANISM,
		        "the server asks for SASL mechanisms that are not supported or configured here");
	else if (s->sasl_attempts++ >= PTTLS_SASL_ATTEMPTS_MAX)
		pttls_fail(s, PTTLS_E_SASL_MECHANISM, "the server asks for authentication again and again");
	else
		select_plain(s);
}

void pttls_on_sasl_result(struct pttls_session *s, struct reader body)
{
	/* 16 bits; strongSwan up to 5.9 sends the code as one byte. */
	uint16_t result = rd_left(&body) == 1 ? rd_u8(&body) : rd_u16(&body);
	if (rd_failed(&body))
		pttls_fail(s, PTTLS_E_MALFORMED_MESSAGE, "the SASL Result is too short");
	else if (result == SASL_SUCCESS)
		s->state = PTTLS_WAIT_MECHANISMS; /* the server says by an empty list that nothing more is
		                                     needed */
	else
		pttls_fail(s, PTTLS_E_SASL_MECHANISM, "the server refused the user name and password");
}

/* Server: judges a PLAIN message. */
static void judge_plain(struct pttls_session *s, struct reader body)
{
	struct pttls_plain plain = { 0 };
	int e = pttls_read_plain(&body, &plain);
	if (e == 0)
		e = s->config.check_plain(s->config.context, &plain);
	if (e == 0)
		memcpy(s->user, plain.user, sizeof(s->user));
	OPENSSL_cleanse(&plain, sizeof(plain));
	OPENSSL_cleanse(s->in.data + s->in_at + PTTLS_HEADER_SIZE, s->message.length - PTTLS_HEADER_SIZE);
	if (e == 0) {
		send_result(s, SASL_SUCCESS);
		send_mechanisms(s, NULL);
		s->tell_authenticated = true;
		pttls_enter_transport(s);
	} else if (++s->sasl_attempts >= PTTLS_SASL_ATTEMPTS_MAX) {
		send_result(s, SASL_ABORT);
		pttls_fail(s, PTTLS_E_NONE, "the client failed to authenticate too often");
	} else {
		send_result(s, SASL_FAILURE);
		s->state = PTTLS_WAIT_SELECTION;
	}
}

void pttls_on_selection(struct pttls_session *s, struct reader body)
{
	char name[PTTLS_MECHANISM_NAME_MAX + 1];
	if (!pttls_read_mechanism(&body, name)) {
		pttls_fail(s, PTTLS_E_MALFORMED_MESSAGE, "the SASL Mechanism Selection is malformed");
	} else if (strcmp(name, MECHANISM) != 0) {
		pttls_fail(s, PTTLS_E_SASL_MECHANISM,
		        "the client selected a SASL mechanism that was not offered");
	} else if (rd_left(&body) == 0) {
		pttls_send(s, PTTLS_SASL_AUTHENTICATION_DATA, NULL, 0); /* the empty challenge of RFC 4616 */
		s->state = PTTLS_WAIT_SASL_DATA;
	} else {
		judge_plain(s, body);
	}
}

void pttls_on_sasl_data(struct pttls_session *s, struct reader body)
{
	judge_plain(s, body);
}
