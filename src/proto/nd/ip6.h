/* SPDX-License-Identifier: ISC */
/*
 * Whole IPv6 packets (RFC 8200) that a softwire's own link consumes: router and neighbour discovery and
 * DHCPv6, built and read here so that the protocols above need no socket. Only packets without extension
 * headers are taken: RFC 4861 messages over links with a known MTU never need any, and RFC 6980 forbids
 * fragments.
 */
#pragma once

#include "base/address.h"
#include "base/cursor.h"

#define IP6_HEADER_SIZE 40
#define IP6_LINK_PACKET_MAX 1280 /* what we build and take: the least MTU that IPv6 has */
#define IP6_ICMPV6 58
#define IP6_UDP 17

/* A packet that is to be sent; length 0: none. */
struct ip6_output {
	uint8_t bytes[IP6_LINK_PACKET_MAX];
	size_t length;
};

struct ip6_packet {
	struct ip_address source, destination;
	uint8_t hop_limit, protocol;            /* IP6_ICMPV6 or IP6_UDP */
	uint16_t source_port, destination_port; /* UDP */
	struct reader body; /* behind the ICMPv6 checksum's four bytes (type and code are below) or the UDP
	                       header */
	uint8_t type, code; /* ICMPv6 */
};

/* -EBADMSG for what is not a whole IPv6 packet with ICMPv6 or UDP of the right length and checksum (a UDP
 * checksum of zero is wrong too, RFC 8200 8.1), -EPROTONOSUPPORT for other next headers. Points into bytes.
 */
int ip6_parse(const uint8_t *bytes, size_t length, struct ip6_packet *ret);

/* Whether control should look at this packet: ICMPv6 133 to 137, or UDP to port 546 or 547. Cheap, and says
 * nothing about its validity. */
bool ip6_is_for_link(const uint8_t *bytes, size_t length);

/* Begins a packet in w (reset by this); the ICMPv6 or UDP header is there with a zero checksum. ip6_finish()
 * sets the lengths and the checksum and copies the packet to out; out->length is 0 where it did not fit. */
void ip6_begin_icmp(struct writer *w, const struct ip_address *source, const struct ip_address *destination,
        uint8_t hop_limit, uint8_t type);
void ip6_begin_udp(struct writer *w, const struct ip_address *source, uint16_t source_port,
        const struct ip_address *destination, uint16_t destination_port);
void ip6_finish(struct writer *w, struct ip6_output *out);

/* fe80::/64 with this interface identifier; a /64 prefix with it (RFC 4291 2.5.1). */
struct ip_address ip6_link_local(const uint8_t interface_id[8]);
struct ip_address ip6_with_interface_id(const struct ip_address *prefix, const uint8_t interface_id[8]);
extern const struct ip_address ip6_all_nodes, ip6_all_routers, ip6_all_dhcp; /* ff02::1, ff02::2, ff02::1:2 */
/* The solicited-node multicast address (RFC 4291 2.7.1). */
struct ip_address ip6_solicited_node(const struct ip_address *a);
