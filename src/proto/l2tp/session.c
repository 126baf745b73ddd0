/* SPDX-License-Identifier: ISC */
/*
 * The session machine (RFC 2661 7.4.1, 7.4.2): incoming calls, placed by the initiator as LAC and taken by
 * the concentrator as LNS. One row a state; what is not in it ends the session. Outgoing calls (OCRQ) mean
 * dialling out, which a softwire has no line for: they are refused for good.
 */
#include "proto/l2tp/endpoint.h"

#include <errno.h>

#define FRAMING_SYNCHRONOUS 1

static struct l2tp_session *find_session(const struct l2tp_tunnel *t, uint16_t id)
{
	struct l2tp_session *s = t->sessions;
	while (s && s->id != id)
		s = s->next;
	return s;
}

static struct l2tp_session *find_by_peer_id(const struct l2tp_tunnel *t, uint16_t peer_id)
{
	struct l2tp_session *s = t->sessions;
	while (s && (peer_id == 0 || s->peer_id != peer_id))
		s = s->next;
	return s;
}

static unsigned count_sessions(const struct l2tp_tunnel *t)
{
	unsigned n = 0;
	for (const struct l2tp_session *s = t->sessions; s; s = s->next)
		n++;
	return n;
}

static uint16_t random_session_id(struct l2tp_endpoint *e, const struct l2tp_tunnel *t)
{
	uint16_t id;
	do
		l2tp_random(e, &id, sizeof(id));
	while (id == 0 || find_session(t, id));
	return id;
}

static struct l2tp_session *session_new(
        struct l2tp_endpoint *e, struct l2tp_tunnel *t, enum l2tp_session_state state)
{
	struct l2tp_session *s = xmalloc(sizeof(*s));
	*s = (struct l2tp_session){ .next = t->sessions,
		.id = random_session_id(e, t),
		.state = state,
		.end_at = e->now + e->config.timing.session_ms };
	t->sessions = s;
	e->counters.sessions++;
	l2tp_touch(e, t);
	return s;
}

/* Takes it out, tells the caller, frees it. */
static void end_session(struct l2tp_endpoint *e, struct l2tp_tunnel *t, struct l2tp_session *s,
        const struct l2tp_reason *reason)
{
	struct l2tp_session **at = &t->sessions;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	e->counters.sessions--;
	e->counters.sessions_down += s->state == L2TP_SESSION_UP;
	t->dirty = true;
	l2tp_touch(e, t);
	struct l2tp_reason told = *reason;
	told.was_up = s->state == L2TP_SESSION_UP;
	if (s->known && e->config.callbacks.session_down)
		e->config.callbacks.session_down(e->config.context, t->id, s->id, &told);
	free(s);
}

void l2tp_end_sessions(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_reason *of_tunnel)
{
	const struct l2tp_reason reason = { .cause = L2TP_CAUSE_TUNNEL,
		.result = L2TP_CDN_CARRIER_LOST,
		.error = L2TP_E_NONE,
		.message = *of_tunnel->message ? of_tunnel->message : "its tunnel has ended",
		.tunnel_cause = of_tunnel->cause };
	while (t->sessions)
		end_session(e, t, t->sessions, &reason);
}

void l2tp_send_cdn(struct l2tp_endpoint *e, struct l2tp_tunnel *t, uint16_t id, uint16_t peer_id,
        const struct l2tp_reason *reason)
{
	struct l2tp_builder b;
	l2tp_start(e, t, &b, L2TP_CDN, peer_id);
	l2tp_add_result(&b, reason->result, reason->error, reason->message);
	l2tp_add_u16(&b, L2TP_ASSIGNED_SESSION_ID, id);
	l2tp_queue(e, t, &b);
}

/* An ICRQ or OCRQ that is not let in: an id of ours is not taken for it. */
static void refuse_call(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps,
        uint16_t result, uint16_t error, const char *text)
{
	struct l2tp_reason reason = { L2TP_CAUSE_LOCAL, result, error, text };
	uint16_t peer_id = l2tp_avp_u16(avps, L2TP_ASSIGNED_SESSION_ID);
	if (peer_id != 0 && !find_by_peer_id(t, peer_id))
		l2tp_send_cdn(e, t, random_session_id(e, t), peer_id, &reason);
}

static void hang_up(struct l2tp_endpoint *e, struct l2tp_tunnel *t, struct l2tp_session *s,
        const struct l2tp_reason *reason)
{
	if (s->state != L2TP_WAIT_TUNNEL)
		l2tp_send_cdn(e, t, s->id, s->peer_id, reason);
	end_session(e, t, s, reason);
}

struct l2tp_call l2tp_describe_call(
        const struct l2tp_tunnel *t, const struct l2tp_session *s, const struct l2tp_avps *avps)
{
	struct l2tp_call call = { .tunnel = t->id,
		.session = s->id,
		.peer_tunnel = t->peer_id,
		.peer_session = s->peer_id,
		.serial_number = s->serial_number,
		.bearer_type = s->bearer_type,
		.tx_speed = s->tx_speed,
		.rx_speed = s->rx_speed,
		.framing = s->framing,
		.sequencing_required = s->sequencing_required };
	if (!avps)
		return call;
	call.called = avps->value[L2TP_CALLED_NUMBER];
	call.calling = avps->value[L2TP_CALLING_NUMBER];
	call.sub_address = avps->value[L2TP_SUB_ADDRESS];
	call.private_group = avps->value[L2TP_PRIVATE_GROUP_ID];
	call.initial_confreq = avps->value[L2TP_INITIAL_RECEIVED_CONFREQ];
	call.last_sent_confreq = avps->value[L2TP_LAST_SENT_CONFREQ];
	call.last_received_confreq = avps->value[L2TP_LAST_RECEIVED_CONFREQ];
	call.proxy_authentication = l2tp_avp_u16(avps, L2TP_PROXY_AUTHEN_TYPE);
	call.proxy_name = avps->value[L2TP_PROXY_AUTHEN_NAME];
	call.proxy_challenge = avps->value[L2TP_PROXY_AUTHEN_CHALLENGE];
	call.proxy_response = avps->value[L2TP_PROXY_AUTHEN_RESPONSE];
	call.proxy_id = l2tp_avp_u16(avps, L2TP_PROXY_AUTHEN_ID);
	return call;
}

static void on_icrq(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps)
{
	uint16_t peer_id = l2tp_avp_u16(avps, L2TP_ASSIGNED_SESSION_ID);
	if (peer_id == 0 || !l2tp_has(avps, L2TP_CALL_SERIAL_NUMBER)) {
		e->counters.malformed++;
		refuse_call(e, t, avps, L2TP_CDN_ERROR, L2TP_E_VALUE, "ICRQ is not complete");
		return;
	}
	if (find_by_peer_id(t, peer_id)) {
		e->counters.unexpected++; /* it could not tell the two apart: the first one stays */
		return;
	}
	if (!e->config.accept || count_sessions(t) >= e->config.limits.sessions) {
		e->counters.refused_limit++;
		refuse_call(e, t, avps,
		        e->config.accept ? L2TP_CDN_NO_FACILITIES_NOW : L2TP_CDN_NO_FACILITIES, 0,
		        "no more sessions in this tunnel");
		return;
	}
	struct l2tp_session *s = session_new(e, t, L2TP_WAIT_CONNECT);
	s->peer_id = peer_id;
	s->serial_number = l2tp_avp_u32(avps, L2TP_CALL_SERIAL_NUMBER);
	s->bearer_type = l2tp_avp_u32(avps, L2TP_BEARER_TYPE);
	uint16_t id = s->id, result = 0;
	struct l2tp_call call = l2tp_describe_call(t, s, avps);
	if (e->config.callbacks.session_wanted)
		result = e->config.callbacks.session_wanted(e->config.context, &call);
	s = find_session(t, id);
	if (!s || t->state != L2TP_ESTABLISHED)
		return; /* the callback ended it */
	if (result) {
		hang_up(e, t, s, &(struct l2tp_reason){ L2TP_CAUSE_LOCAL, result, 0, "refused" });
		return;
	}
	s->known = true;
	struct l2tp_builder b;
	l2tp_start(e, t, &b, L2TP_ICRP, s->peer_id);
	l2tp_add_u16(&b, L2TP_ASSIGNED_SESSION_ID, s->id);
	l2tp_queue(e, t, &b);
}

static void on_ocrq(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps)
{
	e->counters.unexpected++;
	refuse_call(e, t, avps, L2TP_CDN_NO_FACILITIES, 0, "outgoing calls are not supported");
}

/* For the LAC, the ICCN is on its way before the caller sends data behind it. */
static void come_up(
        struct l2tp_endpoint *e, struct l2tp_tunnel *t, struct l2tp_session *s, const struct l2tp_avps *avps)
{
	uint16_t id = s->id;
	s->state = L2TP_SESSION_UP;
	s->end_at = L2TP_NEVER;
	s->known = true;
	t->dirty = true;
	e->counters.sessions_up++;
	l2tp_tell_change(e, t);
	l2tp_flush(e, t);
	s = find_session(t, id);
	if (!s)
		return; /* a callback ended it */
	struct l2tp_call call = l2tp_describe_call(t, s, avps);
	if (e->config.callbacks.session_up)
		e->config.callbacks.session_up(e->config.context, &t->path, &call);
}

static void on_icrp(
        struct l2tp_endpoint *e, struct l2tp_tunnel *t, struct l2tp_session *s, const struct l2tp_avps *avps)
{
	static const struct l2tp_reason incomplete = { L2TP_CAUSE_LOCAL, L2TP_CDN_ERROR, L2TP_E_VALUE,
		"ICRP is not complete" };
	uint16_t peer_id = l2tp_avp_u16(avps, L2TP_ASSIGNED_SESSION_ID);
	if (peer_id == 0 || find_by_peer_id(t, peer_id)) {
		e->counters.malformed++;
		hang_up(e, t, s, &incomplete);
		return;
	}
	s->peer_id = peer_id;
	struct l2tp_builder b;
	l2tp_start(e, t, &b, L2TP_ICCN, peer_id);
	l2tp_add_u32(&b, L2TP_TX_CONNECT_SPEED, s->tx_speed);
	l2tp_add_u32(&b, L2TP_FRAMING_TYPE, s->framing);
	l2tp_queue(e, t, &b);
	come_up(e, t, s, avps);
}

static void on_iccn(
        struct l2tp_endpoint *e, struct l2tp_tunnel *t, struct l2tp_session *s, const struct l2tp_avps *avps)
{
	static const struct l2tp_reason incomplete = { L2TP_CAUSE_LOCAL, L2TP_CDN_ERROR, L2TP_E_VALUE,
		"ICCN is not complete" };
	if (!l2tp_has(avps, L2TP_TX_CONNECT_SPEED) || !l2tp_has(avps, L2TP_FRAMING_TYPE)) {
		e->counters.malformed++;
		hang_up(e, t, s, &incomplete);
		return;
	}
	s->tx_speed = l2tp_avp_u32(avps, L2TP_TX_CONNECT_SPEED);
	s->rx_speed = l2tp_has(avps, L2TP_RX_CONNECT_SPEED) ? l2tp_avp_u32(avps, L2TP_RX_CONNECT_SPEED)
	                                                    : s->tx_speed; /* 4.4.4 */
	s->framing = l2tp_avp_u32(avps, L2TP_FRAMING_TYPE);
	s->sequencing_required = l2tp_has(avps, L2TP_SEQUENCING_REQUIRED);
	come_up(e, t, s, avps);
}

static void on_cdn(
        struct l2tp_endpoint *e, struct l2tp_tunnel *t, struct l2tp_session *s, const struct l2tp_avps *avps)
{
	char *text FREE_ON_EXIT = l2tp_avp_text(avps, L2TP_RESULT_CODE, 4);
	struct l2tp_bytes code = avps->value[L2TP_RESULT_CODE];
	struct l2tp_reason reason = { .cause = L2TP_CAUSE_PEER,
		.result = l2tp_avp_u16(avps, L2TP_RESULT_CODE),
		.error = code.length >= 4 ? l2tp_get_u16(code.bytes + 2) : 0,
		.message = text };
	end_session(e, t, s, &reason);
}

/* WAN-Error-Notify and Set-Link-Info are about a serial line that is not there. */
static void tolerate(
        struct l2tp_endpoint *e, struct l2tp_tunnel *t, struct l2tp_session *s, const struct l2tp_avps *avps)
{
}

typedef void (*handler)(
        struct l2tp_endpoint *e, struct l2tp_tunnel *t, struct l2tp_session *s, const struct l2tp_avps *avps);

static const handler transitions[L2TP_N_SESSION_STATES][L2TP_N_TYPES] = {
	[L2TP_WAIT_REPLY] = {
		[L2TP_ICRP] = on_icrp,
		[L2TP_CDN] = on_cdn,
	},
	[L2TP_WAIT_CONNECT] = {
		[L2TP_ICCN] = on_iccn,
		[L2TP_CDN] = on_cdn,
	},
	[L2TP_SESSION_UP] = {
		[L2TP_CDN] = on_cdn,
		[L2TP_WEN] = tolerate,
		[L2TP_SLI] = tolerate,
	},
};

/* A CDN may come from an end that does not know our id: then it names its own (6.12). */
static struct l2tp_session *session_of(const struct l2tp_tunnel *t, const struct l2tp_avps *avps)
{
	if (avps->session == 0 && avps->type == L2TP_CDN)
		return find_by_peer_id(t, l2tp_avp_u16(avps, L2TP_ASSIGNED_SESSION_ID));
	return avps->session != 0 ? find_session(t, avps->session) : NULL;
}

void l2tp_on_session_message(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps)
{
	static const struct l2tp_reason unexpected = { L2TP_CAUSE_LOCAL, L2TP_CDN_ERROR, L2TP_E_SESSION_ID,
		"message out of sequence" };
	if (avps->type == L2TP_ICRQ || avps->type == L2TP_OCRQ) {
		(avps->type == L2TP_ICRQ ? on_icrq : on_ocrq)(e, t, avps);
		return;
	}
	struct l2tp_session *s = session_of(t, avps);
	if (!s) {
		e->counters.unknown_session++;
		return;
	}
	handler handle = transitions[s->state][avps->type];
	if (handle) {
		handle(e, t, s, avps);
		return;
	}
	e->counters.unexpected++;
	hang_up(e, t, s, &unexpected);
}

void l2tp_refuse_session_message(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps,
        enum l2tp_error error, const char *text)
{
	struct l2tp_reason reason = { L2TP_CAUSE_LOCAL, L2TP_CDN_ERROR, (uint16_t)error, text };
	struct l2tp_session *s = session_of(t, avps);
	if (avps->type == L2TP_ICRQ || avps->type == L2TP_OCRQ)
		refuse_call(e, t, avps, reason.result, reason.error, text);
	else if (s)
		hang_up(e, t, s, &reason);
	else
		e->counters.unknown_session++;
}

static void send_icrq(struct l2tp_endpoint *e, struct l2tp_tunnel *t, struct l2tp_session *s)
{
	s->state = L2TP_WAIT_REPLY;
	s->end_at = e->now + e->config.timing.session_ms;
	struct l2tp_builder b;
	l2tp_start(e, t, &b, L2TP_ICRQ, 0);
	l2tp_add_u16(&b, L2TP_ASSIGNED_SESSION_ID, s->id);
	l2tp_add_u32(&b, L2TP_CALL_SERIAL_NUMBER, s->serial_number);
	l2tp_queue(e, t, &b);
}

void l2tp_start_sessions(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	for (struct l2tp_session *s = t->sessions; s; s = s->next)
		if (s->state == L2TP_WAIT_TUNNEL)
			send_icrq(e, t, s);
}

void l2tp_expire_sessions(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	static const struct l2tp_reason reason = { L2TP_CAUSE_SILENCE, L2TP_CDN_TIMEOUT, L2TP_E_NONE,
		"not established in time" };
	struct l2tp_session *s = t->sessions;
	while (s && t->state == L2TP_ESTABLISHED) {
		if (s->end_at > e->now) {
			s = s->next;
			continue;
		}
		hang_up(e, t, s, &reason);
		s = t->sessions; /* from the start: the callback may have changed the list */
	}
}

int l2tp_session_open(struct l2tp_endpoint *e, uint16_t tunnel, uint32_t speed, time_ms now)
{
	struct l2tp_tunnel *t = l2tp_find_open(e, tunnel);
	if (!t)
		return -ENOENT;
	if (count_sessions(t) >= e->config.limits.sessions)
		return -ENOSPC;
	l2tp_enter(e, now);
	struct l2tp_session *s = session_new(e, t, L2TP_WAIT_TUNNEL);
	s->known = true;
	s->serial_number = ++e->serial_number;
	s->tx_speed = s->rx_speed = speed;
	s->framing = FRAMING_SYNCHRONOUS;
	/* Retransmissions bound how long it waits for the tunnel. */
	s->end_at = L2TP_NEVER;
	if (t->state == L2TP_ESTABLISHED)
		send_icrq(e, t, s);
	uint16_t id = s->id;
	l2tp_leave(e);
	return id;
}

int l2tp_session_close(struct l2tp_endpoint *e, uint16_t tunnel, uint16_t session,
        enum l2tp_cdn_result result, const char *message, time_ms now)
{
	struct l2tp_tunnel *t = l2tp_find_open(e, tunnel);
	struct l2tp_session *s = t ? find_session(t, session) : NULL;
	if (!s)
		return -ENOENT;
	l2tp_enter(e, now);
	hang_up(e, t, s,
	        &(struct l2tp_reason){ L2TP_CAUSE_LOCAL, (uint16_t)result, 0, message ? message : "" });
	l2tp_leave(e);
	return 0;
}
