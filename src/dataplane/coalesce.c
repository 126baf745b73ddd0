/* SPDX-License-Identifier: ISC */
#include "dataplane/coalesce.h"

#include "dataplane/checksum.h"

#include <arpa/inet.h>

#define TCP_HEADER_MIN 20u
#define UDP_HEADER 8u
#define TCP_FLAGS 13
#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_ECE 0x40
#define TCP_CWR 0x80
#define IP4_DF 0x40
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

static uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Without options, and with the right checksum: it will be written anew. */
static bool plain_ip4(const struct packet *p)
{
	return p->l4 == PACKET_IP4_HEADER &&
	        checksum_fold(checksum_sum(p->bytes, PACKET_IP4_HEADER)) == 0xffff;
}

/* How long the headers are of a packet that may be part of a super packet; 0: it may not. */
static uint16_t candidate(const struct coalescer *c, const struct packet *p)
{
	if (p->fragment || (p->version == 4 && !plain_ip4(p)))
		return 0;
	const uint8_t *l4 = p->bytes + p->l4;
	if (c->tcp && p->protocol == PACKET_TCP && p->length >= p->l4 + TCP_HEADER_MIN) {
		uint32_t header = p->l4 + (uint32_t)(l4[12] >> 4) * 4;
		bool plain = (l4[TCP_FLAGS] & ~(TCP_FIN | TCP_PSH | TCP_ECE | TCP_CWR)) == TCP_ACK;
		return plain && header >= p->l4 + TCP_HEADER_MIN && header < p->length ? (uint16_t)header : 0;
	}
	if (c->udp && p->protocol == PACKET_UDP && p->length > p->l4 + UDP_HEADER)
		return get_u16(l4 + 4) == p->length - p->l4 && get_u16(l4 + 6)
		        ? (uint16_t)(p->l4 + UDP_HEADER)
		        : 0;
	return 0;
}

static bool checksum_is_right(const struct packet *p)
{
	uint32_t length = p->length - p->l4;
	return checksum_fold(checksum_pseudo(p->bytes, p->protocol, length) +
	               checksum_sum(p->bytes + p->l4, length)) == 0xffff;
}

/* Of addresses and ports: a filter in front of the real comparison. */
static uint32_t flow_hash(const struct packet *p)
{
	uint32_t words[3];
	memcpy(&words[0], p->source.bytes + 12, 4);
	memcpy(&words[1], p->destination.bytes + 12, 4);
	memcpy(&words[2], p->bytes + p->l4, 4);
	return (words[0] ^ words[1] * 31 ^ words[2] * 1009) | 1;
}

static bool same_flow(const struct coalesce_flow *f, const struct packet *p)
{
	return f->first.version == p->version && f->first.protocol == p->protocol &&
	        ip_equal(&f->first.source, &p->source) && ip_equal(&f->first.destination, &p->destination) &&
	        !memcmp(f->first.bytes + f->first.l4, p->bytes + p->l4, 4);
}

static struct coalesce_flow *find_flow(struct coalescer *c, const struct packet *p, uint32_t hash)
{
	for (size_t i = 0; i < COALESCE_FLOWS; i++) {
		if (c->flows[i].count && c->flows[i].hash == hash && same_flow(&c->flows[i], p))
			return &c->flows[i];
	}
	return NULL;
}

/* All of the IP header that must be the same. Numbers of IPv4 packets that may not be fragmented mean nothing
 * (RFC 6864 4.1); others must go on by one. */
static bool same_ip(const struct coalesce_flow *f, const uint8_t *b)
{
	const uint8_t *a = f->first.bytes;
	if (f->first.version == 6)
		return !memcmp(a, b, 4) && a[7] == b[7];
	uint16_t id = get_u16(a + 4);
	return a[1] == b[1] && a[6] == b[6] && a[8] == b[8] &&
	        ((a[6] & IP4_DF) || (uint16_t)(id + f->count) == get_u16(b + 4));
}

/* Acknowledgement, window, urgent pointer and options are the same, the number goes on, CWR is not in the
 * middle. */
static bool same_tcp(const struct coalesce_flow *f, const uint8_t *b, uint16_t header)
{
	const uint8_t *a = f->first.bytes + f->first.l4;
	uint8_t differ = a[TCP_FLAGS] ^ b[TCP_FLAGS];
	return get_u32(b + 4) == f->next_sequence && !memcmp(a + 8, b + 8, 4) && a[12] == b[12] &&
	        !(differ & ~(TCP_FIN | TCP_PSH | TCP_CWR)) && !(b[TCP_FLAGS] & TCP_CWR) &&
	        !memcmp(a + 14, b + 14, 2) && !memcmp(a + 18, b + 18, (size_t)header - f->first.l4 - 18);
}

static bool fits(const struct coalesce_flow *f, const struct packet *p, uint16_t header)
{
	uint32_t payload = p->length - header;
	if (f->closed || f->header != header || payload > f->size || f->count == COALESCE_SEGMENTS_MAX ||
	        f->total + payload > UINT16_MAX || !same_ip(f, p->bytes))
		return false;
	return p->protocol == PACKET_UDP || same_tcp(f, p->bytes + p->l4, header);
}

/* Makes the first packet's headers those of the super packet. */
static void become_super(struct coalesce_flow *f, struct virtio_net_hdr *v)
{
	uint8_t *ip = f->first.bytes;
	bool v4 = f->first.version == 4, udp = f->first.protocol == PACKET_UDP;
	uint16_t l4 = f->first.l4;
	*v = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = udp ? VIRTIO_NET_HDR_GSO_UDP_L4
		        : v4    ? VIRTIO_NET_HDR_GSO_TCPV4
		                : VIRTIO_NET_HDR_GSO_TCPV6,
		.hdr_len = f->header,
		.gso_size = f->size,
		.csum_start = l4,
		.csum_offset = udp ? 6 : 16 };
	uint16_t length = htons((uint16_t)(v4 ? f->total : f->total - PACKET_IP6_HEADER));
	memcpy(ip + (v4 ? 2 : 4), &length, 2);
	if (v4)
		checksum_set_ip4(ip);
	if (udp) {
		length = htons((uint16_t)(f->total - l4));
		memcpy(ip + l4 + 4, &length, 2);
	} else if (ip[l4 + TCP_FLAGS] & TCP_CWR) {
		v->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	}
	checksum_put(ip + l4 + v->csum_offset,
	        checksum_fold(checksum_pseudo(ip, f->first.protocol, f->total - l4)));
}

static void emit(struct coalescer *c, struct coalesce_flow *f)
{
	struct virtio_net_hdr v = { 0 };
	if (f->count > 1)
		become_super(f, &v);
	f->iov[0] = (struct iovec){ .iov_base = &v, .iov_len = sizeof(v) };
	c->write(f->iov, 1 + f->count, c->user);
	f->count = 0;
}

static void write_alone(struct coalescer *c, const struct packet *p)
{
	struct virtio_net_hdr v = { 0 };
	struct iovec iov[2] = { { &v, sizeof(v) }, { p->bytes, p->length } };
	c->write(iov, 2, c->user);
}

static void append(struct coalesce_flow *f, const struct packet *p, uint16_t header)
{
	uint32_t payload = p->length - header;
	f->iov[1 + f->count] = (struct iovec){ .iov_base = p->bytes + header, .iov_len = payload };
	f->count++;
	f->total += payload;
	f->next_sequence += payload;
	f->closed = payload < f->size;
	if (p->protocol == PACKET_TCP) {
		uint8_t last = p->bytes[p->l4 + TCP_FLAGS] & (TCP_FIN | TCP_PSH);
		f->closed |= last != 0;
		f->first.bytes[p->l4 + TCP_FLAGS] |= last;
	}
}

static void start(struct coalescer *c, const struct packet *p, uint16_t header, uint32_t hash)
{
	struct coalesce_flow *f = NULL;
	for (size_t i = 0; i < COALESCE_FLOWS && !f; i++)
		f = c->flows[i].count ? NULL : &c->flows[i];
	if (!f) {
		f = &c->flows[c->oldest++ % COALESCE_FLOWS];
		emit(c, f);
	}
	const uint8_t *tcp = p->bytes + p->l4;
	f->first = *p;
	f->header = header;
	f->size = (uint16_t)(p->length - header);
	f->count = 1;
	f->total = p->length;
	f->hash = hash;
	f->next_sequence = p->protocol == PACKET_TCP ? get_u32(tcp + 4) + f->size : 0;
	f->closed = p->protocol == PACKET_TCP && (tcp[TCP_FLAGS] & (TCP_FIN | TCP_PSH));
	f->iov[1] = (struct iovec){ .iov_base = p->bytes, .iov_len = p->length };
}

void coalesce_add(struct coalescer *c, const struct packet *p)
{
	bool ports = (p->protocol == PACKET_TCP || p->protocol == PACKET_UDP) && p->length >= p->l4 + 4u;
	uint32_t hash = ports ? flow_hash(p) : 0;
	struct coalesce_flow *f = ports ? find_flow(c, p, hash) : NULL;
	uint16_t header = candidate(c, p);
	if (header && !checksum_is_right(p))
		header = 0;
	if (f && header && fits(f, p, header)) {
		append(f, p, header);
		return;
	}
	/* In the order in which they came. */
	if (f)
		emit(c, f);
	if (header)
		start(c, p, header, hash);
	else
		write_alone(c, p);
}

void coalesce_flush(struct coalescer *c)
{
	for (size_t i = 0; i < COALESCE_FLOWS; i++) {
		if (c->flows[i].count)
			emit(c, &c->flows[i]);
	}
}
