/* SPDX-License-Identifier: ISC */
/*
 * Router and neighbour discovery inside a softwire: RFC 4861 and 4862 on a point-to-point link whose
 * interface identifiers IPV6CP has negotiated to be different (RFC 5072), with the DNS options of RFC 8106
 * and the host's retransmission of RFC 7559.
 *
 * The concentrator's end is the router (nd_router), the initiator's the host (nd_host). Both are sans-I/O:
 * whole IPv6 packets in and out, time and randomness are arguments, no memory is held. What the other role
 * alone may send (router advertisements and redirects to the router) is refused and counted. Every message
 * must have hop limit 255, a right checksum, code 0 and no option of length zero (RFC 4861 6.1, 7.1, 8.1), or
 * it is counted as malformed.
 *
 * Addresses from negotiated identifiers are unique on their link, so there is no duplicate address detection
 * of our own (RFC 5072 section 5, DupAddrDetectTransmits = 0); probes of the peer for an address of ours are
 * answered.
 */
#pragma once

#include "base/address.h"
#include "base/clock.h"
#include "proto/nd/domain.h"
#include "proto/nd/ip6.h"

#define ND_PREFIXES_MAX 16  /* one advertisement that we build; those that a host keeps */
#define ND_ADDRESSES_MAX 16 /* a host's, of all advertisements */
#define ND_DNS_MAX 8
#define ND_SEARCH_MAX 8        /* domains */
#define ND_INFINITE UINT32_MAX /* a lifetime in seconds */

#define ND_RA_INTERVAL_MIN_MS \
	200000 /* MinRtrAdvInterval, MaxRtrAdvInterval: RFC 4861 6.2.1, the defaults \
	        */
#define ND_RA_INTERVAL_MAX_MS 600000
#define ND_RA_LIFETIME_S 1800
#define ND_RA_SPACING_MS 3000 /* MIN_DELAY_BETWEEN_RAS */
#define ND_RA_BURST 3 /* solicitations that are answered in that time; a flood gets one more, at its end */

enum nd_type {
	ND_ROUTER_SOLICITATION = 133,
	ND_ROUTER_ADVERTISEMENT = 134,
	ND_NEIGHBOR_SOLICITATION = 135,
	ND_NEIGHBOR_ADVERTISEMENT = 136,
	ND_REDIRECT = 137,
};

/* What was received and sent, of all sessions that count here. refused_advertisement: a router advertisement
 * from an initiator; limited: solicitations answered later, by RFC 4861's limits; too_many: prefixes, servers
 * and domains above what is kept; ignored: not for us. */
#define ND_COUNTERS(X) \
	X(solicitations) \
	X(advertisements_sent) \
	X(neighbor_solicitations) \
	X(neighbor_advertisements) \
	X(refused_advertisement) \
	X(refused_redirect) \
	X(malformed) \
	X(limited) \
	X(solicitations_sent) \
	X(advertisements) \
	X(too_many) \
	X(ignored)
struct nd_counters {
#define X(name) uint64_t name;
	ND_COUNTERS(X)
#undef X
};

/* A prefix information option (RFC 4861 4.6.2). Lifetimes in seconds. */
struct nd_prefix {
	struct ip_prefix prefix;
	bool on_link, autonomous;
	uint32_t valid_s, preferred_s;
};

/* ---- messages ---- */

struct nd_advertisement {
	uint8_t hop_limit; /* 0: unspecified */
	bool managed, other;
	uint16_t lifetime_s; /* as a default router; 0: it is none */
	uint32_t reachable_ms, retransmit_ms;
	uint32_t mtu; /* 0: no option */
	struct nd_prefix prefixes[ND_PREFIXES_MAX];
	size_t n_prefixes;
	struct ip_address dns[ND_DNS_MAX];
	size_t n_dns;
	uint32_t dns_lifetime_s[ND_DNS_MAX]; /* each server's; when built, the first one's is said of all */
	char search[ND_SEARCH_MAX][DOMAIN_TEXT_SIZE]; /* without a final dot */
	size_t n_search;
	uint32_t search_lifetime_s[ND_SEARCH_MAX];
	size_t dropped; /* prefixes, servers and domains above the limits */
};

/* -EBADMSG for what RFC 4861 6.1.2 says to discard silently. Unknown options are skipped. */
int nd_read_advertisement(const struct ip6_packet *p, struct nd_advertisement *ret);
void nd_write_advertisement(struct ip6_output *out, const struct ip_address *source,
        const struct ip_address *destination, const struct nd_advertisement *a);

/* ---- router: the concentrator's end ---- */

/* The same for many sessions but for prefixes, and only needed during a call, so that a session costs no more
 * than struct nd_router. */
struct nd_router_config {
	struct ip_address link_local; /* ours, from the identifier that IPV6CP gave us */
	struct ip_address own;        /* a further address that we answer for; zero: none */
	uint16_t mtu;                 /* of inner packets; 0: not said */
	bool managed, other;          /* M: addresses by DHCPv6; O: further configuration by DHCPv6 */
	uint16_t lifetime_s;          /* ND_RA_LIFETIME_S; 0: not a default router */
	const struct nd_prefix *prefixes;
	size_t n_prefixes;
	const struct ip_address *dns;
	size_t n_dns;
	const char *const *search;
	size_t n_search;
	time_ms interval_min_ms, interval_max_ms; /* 0: ND_RA_INTERVAL_* */
	struct nd_counters *counters;
};

struct nd_router {
	time_ms due; /* of the next advertisement */
	time_ms last;
	uint8_t initial; /* left of the first ones, which come at 16 s at most (6.2.4) */
	uint8_t burst;   /* answered since last */
	bool up;
};

/* The link is up (IPV6CP opened): an advertisement is due at once. Also after its prefixes have changed
 * (renumbering): the new ones go out at once, and old ones that the config still has with lifetime 0 with
 * them. */
void nd_router_start(struct nd_router *r, time_ms now);
/* A packet from the initiator for which ip6_is_for_link() and which is ICMPv6. out: the answer, or length 0.
 */
void nd_router_receive(struct nd_router *r, const struct nd_router_config *c, const uint8_t *packet,
        size_t length, time_ms now, uint32_t random, struct ip6_output *out);
/* When nd_router_run() wants to be called next; INT64_MAX: never. */
time_ms nd_router_due(const struct nd_router *r);
void nd_router_run(struct nd_router *r, const struct nd_router_config *c, time_ms now, uint32_t random,
        struct ip6_output *out);
/* The last advertisement, router lifetime and all prefixes 0 (6.2.5): the link is about to go. Stops the
 * router. */
void nd_router_cease(struct nd_router *r, const struct nd_router_config *c, struct ip6_output *out);

/* ---- host: the initiator's end ---- */

struct nd_host_config {
	uint8_t interface_id[8]; /* ours, by IPV6CP */
	uint16_t mtu;            /* what PPP allows: an advertised MTU above it is not believed */
	struct nd_counters *counters;
};

/* Until when; INT64_MAX: for ever. */
struct nd_host_address {
	struct ip_address address;
	uint8_t length; /* of its prefix: 64 */
	bool preferred; /* may be used for new connections (RFC 4862 5.5.4) */
	time_ms preferred_until, valid_until;
};
struct nd_host_route {
	struct ip_prefix prefix; /* on-link */
	time_ms until;
};
struct nd_host_dns {
	struct ip_address address;
	time_ms until;
};
struct nd_host_domain {
	char name[DOMAIN_TEXT_SIZE];
	time_ms until;
};

/* All public for reading. */
struct nd_host {
	struct nd_host_config config;
	struct ip_address link_local, router; /* router: of the last advertisement; zero: none yet */
	time_ms router_until;                 /* the default route; 0: none */
	bool managed, other, heard;           /* heard: an advertisement came since nd_host_start() */
	uint16_t mtu;
	uint8_t hop_limit;
	struct nd_host_address addresses[ND_ADDRESSES_MAX];
	struct nd_host_route routes[ND_PREFIXES_MAX];
	struct nd_host_dns dns[ND_DNS_MAX];
	struct nd_host_domain search[ND_SEARCH_MAX];
	size_t n_addresses, n_routes, n_dns, n_search;
	time_ms solicit_due; /* INT64_MAX: enough are sent */
	int64_t solicit_ms;  /* RFC 7559's RT */
};

/* The link is up: forgets all, and solicits at once (no MAX_RTR_SOLICITATION_DELAY: nobody else is on this
 * link). */
void nd_host_start(struct nd_host *h, const struct nd_host_config *c, time_ms now);
/* A packet from the concentrator. True: addresses, routes, MTU or DNS servers are others now. Only the end
 * that has sent the first advertisement is listened to. */
bool nd_host_receive(
        struct nd_host *h, const uint8_t *packet, size_t length, time_ms now, struct ip6_output *out);
time_ms nd_host_due(const struct nd_host *h);
/* Solicits, and lets expire what is over; true as above. */
bool nd_host_run(struct nd_host *h, time_ms now, uint32_t random, struct ip6_output *out);

/* The host's state but for its config, for a process that comes after this one. w fails where there is no
 * room: ND_HOST_RECORD_MAX bytes are enough. */
#define ND_HOST_RECORD_MAX 3400
void nd_host_write(const struct nd_host *h, struct writer *w);
/* r is failed for what is not such a record. h has no config then: nd_host_resume() gives it one before
 * anything else, and solicits, because an advertisement may have come to nobody meanwhile. */
void nd_host_read(struct nd_host *h, struct reader *r);
void nd_host_resume(struct nd_host *h, const struct nd_host_config *c, time_ms now);
