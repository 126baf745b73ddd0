/* SPDX-License-Identifier: ISC */
/*
 * The control connection machine (RFC 2661 7.2.1) of both roles: one row a state, what is not in it is out of
 * sequence and ends the tunnel (7.1). After its end a tunnel drains: it acknowledges for a full cycle of
 * retransmissions what its peer still sends (5.7), and its id is not used again.
 */
#include "proto/l2tp/endpoint.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#define FRAMING_BOTH 3 /* synchronous and asynchronous: over a tunnel it makes no difference */

void l2tp_start(struct l2tp_endpoint *e, struct l2tp_tunnel *t, struct l2tp_builder *b, enum l2tp_type type,
        uint16_t session)
{
	*b = (struct l2tp_builder){ .w = &e->scratch };
	/* Before, not every peer knows yet which secret it is. */
	if (e->config.hide && t->state == L2TP_ESTABLISHED)
		b->secret_length = l2tp_secret(e, &t->path, t->host_name, b->secret);
	if (b->secret_length > 0)
		l2tp_random(e, b->random_vector, sizeof(b->random_vector));
	l2tp_build(b, type, t->peer_id, session);
}

void l2tp_add_ourselves(struct l2tp_endpoint *e, const struct l2tp_tunnel *t, struct l2tp_builder *b)
{
	l2tp_add_u16(b, L2TP_PROTOCOL_VERSION_AVP, L2TP_PROTOCOL_VERSION);
	l2tp_add_u32(b, L2TP_FRAMING_CAPABILITIES, FRAMING_BOTH);
	l2tp_add(b, L2TP_HOST_NAME, e->host_name, strlen(e->host_name));
	if (e->vendor_name)
		l2tp_add(b, L2TP_VENDOR_NAME, e->vendor_name, strlen(e->vendor_name));
	l2tp_add_u16(b, L2TP_ASSIGNED_TUNNEL_ID, t->id);
	l2tp_add_u16(b, L2TP_RECEIVE_WINDOW_SIZE, e->config.receive_window);
}

void l2tp_add_challenge(struct l2tp_endpoint *e, struct l2tp_tunnel *t, struct l2tp_builder *b, bool secret)
{
	if (!secret)
		return;
	l2tp_random(e, t->handshake->challenge, L2TP_CHALLENGE_SIZE);
	t->handshake->challenged = true;
	l2tp_add(b, L2TP_CHALLENGE, t->handshake->challenge, L2TP_CHALLENGE_SIZE);
}

bool l2tp_add_response(struct l2tp_endpoint *e, const struct l2tp_tunnel *t, struct l2tp_builder *b,
        enum l2tp_type type, const struct l2tp_avps *avps)
{
	if (!l2tp_has(avps, L2TP_CHALLENGE))
		return true;
	uint8_t secret[L2TP_SECRET_MAX], response[L2TP_RESPONSE_SIZE];
	size_t n = l2tp_secret(e, &t->path, t->host_name, secret);
	if (n > 0) {
		struct l2tp_bytes challenge = avps->value[L2TP_CHALLENGE];
		l2tp_respond(response, type, secret, n, challenge.bytes, challenge.length);
		l2tp_add(b, L2TP_CHALLENGE_RESPONSE, response, sizeof(response));
	}
	OPENSSL_cleanse(secret, sizeof(secret));
	return n > 0;
}

/* Did the peer answer our Challenge, where we sent one? */
static bool is_authentic(
        struct l2tp_endpoint *e, struct l2tp_tunnel *t, enum l2tp_type type, const struct l2tp_avps *avps)
{
	if (!t->handshake->challenged)
		return true;
	struct l2tp_bytes response = avps->value[L2TP_CHALLENGE_RESPONSE];
	uint8_t secret[L2TP_SECRET_MAX], expected[L2TP_RESPONSE_SIZE];
	size_t n = l2tp_secret(e, &t->path, t->host_name, secret);
	l2tp_respond(expected, type, secret, n, t->handshake->challenge, L2TP_CHALLENGE_SIZE);
	OPENSSL_cleanse(secret, sizeof(secret));
	t->authenticated = n > 0 && response.length == sizeof(expected) &&
	        CRYPTO_memcmp(response.bytes, expected, sizeof(expected)) == 0;
	return t->authenticated;
}

void l2tp_learn_peer(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps)
{
	free(t->host_name);
	free(t->vendor_name);
	t->host_name = l2tp_avp_text(avps, L2TP_HOST_NAME, 0);
	t->vendor_name = l2tp_has(avps, L2TP_VENDOR_NAME) ? l2tp_avp_text(avps, L2TP_VENDOR_NAME, 0) : NULL;
	if (l2tp_has(avps, L2TP_RECEIVE_WINDOW_SIZE))
		t->window = MIN(l2tp_avp_u16(avps, L2TP_RECEIVE_WINDOW_SIZE), L2TP_WINDOW_MAX);
	l2tp_set_peer_id(e, t, l2tp_avp_u16(avps, L2TP_ASSIGNED_TUNNEL_ID));
	t->handshake->peer = l2tp_describe_peer(NULL, NULL, avps);
}

uint16_t l2tp_check_hello(const struct l2tp_avps *avps, uint16_t *ret_error)
{
	*ret_error = L2TP_E_VALUE;
	if (!l2tp_has(avps, L2TP_PROTOCOL_VERSION_AVP))
		return L2TP_STOP_ERROR;
	if (l2tp_avp_u16(avps, L2TP_PROTOCOL_VERSION_AVP) >> 8 != L2TP_PROTOCOL_VERSION >> 8) {
		*ret_error = L2TP_PROTOCOL_VERSION;
		return L2TP_STOP_VERSION;
	}
	bool complete = l2tp_has(avps, L2TP_HOST_NAME) && l2tp_has(avps, L2TP_FRAMING_CAPABILITIES) &&
	        l2tp_avp_u16(avps, L2TP_ASSIGNED_TUNNEL_ID) != 0;
	bool no_window =
	        l2tp_has(avps, L2TP_RECEIVE_WINDOW_SIZE) && l2tp_avp_u16(avps, L2TP_RECEIVE_WINDOW_SIZE) == 0;
	return complete && !no_window ? 0 : L2TP_STOP_ERROR;
}

static void send_sccrq(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	uint8_t secret[L2TP_SECRET_MAX];
	bool has_secret = l2tp_secret(e, &t->path, NULL, secret) > 0;
	OPENSSL_cleanse(secret, sizeof(secret));
	t->handshake = xcalloc(1, sizeof(*t->handshake));
	struct l2tp_builder b;
	l2tp_start(e, t, &b, L2TP_SCCRQ, 0);
	l2tp_add_ourselves(e, t, &b);
	if (e->config.accept) { /* 4.4.3: the other end may be asking us at the same time */
		t->handshake->has_tie_breaker = true;
		l2tp_random(e, t->handshake->tie_breaker, sizeof(t->handshake->tie_breaker));
		l2tp_add(&b, L2TP_TIE_BREAKER, t->handshake->tie_breaker, sizeof(t->handshake->tie_breaker));
	}
	l2tp_add_challenge(e, t, &b, has_secret);
	l2tp_queue(e, t, &b);
}

static void drain(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	l2tp_list_remove(e, t);
	l2tp_drop_held(e, t);
	if (e->draining.count >= e->config.limits.draining) {
		struct l2tp_tunnel *oldest = e->draining.first;
		l2tp_list_remove(e, oldest);
		l2tp_forget(e, oldest);
	}
	l2tp_list_add(&e->draining, t);
	t->end_at = e->now + e->cycle_ms;
	l2tp_touch(e, t);
}

void l2tp_end(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_reason *reason)
{
	if (t->state == L2TP_CLOSING)
		return;
	t->state = L2TP_CLOSING;
	drain(e, t);
	l2tp_end_sessions(e, t, reason);
	e->counters.tunnels_down += t->up;
	struct l2tp_reason told = *reason;
	told.was_up = t->up;
	if (t->known && e->config.callbacks.tunnel_down)
		e->config.callbacks.tunnel_down(e->config.context, t->id, &told);
}

void l2tp_stop(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_reason *reason)
{
	if (t->state == L2TP_CLOSING)
		return;
	l2tp_drop_unsent(t);
	struct l2tp_builder b;
	l2tp_start(e, t, &b, L2TP_STOPCCN, 0);
	l2tp_add_u16(&b, L2TP_ASSIGNED_TUNNEL_ID, t->id);
	l2tp_add_result(&b, reason->result, reason->error, reason->message);
	l2tp_queue(e, t, &b);
	l2tp_end(e, t, reason);
}

static void stop(
        struct l2tp_endpoint *e, struct l2tp_tunnel *t, uint16_t result, uint16_t error, const char *text)
{
	l2tp_stop(e, t, &(struct l2tp_reason){ L2TP_CAUSE_LOCAL, result, error, text });
}

static void establish(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	struct l2tp_peer peer = t->handshake->peer;
	peer.host_name = t->host_name;
	peer.vendor_name = t->vendor_name ? t->vendor_name : "";
	peer.authenticated = t->authenticated;
	OPENSSL_cleanse(t->handshake, sizeof(*t->handshake));
	free(t->handshake);
	t->handshake = NULL;
	l2tp_list_remove(e, t);
	t->state = L2TP_ESTABLISHED;
	t->end_at = L2TP_NEVER;
	t->known = t->up = t->dirty = true;
	e->counters.tunnels_up++;
	if (e->config.callbacks.tunnel_up)
		e->config.callbacks.tunnel_up(e->config.context, t->id, &t->path, &peer);
	if (t->state == L2TP_ESTABLISHED)
		l2tp_start_sessions(e, t);
}

static void on_sccrp(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps)
{
	uint16_t error, result = l2tp_check_hello(avps, &error);
	t->path.remote_port = t->answered_port;
	l2tp_learn_peer(e, t, avps);
	if (result) {
		e->counters.malformed += result == L2TP_STOP_ERROR;
		stop(e, t, result, error, "SCCRP is not acceptable");
		return;
	}
	struct l2tp_builder b;
	l2tp_start(e, t, &b, L2TP_SCCCN, 0);
	bool authentic = is_authentic(e, t, L2TP_SCCRP, avps);
	if (!authentic || !l2tp_add_response(e, t, &b, L2TP_SCCCN, avps)) {
		OPENSSL_cleanse(&b, sizeof(b));
		e->counters.not_authorized++;
		stop(e, t, L2TP_STOP_NOT_AUTHORIZED, 0,
		        authentic ? "no secret to answer the challenge with"
		                  : "the challenge was not answered");
		return;
	}
	l2tp_queue(e, t, &b);
	establish(e, t);
}

static void on_scccn(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps)
{
	if (!is_authentic(e, t, L2TP_SCCCN, avps)) {
		e->counters.not_authorized++;
		stop(e, t, L2TP_STOP_NOT_AUTHORIZED, 0, "the challenge was not answered");
		return;
	}
	if (l2tp_get_counters(e).tunnels >= e->config.limits.tunnels) {
		e->counters.refused_limit++;
		stop(e, t, L2TP_STOP_ERROR, L2TP_E_RESOURCES, "no more tunnels");
		return;
	}
	establish(e, t);
}

static void on_stopccn(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps)
{
	char *text FREE_ON_EXIT = l2tp_avp_text(avps, L2TP_RESULT_CODE, 4);
	struct l2tp_bytes code = avps->value[L2TP_RESULT_CODE];
	struct l2tp_reason reason = { .cause = L2TP_CAUSE_PEER,
		.result = l2tp_avp_u16(avps, L2TP_RESULT_CODE),
		.error = code.length >= 4 ? l2tp_get_u16(code.bytes + 2) : 0,
		.message = text };
	l2tp_drop_queue(t);
	t->acknowledge_at = e->now;
	l2tp_end(e, t, &reason);
}

/* Its acknowledgement says all. */
static void on_hello(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps)
{
}

typedef void (*handler)(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps);

static const handler transitions[L2TP_N_TUNNEL_STATES][L2TP_N_TYPES] = {
	[L2TP_WAIT_CTL_REPLY] = {
		[L2TP_SCCRP] = on_sccrp,
		[L2TP_STOPCCN] = on_stopccn,
	},
	[L2TP_WAIT_CTL_CONN] = {
		[L2TP_SCCCN] = on_scccn,
		[L2TP_STOPCCN] = on_stopccn,
	},
	[L2TP_ESTABLISHED] = {
		[L2TP_STOPCCN] = on_stopccn,
		[L2TP_HELLO] = on_hello,
		[L2TP_OCRQ] = l2tp_on_session_message,
		[L2TP_OCRP] = l2tp_on_session_message,
		[L2TP_OCCN] = l2tp_on_session_message,
		[L2TP_ICRQ] = l2tp_on_session_message,
		[L2TP_ICRP] = l2tp_on_session_message,
		[L2TP_ICCN] = l2tp_on_session_message,
		[L2TP_CDN] = l2tp_on_session_message,
		[L2TP_WEN] = l2tp_on_session_message,
		[L2TP_SLI] = l2tp_on_session_message,
	},
};

static bool is_known_type(uint16_t type)
{
	static const uint32_t known = 1u << L2TP_SCCRQ | 1u << L2TP_SCCRP | 1u << L2TP_SCCCN |
	        1u << L2TP_STOPCCN | 1u << L2TP_HELLO | 1u << L2TP_OCRQ | 1u << L2TP_OCRP | 1u << L2TP_OCCN |
	        1u << L2TP_ICRQ | 1u << L2TP_ICRP | 1u << L2TP_ICCN | 1u << L2TP_CDN | 1u << L2TP_WEN |
	        1u << L2TP_SLI;
	return type < L2TP_N_TYPES && known >> type & 1;
}

/* 4.2, 7.1: true where the message must not be acted on; tunnel or session have been ended where it says so.
 */
static bool is_refused(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps)
{
	if (!is_known_type(avps->type)) {
		bool mandatory = avps->mandatory & 1ull << L2TP_MESSAGE_TYPE;
		e->counters.unknown_mandatory += mandatory;
		e->counters.unknown_optional += !mandatory;
		if (mandatory)
			stop(e, t, L2TP_STOP_ERROR, L2TP_E_UNKNOWN_MANDATORY, "unknown message type");
		return true;
	}
	e->counters.unknown_optional += avps->unknown_optional;
	if (!avps->unknown_mandatory && !avps->error)
		return false;
	e->counters.unknown_mandatory += avps->unknown_mandatory;
	e->counters.malformed += avps->error != L2TP_E_NONE;
	if (avps->type == L2TP_STOPCCN || avps->type == L2TP_CDN)
		return false; /* it is the end anyway */
	enum l2tp_error error = avps->error ? avps->error : L2TP_E_UNKNOWN_MANDATORY;
	const char *text = avps->error ? "malformed AVP" : "unknown mandatory AVP";
	if (avps->type >= L2TP_OCRQ && t->state == L2TP_ESTABLISHED)
		l2tp_refuse_session_message(e, t, avps, error, text);
	else
		stop(e, t, L2TP_STOP_ERROR, (uint16_t)error, text);
	return true;
}

static void reveal(struct l2tp_endpoint *e, const struct l2tp_tunnel *t, struct l2tp_avps *avps)
{
	if (!l2tp_has_hidden(avps))
		return;
	uint8_t secret[L2TP_SECRET_MAX];
	char *name FREE_ON_EXIT = l2tp_avp_text(avps, L2TP_HOST_NAME, 0);
	size_t n = l2tp_secret(e, &t->path, t->host_name ? t->host_name : name, secret);
	l2tp_reveal(avps, secret, n);
	OPENSSL_cleanse(secret, sizeof(secret));
}

void l2tp_on_message(
        struct l2tp_endpoint *e, struct l2tp_tunnel *t, uint16_t session, const uint8_t *body, size_t n)
{
	struct l2tp_avps avps;
	if (t->state == L2TP_CLOSING)
		return; /* acknowledged, and no more */
	if (!l2tp_read_avps(&avps, body, n)) {
		e->counters.malformed++;
		stop(e, t, L2TP_STOP_ERROR, L2TP_E_LENGTH, "no message type");
		return;
	}
	avps.session = session;
	reveal(e, t, &avps);
	if (is_refused(e, t, &avps))
		return;
	handler handle = transitions[t->state][avps.type];
	if (handle) {
		handle(e, t, &avps);
		return;
	}
	/* An SCCRQ that comes again has its number again and does not get here. */
	e->counters.unexpected++;
	stop(e, t, L2TP_STOP_FSM, 0, "message out of sequence");
}

int l2tp_tunnel_open(struct l2tp_endpoint *e, const struct l2tp_path *path, time_ms now)
{
	if (l2tp_get_counters(e).tunnels >= e->config.limits.tunnels)
		return -ENOSPC;
	l2tp_enter(e, now);
	struct l2tp_tunnel *t = l2tp_tunnel_new(e, path, 0);
	if (t) {
		t->known = true;
		t->state = L2TP_WAIT_CTL_REPLY;
		t->end_at = e->now + e->cycle_ms;
		l2tp_list_add(&e->initiating, t);
		send_sccrq(e, t);
	}
	int id = t ? t->id : -ENOSPC;
	l2tp_leave(e);
	return id;
}

int l2tp_tunnel_close(struct l2tp_endpoint *e, uint16_t tunnel, enum l2tp_stop_result result,
        const char *message, time_ms now)
{
	struct l2tp_tunnel *t = l2tp_find_open(e, tunnel);
	if (!t)
		return -ENOENT;
	l2tp_enter(e, now);
	stop(e, t, (uint16_t)result, 0, message ? message : "");
	l2tp_leave(e);
	return 0;
}

void l2tp_close_all(struct l2tp_endpoint *e, enum l2tp_stop_result result, const char *message, time_ms now)
{
	for (size_t i = 0; i < ARRAY_LENGTH(e->pages); i++)
		for (size_t j = 0; e->pages[i] && j < L2TP_PAGE_SIZE; j++)
			(void)l2tp_tunnel_close(e, (uint16_t)(i * L2TP_PAGE_SIZE + j), result, message, now);
}
