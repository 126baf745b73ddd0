/* SPDX-License-Identifier: ISC */
#include "dataplane/too_big.h"

#include "dataplane/checksum.h"

#define ICMP_HEADER 8
#define ICMP4_PROTOCOL 1
#define ICMP4_UNREACHABLE 3
#define ICMP4_FRAGMENTATION_NEEDED 4
#define ICMP4_QUOTE 548 /* 576 with headers: RFC 1812 4.3.2.3 */
#define ICMP6_PACKET_TOO_BIG 2
#define IP4_DF 0x4000u
#define IP4_MF 0x2000u
#define IP4_OFFSET 0x1fffu
#define OPTION_COPIED 0x80
#define TTL 64

static uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put_u16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static bool is_icmp_error(const struct packet *p)
{
	if (p->length <= p->l4)
		return false;
	uint8_t type = p->bytes[p->l4];
	if (p->version == 6)
		return p->protocol == PACKET_ICMPV6 && type < 128;
	/* Echo, timestamps, information and router messages are none (RFC 1122 3.2.2). */
	return p->protocol == ICMP4_PROTOCOL &&
	        (type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
}

static bool may_answer(const struct packet *p)
{
	bool later = p->version == 4 && (get_u16(p->bytes + 6) & IP4_OFFSET);
	return !later && !is_icmp_error(p) && packet_scope(&p->source) == PACKET_SCOPE_GLOBAL &&
	        packet_scope(&p->destination) == PACKET_SCOPE_GLOBAL;
}

static uint32_t message_v4(const struct packet *p, uint16_t mtu, uint8_t *out)
{
	uint32_t quote = MIN(p->length, ICMP4_QUOTE), length = PACKET_IP4_HEADER + ICMP_HEADER + quote;
	memset(out, 0, PACKET_IP4_HEADER + ICMP_HEADER);
	out[0] = 0x45;
	out[1] = 0xc0; /* internetwork control: RFC 1812 4.3.2.5 */
	put_u16(out + 2, length);
	out[8] = TTL;
	out[9] = ICMP4_PROTOCOL;
	memcpy(out + 12, p->bytes + 16, 4);
	memcpy(out + 16, p->bytes + 12, 4);
	checksum_set_ip4(out);
	uint8_t *icmp = out + PACKET_IP4_HEADER;
	icmp[0] = ICMP4_UNREACHABLE;
	icmp[1] = ICMP4_FRAGMENTATION_NEEDED;
	put_u16(icmp + 6, mtu);
	memcpy(icmp + ICMP_HEADER, p->bytes, quote);
	checksum_put(icmp + 2, (uint16_t)~checksum_fold(checksum_sum(icmp, ICMP_HEADER + quote)));
	return length;
}

static uint32_t message_v6(const struct packet *p, uint16_t mtu, uint8_t *out)
{
	uint32_t quote = MIN(p->length, TOO_BIG_MESSAGE_MAX - PACKET_IP6_HEADER - ICMP_HEADER);
	uint32_t length = PACKET_IP6_HEADER + ICMP_HEADER + quote;
	memset(out, 0, PACKET_IP6_HEADER + ICMP_HEADER);
	out[0] = 0x60;
	put_u16(out + 4, length - PACKET_IP6_HEADER);
	out[6] = PACKET_ICMPV6;
	out[7] = TTL;
	memcpy(out + 8, p->bytes + 24, 16);
	memcpy(out + 24, p->bytes + 8, 16);
	uint8_t *icmp = out + PACKET_IP6_HEADER;
	icmp[0] = ICMP6_PACKET_TOO_BIG;
	put_u16(icmp + 6, mtu);
	memcpy(icmp + ICMP_HEADER, p->bytes, quote);
	checksum_put(icmp + 2,
	        (uint16_t)~checksum_fold(checksum_pseudo(out, PACKET_ICMPV6, ICMP_HEADER + quote) +
	                checksum_sum(icmp, ICMP_HEADER + quote)));
	return length;
}

uint32_t too_big_message(const struct packet *p, uint16_t mtu, uint8_t *out)
{
	if (!may_answer(p))
		return 0;
	return p->version == 4 ? message_v4(p, mtu, out) : message_v6(p, mtu, out);
}

bool too_big_may_fragment(const struct packet *p)
{
	return p->version == 4 && !(get_u16(p->bytes + 6) & IP4_DF);
}

/* Options that only the first fragment has become no-operations in the others. */
static void keep_copied_options(uint8_t *ip, uint32_t header)
{
	for (uint32_t at = PACKET_IP4_HEADER; at < header && ip[at];) {
		uint32_t n = ip[at] == 1 ? 1 : at + 1 < header ? ip[at + 1] : 0;
		if (n < 1 || (n < 2 && ip[at] != 1) || at + n > header)
			return;
		if (!(ip[at] & OPTION_COPIED))
			memset(ip + at, 1, n);
		at += n;
	}
}

uint32_t fragment_next(struct fragmenter *f, uint8_t *out)
{
	const struct packet *p = f->packet;
	uint32_t header = p->l4, left = p->length - header - f->at;
	if (!left || f->mtu < header + 8)
		return 0;
	uint32_t room = f->mtu - header;
	uint32_t n = left <= room ? left : room & ~7u;
	memcpy(out, p->bytes, header);
	memcpy(out + header, p->bytes + header + f->at, n);
	uint16_t field = get_u16(p->bytes + 6);
	uint32_t offset = (field & IP4_OFFSET) + f->at / 8;
	bool more = n < left || (field & IP4_MF);
	if (f->at)
		keep_copied_options(out, header);
	put_u16(out + 2, header + n);
	put_u16(out + 6, (more ? IP4_MF : 0) | offset);
	checksum_set_ip4(out);
	f->at += n;
	return header + n;
}
