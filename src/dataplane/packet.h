/* SPDX-License-Identifier: ISC */
/*
 * Inner packets: what of an IP header (RFC 791, RFC 8200) the data plane looks at, and what an address may be
 * in a packet that crosses a softwire. Extension headers are not followed: nothing here needs what is behind
 * them.
 */
#pragma once

#include "base/address.h"

#define PACKET_TCP 6
#define PACKET_UDP 17
#define PACKET_ICMPV6 58
#define PACKET_IP4_HEADER 20
#define PACKET_IP6_HEADER 40

struct packet {
	uint8_t *bytes;
	uint32_t length; /* by its own header; what is behind it is padding */
	uint16_t l4;     /* where the header behind the IP header begins */
	uint8_t version; /* 4 or 6 */
	uint8_t protocol;
	bool fragment; /* any but a whole packet */
	struct ip_address source, destination;
};

/* False: no whole IPv4 or IPv6 packet, or an IPv6 one with an IPv4-mapped address (which would be taken for
 * IPv4). The checksum of an IPv4 header is not looked at: the host does that. */
bool packet_parse(uint8_t *bytes, size_t n, struct packet *ret);

enum packet_scope {
	PACKET_SCOPE_GLOBAL, /* a unicast address that may be routed */
	PACKET_SCOPE_LINK,   /* fe80::/10 or 169.254/16 */
	PACKET_SCOPE_MULTICAST,
	PACKET_SCOPE_UNSPECIFIED,
	PACKET_SCOPE_INVALID, /* loopback, 0/8, broadcast, 240/4 */
};
enum packet_scope packet_scope(const struct ip_address *a);

/* Prefixes of both families, those of IPv6 first. */
struct packet_prefixes {
	uint8_t n6, n;
	const struct ip_prefix *prefixes;
};
bool packet_in_prefixes(const struct ip_address *a, bool v4, const struct packet_prefixes *p);

enum packet_verdict {
	PACKET_PASS,
	PACKET_FOR_LINK, /* router and neighbour discovery, DHCPv6: control's */
	PACKET_SPOOFED,
	PACKET_BAD_DESTINATION,
	PACKET_LINK_SCOPE,
	PACKET_ROGUE,
};
/* May this packet have come from the peer? prefixes: the peer's; own: this side's, where it is limited.
 * from_initiator: what only routers and DHCP servers send is refused (RFC 4861, RFC 8415; softwire
 * draft 3.5). */
enum packet_verdict packet_check_inbound(const struct packet *p, const struct packet_prefixes *prefixes,
        const struct packet_prefixes *own, bool from_initiator);
/* May it leave towards the peer? PACKET_SPOOFED: this side does not have its source. */
enum packet_verdict packet_check_outbound(const struct packet *p, const struct packet_prefixes *own);
