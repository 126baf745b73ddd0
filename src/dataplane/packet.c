/* SPDX-License-Identifier: ISC */
#include "dataplane/packet.h"

#include "dataplane/trie.h"

#include <string.h>

#define ICMPV6_ROUTER_SOLICITATION 133
#define ICMPV6_ROUTER_ADVERTISEMENT 134
#define ICMPV6_REDIRECT 137
#define DHCPV4_CLIENT_PORT 68
#define DHCPV6_CLIENT_PORT 546
#define DHCPV6_SERVER_PORT 547
#define ND_HOP_LIMIT 255
#define IP4_OFFSET 0x1fff

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

static uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void set_v4(struct ip_address *a, const uint8_t *bytes)
{
	memcpy(a->bytes, v4_mapped, 12);
	memcpy(a->bytes + 12, bytes, 4);
}

static bool parse_v4(uint8_t *bytes, size_t n, struct packet *ret)
{
	if (n < PACKET_IP4_HEADER)
		return false;
	unsigned header = (bytes[0] & 15u) * 4;
	uint16_t length = get_u16(bytes + 2);
	if (header < PACKET_IP4_HEADER || length < header || length > n)
		return false;
	*ret = (struct packet){ .bytes = bytes,
		.length = length,
		.l4 = (uint16_t)header,
		.version = 4,
		.protocol = bytes[9],
		.fragment = get_u16(bytes + 6) & 0x3fff };
	set_v4(&ret->source, bytes + 12);
	set_v4(&ret->destination, bytes + 16);
	return true;
}

static bool parse_v6(uint8_t *bytes, size_t n, struct packet *ret)
{
	if (n < PACKET_IP6_HEADER)
		return false;
	uint32_t length = PACKET_IP6_HEADER + get_u16(bytes + 4);
	if (length > n || !memcmp(bytes + 8, v4_mapped, 12) || !memcmp(bytes + 24, v4_mapped, 12))
		return false;
	*ret = (struct packet){ .bytes = bytes,
		.length = length,
		.l4 = PACKET_IP6_HEADER,
		.version = 6,
		.protocol = bytes[6],
		.fragment = bytes[6] == 44 };
	memcpy(ret->source.bytes, bytes + 8, 16);
	memcpy(ret->destination.bytes, bytes + 24, 16);
	return true;
}

bool packet_parse(uint8_t *bytes, size_t n, struct packet *ret)
{
	if (!n)
		return false;
	switch (bytes[0] >> 4) {
	case 4:
		return parse_v4(bytes, n, ret);
	case 6:
		return parse_v6(bytes, n, ret);
	default:
		return false;
	}
}

static enum packet_scope scope_v4(const uint8_t a[4])
{
	if (!(a[0] | a[1] | a[2] | a[3]))
		return PACKET_SCOPE_UNSPECIFIED;
	if (a[0] == 169 && a[1] == 254)
		return PACKET_SCOPE_LINK;
	if (a[0] >= 224 && a[0] < 240)
		return PACKET_SCOPE_MULTICAST;
	return a[0] == 0 || a[0] == 127 || a[0] >= 240 ? PACKET_SCOPE_INVALID : PACKET_SCOPE_GLOBAL;
}

enum packet_scope packet_scope(const struct ip_address *a)
{
	static const uint8_t zero[15];
	if (ip_is_v4(a))
		return scope_v4(a->bytes + 12);
	if (a->bytes[0] == 0xff)
		return PACKET_SCOPE_MULTICAST;
	if (a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80)
		return PACKET_SCOPE_LINK;
	if (a->bytes[0] || memcmp(a->bytes, zero, 15) != 0)
		return PACKET_SCOPE_GLOBAL;
	return a->bytes[15] == 0    ? PACKET_SCOPE_UNSPECIFIED
	        : a->bytes[15] == 1 ? PACKET_SCOPE_INVALID
	                            : PACKET_SCOPE_GLOBAL;
}

bool packet_in_prefixes(const struct ip_address *a, bool v4, const struct packet_prefixes *p)
{
	for (size_t i = v4 ? p->n6 : 0, end = v4 ? p->n : p->n6; i < end; i++) {
		if (ip_in_prefix(a, &p->prefixes[i]))
			return true;
	}
	return false;
}

static bool is_neighbour_discovery(const struct packet *p)
{
	return p->version == 6 && p->protocol == PACKET_ICMPV6 && p->length > p->l4 &&
	        p->bytes[p->l4] >= ICMPV6_ROUTER_SOLICITATION && p->bytes[p->l4] <= ICMPV6_REDIRECT;
}

/* The destination port of a DHCPv6 message, or 0. */
static uint16_t dhcpv6_port(const struct packet *p)
{
	if (p->version != 6 || p->protocol != PACKET_UDP || p->length < p->l4 + 8u)
		return 0;
	uint16_t port = get_u16(p->bytes + p->l4 + 2);
	return port == DHCPV6_CLIENT_PORT || port == DHCPV6_SERVER_PORT ? port : 0;
}

/* To a client, of either family; it need not be on the link, since clients take answers to any address. */
static bool is_dhcp_answer(const struct packet *p)
{
	if (p->version == 6)
		return dhcpv6_port(p) == DHCPV6_CLIENT_PORT;
	bool has_ports = p->protocol == PACKET_UDP && !(get_u16(p->bytes + 6) & IP4_OFFSET);
	return has_ports && p->length >= p->l4 + 4u && get_u16(p->bytes + p->l4 + 2) == DHCPV4_CLIENT_PORT;
}

static bool is_rogue(const struct packet *p)
{
	if (is_neighbour_discovery(p))
		return p->bytes[p->l4] == ICMPV6_ROUTER_ADVERTISEMENT || p->bytes[p->l4] == ICMPV6_REDIRECT;
	return is_dhcp_answer(p);
}

/* Our own addresses are no peer's; of a prefix that we have on the link the other end may have one too. */
static bool is_own_address(const struct ip_address *a, const struct packet_prefixes *own)
{
	for (size_t i = 0; i < own->n; i++) {
		if (own->prefixes[i].length == 128 && ip_equal(a, &own->prefixes[i].address))
			return true;
	}
	return false;
}

static bool source_is_right(
        const struct packet *p, const struct packet_prefixes *prefixes, const struct packet_prefixes *own)
{
	return packet_scope(&p->source) == PACKET_SCOPE_GLOBAL &&
	        packet_in_prefixes(&p->source, p->version == 4, prefixes) && !is_own_address(&p->source, own);
}

enum packet_verdict packet_check_inbound(const struct packet *p, const struct packet_prefixes *prefixes,
        const struct packet_prefixes *own, bool from_initiator)
{
	bool right = source_is_right(p, prefixes, own);
	enum packet_scope source = packet_scope(&p->source), destination = packet_scope(&p->destination);
	bool link = destination == PACKET_SCOPE_MULTICAST || destination == PACKET_SCOPE_LINK;
	bool discovery = is_neighbour_discovery(p);
	if (discovery || (dhcpv6_port(p) && link)) {
		if (!right && source != PACKET_SCOPE_LINK && source != PACKET_SCOPE_UNSPECIFIED)
			return PACKET_SPOOFED;
		if (from_initiator && is_rogue(p))
			return PACKET_ROGUE;
		return discovery && p->bytes[7] != ND_HOP_LIMIT ? PACKET_LINK_SCOPE : PACKET_FOR_LINK;
	}
	if (!right)
		return source == PACKET_SCOPE_LINK || (source == PACKET_SCOPE_UNSPECIFIED && link)
		        ? PACKET_LINK_SCOPE
		        : PACKET_SPOOFED;
	if (from_initiator && is_dhcp_answer(p))
		return PACKET_ROGUE;
	return destination == PACKET_SCOPE_GLOBAL  ? PACKET_PASS
	        : destination == PACKET_SCOPE_LINK ? PACKET_LINK_SCOPE
	                                           : PACKET_BAD_DESTINATION;
}

enum packet_verdict packet_check_outbound(const struct packet *p, const struct packet_prefixes *own)
{
	if (packet_scope(&p->destination) != PACKET_SCOPE_GLOBAL ||
	        packet_scope(&p->source) != PACKET_SCOPE_GLOBAL)
		return PACKET_LINK_SCOPE;
	return !own->n || packet_in_prefixes(&p->source, p->version == 4, own) ? PACKET_PASS : PACKET_SPOOFED;
}
