/* SPDX-License-Identifier: ISC */
/*
 * From the UDP datagram of a peer to the inner packet: L2TP (RFC 2661), PPP (RFC 1661, with and without
 * compressed address, control and protocol fields), and every check that stands between a peer and the TUN.
 */
#include "dataplane/mss.h"
#include "dataplane/worker.h"
#include "proto/l2tp/data.h"

#define UDP_HEADER 8
#define L2TP_PORT 1701
#define PPP_ADDRESS_CONTROL 2
#define PPP_IPV4 0x0021
#define PPP_IPV6 0x0057

static struct session_counters *counters_of(const struct worker *w, const struct session *s)
{
	return &s->state->counters[w->index];
}

static void drop(struct worker *w, struct session *s, enum statistic why)
{
	worker_count(w, why);
	counters_of(w, s)->dropped++;
}

/* RFC 3948 3.1.2: the integrity of ESP stands for the checksum, which a NAT may have made wrong. */
void decapsulate_udp(struct worker *w, const struct origin *o, uint8_t *bytes, size_t n)
{
	if (n < UDP_HEADER) {
		worker_count(w, STAT_l2tp_malformed);
		return;
	}
	size_t length = l2tp_get_u16(bytes + 4);
	if (length < UDP_HEADER || length > n) {
		worker_count(w, STAT_l2tp_malformed);
		return;
	}
	struct origin inside = *o;
	inside.remote_port = l2tp_get_u16(bytes);
	inside.local_port = l2tp_get_u16(bytes + 2);
	/* The draft's SPD, 3.5.5: to 1701, at both ends; an LNS may answer from a port of its choice (RFC
	 * 3193 4). */
	if (inside.local_port != L2TP_PORT) {
		worker_count(w, STAT_l2tp_wrong_port);
		return;
	}
	decapsulate_l2tp(w, &inside, bytes + UDP_HEADER, length - UDP_HEADER);
}

/* Is this the session's peer? RFC 3193 4.2: every packet is checked against what protects its tunnel. */
static bool is_of_session(struct worker *w, struct session *s, const struct origin *o)
{
	if (s->association != o->association) {
		drop(w, s, STAT_l2tp_wrong_association);
		return false;
	}
	if (!o->association &&
	        (s->path->remote_port != o->remote_port || !ip_equal(&s->path->remote, &o->remote))) {
		drop(w, s, STAT_l2tp_wrong_address);
		return false;
	}
	return true;
}

static bool take_sequence(struct worker *w, struct session *s, const struct l2tp_data_header *h)
{
	if (!h->has_sequence || !s->sequencing)
		return true;
	uint32_t expected = atomic_load_explicit(&s->state->ns_in, memory_order_relaxed);
	if ((expected & 0x10000) && !l2tp_ns_is_new(h->ns, (uint16_t)expected)) {
		drop(w, s, STAT_l2tp_old);
		return false;
	}
	atomic_store_explicit(&s->state->ns_in, 0x10000 | (uint16_t)(h->ns + 1), memory_order_relaxed);
	return true;
}

static void pass(struct worker *w, struct session *s, const struct packet *p)
{
	struct session_counters *c = counters_of(w, s);
	if (s->rate_in) {
		int64_t burst =
		        MAX(SESSION_BURST_NS, limiter_bytes_cost(SESSION_BURST_BYTES_MIN, s->rate_in));
		if (!limiter_take(
		            &s->state->in, w->now_ns, limiter_bytes_cost(p->length, s->rate_in), burst)) {
			c->limited++;
			worker_count(w, STAT_inner_rate_limited);
			return;
		}
	}
	c->in_packets++;
	c->in_bytes += p->length;
	c->last_in_ms = w->now_ns / 1000000;
	worker_count(w, STAT_inner_in_packets);
	worker_add(w, STAT_inner_in_bytes, p->length);
	if (tap_is_open(&w->plane->tap))
		tap_write(&w->plane->tap, &w->stats, p->bytes, p->length);
	if (mss_clamp(p, s->mtu))
		worker_count(w, STAT_mss_clamped);
	coalesce_add(&w->receiver->coalescer, p);
}

/* frame: where the PPP protocol field begins, or would if it were whole. */
static void take_inner(struct worker *w, struct session *s, uint8_t *inner, size_t n, uint8_t *frame)
{
	struct packet p;
	if (!packet_parse(inner, n, &p)) {
		drop(w, s, STAT_inner_malformed);
		return;
	}
	bool from_initiator = w->plane->config->role == DATAPLANE_CONCENTRATOR;
	switch (packet_check_inbound(&p, &s->prefixes, &s->own, from_initiator)) {
	case PACKET_PASS:
		pass(w, s, &p);
		break;
	case PACKET_FOR_LINK:
		punt_ppp(w, s, frame, (size_t)(inner - frame) + p.length);
		break;
	case PACKET_SPOOFED:
		counters_of(w, s)->spoofed++;
		worker_count(w, STAT_inner_spoofed);
		break;
	case PACKET_BAD_DESTINATION:
		drop(w, s, STAT_inner_bad_destination);
		break;
	case PACKET_LINK_SCOPE:
		drop(w, s, STAT_inner_link_scope);
		break;
	case PACKET_ROGUE:
		drop(w, s, STAT_inner_rogue);
		break;
	}
}

/* In front of bytes lie at least two that may be written to: those of the L2TP header. */
static void take_ppp(struct worker *w, struct session *s, uint8_t *bytes, size_t n)
{
	if (n >= PPP_ADDRESS_CONTROL && bytes[0] == 0xff && bytes[1] == 0x03) {
		bytes += PPP_ADDRESS_CONTROL;
		n -= PPP_ADDRESS_CONTROL;
	}
	/* RFC 1661 6.5: the low bit of the last byte of a protocol is 1, of the first of two 0. */
	if (n && (bytes[0] & 1)) {
		*--bytes = 0;
		n++;
	}
	if (n < 2 || !(bytes[1] & 1)) {
		drop(w, s, STAT_ppp_malformed);
		return;
	}
	uint16_t protocol = l2tp_get_u16(bytes);
	if (protocol != PPP_IPV4 && protocol != PPP_IPV6) {
		punt_ppp(w, s, bytes, n);
		return;
	}
	bool v4 = protocol == PPP_IPV4;
	if (!(v4 ? s->ipv4 : s->ipv6) || n < 3 || bytes[2] >> 4 != (v4 ? 4 : 6)) {
		drop(w, s, (v4 ? s->ipv4 : s->ipv6) ? STAT_inner_malformed : STAT_ppp_ncp_closed);
		return;
	}
	take_inner(w, s, bytes + 2, n - 2, bytes);
}

void decapsulate_l2tp(struct worker *w, const struct origin *o, uint8_t *bytes, size_t n)
{
	if (l2tp_is_control(bytes, n)) {
		punt_l2tp(w, o, bytes, n);
		return;
	}
	struct l2tp_data_header h;
	if (!l2tp_data_read(bytes, n, &h)) {
		worker_count(w, STAT_l2tp_malformed);
		return;
	}
	struct session *s = session_find(&w->plane->sessions, h.tunnel, h.session);
	if (!s) {
		worker_count(w, STAT_l2tp_no_session);
		return;
	}
	if (is_of_session(w, s, o) && take_sequence(w, s, &h))
		take_ppp(w, s, bytes + h.header_size, h.payload_size);
}
