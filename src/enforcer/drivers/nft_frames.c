/* SPDX-License-Identifier: ISC */
/*
 * The first thing that happens to a node's frame: it gets the mark of the segment of its attachment (port,
 * MAC), the default segment's where there is none, and it is dropped where it contradicts what was proven: a
 * MAC that is attached at another port, an address that is bound to another attachment, a link-layer address
 * in neighbour discovery or ARP that belongs to somebody else. All this is in prerouting, before the bridge
 * learns the MAC and before the kernel's neighbour code sees the message, so a forgery never moves an entry
 * of either. A source address that is not bound to anybody gets the default segment, whoever sends it; with
 * ENFORCER_MARK_UNPROVEN beside it where the attachment itself is placed elsewhere, so that the inet table
 * asks for the address to be proven and refuses nothing aloud meanwhile.
 *
 * Frames never go from port to port (chain between), and what the gateway sends to a bound address only
 * leaves at the port, and to the MAC, that the address is bound to (chain delivery).
 *
 * Sets are typed by raw payload (@ll,48,48 is the source MAC) because one set must serve several headers:
 * libnftables 1.0.6 has no name for the target of a neighbour advertisement. N stands for a link's index.
 *
 *   ports, node_ports      port -> its link's chain
 *   macs_N, known_N        port . MAC of attachments; MAC alone
 *   bindings6_N, bound6_N  port . MAC . address; address alone (and 4)
 *   placed_N               port . MAC -> segment's mark, with timeout
 *   contested6_N, moved_N, rogue_N  what was refused, for the enforcer to see (and contested4_N)
 *   strangers_N, seekers_N port -> how much of what is limited it has sent
 *
 * Frames to the addresses that bridges keep for themselves (IEEE 802.1D, 01-80-C2-00-00-0X) do not come here:
 * the bridge hands them to the gateway as the port's own. The arp table here and the inet table drop what
 * comes from a port itself; that the bridge does not learn from them is for rtnetlink.h.
 */
#include "enforcer/drivers/nft_frames.h"
#include "enforcer/drivers/nft_rules.h"

#include <stdarg.h>
#include <string.h>

/* Writes text with each $F replaced by the link's family, $N by its index, $D by the default mark, $U by that
 * of an address that is not proven, $L by its name. */
static void expand(FILE *out, const char *text, const struct link *l, size_t index, uint8_t default_mark)
{
	for (; *text; text++) {
		if (*text != '$') {
			fputc(*text, out);
			continue;
		}
		switch (*++text) {
		case 'F':
			fputs(nft_link_family(l), out);
			break;
		case 'N':
			fprintf(out, "%zu", index);
			break;
		case 'D':
			fprintf(out, "0x%x", default_mark);
			break;
		case 'U':
			fprintf(out, "0x%x", default_mark | ENFORCER_MARK_UNPROVEN);
			break;
		case 'L':
			fputs(l->name, out);
			break;
		}
	}
}

#define SIZE_TEXT(n) SIZE_TEXT_(n)
#define SIZE_TEXT_(n) #n
#define STATIC_SET "size " SIZE_TEXT(NFT_ELEMENTS_MAX) "; "
/* Each makes the kernel learn something of which it has a limited amount: MAC addresses, neighbours. So one
 * port gets so many a second of what is not proven, and of neighbours that introduce themselves. */
#define STRANGER \
	" update @strangers_$N { iifname limit rate over 32/second burst 128 packets } goto flooded_$N\n"
#define SEEKER " update @seekers_$N { iifname limit rate over 32/second burst 128 packets } goto flooded_$N\n"
#define SEEN_SET "flags dynamic,timeout; timeout 10s; size " SIZE_TEXT(NFT_SIGHTINGS_MAX) "; "

static const char table_text[] = "add table $F pratique\n"
                                 "add counter $F pratique malformed\n"
                                 "add counter $F pratique cloned\n"
                                 "add counter $F pratique stolen\n"
                                 "add counter $F pratique forged\n"
                                 "add counter $F pratique flooded\n"
                                 "add counter $F pratique rogue\n";

static const char bridge_text[] =
        "add map bridge pratique ports { typeof iifname : verdict; " STATIC_SET "}\n"
        "add map bridge pratique delivery_ports { typeof oifname : verdict; " STATIC_SET "}\n"
        "add set bridge pratique node_ports { typeof iifname; " STATIC_SET "}\n"
        "add counter bridge pratique between\n"
        "add counter bridge pratique misdelivered\n"
        "add table arp pratique\n"
        "add set arp pratique node_ports { typeof iifname; " STATIC_SET "}\n"
        "add counter arp pratique bypassed\n";

static const char sets_text[] =
        "add set $F pratique macs_$N { typeof iifname . @ll,48,48; " STATIC_SET "}\n"
        "add set $F pratique known_$N { typeof @ll,48,48; " STATIC_SET "}\n"
        "add set $F pratique bindings6_$N { typeof iifname . @ll,48,48 . @nh,64,128; " STATIC_SET "}\n"
        "add set $F pratique bindings4_$N { typeof iifname . @ll,48,48 . @nh,96,32; " STATIC_SET "}\n"
        "add set $F pratique bound6_$N { typeof @nh,64,128; " STATIC_SET "}\n"
        "add set $F pratique bound4_$N { typeof @nh,96,32; " STATIC_SET "}\n"
        "add map $F pratique placed_$N { typeof iifname . @ll,48,48 : meta mark; flags timeout; " STATIC_SET
        "}\n"
        "add set $F pratique contested6_$N { typeof iifname . @ll,48,48 . @nh,64,128; " SEEN_SET "}\n"
        "add set $F pratique contested4_$N { typeof iifname . @ll,48,48 . @nh,96,32; " SEEN_SET "}\n"
        "add set $F pratique moved_$N { typeof iifname . @ll,48,48; " SEEN_SET "}\n"
        "add set $F pratique rogue_$N { typeof iifname . @ll,48,48; " SEEN_SET "}\n"
        "add set $F pratique strangers_$N { typeof iifname; " SEEN_SET "}\n"
        "add set $F pratique seekers_$N { typeof iifname; " SEEN_SET "}\n"
        "add chain $F pratique frame_$N\n"
        "add chain $F pratique cloned_$N\n"
        "add chain $F pratique arp_$N\n"
        "add chain $F pratique ip4_$N\n"
        "add chain $F pratique ip6_$N\n"
        "add chain $F pratique unspecified_$N\n"
        "add chain $F pratique stolen_na_$N\n"
        "add chain $F pratique stolen_arp_$N\n"
        "add chain $F pratique stolen6_$N\n"
        "add chain $F pratique stolen4_$N\n"
        "add chain $F pratique rogue_frame_$N\n"
        "add chain $F pratique flooded_$N\n"
        "add chain $F pratique delivery_$N\n";

static bool has_kind(const struct links *links, enum link_kind kind)
{
	for (size_t i = 0; i < links->count; i++)
		if (links->items[i].kind == kind)
			return true;
	return false;
}

void nft_frames_declare(FILE *out, const struct links *links)
{
	static const enum link_kind kinds[] = { LINK_BRIDGE, LINK_ROUTED };
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		const struct link any = { .kind = kinds[i] };
		if (has_kind(links, kinds[i]))
			expand(out, table_text, &any, 0, 0);
	}
	if (has_kind(links, LINK_BRIDGE))
		fputs(bridge_text, out);
	for (size_t i = 0; i < links->count; i++)
		if (links->items[i].kind != LINK_SOFTWIRE)
			expand(out, sets_text, &links->items[i], i, 0);
}

/* Only IP and ARP, untagged; then the MAC, then the protocol's own source. */
static const char frame_text[] =
        "add rule $F pratique frame_$N ether type != { ip, ip6, arp } counter name malformed drop\n"
        "add rule $F pratique frame_$N iifname . @ll,48,48 != @macs_$N @ll,48,48 @known_$N goto cloned_$N\n"
        "add rule $F pratique frame_$N iifname . @ll,48,48 != @macs_$N" STRANGER
        "add rule $F pratique frame_$N meta mark set $D\n"
        "add rule $F pratique frame_$N meta mark set iifname . @ll,48,48 map @placed_$N\n"
        "add rule $F pratique frame_$N ether type ip6 goto ip6_$N\n"
        "add rule $F pratique frame_$N ether type ip goto ip4_$N\n"
        "add rule $F pratique frame_$N goto arp_$N\n"
        "add rule $F pratique cloned_$N update @moved_$N { iifname . @ll,48,48 }\n"
        "add rule $F pratique cloned_$N counter name cloned drop\n"
        "add rule $F pratique rogue_frame_$N update @rogue_$N { iifname . @ll,48,48 }\n"
        "add rule $F pratique rogue_frame_$N counter name rogue drop\n"
        "add rule $F pratique flooded_$N counter name flooded drop\n";

/* RFC 4861 4.1 to 4.4: options follow a solicitation's or advertisement's 24 bytes, a router
 * solicitation's 8. One option only, so that no second one can hide behind the one that is looked at; and no
 * extension header, with which the length can be left to a hop-by-hop option, or a fragment (RFC 6980). */
static const char ip6_text[] =
        "add rule $F pratique ip6_$N icmpv6 type { nd-router-advert, nd-redirect, mld-listener-query }"
        " goto rogue_frame_$N\n"
        "add rule $F pratique ip6_$N udp sport 547 goto rogue_frame_$N\n"
        "add rule $F pratique ip6_$N icmpv6 type { nd-router-solicit, nd-neighbor-solicit, "
        "nd-neighbor-advert }"
        " ip6 nexthdr != ipv6-icmp counter name forged drop\n"
        "add rule $F pratique ip6_$N icmpv6 type { nd-router-solicit, nd-neighbor-solicit }" SEEKER
        "add rule $F pratique ip6_$N icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 length > 32"
        " counter name forged drop\n"
        "add rule $F pratique ip6_$N icmpv6 type nd-router-solicit ip6 length > 16 counter name forged drop\n"
        "add rule $F pratique ip6_$N icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } @th,192,8 { 1, "
        "2 }"
        " iifname . @th,208,48 != @macs_$N @th,208,48 @known_$N counter name forged drop\n"
        "add rule $F pratique ip6_$N icmpv6 type nd-router-solicit @th,64,8 { 1, 2 }"
        " iifname . @th,80,48 != @macs_$N @th,80,48 @known_$N counter name forged drop\n"
        "add rule $F pratique ip6_$N icmpv6 type nd-neighbor-advert"
        " iifname . @ll,48,48 . @th,64,128 != @bindings6_$N @th,64,128 @bound6_$N goto stolen_na_$N\n"
        "add rule $F pratique ip6_$N ip6 saddr :: goto unspecified_$N\n"
        "add rule $F pratique ip6_$N iifname . @ll,48,48 . @nh,64,128 @bindings6_$N goto rated_$N\n"
        "add rule $F pratique ip6_$N @nh,64,128 @bound6_$N goto stolen6_$N\n"
        "add rule $F pratique ip6_$N meta mark != $D meta mark set $U\n"
        "add rule $F pratique ip6_$N" STRANGER "add rule $F pratique ip6_$N goto rated_$N\n"
        "add rule $F pratique unspecified_$N icmpv6 type { nd-neighbor-solicit, nd-router-solicit,"
        " mld-listener-report, mld2-listener-report } accept\n"
        "add rule $F pratique unspecified_$N counter name forged drop\n"
        "add rule $F pratique stolen_na_$N update @contested6_$N { iifname . @ll,48,48 . @th,64,128 }\n"
        "add rule $F pratique stolen_na_$N counter name stolen drop\n"
        "add rule $F pratique stolen6_$N update @contested6_$N { iifname . @ll,48,48 . @nh,64,128 }\n"
        "add rule $F pratique stolen6_$N counter name stolen drop\n";

/* RFC 826: the sender's hardware address at byte 8, its protocol address at byte 14. */
static const char ip4_text[] =
        "add rule $F pratique ip4_$N udp sport 67 goto rogue_frame_$N\n"
        "add rule $F pratique ip4_$N icmp type redirect goto rogue_frame_$N\n"
        "add rule $F pratique ip4_$N igmp type membership-query goto rogue_frame_$N\n"
        "add rule $F pratique ip4_$N ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept\n"
        "add rule $F pratique ip4_$N ip saddr 0.0.0.0 meta l4proto igmp accept\n"
        "add rule $F pratique ip4_$N ip saddr 0.0.0.0 counter name forged drop\n"
        "add rule $F pratique ip4_$N iifname . @ll,48,48 . @nh,96,32 @bindings4_$N goto rated_$N\n"
        "add rule $F pratique ip4_$N @nh,96,32 @bound4_$N goto stolen4_$N\n"
        "add rule $F pratique ip4_$N meta mark != $D meta mark set $U\n"
        "add rule $F pratique ip4_$N" STRANGER "add rule $F pratique ip4_$N goto rated_$N\n"
        "add rule $F pratique arp_$N arp operation request" SEEKER
        "add rule $F pratique arp_$N iifname . @nh,64,48 != @macs_$N @nh,64,48 @known_$N"
        " counter name forged drop\n"
        "add rule $F pratique arp_$N iifname . @nh,64,48 . @nh,112,32 @bindings4_$N accept\n"
        "add rule $F pratique arp_$N @nh,112,32 @bound4_$N goto stolen_arp_$N\n"
        "add rule $F pratique arp_$N accept\n"
        "add rule $F pratique stolen4_$N update @contested4_$N { iifname . @ll,48,48 . @nh,96,32 }\n"
        "add rule $F pratique stolen4_$N counter name stolen drop\n"
        "add rule $F pratique stolen_arp_$N update @contested4_$N { iifname . @ll,48,48 . @nh,112,32 }\n"
        "add rule $F pratique stolen_arp_$N counter name stolen drop\n";

static const char delivery_text[] = "add rule $F pratique delivery_$N ether type { ip, ip6 } jump paced_$N\n"
                                    "add rule $F pratique delivery_$N ether type ip6 oifname . @ll,0,48 . "
                                    "@nh,192,128 @bindings6_$N accept\n"
                                    "add rule $F pratique delivery_$N ether type ip6 @nh,192,128 @bound6_$N "
                                    "counter name misdelivered drop\n"
                                    "add rule $F pratique delivery_$N ether type ip oifname . @ll,0,48 . "
                                    "@nh,128,32 @bindings4_$N accept\n"
                                    "add rule $F pratique delivery_$N ether type ip @nh,128,32 @bound4_$N "
                                    "counter name misdelivered drop\n";

static const char hooks_text[] =
        "add chain bridge pratique frames { type filter hook prerouting priority -310; policy accept; }\n"
        "add chain bridge pratique between { type filter hook forward priority -310; policy accept; }\n"
        "add chain bridge pratique delivery { type filter hook output priority -310; policy accept; }\n"
        "add rule bridge pratique frames iifname vmap @ports\n"
        "add rule bridge pratique between iifname @node_ports counter name between drop\n"
        "add rule bridge pratique between oifname @node_ports counter name between drop\n"
        "add rule bridge pratique delivery oifname vmap @delivery_ports\n"
        "add chain arp pratique bypass { type filter hook input priority -310; policy accept; }\n"
        "add rule arp pratique bypass iifname @node_ports counter name bypassed drop\n";

static const char routed_text[] =
        "add chain netdev pratique ingress_$N { type filter hook ingress device \"$L\" priority -310; "
        "policy accept; }\n"
        "add rule netdev pratique ingress_$N goto frame_$N\n";

static const char egress_text[] =
        "add chain netdev pratique egress_$N { type filter hook egress device \"$L\" priority -310; "
        "policy accept; }\n"
        "add rule netdev pratique egress_$N ether type { ip, ip6 } goto paced_$N\n";

void nft_frames_write(FILE *out, const struct links *links, uint8_t default_mark, bool paced)
{
	if (has_kind(links, LINK_BRIDGE))
		fputs("flush table bridge pratique\nflush table arp pratique\n", out);
	if (has_kind(links, LINK_ROUTED))
		fputs("flush table netdev pratique\n", out);
	for (size_t i = 0; i < links->count; i++) {
		const struct link *l = &links->items[i];
		if (l->kind == LINK_SOFTWIRE)
			continue;
		expand(out, frame_text, l, i, default_mark);
		expand(out, ip6_text, l, i, default_mark);
		expand(out, ip4_text, l, i, default_mark);
		if (l->kind == LINK_BRIDGE)
			expand(out, delivery_text, l, i, default_mark);
		else if (l->present)
			expand(out, routed_text, l, i, default_mark);
		/* The hook is only asked for where it is needed: Linux has it since 5.16. */
		if (l->kind == LINK_ROUTED && l->present && paced)
			expand(out, egress_text, l, i, default_mark);
	}
	if (has_kind(links, LINK_BRIDGE))
		fputs(hooks_text, out);
}
