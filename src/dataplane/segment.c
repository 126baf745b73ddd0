/* SPDX-License-Identifier: ISC */
#include "dataplane/segment.h"

#include "dataplane/checksum.h"

#include <arpa/inet.h>
#include <errno.h>

#define TCP_HEADER_MIN 20u
#define UDP_HEADER 8u
#define TCP_CHECKSUM 16
#define UDP_CHECKSUM 6
#define TCP_FLAGS 13
#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

static void put_u16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Not cut: one packet, whose checksum may still be the pseudo-header's sum alone. */
static int begin_whole(struct segmenter *s, const struct virtio_net_hdr *header, const struct packet *p)
{
	s->header = p->length;
	if (!(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return 0;
	uint32_t at = (uint32_t)header->csum_start + header->csum_offset;
	if (header->csum_start < p->l4 || at + 2 > p->length)
		return -EBADMSG;
	s->l4 = header->csum_start;
	s->checksum_at = (uint16_t)at;
	return 0;
}

static bool type_fits(uint8_t type, const struct packet *p)
{
	return type == VIRTIO_NET_HDR_GSO_UDP_L4 ||
	        type == (p->version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6);
}

int segment_begin(struct segmenter *s, const struct virtio_net_hdr *header, const struct packet *p)
{
	*s = (struct segmenter){ .bytes = p->bytes, .version = p->version };
	uint8_t type = header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	if (type == VIRTIO_NET_HDR_GSO_NONE)
		return begin_whole(s, header, p);
	bool udp = type == VIRTIO_NET_HDR_GSO_UDP_L4;
	s->cut = true;
	s->protocol = udp ? PACKET_UDP : PACKET_TCP;
	s->l4 = header->csum_start;
	uint32_t l4_header = udp ? UDP_HEADER : TCP_HEADER_MIN;
	if (!type_fits(type, p) || !(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || !header->gso_size ||
	        s->l4 < p->l4 || s->l4 + l4_header > p->length || p->fragment)
		return -EBADMSG;
	if (!udp)
		l4_header = (uint32_t)(p->bytes[s->l4 + 12] >> 4) * 4;
	s->header = s->l4 + l4_header;
	s->checksum_at = (uint16_t)(s->l4 + (udp ? UDP_CHECKSUM : TCP_CHECKSUM));
	if ((!udp && l4_header < TCP_HEADER_MIN) || s->header > p->length || s->header > SEGMENT_HEADER_MAX)
		return -EBADMSG;
	s->payload = p->length - s->header;
	s->size = header->gso_size;
	return 0;
}

static void set_lengths(const struct segmenter *s, uint8_t *out, uint32_t length)
{
	if (s->version == 4) {
		put_u16(out + 2, length);
		/* One number each, as if the host had cut it. */
		put_u16(out + 4, (uint32_t)(s->bytes[4] << 8 | s->bytes[5]) + s->at / s->size);
		checksum_set_ip4(out);
	} else {
		put_u16(out + 4, length - PACKET_IP6_HEADER);
	}
	if (s->protocol == PACKET_UDP)
		put_u16(out + s->l4 + 4, length - s->l4);
}

/* Sequence number; CWR is the first segment's, FIN and PSH the last one's (RFC 3168 6.1.2). */
static void set_tcp(const struct segmenter *s, uint8_t *out, bool last)
{
	uint8_t *tcp = out + s->l4;
	uint32_t sequence = htonl(get_u32(tcp + 4) + s->at);
	memcpy(tcp + 4, &sequence, sizeof(sequence));
	if (s->at)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	if (!last)
		tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
}

static void set_checksum(const struct segmenter *s, uint8_t *out, uint32_t length)
{
	uint64_t sum = 0;
	if (s->cut) {
		checksum_put(out + s->checksum_at, 0);
		sum = checksum_pseudo(out, s->protocol, length - s->l4);
	}
	uint16_t checksum = (uint16_t)~checksum_fold(sum + checksum_sum(out + s->l4, length - s->l4));
	/* Zero means "none" in UDP; in TCP both are the same number. */
	checksum_put(out + s->checksum_at, checksum || s->protocol == PACKET_TCP ? checksum : 0xffff);
}

uint32_t segment_skip(struct segmenter *s)
{
	if (s->at > s->payload || (s->at && s->at == s->payload))
		return 0;
	uint32_t n = s->cut ? MIN(s->payload - s->at, s->size) : 0;
	s->at += n ? n : 1;
	return s->header + n;
}

uint32_t segment_next(struct segmenter *s, uint8_t *out)
{
	uint32_t at = s->at;
	uint32_t length = segment_skip(s);
	if (!length)
		return 0;
	memcpy(out, s->bytes, s->header);
	struct segmenter here = *s;
	here.at = at;
	if (s->cut) {
		memcpy(out + s->header, s->bytes + s->header + at, length - s->header);
		set_lengths(&here, out, length);
		if (s->protocol == PACKET_TCP)
			set_tcp(&here, out, s->at >= s->payload);
	}
	if (s->checksum_at)
		set_checksum(&here, out, length);
	return length;
}
