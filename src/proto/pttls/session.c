/* SPDX-License-Identifier: ISC */
/*
 * The PT-TLS session: framing, the table of what is taken in which state, errors. Bytes are collected as they
 * come, never by the length that a header claims, so an idle or lying peer costs what it has sent.
 */
#include "proto/pttls/session.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#define RECEIVE_MAX (1u << 20) /* bytes in one call, on top of a message that is not complete yet */
#define OUTPUT_SLACK 65536

struct pttls_session *pttls_session_new(const struct pttls_config *config)
{
	struct pttls_session *s = xcalloc(1, sizeof(*s));
	s->config = *config;
	s->message_max = config->message_max ? config->message_max : PTTLS_MESSAGE_MAX;
	s->state = config->role == PTTLS_SERVER ? PTTLS_WAIT_VERSION : PTTLS_IDLE;
	s->in = wr_make(s->message_max + RECEIVE_MAX);
	s->out = wr_make(2 * s->message_max + OUTPUT_SLACK);
	return s;
}

struct pttls_session *pttls_session_free(struct pttls_session *s)
{
	if (!s)
		return NULL;
	if (s->out.data && s->sasl_attempts)
		OPENSSL_cleanse(s->out.data, s->out.capacity); /* the client's password went through it */
	wr_free(&s->in);
	wr_free(&s->out);
	free(s);
	return NULL;
}

static void release_large(struct writer *w)
{
	if (w->length == 0 && w->capacity > PTTLS_KEEP_MAX)
		wr_free(w);
}

void pttls_send(struct pttls_session *s, enum pttls_type type, const void *body, size_t n)
{
	release_large(&s->out);
	size_t before = s->out.length;
	pttls_write_header(&s->out, type, (uint32_t)(PTTLS_HEADER_SIZE + n), s->next_id++);
	wr_bytes(&s->out, body, n);
	if (s->out.failed)
		s->out.length = before; /* no half message; the session ends at the next event */
	else
		s->counters.messages_sent++;
}

static void close_session(
        struct pttls_session *s, uint32_t vendor, uint32_t code, bool by_peer, const char *text)
{
	s->state = PTTLS_CLOSED;
	s->tell_closed = true;
	s->closed = (struct pttls_event){
		.kind = PTTLS_EVENT_CLOSED, .vendor = vendor, .code = code, .by_peer = by_peer, .text = text
	};
}

void pttls_send_error(struct pttls_session *s, enum pttls_error_code code)
{
	const uint8_t *message = s->in.data + s->in_at;
	size_t n = MIN(s->in.length - s->in_at, (size_t)PTTLS_ERROR_COPY_MAX);
	n = MIN(n, MAX((size_t)s->message.length, (size_t)PTTLS_HEADER_SIZE));
	struct writer w CLEANUP(wr_free) = wr_make(8 + PTTLS_ERROR_COPY_MAX);
	wr_u8(&w, 0);
	wr_u24(&w, PTTLS_VENDOR_IETF);
	wr_u32(&w, code);
	wr_bytes(&w, message, n);
	pttls_send(s, PTTLS_ERROR, w.data, w.length);
}

void pttls_fail(struct pttls_session *s, enum pttls_error_code code, const char *text)
{
	/* A SASL message is not copied into an error: it holds a password. 3.9 asks for a copy where there is
	 * one to give. */
	if (code == PTTLS_E_SASL_MECHANISM || s->message.type == PTTLS_SASL_AUTHENTICATION_DATA ||
	        s->message.type == PTTLS_SASL_MECHANISM_SELECTION)
		s->message.length = PTTLS_HEADER_SIZE;
	if (code != PTTLS_E_NONE)
		pttls_send_error(s, code);
	close_session(s, PTTLS_VENDOR_IETF, code, false, text);
}

void pttls_enter_transport(struct pttls_session *s)
{
	s->state = PTTLS_TRANSPORT;
	s->tell_ready = true;
}

int pttls_start(struct pttls_session *s)
{
	if (s->config.role == PTTLS_SERVER)
		return 0;
	if (s->state != PTTLS_IDLE)
		return -EALREADY;
	static const uint8_t request[4] = { 0, PTTLS_VERSION, PTTLS_VERSION, PTTLS_VERSION };
	pttls_send(s, PTTLS_VERSION_REQUEST, request, sizeof(request));
	s->state = PTTLS_WAIT_VERSION;
	return 0;
}

/* Drops what was handled; a session that waits keeps no memory of the large batch that it has seen. */
static void forget_handled(struct pttls_session *s)
{
	wr_consume(&s->in, s->in_at);
	s->in_at = 0;
	release_large(&s->in);
}

int pttls_receive(struct pttls_session *s, const void *bytes, size_t n)
{
	if (s->state == PTTLS_CLOSED)
		return -EPIPE;
	forget_handled(s);
	if (n > s->in.limit - s->in.length)
		return -ENOBUFS;
	wr_bytes(&s->in, bytes, n);
	return 0;
}

/* What each message is good for: in which state, for which role. Another state or role is Invalid Message
 * (3.9). */
static const struct {
	enum pttls_type type;
	enum pttls_role role;
	enum pttls_state state;
	void (*handle)(struct pttls_session *s, struct reader body);
} handlers[] = {
	{ PTTLS_VERSION_REQUEST, PTTLS_SERVER, PTTLS_WAIT_VERSION, pttls_on_version_request },
	{ PTTLS_VERSION_RESPONSE, PTTLS_CLIENT, PTTLS_WAIT_VERSION, pttls_on_version_response },
	{ PTTLS_SASL_MECHANISMS, PTTLS_CLIENT, PTTLS_WAIT_MECHANISMS, pttls_on_mechanisms },
	{ PTTLS_SASL_MECHANISM_SELECTION, PTTLS_SERVER, PTTLS_WAIT_SELECTION, pttls_on_selection },
	{ PTTLS_SASL_AUTHENTICATION_DATA, PTTLS_SERVER, PTTLS_WAIT_SASL_DATA, pttls_on_sasl_data },
	{ PTTLS_SASL_RESULT, PTTLS_CLIENT, PTTLS_WAIT_SASL_RESULT, pttls_on_sasl_result },
};

static bool on_error(struct pttls_session *s, struct reader body, struct pttls_event *ret)
{
	rd_skip(&body, 1);
	uint32_t vendor = rd_u24(&body), code = rd_u32(&body);
	if (rd_failed(&body)) {
		/* An error is never answered with an error. */
		close_session(s, 0, PTTLS_E_MALFORMED_MESSAGE, true,
		        "the peer sent an Error message that is too short");
		return false;
	}
	const char *text = pttls_error_text(vendor, code);
	bool fatal = vendor == PTTLS_VENDOR_IETF && code != PTTLS_E_TYPE_NOT_SUPPORTED;
	if (fatal || ++s->counters.refused > PTTLS_REFUSED_MAX) {
		close_session(s, vendor, code, true, text);
		return false;
	}
	*ret = (struct pttls_event){
		.kind = PTTLS_EVENT_ERROR, .vendor = vendor, .code = code, .by_peer = true, .text = text
	};
	return true;
}

/* Types that nobody here speaks, other vendors' among them, are refused one by one; the session goes on (3.9,
 * code 3). */
static void on_unknown(struct pttls_session *s)
{
	if (++s->counters.refused > PTTLS_REFUSED_MAX)
		pttls_fail(
		        s, PTTLS_E_INVALID_MESSAGE, "the peer sent too many messages of unsupported types");
	else
		pttls_send_error(s, PTTLS_E_TYPE_NOT_SUPPORTED);
}

/* Returns true where the message is itself an event. */
static bool on_message(struct pttls_session *s, struct reader body, struct pttls_event *ret)
{
	s->counters.messages_received++;
	if (s->message.vendor != PTTLS_VENDOR_IETF || s->message.type > PTTLS_ERROR ||
	        s->message.type == PTTLS_EXPERIMENTAL) {
		on_unknown(s);
		return false;
	}
	if (s->message.type == PTTLS_ERROR)
		return on_error(s, body, ret);
	if (s->message.type == PTTLS_PB_TNC_BATCH && s->state == PTTLS_TRANSPORT) {
		*ret = (struct pttls_event){
			.kind = PTTLS_EVENT_BATCH, .bytes = body.at, .length = body.left
		};
		return true;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(handlers); i++)
		if (handlers[i].type == (enum pttls_type)s->message.type &&
		        handlers[i].role == s->config.role && handlers[i].state == s->state) {
			handlers[i].handle(s, body);
			return false;
		}
	pttls_fail(s, PTTLS_E_INVALID_MESSAGE, "the message is not allowed in this phase of the session");
	return false;
}

/* True once the message at the front is complete; a bad header closes the session. */
static bool read_message(struct pttls_session *s)
{
	size_t left = s->in.length - s->in_at;
	if (s->state == PTTLS_CLOSED || left < PTTLS_HEADER_SIZE)
		return false;
	s->message = pttls_read_header(s->in.data + s->in_at);
	size_t max = s->state == PTTLS_TRANSPORT ? s->message_max
	                                         : MIN(s->message_max, (size_t)PTTLS_NEGOTIATION_MESSAGE_MAX);
	if (s->message.length < PTTLS_HEADER_SIZE) {
		pttls_fail(s, PTTLS_E_INVALID_PARAMETER, "the message is shorter than its own header");
		return false;
	}
	if (s->message.length > max) {
		pttls_fail(s, PTTLS_E_INVALID_PARAMETER, "the message is larger than this side takes");
		return false;
	}
	if (s->message.vendor == PTTLS_VENDOR_RESERVED || s->message.type == PTTLS_TYPE_RESERVED) {
		pttls_fail(s, PTTLS_E_INVALID_PARAMETER, "the message's vendor or type is a reserved value");
		return false;
	}
	return left >= s->message.length;
}

/* Events that are about the session rather than a message. */
static bool tell(struct pttls_session *s, struct pttls_event *ret)
{
	if (s->out.failed && s->state != PTTLS_CLOSED)
		close_session(s, 0, PTTLS_E_NONE, false, "the peer does not take what is sent to it");
	if (s->tell_authenticated) {
		s->tell_authenticated = false;
		*ret = (struct pttls_event){ .kind = PTTLS_EVENT_AUTHENTICATED,
			.bytes = (const uint8_t *)s->user,
			.length = strlen(s->user) };
		return true;
	}
	if (s->tell_ready) {
		s->tell_ready = false;
		*ret = (struct pttls_event){ .kind = PTTLS_EVENT_READY };
		return true;
	}
	if (s->tell_closed) {
		s->tell_closed = false;
		*ret = s->closed;
		return true;
	}
	return false;
}

bool pttls_next(struct pttls_session *s, struct pttls_event *ret)
{
	while (!tell(s, ret)) {
		if (!read_message(s)) {
			if (s->tell_closed)
				continue;
			forget_handled(s);
			return false;
		}
		struct reader body = rd_make(
		        s->in.data + s->in_at + PTTLS_HEADER_SIZE, s->message.length - PTTLS_HEADER_SIZE);
		uint32_t length = s->message.length;
		bool is_event = on_message(s, body, ret);
		s->in_at += length;
		if (is_event)
			return true;
	}
	return true;
}

int pttls_send_batch(struct pttls_session *s, const void *bytes, size_t n)
{
	if (s->state == PTTLS_CLOSED)
		return -EPIPE;
	if (s->state != PTTLS_TRANSPORT)
		return -ENOTCONN;
	if (n > s->message_max - PTTLS_HEADER_SIZE)
		return -EMSGSIZE;
	if (s->out.failed || PTTLS_HEADER_SIZE + n > s->out.limit - s->out.length)
		return -ENOBUFS;
	pttls_send(s, PTTLS_PB_TNC_BATCH, bytes, n);
	return 0;
}

struct writer *pttls_output(struct pttls_session *s)
{
	release_large(&s->out);
	return &s->out;
}

bool pttls_is_ready(const struct pttls_session *s)
{
	return s->state == PTTLS_TRANSPORT;
}

bool pttls_is_closed(const struct pttls_session *s)
{
	return s->state == PTTLS_CLOSED;
}

struct pttls_counters pttls_get_counters(const struct pttls_session *s)
{
	return s->counters;
}

const char *pttls_error_text(uint32_t vendor, uint32_t code)
{
	static const char *const texts[] = {
		[PTTLS_E_NONE] = "the peer ended the session without a reason",
		[PTTLS_E_MALFORMED_MESSAGE] = "the peer says: malformed message",
		[PTTLS_E_VERSION_NOT_SUPPORTED] = "the peer says: version not supported",
		[PTTLS_E_TYPE_NOT_SUPPORTED] = "the peer says: message type not supported",
		[PTTLS_E_INVALID_MESSAGE] = "the peer says: message not valid in this phase",
		[PTTLS_E_SASL_MECHANISM] = "the peer says: authentication failed",
		[PTTLS_E_INVALID_PARAMETER] = "the peer says: invalid parameter",
	};
	if (vendor != PTTLS_VENDOR_IETF || code >= ARRAY_LENGTH(texts))
		return "the peer says: an error that is not known here";
	return texts[code];
}
