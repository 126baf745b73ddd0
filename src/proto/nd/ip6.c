/* SPDX-License-Identifier: ISC */
#include "proto/nd/ip6.h"

#include <errno.h>
#include <string.h>

#define UDP_HEADER_SIZE 8
#define ICMP_HEADER_SIZE 4
#define AT_LENGTH 4
#define AT_PROTOCOL 6
#define AT_SOURCE 8
#define AT_DESTINATION 24

const struct ip_address ip6_all_nodes = { { 0xff, 0x02, [15] = 1 } };
const struct ip_address ip6_all_routers = { { 0xff, 0x02, [15] = 2 } };
const struct ip_address ip6_all_dhcp = { { 0xff, 0x02, [13] = 1, [15] = 2 } };

static uint32_t sum_words(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (; length > 1; bytes += 2, length -= 2)
		sum += (uint32_t)bytes[0] << 8 | bytes[1];
	return length ? sum + ((uint32_t)bytes[0] << 8) : sum;
}

/* The Internet checksum with the pseudo-header of RFC 8200 8.1; over a right packet it is 0. length: of the
 * upper layer, below 64 KB, so 32 bits do not overflow. */
static uint16_t checksum(const uint8_t *packet, size_t length, uint8_t protocol)
{
	uint32_t sum = sum_words((uint32_t)length + protocol, packet + AT_SOURCE, 32);
	sum = sum_words(sum, packet + IP6_HEADER_SIZE, length);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

int ip6_parse(const uint8_t *bytes, size_t length, struct ip6_packet *ret)
{
	struct ip6_packet p = { 0 };
	struct reader r = rd_make(bytes, length);
	uint32_t first = rd_u32(&r);
	uint16_t payload = rd_u16(&r);
	p.protocol = rd_u8(&r);
	p.hop_limit = rd_u8(&r);
	const uint8_t *addresses = rd_bytes(&r, 32);
	p.body = rd_sub(&r, payload);
	if (rd_failed(&r) || first >> 28 != 6)
		return -EBADMSG;
	if (p.protocol != IP6_ICMPV6 && p.protocol != IP6_UDP)
		return -EPROTONOSUPPORT;
	memcpy(p.source.bytes, addresses, 16);
	memcpy(p.destination.bytes, addresses + 16, 16);
	uint16_t udp_length = payload, sum;
	if (p.protocol == IP6_UDP) {
		p.source_port = rd_u16(&p.body);
		p.destination_port = rd_u16(&p.body);
		udp_length = rd_u16(&p.body);
	} else {
		p.type = rd_u8(&p.body);
		p.code = rd_u8(&p.body);
	}
	sum = rd_u16(&p.body);
	if (rd_failed(&p.body) || udp_length != payload || (p.protocol == IP6_UDP && !sum) ||
	        checksum(bytes, payload, p.protocol))
		return -EBADMSG;
	*ret = p;
	return 0;
}

bool ip6_is_for_link(const uint8_t *bytes, size_t length)
{
	if (length < IP6_HEADER_SIZE + ICMP_HEADER_SIZE || bytes[0] >> 4 != 6)
		return false;
	const uint8_t *upper = bytes + IP6_HEADER_SIZE;
	if (bytes[AT_PROTOCOL] == IP6_ICMPV6)
		return upper[0] >= 133 && upper[0] <= 137;
	/* The high byte of both ports is 2. */
	return bytes[AT_PROTOCOL] == IP6_UDP && upper[2] == 546 >> 8 &&
	        (upper[3] == (546 & 255) || upper[3] == (547 & 255));
}

static void begin(struct writer *w, const struct ip_address *source, const struct ip_address *destination,
        uint8_t protocol, uint8_t hop_limit)
{
	wr_reset(w);
	wr_u32(w, 6U << 28);
	wr_u16(w, 0);
	wr_u8(w, protocol);
	wr_u8(w, hop_limit);
	wr_bytes(w, source->bytes, 16);
	wr_bytes(w, destination->bytes, 16);
}

void ip6_begin_icmp(struct writer *w, const struct ip_address *source, const struct ip_address *destination,
        uint8_t hop_limit, uint8_t type)
{
	begin(w, source, destination, IP6_ICMPV6, hop_limit);
	wr_u8(w, type);
	wr_u8(w, 0);
	wr_u16(w, 0);
}

void ip6_begin_udp(struct writer *w, const struct ip_address *source, uint16_t source_port,
        const struct ip_address *destination, uint16_t destination_port)
{
	begin(w, source, destination, IP6_UDP, 1);
	wr_u16(w, source_port);
	wr_u16(w, destination_port);
	wr_u32(w, 0);
}

void ip6_finish(struct writer *w, struct ip6_output *out)
{
	out->length = 0;
	if (wr_failed(w) || w->length > sizeof(out->bytes) || w->length < IP6_HEADER_SIZE)
		return;
	uint16_t payload = (uint16_t)(w->length - IP6_HEADER_SIZE);
	uint8_t protocol = w->data[AT_PROTOCOL];
	wr_patch_u16(w, AT_LENGTH, payload);
	if (protocol == IP6_UDP)
		wr_patch_u16(w, IP6_HEADER_SIZE + 4, payload);
	uint16_t sum = checksum(w->data, payload, protocol);
	if (protocol == IP6_UDP)
		wr_patch_u16(w, IP6_HEADER_SIZE + 6, sum ? sum : 0xffff);
	else
		wr_patch_u16(w, IP6_HEADER_SIZE + 2, sum);
	memcpy(out->bytes, w->data, w->length);
	out->length = w->length;
}

struct ip_address ip6_with_interface_id(const struct ip_address *prefix, const uint8_t interface_id[8])
{
	struct ip_address a = *prefix;
	memcpy(a.bytes + 8, interface_id, 8);
	return a;
}

struct ip_address ip6_link_local(const uint8_t interface_id[8])
{
	return ip6_with_interface_id(&(struct ip_address){ { 0xfe, 0x80 } }, interface_id);
}

struct ip_address ip6_solicited_node(const struct ip_address *a)
{
	struct ip_address s = { { 0xff, 0x02, [11] = 1, [12] = 0xff } };
	memcpy(s.bytes + 13, a->bytes + 13, 3);
	return s;
}
