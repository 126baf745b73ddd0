/* SPDX-License-Identifier: ISC */
/* Inner packets for the tests of the data plane, made and taken apart. */
#pragma once

#include "base/cursor.h"
#include "dataplane/checksum.h"
#include "dataplane/coalesce.h"
#include "dataplane/packet.h"
#include "dataplane/segment.h"

#include <stdlib.h>

#define FRAME_SIZE 65600u
#define FRAME_TCP_HEADER 32u /* with a timestamp option */

struct frame_tcp {
	uint8_t version;
	uint32_t sequence, payload;
	uint8_t flags;
	uint16_t id;
	uint16_t window;
	uint32_t timestamp;
	uint8_t seed; /* of the payload */
	bool may_fragment;
	uint16_t source_port;
};

static inline void frame_put(uint8_t *p, uint32_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
}

static inline uint32_t frame_ip(
        uint8_t *out, uint8_t version, uint8_t protocol, uint32_t l4_length, uint16_t id, bool may_fragment)
{
	if (version == 4) {
		memset(out, 0, 20);
		out[0] = 0x45;
		frame_put(out + 2, 20 + l4_length, 2);
		frame_put(out + 4, id, 2);
		out[6] = may_fragment ? 0 : 0x40;
		out[8] = 64;
		out[9] = protocol;
		memcpy(out + 12, "\x0a\x01\x00\x05\x0a\x02\x00\x07", 8);
		checksum_set_ip4(out);
		return 20;
	}
	memset(out, 0, 40);
	out[0] = 0x60;
	frame_put(out + 4, l4_length, 2);
	out[6] = protocol;
	out[7] = 64;
	memcpy(out + 8, "\x20\x01\x0d\xb8\0\1\0\0\0\0\0\0\0\0\0\5", 16);
	memcpy(out + 24, "\x20\x01\x0d\xb8\0\2\0\0\0\0\0\0\0\0\0\7", 16);
	return 40;
}

/* A whole TCP packet, checksums right; returns its length. */
static inline uint32_t frame_tcp_write(uint8_t *out, const struct frame_tcp *t)
{
	uint32_t l4_length = FRAME_TCP_HEADER + t->payload;
	uint32_t at = frame_ip(out, t->version, PACKET_TCP, l4_length, t->id, t->may_fragment);
	uint8_t *tcp = out + at;
	memset(tcp, 0, FRAME_TCP_HEADER);
	frame_put(tcp, t->source_port ? t->source_port : 4000, 2);
	frame_put(tcp + 2, 80, 2);
	frame_put(tcp + 4, t->sequence, 4);
	frame_put(tcp + 8, 77, 4);
	tcp[12] = FRAME_TCP_HEADER / 4 << 4;
	tcp[13] = t->flags;
	frame_put(tcp + 14, t->window ? t->window : 512, 2);
	memcpy(tcp + 20, "\1\1\x8\xa", 4);
	frame_put(tcp + 24, t->timestamp, 4);
	for (uint32_t i = 0; i < t->payload; i++)
		tcp[FRAME_TCP_HEADER + i] = (uint8_t)(t->seed + (t->sequence + i) * 7);
	checksum_put(tcp + 16,
	        (uint16_t)~checksum_fold(
	                checksum_pseudo(out, PACKET_TCP, l4_length) + checksum_sum(tcp, l4_length)));
	return at + l4_length;
}

static inline uint32_t frame_udp_write(uint8_t *out, uint8_t version, uint32_t payload, uint8_t seed)
{
	uint32_t l4_length = 8 + payload;
	uint32_t at = frame_ip(out, version, PACKET_UDP, l4_length, 0, false);
	uint8_t *udp = out + at;
	memset(udp, 0, 8);
	frame_put(udp, 5000, 2);
	frame_put(udp + 2, 5001, 2);
	frame_put(udp + 4, l4_length, 2);
	for (uint32_t i = 0; i < payload; i++)
		udp[8 + i] = (uint8_t)(seed + i * 3);
	checksum_put(udp + 6,
	        (uint16_t)~checksum_fold(
	                checksum_pseudo(out, PACKET_UDP, l4_length) + checksum_sum(udp, l4_length)));
	return at + l4_length;
}

/* Packets as they lie on a wire: a list of copies. */
struct frames {
	uint8_t *bytes[512];
	uint32_t length[512];
	size_t n, writes;
};

static inline void frames_add(struct frames *f, const uint8_t *bytes, uint32_t n)
{
	if (f->n == ARRAY_LENGTH(f->bytes))
		abort();
	f->bytes[f->n] = xmemdup(bytes, n);
	f->length[f->n++] = n;
}

static inline void frames_clear(struct frames *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->bytes[i]);
	f->n = f->writes = 0;
}

/* Cuts what would be written to a TUN, or was read from one. */
static inline int frames_cut(
        struct frames *f, const struct virtio_net_hdr *v, const uint8_t *bytes, uint32_t n)
{
	uint8_t *super = xmemdup(bytes, n), *out = xmalloc(FRAME_SIZE);
	struct packet p;
	struct segmenter s;
	int rc = packet_parse(super, n, &p) ? segment_begin(&s, v, &p) : -1;
	for (uint32_t length; rc == 0 && (length = segment_next(&s, out));)
		frames_add(f, out, length);
	free(super);
	free(out);
	return rc;
}

/* A coalesce_write that cuts again. */
static inline void frames_take(struct iovec *iov, int n, void *user)
{
	struct frames *f = user;
	uint8_t *bytes = xmalloc(FRAME_SIZE);
	uint32_t length = 0;
	for (int i = 1; i < n; i++) {
		if (length + iov[i].iov_len > FRAME_SIZE)
			abort();
		memcpy(bytes + length, iov[i].iov_base, iov[i].iov_len);
		length += (uint32_t)iov[i].iov_len;
	}
	f->writes++;
	if (frames_cut(f, iov[0].iov_base, bytes, length) < 0)
		abort();
	free(bytes);
}
