/* SPDX-License-Identifier: ISC */
/*
 * From the TUN: super packets of the host find their session by destination, are cut to its MTU, and get PPP,
 * L2TP, UDP and ESP headers, all in one arena that send.c seals and sends.
 */
#include "dataplane/mss.h"
#include "dataplane/segment.h"
#include "dataplane/too_big.h"
#include "dataplane/worker.h"

#include <sys/uio.h>
#include <unistd.h>
#include <urcu/pointer.h>

#define UDP_HEADER 8
#define PPP_IPV4 0x0021
#define PPP_IPV6 0x0057
#define IP6_MTU_MIN 1280

/* One packet from the TUN on its way to a peer. */
struct departure {
	struct session *session;
	struct sa *sa;
	uint16_t mtu;
	uint16_t protocol; /* of PPP */
};

static struct session_counters *counters_of(const struct worker *w, const struct session *s)
{
	return &s->state->counters[w->index];
}

static void drop(struct worker *w, struct session *s, enum statistic why)
{
	worker_count(w, why);
	if (s)
		counters_of(w, s)->dropped++;
}

/* What fits now: the session's MTU, or less where the path has shrunk. IPv6 is promised 1280 (RFC 8200 5):
 * where the path has less, outer packets are fragmented. */
static uint16_t mtu_now(const struct departure *d, bool v4)
{
	const struct session *s = d->session;
	uint16_t path_mtu =
	        s->association ? atomic_load(&s->association->path_mtu) : atomic_load(&s->state->path_mtu);
	const struct path *path = d->sa ? rcu_dereference(d->sa->path) : s->path;
	uint16_t headers = (uint16_t)(UDP_HEADER + send_data_front(s));
	uint16_t room = association_inner_max(d->sa, ip_is_v4(&path->remote), path_mtu, headers);
	uint16_t mtu = MIN(s->mtu, room);
	return MAX(mtu, v4 ? SESSION_MTU_MIN : IP6_MTU_MIN);
}

static bool has_rate_left(struct worker *w, const struct session *s, uint32_t n)
{
	if (!s->rate_out)
		return true;
	int64_t burst = MAX(SESSION_BURST_NS, limiter_bytes_cost(SESSION_BURST_BYTES_MIN, s->rate_out));
	if (limiter_take(&s->state->out, w->now_ns, limiter_bytes_cost(n, s->rate_out), burst))
		return true;
	counters_of(w, s)->limited++;
	worker_count(w, STAT_tun_rate_limited);
	return false;
}

/* n bytes that lie in a room. */
static void depart(struct worker *w, const struct departure *d, uint8_t *inner, uint32_t n)
{
	struct session *s = d->session;
	struct packet p;
	if ((inner[d->protocol == PPP_IPV4 ? 9 : 6]) == PACKET_TCP && packet_parse(inner, n, &p) &&
	        mss_clamp(&p, d->mtu))
		worker_count(w, STAT_mss_clamped);
	if (tap_is_open(&w->plane->tap))
		tap_write(&w->plane->tap, &w->stats, inner, n);
	if (!send_data(w, s, d->sa, inner, n, d->protocol))
		return;
	counters_of(w, s)->out_packets++;
	counters_of(w, s)->out_bytes += n;
	worker_count(w, STAT_inner_out_packets);
	worker_add(w, STAT_inner_out_bytes, n);
}

static void tell_too_big(struct worker *w, const struct departure *d, struct segmenter *s)
{
	struct {
		struct virtio_net_hdr header;
		uint8_t message[TOO_BIG_MESSAGE_MAX];
	} out = { 0 };
	struct packet first;
	worker_count(w, STAT_tun_too_big);
	counters_of(w, d->session)->dropped++;
	if (!limiter_take(&w->plane->too_big, w->now_ns, PLANE_TOO_BIG_NS, PLANE_TOO_BIG_BURST_NS)) {
		worker_count(w, STAT_too_big_limited);
		return;
	}
	/* About the first that would have been sent: of a super packet the sender knows nothing. */
	uint32_t n = segment_next(s, w->scratch);
	if (!packet_parse(w->scratch, n, &first))
		return;
	uint32_t length = too_big_message(&first, d->mtu, out.message);
	if (length && write(w->tun_write, &out, sizeof(out.header) + length) > 0)
		worker_count(w, STAT_too_big_told);
}

static void fragment(struct worker *w, const struct departure *d, struct segmenter *s)
{
	struct packet whole;
	uint32_t n = segment_next(s, w->scratch);
	if (!packet_parse(w->scratch, n, &whole))
		return;
	struct fragmenter f = { .packet = &whole, .mtu = d->mtu };
	if (!has_rate_left(w, d->session, n))
		return;
	for (;;) {
		uint8_t *room = send_room(w, d->sa, send_data_front(d->session), d->mtu);
		n = fragment_next(&f, room);
		if (!n)
			break;
		depart(w, d, room, n);
		worker_count(w, STAT_fragmented);
	}
}

static void segment(struct worker *w, const struct departure *d, struct segmenter *s)
{
	size_t front = send_data_front(d->session), most = segment_length_max(s);
	for (;;) {
		uint8_t *room = send_room(w, d->sa, front, most);
		uint32_t n = segment_next(s, room);
		if (!n)
			break;
		if (has_rate_left(w, d->session, n))
			depart(w, d, room, n);
	}
}

/* Whose packet it is, or NULL (counted). */
static struct session *find_session(struct worker *w, const struct packet *p)
{
	static const struct packet_prefixes anything;
	if (packet_check_outbound(p, &anything) != PACKET_PASS) {
		drop(w, NULL, STAT_tun_link_scope);
		return NULL;
	}
	struct session *s = session_route(&w->plane->sessions, &p->destination);
	if (!s)
		drop(w, NULL, STAT_tun_no_session);
	else if (!(p->version == 4 ? s->ipv4 : s->ipv6))
		drop(w, s, STAT_tun_ncp_closed);
	else if (packet_check_outbound(p, &s->own) != PACKET_PASS)
		drop(w, s, STAT_tun_wrong_source);
	else
		return s;
	return NULL;
}

static void transmit_packet(struct worker *w, const struct virtio_net_hdr *header, uint8_t *bytes, size_t n)
{
	struct packet p;
	struct segmenter cut;
	if (!packet_parse(bytes, n, &p) || segment_begin(&cut, header, &p) < 0) {
		worker_count(w, STAT_tun_malformed);
		return;
	}
	struct departure d = { .session = find_session(w, &p),
		.protocol = p.version == 4 ? PPP_IPV4 : PPP_IPV6 };
	if (!d.session)
		return;
	if (d.session->association) {
		d.sa = rcu_dereference(d.session->association->out);
		if (!d.sa) {
			drop(w, d.session, STAT_tun_no_sa);
			return;
		}
	}
	d.mtu = mtu_now(&d, p.version == 4);
	bool big = segment_length_max(&cut) > d.mtu;
	if (big && cut.cut && too_big_may_fragment(&p)) {
		cut.size = d.mtu - cut.header;
		big = false;
	}
	if (!big)
		segment(w, &d, &cut);
	else if (too_big_may_fragment(&p))
		fragment(w, &d, &cut);
	else
		tell_too_big(w, &d, &cut);
}

void transmit_tun(struct worker *w)
{
	for (int i = 0; i < WORKER_TUN_READS; i++) {
		struct virtio_net_hdr header;
		struct iovec iov[2] = { { &header, sizeof(header) }, { w->tun_buffer, WORKER_BUFFER } };
		worker_stage(w, STAGE_TUN_READ);
		ssize_t n = readv(w->tun, iov, 2);
		worker_stage(w, STAGE_SEGMENT);
		if (n < (ssize_t)sizeof(header))
			break;
		worker_count(w, STAT_tun_reads);
		transmit_packet(w, &header, w->tun_buffer, (size_t)n - sizeof(header));
	}
	send_flush(w);
}
