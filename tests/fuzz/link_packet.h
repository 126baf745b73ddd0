/* SPDX-License-Identifier: ISC */
/* A sample of a link's packets: each a byte of what to do, two of length, and so many bytes. Most are bodies
 * of ICMPv6 or UDP that get headers and a right checksum, because a fuzzer does not find checksums. */
#pragma once

#include "proto/nd/ip6.h"

#include <string.h>

#define LINK_RAW 0x80    /* the bytes are the whole packet */
#define LINK_LATER 0x40  /* and an hour passes first */
#define LINK_GLOBAL 0x20 /* not from a link-local address */

/* False at the end of the sample. */
static inline bool link_next_packet(struct reader *sample, uint8_t protocol, const struct ip_address *to,
        uint8_t *ret_what, struct ip6_output *out)
{
	struct ip_address from = { { 0xfe, 0x80, [15] = 2 } };
	*ret_what = rd_u8(sample);
	uint16_t length = rd_u16(sample);
	length = (uint16_t)MIN(length, rd_left(sample));
	const uint8_t *bytes = rd_bytes(sample, length);
	if (rd_failed(sample) || length > sizeof(out->bytes) - 64 || (protocol == IP6_ICMPV6 && length < 1))
		return false;
	if (*ret_what & LINK_RAW) {
		memcpy(out->bytes, bytes ? bytes : out->bytes, length);
		out->length = length;
		return true;
	}
	if (*ret_what & LINK_GLOBAL)
		from.bytes[0] = 0x20;
	struct writer w = wr_make(IP6_LINK_PACKET_MAX);
	if (protocol == IP6_UDP)
		ip6_begin_udp(&w, &from, 547, to, *ret_what & 1 ? 546 : 547);
	else
		ip6_begin_icmp(&w, &from, to, 255, bytes[0]);
	wr_bytes(&w, protocol == IP6_UDP ? bytes : bytes + 1, length - (protocol == IP6_ICMPV6));
	ip6_finish(&w, out);
	wr_free(&w);
	return true;
}
