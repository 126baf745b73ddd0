/* SPDX-License-Identifier: ISC */
/*
 * To the outside: packets are put one behind another into an arena, each with its headers in front, sealed in
 * one batch, and sent as trains of equal datagrams (UDP_SEGMENT) where they are in UDP.
 */
#include "dataplane/worker.h"

#include "dataplane/checksum.h"
#include "proto/l2tp/data.h"

#include <errno.h>
#include <poll.h>
#include <urcu/pointer.h>

#define UDP_HEADER 8
#define PPP_HEADER 4
#define SEND_WAIT_MS 2

uint8_t *send_room(struct worker *w, const struct sa *sa, size_t front, size_t n)
{
	struct sender *s = w->sender;
	front += sa && sa->esp ? esp_sa_headroom(sa->esp) + UDP_HEADER : 0;
	if (s->n == WORKER_PACKETS || s->used + front + n + ESP_TAILROOM_MAX > WORKER_ARENA)
		send_flush(w);
	return s->arena + s->used + front;
}

/* Takes the packet that was written to the room. With an SA it is an ESP payload, and the next packet begins
 * where its ICV will end: so the arena holds trains without gaps. */
static void add(struct worker *w, struct esp_sa *esp, const struct path *path, uint8_t *data, uint32_t n)
{
	struct sender *s = w->sender;
	uint32_t headroom = (uint32_t)(data - (s->arena + s->used));
	uint32_t whole = esp ? (uint32_t)esp_sa_packet_length(esp, n) : n;
	s->packets[s->n] = (struct esp_packet){ .sa = esp,
		.data = data,
		.length = n,
		.headroom = (uint16_t)headroom,
		.tailroom = (uint16_t)(whole - headroom - n),
		.next_header = ESP_NEXT_HEADER_UDP };
	s->paths[s->n] = path;
	s->n++;
	s->used += whole;
}

/* The checksum of UDP inside ESP. Over IPv4 there is none: a NAT would make it wrong, and the integrity of
 * ESP stands for it (RFC 3948 3.1.2, RFC 768). IPv6 wants one (RFC 8200 8.1). */
static void write_udp(
        const struct path *path, uint16_t local_port, uint16_t remote_port, uint8_t *udp, uint32_t n)
{
	l2tp_put_u16(udp, local_port);
	l2tp_put_u16(udp + 2, remote_port);
	l2tp_put_u16(udp + 4, (uint16_t)n);
	l2tp_put_u16(udp + 6, 0);
	if (ip_is_v4(&path->remote))
		return;
	uint8_t ip[PACKET_IP6_HEADER] = { 0x60 };
	memcpy(ip + 8, path->local.bytes, 16);
	memcpy(ip + 24, path->remote.bytes, 16);
	uint16_t checksum =
	        (uint16_t)~checksum_fold(checksum_pseudo(ip, PACKET_UDP, n) + checksum_sum(udp, n));
	checksum_put(udp + 6, checksum ? checksum : 0xffff);
}

bool send_l2tp(struct worker *w, const struct sa *sa, const struct path *path, uint16_t local_port,
        uint16_t remote_port, uint8_t *l2tp, uint32_t n)
{
	if (w->plane->fds[w->index][path->kind][path->address] < 0) {
		worker_count(w, STAT_outer_no_socket);
		return false;
	}
	if (!sa || !sa->esp) {
		add(w, NULL, path, l2tp, n);
		return true;
	}
	write_udp(path, local_port, remote_port, l2tp - UDP_HEADER, n + UDP_HEADER);
	add(w, sa->esp, path, l2tp - UDP_HEADER, n + UDP_HEADER);
	return true;
}

size_t send_data_front(const struct session *s)
{
	return PPP_HEADER + (s->sequencing ? L2TP_DATA_HEADER_SIZE_SEQUENCED : L2TP_DATA_HEADER_SIZE);
}

bool send_data(struct worker *w, struct session *s, const struct sa *sa, uint8_t *inner, uint32_t n,
        uint16_t protocol)
{
	uint8_t *ppp = inner - PPP_HEADER;
	l2tp_put_u16(ppp, 0xff03);
	l2tp_put_u16(ppp + 2, protocol);
	uint16_t ns = s->sequencing ? (uint16_t)atomic_fetch_add(&s->state->ns_out, 1) : 0;
	size_t header = s->sequencing ? L2TP_DATA_HEADER_SIZE_SEQUENCED : L2TP_DATA_HEADER_SIZE;
	uint8_t *l2tp = ppp - header;
	l2tp_data_write(l2tp, s->peer_tunnel, s->peer_session, false, s->sequencing, ns);
	const struct path *path = sa ? rcu_dereference(sa->path) : s->path;
	return send_l2tp(w, sa, path, s->local_port, s->remote_port, l2tp, n + PPP_HEADER + (uint32_t)header);
}

/* ---- trains ---- */

/* The kernel takes no trains where ESP is its own (EIO). */
static bool joins(const struct worker *w, const struct run *r, const struct path *path, uint32_t n)
{
	return r->path == path && path->kind != DATAPLANE_ESP && !w->plane->config->kernel_ipsec &&
	        !r->closed && n <= r->length && r->count < WORKER_TRAIN_MAX &&
	        r->bytes + n <= WORKER_TRAIN_BYTES;
}

static unsigned make_runs(struct worker *w, unsigned *at)
{
	struct sender *s = w->sender;
	unsigned n = 0;
	for (; *at < s->n; (*at)++) {
		const struct esp_packet *p = &s->packets[*at];
		if (p->sa && p->status != ESP_OK) {
			worker_count(w, STAT_tun_seal_failed);
			continue;
		}
		struct run *r = n ? &s->runs[n - 1] : NULL;
		if (r && r->data + r->bytes == p->data && joins(w, r, s->paths[*at], p->length)) {
			r->count++;
			r->bytes += p->length;
			r->closed = p->length < r->length;
			continue;
		}
		if (n == WORKER_RUNS)
			break;
		s->runs[n++] = (struct run){ .path = s->paths[*at],
			.first = *at,
			.count = 1,
			.length = p->length,
			.bytes = p->length,
			.data = p->data };
	}
	return n;
}

static void address_runs(struct sender *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct run *r = &s->runs[i];
		s->iov[i] = (struct iovec){ r->data, r->bytes };
		struct msghdr *m = &s->messages[i].msg_hdr;
		*m = (struct msghdr){ .msg_iov = &s->iov[i], .msg_iovlen = 1 };
		path_address_message(r->path, m, s->ancillary[i], r->count > 1 ? (uint16_t)r->length : 0);
	}
}

/* Waits a moment for a full socket buffer; errors that were about other packets (IP_RECVERR) cost one more
 * try. */
static bool try_again(struct worker *w, int fd, int *tries)
{
	int error = errno;
	if ((*tries)++ > 3 || error == EINVAL || error == EMSGSIZE)
		return false;
	if (error == EAGAIN || error == ENOBUFS) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		poll(&p, 1, SEND_WAIT_MS);
	}
	return true;
}

/* A train whose cars are longer than the route takes is refused as a whole; alone they are fragmented. */
static void send_singly(struct worker *w, int fd, struct run *r)
{
	for (uint32_t done = 0; done < r->bytes; done += r->length) {
		struct iovec iov = { r->data + done, MIN(r->length, r->bytes - done) };
		if (send_datagram(w, r->path, &iov, 1))
			continue;
		worker_count(w, STAT_outer_send_failed);
	}
}

static void sent(struct worker *w, const struct run *r)
{
	worker_count(w, STAT_outer_sends);
	worker_add(w, STAT_outer_out_packets, r->count);
	worker_add(w, STAT_outer_out_bytes, r->bytes);
}

/* Runs that follow one another on one socket. */
static void send_runs(struct worker *w, int fd, unsigned first, unsigned n)
{
	struct sender *s = w->sender;
	int tries = 0;
	for (unsigned i = first; i < first + n;) {
		int done = sendmmsg(fd, &s->messages[i], first + n - i, MSG_DONTWAIT | MSG_NOSIGNAL);
		for (int k = 0; k < done; k++)
			sent(w, &s->runs[i + (unsigned)k]);
		if (done > 0) {
			i += (unsigned)done;
			tries = 0;
			continue;
		}
		if (try_again(w, fd, &tries))
			continue;
		if (s->runs[i].count > 1)
			send_singly(w, fd, &s->runs[i]);
		else
			worker_count(w, STAT_outer_send_failed);
		i++;
		tries = 0;
	}
}

static int run_fd(const struct worker *w, const struct run *r)
{
	return w->plane->fds[w->index][r->path->kind][r->path->address];
}

void send_flush(struct worker *w)
{
	struct sender *s = w->sender;
	enum worker_stage before = w->stage;
	if (!s->n)
		return;
	worker_stage(w, STAGE_SEAL);
	unsigned from = 0;
	while (from < s->n) {
		unsigned to = from;
		while (to < s->n && !s->packets[to].sa == !s->packets[from].sa)
			to++;
		if (s->packets[from].sa)
			esp_seal(w->esp, s->packets + from, to - from);
		from = to;
	}
	worker_stage(w, STAGE_SEND);
	for (unsigned at = 0; at < s->n;) {
		unsigned n = make_runs(w, &at);
		address_runs(s, n);
		for (unsigned first = 0, i = 1; first < n; first = i, i++) {
			while (i < n && run_fd(w, &s->runs[i]) == run_fd(w, &s->runs[first]))
				i++;
			send_runs(w, run_fd(w, &s->runs[first]), first, i - first);
		}
	}
	s->n = 0;
	s->used = 0;
	worker_stage(w, before);
}

bool send_datagram(struct worker *w, const struct path *path, const struct iovec *iov, int n_iov)
{
	int fd = w->plane->fds[w->index][path->kind][path->address];
	uint8_t ancillary[PATH_CONTROL_SIZE] __attribute__((aligned(8)));
	struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n_iov };
	path_address_message(path, &m, ancillary, 0);
	int tries = 0;
	ssize_t n;
	do {
		n = fd < 0 ? -1 : sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (fd >= 0 && n < 0 && try_again(w, fd, &tries));
	if (n < 0)
		return false;
	worker_count(w, STAT_outer_sends);
	worker_count(w, STAT_outer_out_packets);
	worker_add(w, STAT_outer_out_bytes, (uint64_t)n);
	return true;
}
