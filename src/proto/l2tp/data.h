/* SPDX-License-Identifier: ISC */
/*
 * The L2TPv2 header (RFC 2661 3.1) of data messages: read and prepended by the data plane on every packet.
 *
 *   T L x x S x O P x x x x Ver(4) | [Length] | Tunnel ID | Session ID | [Ns | Nr] | [Offset Size | padding]
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define L2TP_FLAG_CONTROL 0x8000u
#define L2TP_FLAG_LENGTH 0x4000u
#define L2TP_FLAG_SEQUENCE 0x0800u
#define L2TP_FLAG_OFFSET 0x0200u
#define L2TP_FLAG_PRIORITY 0x0100u
#define L2TP_VERSION_MASK 0x000fu
#define L2TP_VERSION 2u

#define L2TP_DATA_HEADER_SIZE 6            /* the least: flags, tunnel, session */
#define L2TP_DATA_HEADER_SIZE_SEQUENCED 10 /* with Ns and Nr */

struct l2tp_data_header {
	uint16_t tunnel, session; /* of the receiver */
	uint16_t ns;              /* where has_sequence */
	bool has_sequence, priority;
	uint16_t header_size; /* with Offset padding: where the PPP frame begins */
	uint16_t payload_size;
};

static inline uint16_t l2tp_get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline void l2tp_put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* A control message of version 2, by its first two bytes; the rest is l2tp_receive()'s to check. */
static inline bool l2tp_is_control(const uint8_t *p, size_t n)
{
	return n >= 2 && (p[0] & 0x80) && (p[1] & L2TP_VERSION_MASK) == L2TP_VERSION;
}

/* False: not a data message of version 2, or it is shorter than its header or Length says. Bytes after Length
 * are not part of the payload. */
static inline bool l2tp_data_read(const uint8_t *p, size_t n, struct l2tp_data_header *ret)
{
	if (n < L2TP_DATA_HEADER_SIZE)
		return false;
	uint16_t flags = l2tp_get_u16(p);
	if ((flags & (L2TP_FLAG_CONTROL | L2TP_VERSION_MASK)) != L2TP_VERSION)
		return false;
	size_t size = L2TP_DATA_HEADER_SIZE + (flags & L2TP_FLAG_LENGTH ? 2 : 0) +
	        (flags & L2TP_FLAG_SEQUENCE ? 4 : 0) + (flags & L2TP_FLAG_OFFSET ? 2 : 0);
	if (n < size || n > UINT16_MAX)
		return false;
	const uint8_t *at = p + 2;
	if (flags & L2TP_FLAG_LENGTH) {
		uint16_t length = l2tp_get_u16(at);
		if (length > n || length < size)
			return false;
		n = length;
		at += 2;
	}
	ret->tunnel = l2tp_get_u16(at);
	ret->session = l2tp_get_u16(at + 2);
	at += 4;
	ret->has_sequence = flags & L2TP_FLAG_SEQUENCE;
	ret->ns = 0;
	if (ret->has_sequence) {
		ret->ns = l2tp_get_u16(at);
		at += 4;
	}
	if (flags & L2TP_FLAG_OFFSET) {
		size += l2tp_get_u16(at);
		if (size > n)
			return false;
	}
	ret->priority = flags & L2TP_FLAG_PRIORITY;
	ret->header_size = (uint16_t)size;
	ret->payload_size = (uint16_t)(n - size);
	return true;
}

/* Writes the header of 6 bytes, or of 10 with Ns (Nr is reserved in data messages and 0) where sequenced. Ids
 * are the peer's. Returns its size: the frame begins at p + size. No Length: UDP has one. priority: for LCP
 * echoes and the like (3.1). */
static inline size_t l2tp_data_write(
        uint8_t *p, uint16_t tunnel, uint16_t session, bool priority, bool sequenced, uint16_t ns)
{
	l2tp_put_u16(p,
	        (uint16_t)(L2TP_VERSION | (priority ? L2TP_FLAG_PRIORITY : 0) |
	                (sequenced ? L2TP_FLAG_SEQUENCE : 0)));
	l2tp_put_u16(p + 2, tunnel);
	l2tp_put_u16(p + 4, session);
	if (!sequenced)
		return L2TP_DATA_HEADER_SIZE;
	l2tp_put_u16(p + 6, ns);
	l2tp_put_u16(p + 8, 0);
	return L2TP_DATA_HEADER_SIZE_SEQUENCED;
}

/* Is Ns at or after the one that is expected, in the arithmetic of 16 bits (5.8)? */
static inline bool l2tp_ns_is_new(uint16_t ns, uint16_t expected)
{
	return (uint16_t)(ns - expected) < 0x8000;
}
