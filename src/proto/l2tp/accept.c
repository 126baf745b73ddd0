/* SPDX-License-Identifier: ISC */
/*
 * Packets whose Tunnel ID is 0: an SCCRQ, or the StopCCN of a peer that does not know our id yet. Until an
 * SCCRQ has passed every check nothing is kept of it, and a refusal is one packet that is not longer than
 * what caused it, so that this end is no amplifier for forged sources.
 *
 * Half-open tunnels are bounded for a source and in all; clear-text ones and those with an association each
 * have their own bound, so that a flood in clear text hurts no protected peer. At the bound the oldest one
 * gives way: at 100,000 forged SCCRQs a second and 4096 places a peer has 40 ms for its SCCCN, and its own
 * retransmissions.
 */
#include "base/table.h"
#include "proto/l2tp/endpoint.h"

#include <openssl/crypto.h>
#include <string.h>

/* 4.4.2, 6.4. Ns of the one message that this connection will ever have is 0. */
static void refuse(struct l2tp_endpoint *e, const struct l2tp_path *path, const struct l2tp_control_header *h,
        const struct l2tp_avps *avps, uint16_t result, uint16_t error)
{
	uint16_t peer_id = l2tp_avp_u16(avps, L2TP_ASSIGNED_TUNNEL_ID);
	if (peer_id == 0)
		return; /* it could not tell what this is about */
	uint16_t id;
	do
		l2tp_random(e, &id, sizeof(id));
	while (id == 0);
	struct l2tp_builder b = { .w = &e->scratch };
	l2tp_build(&b, L2TP_STOPCCN, peer_id, 0);
	l2tp_add_u16(&b, L2TP_ASSIGNED_TUNNEL_ID, id);
	l2tp_add_result(&b, result, error, "");
	l2tp_finish(&b);
	l2tp_put_u16(b.w->data + 10, (uint16_t)(h->ns + 1));
	if (b.w->length > h->length)
		return;
	e->counters.sent++;
	e->config.callbacks.send(e->config.context, path, b.w->data, b.w->length);
}

/* The counter of a source: its association, its IPv4 address or its IPv6 /64. */
static uint32_t source_of(const struct l2tp_endpoint *e, const struct l2tp_path *path)
{
	struct ip_address key = path->remote;
	if (path->association != 0) {
		key = (struct ip_address){ 0 };
		memcpy(key.bytes, &path->association, sizeof(path->association));
	} else if (!ip_is_v4(&path->remote)) {
		memset(key.bytes + 8, 0, 8);
	}
	return (uint32_t)(hash_bytes(e->seed, &key, sizeof(key)) % L2TP_SOURCE_BUCKETS);
}

static unsigned tunnels_of_association(const struct l2tp_endpoint *e, uint32_t association)
{
	unsigned n = 0;
	struct l2tp_tunnel *t = association ? l2tp_first_of_association(e, association) : NULL;
	for (; t; t = l2tp_next_of_association(t))
		n += t->state != L2TP_CLOSING;
	return n;
}

/* 4.4.3, Tie Breaker: both ends may have asked at the same time. True: this SCCRQ has lost. */
static bool has_lost_tie(struct l2tp_endpoint *e, const struct l2tp_path *path, const struct l2tp_avps *avps)
{
	static const struct l2tp_reason reason = { L2TP_CAUSE_TIE, L2TP_STOP_EXISTS, L2TP_E_NONE,
		"the peer's tunnel won the tie" };
	struct l2tp_tunnel *t = e->initiating.first;
	while (t &&
	        (t->path.association != path->association ||
	                (path->association == 0 && !ip_equal(&t->path.remote, &path->remote))))
		t = t->list_next;
	if (!t || !t->handshake->has_tie_breaker)
		return false;
	if (!l2tp_has(avps, L2TP_TIE_BREAKER))
		return true;
	int order = memcmp(t->handshake->tie_breaker, avps->value[L2TP_TIE_BREAKER].bytes,
	        sizeof(t->handshake->tie_breaker));
	if (order < 0)
		return true; /* the lower one wins */
	l2tp_end(e, t, &reason);
	l2tp_forget(e, t);
	return order == 0;
}

/* It came again, or its sender has started anew and chosen the same id. */
static void on_known_sccrq(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	e->counters.duplicates++;
	l2tp_touch(e, t);
	if (t->state == L2TP_WAIT_CTL_CONN)
		l2tp_resend(e, t);
	else if (t->state == L2TP_ESTABLISHED)
		(void)l2tp_tunnel_probe(e, t->id, e->now); /* does it still know the tunnel? */
}

/* Makes room for one more half-open tunnel. False: its source has too many. */
static bool make_room(struct l2tp_endpoint *e, const struct l2tp_path *path, uint32_t source)
{
	if (e->sources[source] >= e->config.limits.half_open_per_source) {
		e->counters.refused_source++;
		return false;
	}
	struct l2tp_list *list = &e->half_open[path->association != 0];
	if (list->count >= e->config.limits.half_open) {
		struct l2tp_tunnel *oldest = list->first;
		e->counters.half_open_evicted++;
		l2tp_list_remove(e, oldest);
		l2tp_forget(e, oldest);
	}
	return true;
}

/* Answers an SCCRQ that nothing speaks against. */
static void send_sccrp(
        struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps, bool has_secret)
{
	struct l2tp_builder b;
	l2tp_start(e, t, &b, L2TP_SCCRP, 0);
	l2tp_add_ourselves(e, t, &b);
	l2tp_add_challenge(e, t, &b, has_secret);
	(void)l2tp_add_response(e, t, &b, L2TP_SCCRP, avps); /* that there is a secret has been checked */
	l2tp_queue(e, t, &b);
}

static void accept_sccrq(
        struct l2tp_endpoint *e, const struct l2tp_path *path, const struct l2tp_avps *avps, bool has_secret)
{
	uint32_t source = source_of(e, path);
	if (!make_room(e, path, source))
		return;
	struct l2tp_tunnel *t = l2tp_tunnel_new(e, path, 0);
	if (!t) {
		e->counters.refused_limit++;
		return;
	}
	t->state = L2TP_WAIT_CTL_CONN;
	t->source = source;
	t->nr = 1;
	t->end_at = e->now + e->config.timing.half_open_ms;
	e->sources[source]++;
	l2tp_list_add(&e->half_open[path->association != 0], t);
	t->handshake = xcalloc(1, sizeof(*t->handshake));
	l2tp_learn_peer(e, t, avps);
	send_sccrp(e, t, avps, has_secret);
}

/* What speaks against an SCCRQ that is well formed: a StopCCN result, or 0. */
static uint16_t decide(struct l2tp_endpoint *e, const struct l2tp_path *path, const struct l2tp_avps *avps,
        const char *host_name, bool has_secret, uint16_t *ret_error)
{
	*ret_error = L2TP_E_NONE;
	bool full = l2tp_get_counters(e).tunnels >= e->config.limits.tunnels;
	if (full ||
	        tunnels_of_association(e, path->association) >= e->config.limits.tunnels_per_association) {
		e->counters.refused_limit++;
		*ret_error = L2TP_E_RESOURCES;
		return L2TP_STOP_ERROR;
	}
	uint16_t result = l2tp_has(avps, L2TP_CHALLENGE) && !has_secret ? L2TP_STOP_NOT_AUTHORIZED : 0;
	if (!result && e->config.callbacks.tunnel_wanted) {
		char *vendor_name FREE_ON_EXIT = l2tp_avp_text(avps, L2TP_VENDOR_NAME, 0);
		struct l2tp_peer peer = l2tp_describe_peer(host_name, vendor_name, avps);
		result = e->config.callbacks.tunnel_wanted(e->config.context, path, &peer);
	}
	e->counters.not_authorized += result != 0;
	return result;
}

static void on_sccrq(struct l2tp_endpoint *e, const struct l2tp_path *path,
        const struct l2tp_control_header *h, struct l2tp_avps *avps)
{
	uint8_t secret[L2TP_SECRET_MAX];
	char *host_name FREE_ON_EXIT = l2tp_avp_text(avps, L2TP_HOST_NAME, 0);
	size_t n = l2tp_secret(e, path, host_name, secret);
	if (l2tp_has_hidden(avps))
		l2tp_reveal(avps, secret, n);
	OPENSSL_cleanse(secret, sizeof(secret));
	struct l2tp_tunnel *known = l2tp_find_by_peer(e, path, l2tp_avp_u16(avps, L2TP_ASSIGNED_TUNNEL_ID));
	if (known && known->state != L2TP_CLOSING) {
		on_known_sccrq(e, known);
		return;
	}
	if (known)
		l2tp_forget(e, known); /* its peer has chosen the same id again, and drains no more */
	e->counters.unknown_optional += avps->unknown_optional;
	uint16_t error, result = l2tp_check_hello(avps, &error);
	if (avps->error || avps->unknown_mandatory) {
		result = L2TP_STOP_ERROR;
		error = (uint16_t)(avps->error ? avps->error : L2TP_E_UNKNOWN_MANDATORY);
	}
	e->counters.unknown_mandatory += avps->unknown_mandatory;
	e->counters.malformed += result == L2TP_STOP_ERROR && !avps->unknown_mandatory;
	if (!result && has_lost_tie(e, path, avps))
		return;
	if (!result)
		result = decide(e, path, avps, host_name, n > 0, &error);
	if (result)
		refuse(e, path, h, avps, result, error);
	else
		accept_sccrq(e, path, avps, n > 0);
}

/* 6.4: the peer gives up before it knows our id. */
static void on_early_stopccn(struct l2tp_endpoint *e, const struct l2tp_path *path,
        const struct l2tp_control_header *h, const struct l2tp_avps *avps, const uint8_t *packet)
{
	struct l2tp_tunnel *t = l2tp_find_by_peer(e, path, l2tp_avp_u16(avps, L2TP_ASSIGNED_TUNNEL_ID));
	if (t && t->state != L2TP_ESTABLISHED)
		l2tp_on_packet(e, t, h, packet);
	else
		e->counters.unknown_tunnel++;
}

void l2tp_on_new(struct l2tp_endpoint *e, const struct l2tp_path *path, const struct l2tp_control_header *h,
        const uint8_t *packet)
{
	struct l2tp_avps avps;
	if (!l2tp_read_avps(&avps, packet + L2TP_CONTROL_HEADER_SIZE, h->length - L2TP_CONTROL_HEADER_SIZE))
		e->counters.malformed++;
	else if (avps.type == L2TP_STOPCCN)
		on_early_stopccn(e, path, h, &avps, packet);
	else if (avps.type == L2TP_SCCRQ && h->ns == 0 && h->session == 0 && e->config.accept)
		on_sccrq(e, path, h, &avps);
	else
		e->counters.unexpected++;
}
