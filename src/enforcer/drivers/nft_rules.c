/* SPDX-License-Identifier: ISC */
/*
 * The inet table: every packet from, to or through the gateway that touches a node is judged by two segments,
 * those of the connection's opener (S) and of its target (D), as they are now.
 *
 * The bridge table (nft_frames.c) has put the sender's segment into the packet's mark. A packet in the
 * original direction has S = its sender, D = its receiver; in the reply direction the other way round. Both
 * go into the mark as S << 8 | D, 0 for what is not a node, and two small verdict maps lead to the chains
 * to_S ("allow to", what S may open) and from_D ("allow from", what may be opened to D). These match the
 * connection's original tuple only, so that both directions, and the ICMP errors that belong to it, get the
 * same judgement, and no packet passes because its connection once did.
 *
 * An address that is not proven costs its owner nothing but time: a placed sender's packets from it are
 * judged in the default segment, and a target that is not among the placed ones as the default segment too,
 * but what is refused then is put into a set (unproven, wanted) and dropped without a word, the enforcer is
 * woken, asks who has the address, and the sender's next try passes. Each address once in NFT_WANTED_SECONDS.
 *
 * What comes out of a softwire has been checked against its session by the data plane; here its prefix is
 * looked up once more (softwireN_, softwire_placedN_), because there are no frames to mark, and nothing but a
 * session's prefix comes in.
 *
 * libnftables 1.0.6 only gives `ct original proto-dst` a type after one family and one protocol are known,
 * hence a rule for each.
 */
#include "enforcer/drivers/nft_rules.h"
#include "enforcer/drivers/nft_frames.h"
#include "enforcer/drivers/nft_log.h"
#include "enforcer/drivers/nft_rates.h"
#include "enforcer/segments.h"
#include "policy/policy.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define T "inet pratique "
#define TEXT(n) TEXT_(n)
#define TEXT_(n) #n
#define WANTED_SET \
	"flags dynamic,timeout; timeout " TEXT(NFT_WANTED_SECONDS) "s; size " TEXT(NFT_SIGHTINGS_MAX) "; "

const struct ipc_segments *nft_rules_initial(void)
{
	static char name[] = "quarantine";
	static struct ipc_segment segment = {
		.name = name, .mark = ENFORCER_MARK_INITIAL, .is_default = true
	};
	static const struct ipc_segments initial = { .segments = &segment, .n_segments = 1 };
	return &initial;
}

const struct ipc_segment *nft_rules_default_segment(const struct ipc_segments *policy)
{
	for (size_t i = 0; i < policy->n_segments; i++)
		if (policy->segments[i].is_default)
			return &policy->segments[i];
	return NULL;
}

const char *nft_link_family(const struct link *l)
{
	return l->kind == LINK_BRIDGE ? "bridge" : l->kind == LINK_ROUTED ? "netdev" : "inet";
}

/* The chains and counters that exist once, and those that exist for each segment (followed by its mark). */
static const char *const fixed_chains[] = { "guard", "sender", "forward", "input", "output", "received",
	"sent", "from_node", "to_node", "receiver", "judge", "refuse", "explain", "opens_unproven",
	"answers_unproven", "unproven", "wanted", "wake", "opened", "rated_softwire", "paced_softwire",
	"leaving" };
static const char *const fixed_counters[] = { "unmarked", "forged", "bypassed", "crowded", "unproven",
	"wanted", "strayed" };
static const char *const segment_chains[] = { "opens_", "answers_", "to_", "from_", "refuse_" };
static const char *const segment_counters[] = { "passed_", "refused_" };

bool nft_rules_numbered(const char *name, const char *prefix, int base, uint64_t max, uint64_t *ret)
{
	size_t n = strlen(prefix);
	char *end;
	if (strncmp(name, prefix, n) != 0 || !isxdigit((unsigned char)name[n]))
		return false;
	errno = 0;
	*ret = strtoull(name + n, &end, base);
	return !errno && !*end && *ret <= max;
}

static bool has_segment_name(const struct ipc_segments *policy, const char *prefix, const char *name)
{
	uint64_t mark;
	if (!nft_rules_numbered(name, prefix, 10, UINT8_MAX, &mark))
		return false;
	for (size_t i = 0; i < policy->n_segments; i++)
		if (policy->segments[i].mark == mark)
			return true;
	return false;
}

static bool has_way(const struct ipc_segments *policy, const char *name)
{
	uint64_t mark;
	if (!nft_rules_numbered(name, "way_", 10, UINT8_MAX, &mark))
		return false;
	for (size_t i = 0; i < policy->n_segments; i++)
		if (policy->segments[i].mark == mark)
			return policy->segments[i].n_next_hops > 0;
	return false;
}

bool nft_rules_has_name(const struct ipc_segments *policy, const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(fixed_chains); i++)
		if (strcmp(fixed_chains[i], name) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LENGTH(fixed_counters); i++)
		if (strcmp(fixed_counters[i], name) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LENGTH(segment_chains); i++)
		if (has_segment_name(policy, segment_chains[i], name))
			return true;
	for (size_t i = 0; i < ARRAY_LENGTH(segment_counters); i++)
		if (has_segment_name(policy, segment_counters[i], name))
			return true;
	if (nft_rates_has_name(policy, name) || nft_log_has_name(policy, name) || has_way(policy, name))
		return true;
	char policy_name[32];
	snprintf(policy_name, sizeof(policy_name), NFT_POLICY_COUNTER, segments_identity(policy));
	return strcmp(name, policy_name) == 0;
}

static const char wanted_sets[] =
        "add set " T "unproven6 { type ifname . ether_addr . ipv6_addr; " WANTED_SET "}\n"
        "add set " T "unproven4 { type ifname . ether_addr . ipv4_addr; " WANTED_SET "}\n"
        "add set " T "wanted6 { type ifname . ipv6_addr; " WANTED_SET "}\n"
        "add set " T "wanted4 { type ifname . ipv4_addr; " WANTED_SET "}\n";

/* The verdicts by mark. Their elements are changed in the same step as the chains that they lead to, and a
 * map stays when the rules around it are made again: a packet that is under way with the old rules finds its
 * segment all the same, which it would not in a map that belongs to a rule. */
static const char verdict_maps[] = "add map " T "opening { type mark : verdict; }\n"
                                   "add map " T "answering { type mark : verdict; }\n"
                                   "add map " T "targets { type mark : verdict; }\n"
                                   "add map " T "sources { type mark : verdict; }\n"
                                   "add map " T "passed_to { type mark : counter; }\n"
                                   "add map " T "passed_from { type mark : counter; }\n";

#define INTERVAL "size " TEXT(NFT_ELEMENTS_MAX) "; "
static const char softwire_sets[] =
        "add set " T "softwire6_$ { type ipv6_addr; flags interval; " INTERVAL "}\n"
        "add set " T "softwire4_$ { type ipv4_addr; flags interval; " INTERVAL "}\n"
        "add map " T "softwire_owner6_$ { type ipv6_addr : mark; flags interval; " INTERVAL "}\n"
        "add map " T "softwire_owner4_$ { type ipv4_addr : mark; flags interval; " INTERVAL "}\n"
        "add map " T "softwire_placed6_$ { type ipv6_addr : mark; flags interval,timeout; " INTERVAL "}\n"
        "add map " T "softwire_placed4_$ { type ipv4_addr : mark; flags interval,timeout; " INTERVAL "}\n";

/* $ stands for the link's index. */
static void write_indexed(FILE *out, const char *text, size_t index)
{
	for (; *text; text++)
		if (*text == '$')
			fprintf(out, "%zu", index);
		else
			fputc(*text, out);
}

void nft_rules_declare(FILE *out, const struct links *links, const struct ipc_segments *policy)
{
	nft_frames_declare(out, links);
	fputs("add table " T "\n", out);
	fprintf(out, "add map " T "nodes6 { type ifname . ipv6_addr : mark; flags timeout; size %d; }\n",
	        NFT_ELEMENTS_MAX);
	fprintf(out, "add map " T "nodes4 { type ifname . ipv4_addr : mark; flags timeout; size %d; }\n",
	        NFT_ELEMENTS_MAX);
	fprintf(out, "add set " T "node_ports { type ifname; size %d; }\n", NFT_ELEMENTS_MAX);
	fprintf(out, "add set " T "openers { type ether_addr; flags dynamic; size %d; }\n", NFT_ELEMENTS_MAX);
	fprintf(out, "add set " T "hasty { type ether_addr; flags dynamic,timeout; timeout 60s; size %d; }\n",
	        NFT_ELEMENTS_MAX);
	fputs(wanted_sets, out);
	fputs(verdict_maps, out);
	fprintf(out, "add set " T "softwire_openers6 { type ipv6_addr; flags dynamic; size %d; }\n",
	        NFT_ELEMENTS_MAX);
	fprintf(out, "add set " T "softwire_openers4 { type ipv4_addr; flags dynamic; size %d; }\n",
	        NFT_ELEMENTS_MAX);
	for (size_t i = 0; i < links->count; i++)
		if (links->items[i].kind == LINK_SOFTWIRE)
			write_indexed(out, softwire_sets, i);
	for (size_t i = 0; i < ARRAY_LENGTH(fixed_counters); i++)
		fprintf(out, "add counter " T "%s\n", fixed_counters[i]);
	fprintf(out, "add counter " T NFT_POLICY_COUNTER "\n", segments_identity(policy));
	for (size_t i = 0; i < policy->n_segments; i++)
		for (size_t j = 0; j < ARRAY_LENGTH(segment_counters); j++)
			fprintf(out, "add counter " T "%s%u\n", segment_counters[j],
			        policy->segments[i].mark);
	nft_rates_declare(out, links, policy);
	nft_log_declare(out, policy);
}

/* ---- one "allow" line ---- */

/* The family and the peer's prefixes; false where the rule has none of this family. */
static bool write_peer(FILE *out, const struct ipc_rule *r, bool v4)
{
	const char *end = r->direction == POLICY_TO ? "daddr" : "saddr";
	const char *separator = "";
	fprintf(out, "meta nfproto %s ", v4 ? "ipv4" : "ipv6");
	if (r->peer == POLICY_PEER_SEGMENT && r->direction == POLICY_TO)
		fprintf(out, "meta mark & 0xff == 0x%x ", r->peer_mark);
	else if (r->peer == POLICY_PEER_SEGMENT)
		fprintf(out, "meta mark & 0xff00 == 0x%x ", r->peer_mark << 8);
	if (r->peer != POLICY_PEER_PREFIXES)
		return true;
	for (size_t i = 0; i < r->n_prefixes; i++) {
		const struct ip_prefix *p = &r->prefixes[i].prefix;
		char text[IP_TEXT_SIZE];
		if ((p->length >= 96 && ip_is_v4(&p->address)) != v4)
			continue;
		if (!*separator)
			fprintf(out, "ct original %s %s { ", v4 ? "ip" : "ip6", end);
		fprintf(out, "%s%s", separator, ip_prefix_format(p, text));
		separator = ", ";
	}
	if (*separator)
		fputs(" } ", out);
	return *separator;
}

static void write_protocol(FILE *out, const struct ipc_rule *r, uint8_t protocol, bool v4, const char *chain)
{
	size_t n = r->n_ports;
	for (size_t i = 0; i < (n ? n : 1); i++) {
		char *text FREE_ON_EXIT = NULL;
		size_t length;
		FILE *rule = open_memstream(&text, &length);
		bool matches = rule && write_peer(rule, r, v4);
		if (rule)
			fclose(rule);
		if (!matches)
			return;
		fprintf(out, "add rule " T "%s %s", chain, text);
		if (protocol)
			fprintf(out, "ct protocol %u ", protocol);
		if (n && r->ports[i].first == r->ports[i].last)
			fprintf(out, "ct original proto-dst %u ", r->ports[i].first);
		else if (n)
			fprintf(out, "ct original proto-dst %u-%u ", r->ports[i].first, r->ports[i].last);
		fputs("return\n", out);
	}
}

/* Ports without a protocol are those of TCP and UDP. Each ICMP has its own family. */
static void write_rule(FILE *out, const struct ipc_rule *r, const char *chain)
{
	for (int v4 = 0; v4 <= 1; v4++) {
		if (r->protocol == (v4 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
			continue;
		if (r->protocol || !r->n_ports) {
			write_protocol(out, r, r->protocol, v4, chain);
			continue;
		}
		write_protocol(out, r, IPPROTO_TCP, v4, chain);
		write_protocol(out, r, IPPROTO_UDP, v4, chain);
	}
}

/* ---- a segment's chains ---- */

static void write_refuse(FILE *out, const struct ipc_segment *s, uint16_t log_group)
{
	fprintf(out, "add rule " T "refuse_%u counter name refused_%u\n", s->mark, s->mark);
	nft_log_refused(out, s, log_group);
	fprintf(out, "add rule " T "refuse_%u goto refuse\n", s->mark);
}

/* The receiver's segment beside the sender's, m; the flag stays where it is. */
static void write_sides(FILE *out, const char *who, unsigned m, unsigned flag)
{
	fprintf(out, "add rule " T "opens_%s jump receiver\n", who);
	fprintf(out, "add rule " T "opens_%s meta mark set meta mark | 0x%x\n", who, m << 8 | flag);
	fprintf(out, "add rule " T "opens_%s goto judge\n", who);
	fprintf(out, "add rule " T "answers_%s jump receiver\n", who);
	fprintf(out, "add rule " T "answers_%s meta mark set meta mark << 8\n", who);
	fprintf(out, "add rule " T "answers_%s meta mark set meta mark | 0x%x\n", who, m | flag);
	fprintf(out, "add rule " T "answers_%s goto judge\n", who);
}

static void write_segment(FILE *out, const struct ipc_segment *s, uint16_t log_group)
{
	char chain[16];
	unsigned m = s->mark;
	snprintf(chain, sizeof(chain), "%u", m);
	write_sides(out, chain, m, 0);
	if (s->is_default)
		write_sides(out, "unproven", m, ENFORCER_MARK_UNPROVEN);
	for (int direction = POLICY_TO; direction <= POLICY_FROM; direction++) {
		snprintf(chain, sizeof(chain), "%s%u", direction == POLICY_TO ? "to_" : "from_", m);
		for (size_t i = 0; i < s->n_rules; i++)
			if (s->rules[i].direction == direction)
				write_rule(out, &s->rules[i], chain);
		fprintf(out, "add rule " T "%s goto refuse_%u\n", chain, m);
	}
	write_refuse(out, s, log_group);
}

/* All elements of a map of every segment, in place of those that it had. */
static void write_map(
        FILE *out, const char *map, const struct ipc_segments *policy, unsigned shift, const char *format)
{
	fprintf(out, "flush map " T "%s\nadd element " T "%s { ", map, map);
	for (size_t i = 0; i < policy->n_segments; i++) {
		unsigned m = policy->segments[i].mark;
		fprintf(out, "%s0x%x : ", i ? ", " : "", m << shift);
		fprintf(out, format, m);
	}
	fputs(" }\n", out);
}

static void write_judge(FILE *out, const struct ipc_segments *policy)
{
	write_map(out, "targets", policy, 8, "jump to_%u");
	write_map(out, "sources", policy, 0, "jump from_%u");
	write_map(out, "passed_to", policy, 8, "\"passed_%u\"");
	write_map(out, "passed_from", policy, 0, "\"passed_%u\"");
	fputs("add rule " T "judge meta mark & 0xff00 vmap @targets\n"
	      "add rule " T "judge meta mark & 0xff vmap @sources\n"
	      "add rule " T "judge counter name meta mark & 0xff00 map @passed_to\n"
	      "add rule " T "judge counter name meta mark & 0xff map @passed_from\n"
	      "add rule " T "judge ct state new ct direction original jump opened\n"
	      "add rule " T "judge accept\n",
	        out);
}

/* ---- the hooks ---- */

#define FRAMED (1u << LINK_BRIDGE | 1u << LINK_ROUTED)
#define ALL_KINDS (FRAMED | 1u << LINK_SOFTWIRE)

/* A rule for packets from or to links of these kinds, if there is one. */
static void write_rule_on_links(FILE *out, const char *chain, const char *which, const struct links *links,
        unsigned kinds, const char *rest)
{
	bool any = false;
	for (size_t i = 0; i < links->count; i++) {
		if (!(kinds & 1u << links->items[i].kind))
			continue;
		if (any)
			fputs(", ", out);
		else
			fprintf(out, "add rule " T "%s %s { ", chain, which);
		fprintf(out, "\"%s\"", links->items[i].name);
		any = true;
	}
	if (any)
		fprintf(out, " } %s\n", rest);
}

/* Where the gateway's routes lead is what counts, not that ways.h has asked for them: what would leave by
 * another way is refused, whatever happened to the routing rules. */
static void write_ways(FILE *out, const struct links *links, const struct ipc_segments *policy)
{
	for (size_t i = 0; i < policy->n_segments; i++) {
		const struct ipc_segment *s = &policy->segments[i];
		char rest[64], text[IP_TEXT_SIZE];
		if (!s->n_next_hops)
			continue;
		snprintf(rest, sizeof(rest), "meta mark & 0xff == 0x%x jump way_%u", s->mark, s->mark);
		fprintf(out, "add chain " T "way_%u\n", s->mark);
		write_rule_on_links(out, "forward", "iifname", links, ALL_KINDS, rest);
		for (size_t j = 0; j < s->n_next_hops; j++) {
			const struct ip_address *ip = &s->next_hops[j].ip;
			fprintf(out, "add rule " T "way_%u rt %s nexthop %s return\n", s->mark,
			        ip_is_v4(ip) ? "ip" : "ip6", ip_format(ip, text));
		}
		fprintf(out, "add rule " T "way_%u counter name strayed goto refuse_%u\n", s->mark, s->mark);
	}
}

/* A session's packet gets its segment by its source. */
static void write_softwire(FILE *out, const struct link *l, size_t index, uint8_t default_mark)
{
	fprintf(out,
	        "add rule " T "guard iifname \"%s\" ip6 saddr != @softwire6_%zu counter name forged drop\n"
	        "add rule " T "guard iifname \"%s\" ip saddr != @softwire4_%zu counter name forged drop\n"
	        "add rule " T "guard iifname \"%s\" meta mark set 0x%x\n"
	        "add rule " T "guard iifname \"%s\" meta mark set ip6 saddr map @softwire_placed6_%zu\n"
	        "add rule " T "guard iifname \"%s\" meta mark set ip saddr map @softwire_placed4_%zu\n"
	        "add rule " T "guard iifname \"%s\" jump rated_softwire\n"
	        "add rule " T "guard iifname \"%s\" goto sender\n",
	        l->name, index, l->name, index, l->name, default_mark, l->name, index, l->name, index,
	        l->name, l->name);
}

/* Who is sent to through a softwire. */
static void write_softwire_receiver(FILE *out, const struct link *l, size_t index, uint8_t default_mark)
{
	fprintf(out,
	        "add rule " T "receiver oifname \"%s\" meta mark set 0x%x\n"
	        "add rule " T "receiver oifname \"%s\" meta mark set ip6 daddr map @softwire_placed6_%zu\n"
	        "add rule " T "receiver oifname \"%s\" meta mark set ip daddr map @softwire_placed4_%zu\n",
	        l->name, default_mark, l->name, index, l->name, index);
}

static void write_hooks(FILE *out, const struct links *links, const struct ipc_segments *policy)
{
	uint8_t default_mark = nft_rules_default_segment(policy)->mark;
	/* Before connection tracking: what has no segment, or a source that does not lead back to where it
	 * comes from (BCP 38), makes no state. */
	fputs("add rule " T "guard iifname @node_ports counter name bypassed drop\n", out);
	write_rule_on_links(out, "guard", "iifname", links, FRAMED, "goto sender");
	for (size_t i = 0; i < links->count; i++)
		if (links->items[i].kind == LINK_SOFTWIRE)
			write_softwire(out, &links->items[i], i, default_mark);
	fputs("add rule " T "sender meta mark 0 counter name unmarked drop\n"
	      "add rule " T "sender ip6 saddr :: return\n"
	      "add rule " T "sender ip saddr 0.0.0.0 return\n"
	      "add rule " T "sender fib saddr . iif type { local, broadcast, anycast, multicast } counter "
	      "name forged drop\n"
	      "add rule " T "sender ip6 saddr fe80::/10 goto unproven\n"
	      "add rule " T
	      "sender fib saddr type { local, broadcast, anycast, multicast } counter name forged drop\n"
	      "add rule " T "sender fib saddr . iif oif missing counter name forged drop\n"
	      "add rule " T "sender goto unproven\n",
	        out);
	write_ways(out, links, policy);
	write_rule_on_links(out, "forward", "iifname", links, ALL_KINDS, "goto from_node");
	write_rule_on_links(out, "forward", "oifname", links, ALL_KINDS, "goto to_node");
	write_rule_on_links(out, "input", "iifname", links, ALL_KINDS, "goto received");
	write_rule_on_links(out, "output", "oifname", links, ALL_KINDS, "goto sent");
	/* What is sent into a softwire, by its receiver's segment. */
	write_rule_on_links(out, "leaving", "oifname", links, 1u << LINK_SOFTWIRE, "jump receiver");
	write_rule_on_links(out, "leaving", "oifname", links, 1u << LINK_SOFTWIRE, "jump paced_softwire");
	write_rule_on_links(out, "refuse", "oifname", links, FRAMED, "jump wanted");
	fprintf(out, "add rule " T "refuse meta mark & 0x%x != 0x0 counter name unproven drop\n",
	        ENFORCER_MARK_UNPROVEN);
	write_rule_on_links(out, "refuse", "iifname", links, ALL_KINDS, "goto explain");
	fputs("add rule " T "refuse drop\n", out);
}

/* Who asks for what to be proven. A receiver's mark, and with it ENFORCER_MARK_WANTED, stands a byte higher
 * in the reply direction. Neighbour discovery itself proves its source. */
static void write_wanted(FILE *out)
{
	fprintf(out, "add rule " T "unproven meta mark & 0x%x == 0x0 return\n", ENFORCER_MARK_UNPROVEN);
	fputs("add rule " T "unproven icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } return\n"
	      "add rule " T "unproven iifname . ether saddr . ip6 saddr @unproven6 return\n"
	      "add rule " T "unproven iifname . ether saddr . ip saddr @unproven4 return\n"
	      "add rule " T "unproven add @unproven6 { iifname . ether saddr . ip6 saddr }\n"
	      "add rule " T "unproven add @unproven4 { iifname . ether saddr . ip saddr }\n"
	      "add rule " T "unproven goto wake\n",
	        out);
	fprintf(out, "add rule " T "wanted meta mark & 0x%x == 0x0 return\n",
	        ENFORCER_MARK_WANTED | ENFORCER_MARK_WANTED << 8);
	fputs("add rule " T "wanted oifname . ip6 daddr @wanted6 return\n"
	      "add rule " T "wanted oifname . ip daddr @wanted4 return\n"
	      "add rule " T "wanted add @wanted6 { oifname . ip6 daddr }\n"
	      "add rule " T "wanted add @wanted4 { oifname . ip daddr }\n"
	      "add rule " T "wanted jump wake\n"
	      "add rule " T "wanted counter name wanted drop\n",
	        out);
	fprintf(out, "add rule " T "wake limit rate %d/second burst %d packets log group %d\n",
	        NFT_WAKES_PER_SECOND, NFT_WAKES_PER_SECOND, NFT_WAKE_GROUP);
}

/* What a link cannot do without, to and from the gateway itself: neighbour discovery (RFC 4861: hop limit
 * 255), multicast listeners, address assignment, and errors about what a node sent. */
static const char local_rules[] =
        "add rule " T "received icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert }"
        " ip6 hoplimit 255 accept\n"
        "add rule " T "received icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report }"
        " ip6 hoplimit 1 accept\n"
        "add rule " T "received meta l4proto igmp accept\n"
        "add rule " T "received udp sport 546 udp dport 547 accept\n"
        "add rule " T "received udp sport 68 udp dport 67 accept\n"
        "add rule " T "received goto from_node\n"
        "add rule " T "sent icmpv6 type nd-redirect drop\n"
        "add rule " T "sent icmp type redirect drop\n"
        "add rule " T "sent icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert }"
        " ip6 hoplimit 255 accept\n"
        "add rule " T "sent icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done,"
        " mld2-listener-report } ip6 hoplimit 1 accept\n"
        "add rule " T "sent meta l4proto igmp accept\n"
        "add rule " T "sent udp sport 547 udp dport 546 accept\n"
        "add rule " T "sent udp sport 67 udp dport 68 accept\n"
        "add rule " T "sent icmpv6 type { destination-unreachable, packet-too-big, time-exceeded,"
        " parameter-problem } accept\n"
        "add rule " T "sent icmp type { destination-unreachable, time-exceeded, parameter-problem } accept\n"
        "add rule " T "sent ct state related tcp flags & rst == rst accept\n"
        "add rule " T "sent goto to_node\n";

/* Refused packets of nodes are answered, so that programs fail at once; the answer also makes the kernel ask
 * for the link-layer address of a source in the default segment that is not proven yet. */
static const char explain_rules[] =
        "add rule " T "explain limit rate over 500/second burst 1000 packets drop\n"
        "add rule " T "explain meta l4proto tcp reject with tcp reset\n"
        "add rule " T "explain reject with icmpx admin-prohibited\n";

/* So that a node that nobody knows cannot fill the table that all connections stand in: open ones are
 * counted, and those that it opens only to close them come slowly. */
static void write_crowd(FILE *out, uint8_t default_mark)
{
	unsigned unproven = default_mark | ENFORCER_MARK_UNPROVEN;
	fprintf(out,
	        "add rule " T "from_node ct state new meta mark { 0x%x, 0x%x } update @hasty"
	        " { ether saddr limit rate over %d/second burst %d packets } counter name crowded drop\n"
	        "add rule " T "from_node ct state new meta mark { 0x%x, 0x%x } add @openers"
	        " { ether saddr ct count over %d } counter name crowded drop\n",
	        default_mark, unproven, NFT_OPENINGS_RATE, NFT_OPENINGS_BURST, default_mark, unproven,
	        NFT_CONNECTIONS_MAX);
	/* No frame, no MAC address: by what a host in a softwire has one of. */
	fprintf(out,
	        "add rule " T
	        "from_node meta iiftype != ether ct state new meta mark 0x%x add @softwire_openers6"
	        " { ip6 saddr & ffff:ffff:ffff:ffff:: ct count over %d } counter name crowded drop\n"
	        "add rule " T
	        "from_node meta iiftype != ether ct state new meta mark 0x%x add @softwire_openers4"
	        " { ip saddr ct count over %d } counter name crowded drop\n",
	        default_mark, NFT_CONNECTIONS_MAX, default_mark, NFT_CONNECTIONS_MAX);
}

static void write_directions(FILE *out, const struct links *links, const struct ipc_segments *policy)
{
	uint8_t mark = nft_rules_default_segment(policy)->mark;
	fputs("add rule " T "from_node ct state invalid drop\n", out);
	if (!policy->is_watched)
		write_crowd(out, mark);
	write_map(out, "opening", policy, 0, "goto opens_%u");
	write_map(out, "answering", policy, 0, "goto answers_%u");
	fprintf(out,
	        "add element " T "opening { 0x%x : goto opens_unproven }\n"
	        "add element " T "answering { 0x%x : goto answers_unproven }\n"
	        "add rule " T "from_node ct direction original meta mark vmap @opening\n"
	        "add rule " T "from_node ct direction reply meta mark vmap @answering\n",
	        mark | ENFORCER_MARK_UNPROVEN, mark | ENFORCER_MARK_UNPROVEN);
	fputs("add rule " T "from_node drop\n", out);
	fputs("add rule " T "to_node ct state invalid drop\n"
	      "add rule " T "to_node jump receiver\n"
	      "add rule " T "to_node ct direction original goto judge\n"
	      "add rule " T "to_node ct direction reply meta mark set meta mark << 8 goto judge\n"
	      "add rule " T "to_node drop\n",
	        out);
	char initial[64];
	snprintf(initial, sizeof(initial), "meta mark set 0x%x", mark | ENFORCER_MARK_WANTED);
	fputs("add rule " T "receiver meta mark set 0x0\n", out);
	write_rule_on_links(out, "receiver", "oifname", links, FRAMED, initial);
	fputs("add rule " T "receiver meta mark set oifname . ip6 daddr map @nodes6\n"
	      "add rule " T "receiver meta mark set oifname . ip daddr map @nodes4\n",
	        out);
	for (size_t i = 0; i < links->count; i++)
		if (links->items[i].kind == LINK_SOFTWIRE)
			write_softwire_receiver(out, &links->items[i], i, mark);
}

static void write_chains(FILE *out, const struct ipc_segments *policy)
{
	static const struct {
		const char *name, *hook;
	} hooks[] = { { "guard", "prerouting priority -310" }, { "forward", "forward priority -5" },
		{ "input", "input priority -5" }, { "output", "output priority -5" },
		{ "leaving", "postrouting priority -5" } };
	for (size_t i = 0; i < ARRAY_LENGTH(hooks); i++)
		fprintf(out, "add chain " T "%s { type filter hook %s; policy accept; }\n", hooks[i].name,
		        hooks[i].hook);
	for (size_t i = 0; i < ARRAY_LENGTH(fixed_chains); i++)
		fprintf(out, "add chain " T "%s\n", fixed_chains[i]);
	for (size_t i = 0; i < policy->n_segments; i++)
		for (size_t j = 0; j < ARRAY_LENGTH(segment_chains); j++)
			fprintf(out, "add chain " T "%s%u\n", segment_chains[j], policy->segments[i].mark);
}

void nft_rules_write(
        FILE *out, const struct links *links, const struct ipc_segments *policy, uint16_t log_group)
{
	nft_frames_write(out, links, nft_rules_default_segment(policy)->mark, nft_rates_any(policy, true));
	fputs("flush table " T "\n", out);
	write_chains(out, policy);
	write_hooks(out, links, policy);
	fputs(local_rules, out);
	write_directions(out, links, policy);
	write_judge(out, policy);
	write_wanted(out);
	fputs(explain_rules, out);
	for (size_t i = 0; i < policy->n_segments; i++)
		write_segment(out, &policy->segments[i], log_group);
	nft_log_opened(out, policy, log_group);
	nft_rates_write(out, links, policy);
}
