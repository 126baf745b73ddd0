/* SPDX-License-Identifier: ISC */
/*
 * From the sockets: a batch of datagrams (or of trains of them, UDP_GRO), sorted by what they are, all ESP of
 * it opened at once, in place.
 */
#include "dataplane/worker.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <urcu/pointer.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static const enum statistic dropped_as[] = {
	[ESP_DUMMY] = STAT_esp_dummies,
	[ESP_REPLAYED] = STAT_esp_replayed,
	[ESP_BAD_ICV] = STAT_esp_bad_icv,
	[ESP_BAD_PADDING] = STAT_esp_bad_padding,
	[ESP_TOO_SHORT] = STAT_esp_too_short,
	[ESP_EXPIRED] = STAT_esp_expired,
	[ESP_REFUSED] = STAT_esp_refused,
};

static uint16_t socket_port(const struct dataplane_socket *s)
{
	static const uint16_t ports[DATAPLANE_N_SOCKET_KINDS] = { 500, 4500, 1701, 0 };
	return ports[s->kind];
}

/* Addresses of a datagram, and the length of each of its parts (0: it is one). */
static bool read_origin(
        struct worker *w, const struct dataplane_socket *s, struct msghdr *m, struct origin *o, int *ret_part)
{
	*o = (struct origin){ .local = w->plane->config->addresses[s->address].ip,
		.local_port = socket_port(s) };
	if ((m->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
	        ip_from_sockaddr(m->msg_name, &o->remote, &o->remote_port) < 0)
		return false;
	if (s->kind == DATAPLANE_ESP)
		o->remote_port = 0;
	*ret_part = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(ret_part, CMSG_DATA(c), sizeof(*ret_part));
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			o->local = (struct ip_address){ { [10] = 0xff, [11] = 0xff } };
			memcpy(o->local.bytes + 12, &info.ipi_addr, 4);
			o->interface = (unsigned)info.ipi_ifindex;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(o->local.bytes, &info.ipi6_addr, 16);
			o->interface = info.ipi6_ifindex;
		}
	}
	return *ret_part >= 0;
}

/* ---- ESP ---- */

static void tell_moved(struct worker *w, struct sa *sa, const struct origin *o)
{
	if (atomic_exchange(&sa->move_told, true))
		return;
	struct plane_event e = { .kind = PLANE_MOVED,
		.spi = sa->spi,
		.local = o->local,
		.local_port = o->local_port,
		.remote = o->remote,
		.remote_port = o->remote_port };
	if (!plane_post(w->plane, &e))
		atomic_store(&sa->move_told, false);
}

/* A packet whose integrity is proven. Where it comes from says where its peer is now, if it is newer than all
 * before (so that one held back and sent again from elsewhere moves nothing), and only of peers that may
 * move: RFC 3948, RFC 7296 2.23. False: it is dropped. */
static bool check_source(struct worker *w, struct sa *sa, const struct origin *o, uint64_t sequence)
{
	uint64_t newest = atomic_load_explicit(&sa->newest, memory_order_relaxed);
	bool newer = sequence >= newest;
	while (sequence > newest && !atomic_compare_exchange_weak(&sa->newest, &newest, sequence)) {
	}
	const struct path *path = rcu_dereference(sa->path);
	if (path->remote_port == o->remote_port && ip_equal(&path->remote, &o->remote))
		return true;
	if (!sa->encapsulated) {
		worker_count(w, STAT_esp_wrong_source);
		return false;
	}
	if (newer && w->plane->config->role == DATAPLANE_CONCENTRATOR && rcu_dereference(sa->association))
		tell_moved(w, sa, o);
	return true;
}

static void opened(struct worker *w, struct esp_packet *packet, struct sa *sa, struct origin *o)
{
	if (packet->status != ESP_OK) {
		worker_count(w, dropped_as[packet->status]);
		if (packet->status != ESP_DUMMY)
			return;
		check_source(w, sa, o, packet->sequence);
		return;
	}
	if (!check_source(w, sa, o, packet->sequence))
		return;
	o->sa = sa;
	o->association = rcu_dereference(sa->association);
	if (!o->association)
		worker_count(w, STAT_esp_no_child);
	else if (packet->next_header != ESP_NEXT_HEADER_UDP)
		worker_count(w, STAT_esp_not_udp);
	else
		decapsulate_udp(w, o, packet->data, packet->length);
}

static void open_batch(struct worker *w)
{
	struct receiver *r = w->receiver;
	if (!r->n)
		return;
	worker_stage(w, STAGE_OPEN);
	esp_open(w->esp, r->packets, r->n);
	worker_stage(w, STAGE_DECAPSULATE);
	int64_t now_ms = w->now_ns / 1000000;
	for (unsigned i = 0; i < r->n; i++) {
		atomic_store_explicit(&r->sas[i]->used_ms, now_ms, memory_order_relaxed);
		opened(w, &r->packets[i], r->sas[i], &r->origins[r->origin_of[i]]);
	}
	r->n = 0;
	/* Before their bytes are used anew. */
	coalesce_flush(&r->coalescer);
}

/* data: from the SPI on. */
static void add_esp(struct worker *w, unsigned origin, bool encapsulated, uint8_t *data, size_t n)
{
	struct receiver *r = w->receiver;
	uint32_t spi = esp_read_spi(data, n);
	if (!spi) {
		worker_count(w, STAT_esp_invalid);
		return;
	}
	struct sa *sa = sa_find_inbound(&w->plane->sas, spi);
	if (!sa || w->plane->config->no_ipsec) {
		worker_count(w, STAT_esp_no_sa);
		return;
	}
	if (sa->encapsulated != encapsulated) {
		worker_count(w, STAT_esp_wrong_encapsulation);
		return;
	}
	r->packets[r->n] = (struct esp_packet){ .sa = sa->esp, .data = data, .length = (uint32_t)n };
	r->sas[r->n] = sa;
	r->origin_of[r->n] = (uint8_t)origin;
	if (++r->n == WORKER_PACKETS)
		open_batch(w);
}

/* ---- by socket ---- */

static void receive_nat_t(struct worker *w, unsigned origin, uint8_t *data, size_t n)
{
	struct origin *o = &w->receiver->origins[origin];
	switch (esp_udp_kind(data, n)) {
	case ESP_UDP_ESP:
		add_esp(w, origin, true, data, n);
		break;
	case ESP_UDP_IKE:
		punt_ike(w, o, data + ESP_NON_ESP_MARKER, n - ESP_NON_ESP_MARKER);
		break;
	case ESP_UDP_KEEPALIVE:
		worker_count(w, STAT_keepalives);
		break;
	case ESP_UDP_INVALID:
		worker_count(w, STAT_esp_invalid);
		break;
	}
}

/* Raw IPv4 sockets give the IP header too, raw IPv6 ones do not. */
static void receive_raw(struct worker *w, unsigned origin, uint8_t *data, size_t n)
{
	if (ip_is_v4(&w->receiver->origins[origin].remote)) {
		size_t header = n ? (data[0] & 15u) * 4 : 0;
		if (header < PACKET_IP4_HEADER || n <= header) {
			worker_count(w, STAT_esp_invalid);
			return;
		}
		data += header;
		n -= header;
	}
	add_esp(w, origin, false, data, n);
}

/* The SPD of the softwire draft, 3.5.5: what is not protected passes where its interface is trusted. */
static void receive_clear(
        struct worker *w, const struct dataplane_address *a, struct origin *o, uint8_t *data, size_t n)
{
	if (w->plane->config->kernel_ipsec) {
		/* The socket takes what the kernel has decrypted and nothing else. */
		const struct sa *sa = sa_find_kernel(&w->plane->sas, &o->remote);
		o->association = sa ? rcu_dereference(sa->association) : NULL;
		if (o->association)
			decapsulate_l2tp(w, o, data, n);
		else
			worker_count(w, STAT_clear_refused);
		return;
	}
	if (!a->trusted || (a->trusted_interface && a->trusted_interface != o->interface)) {
		worker_count(w, STAT_clear_refused);
		return;
	}
	decapsulate_l2tp(w, o, data, n);
}

static void receive_part(
        struct worker *w, const struct dataplane_socket *s, unsigned origin, uint8_t *data, size_t n)
{
	struct origin *o = &w->receiver->origins[origin];
	switch (s->kind) {
	case DATAPLANE_IKE:
		punt_ike(w, o, data, n);
		break;
	case DATAPLANE_NAT_T:
		receive_nat_t(w, origin, data, n);
		break;
	case DATAPLANE_ESP:
		receive_raw(w, origin, data, n);
		break;
	default:
		receive_clear(w, &w->plane->config->addresses[s->address], o, data, n);
		break;
	}
}

static void receive_message(struct worker *w, const struct dataplane_socket *s, unsigned at)
{
	struct receiver *r = w->receiver;
	uint8_t *data = r->buffers[at];
	size_t length = r->messages[at].msg_len;
	int part;
	if (!read_origin(w, s, &r->messages[at].msg_hdr, &r->origins[at], &part)) {
		worker_count(w, STAT_outer_truncated);
		return;
	}
	worker_add(w, STAT_outer_in_bytes, length);
	size_t step = part ? (size_t)part : MAX(length, 1);
	size_t done = 0;
	do {
		worker_count(w, STAT_outer_in_packets);
		receive_part(w, s, at, data + done, MIN(step, length - done));
		done += step;
	} while (done < length);
}

static void prepare(struct receiver *r)
{
	for (size_t i = 0; i < WORKER_MESSAGES; i++) {
		r->iov[i] = (struct iovec){ r->buffers[i], WORKER_BUFFER };
		r->messages[i].msg_hdr = (struct msghdr){ .msg_name = &r->names[i],
			.msg_namelen = sizeof(r->names[i]),
			.msg_iov = &r->iov[i],
			.msg_iovlen = 1,
			.msg_control = r->ancillary[i],
			.msg_controllen = WORKER_ANCILLARY };
	}
}

void receive_socket(struct worker *w, const struct dataplane_socket *s)
{
	struct receiver *r = w->receiver;
	worker_stage(w, STAGE_RECEIVE);
	prepare(r);
	int n = recvmmsg(s->fd, r->messages, WORKER_MESSAGES, MSG_DONTWAIT, NULL);
	worker_stage(w, STAGE_DECAPSULATE);
	for (int i = 0; i < n; i++)
		receive_message(w, s, (unsigned)i);
	open_batch(w);
	coalesce_flush(&r->coalescer);
}
