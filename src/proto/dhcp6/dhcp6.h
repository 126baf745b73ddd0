/* SPDX-License-Identifier: ISC */
/*
 * DHCPv6 (RFC 8415) inside a softwire: prefix delegation (IA_PD), an address where a profile gives one
 * (IA_NA), and DNS (RFC 3646). The concentrator's end is the server, the initiator's the client; the link has
 * no others, so there are no relays, and a server has one client: what it answers is what AAA or the pool has
 * given to the session, which is why it keeps next to nothing.
 *
 * Sans-I/O: whole IPv6 packets in and out, time and randomness are arguments, no memory is held. What a
 * client may not send (Advertise, Reply, Reconfigure, relay messages) is refused by the server and counted;
 * Reconfigure is refused by the client, which never says that it accepts one.
 */
#pragma once

#include "base/address.h"
#include "base/clock.h"
#include "proto/nd/domain.h"
#include "proto/nd/ip6.h"

#define DHCP6_CLIENT_PORT 546
#define DHCP6_SERVER_PORT 547
#define DHCP6_DUID_MAX 130 /* RFC 8415 11.1: a type and at most 128 bytes */
#define DHCP6_DUID_MIN 3
#define DHCP6_PREFIXES_MAX 8 /* one session's */
#define DHCP6_ADDRESSES_MAX 4
#define DHCP6_DNS_MAX 8
#define DHCP6_SEARCH_MAX 8
#define DHCP6_IAS_MAX \
	4 /* identity associations in one message that are answered; more are ignored and counted */
#define DHCP6_OPTIONS_MAX 64 /* in one message, all levels together */
#define DHCP6_INFINITE UINT32_MAX

enum dhcp6_type {
	DHCP6_SOLICIT = 1,
	DHCP6_ADVERTISE,
	DHCP6_REQUEST,
	DHCP6_CONFIRM,
	DHCP6_RENEW,
	DHCP6_REBIND,
	DHCP6_REPLY,
	DHCP6_RELEASE,
	DHCP6_DECLINE,
	DHCP6_RECONFIGURE,
	DHCP6_INFORMATION_REQUEST,
	DHCP6_RELAY_FORW,
	DHCP6_RELAY_REPL,
};

/* What was received and sent, of all sessions that count here. refused_server_message: an initiator sent
 * Advertise, Reply or Reconfigure; other_server: for another server's DUID; from `sent` on a client's;
 * failed: status codes that refuse. */
#define DHCP6_COUNTERS(X) \
	X(solicits) \
	X(requests) \
	X(confirms) \
	X(renews) \
	X(rebinds) \
	X(releases) \
	X(declines) \
	X(information_requests) \
	X(advertises_sent) \
	X(replies_sent) \
	X(no_binding_sent) \
	X(no_prefix_sent) \
	X(refused_server_message) \
	X(refused_relay) \
	X(malformed) \
	X(other_server) \
	X(too_many) \
	X(ignored) \
	X(sent) \
	X(advertises) \
	X(replies) \
	X(refused_reconfigure) \
	X(failed)
struct dhcp6_counters {
#define X(name) uint64_t name;
	DHCP6_COUNTERS(X)
#undef X
};

struct dhcp6_duid {
	uint8_t bytes[DHCP6_DUID_MAX];
	uint8_t length;
};

/* A DUID-UUID (RFC 6355) from 16 bytes that stay the same for ever. */
void dhcp6_duid_from_uuid(struct dhcp6_duid *ret, const uint8_t uuid[16]);

/* ---- server: the concentrator's end ---- */

/* Only needed during a call. The lists are what this session was given. */
struct dhcp6_server_config {
	const struct dhcp6_duid *duid; /* the server's, the same across restarts */
	struct ip_address link_local;  /* ours on this link */
	bool rapid_commit;
	uint32_t preferred_s, valid_s; /* of what is given; T1 and T2 are 0.5 and 0.8 of preferred_s */
	const struct ip_prefix *delegated;
	size_t n_delegated;
	const struct ip_address *addresses; /* for IA_NA */
	size_t n_addresses;
	const struct ip_address *dns;
	size_t n_dns;
	const char *const *search;
	size_t n_search;
	uint32_t sol_max_rt_s; /* 0: not said */
	struct dhcp6_counters *counters;
};

/* A session's part: which client is bound. A new client on the link (another DUID) takes over, since the link
 * belongs to one initiator. */
struct dhcp6_server {
	uint32_t iaid_pd, iaid_na;
	uint64_t client; /* a digest of its DUID */
	time_ms until;   /* of the binding */
	bool pd_bound, na_bound;
};

enum dhcp6_server_event {
	DHCP6_SERVER_NOTHING,
	DHCP6_SERVER_BOUND,    /* the client has (again) what the session was given */
	DHCP6_SERVER_RELEASED, /* the client gave it back; it may ask again */
};

void dhcp6_server_start(struct dhcp6_server *s);
/* A UDP packet from the initiator for which ip6_is_for_link(). out: the answer, or length 0. */
enum dhcp6_server_event dhcp6_server_receive(struct dhcp6_server *s, const struct dhcp6_server_config *c,
        const uint8_t *packet, size_t length, time_ms now, struct ip6_output *out);

/* ---- client: the initiator's end ---- */

struct dhcp6_client_config {
	struct dhcp6_duid duid; /* the same for ever */
	uint32_t iaid;
	struct ip_address link_local;                 /* ours */
	bool rapid_commit, want_prefix, want_address; /* neither: Information-Request, for DNS only */
	struct ip_prefix hint; /* the prefix that it had before; length 0: none. Its address may be :: */
	struct dhcp6_counters *counters;
};

enum dhcp6_client_state {
	DHCP6_IDLE,
	DHCP6_SOLICITING,
	DHCP6_REQUESTING,
	DHCP6_BOUND,
	DHCP6_RENEWING,
	DHCP6_REBINDING,
	DHCP6_RELEASING,
	DHCP6_INFORMING, /* Information-Request */
	DHCP6_INFORMED,
	DHCP6_N_STATES
};

/* Until when; INT64_MAX: for ever. */
struct dhcp6_client_prefix {
	struct ip_prefix prefix;
	time_ms preferred_until, valid_until;
};

/* All public for reading. */
struct dhcp6_client {
	struct dhcp6_client_config config;
	enum dhcp6_client_state state;
	struct dhcp6_client_prefix prefixes[DHCP6_PREFIXES_MAX];
	struct dhcp6_client_prefix addresses[DHCP6_ADDRESSES_MAX]; /* of length 128 */
	struct ip_address dns[DHCP6_DNS_MAX];
	char search[DHCP6_SEARCH_MAX][DOMAIN_TEXT_SIZE];
	size_t n_prefixes, n_addresses, n_dns, n_search;
	/* What the messages name: offered by the server, or held and given back. */
	struct ip_prefix offered[DHCP6_PREFIXES_MAX], offered_addresses[DHCP6_ADDRESSES_MAX];
	size_t n_offered, n_offered_addresses;
	struct dhcp6_duid server;
	uint32_t xid;
	time_ms began, due, t1, t2; /* of this exchange; next send; Renew; Rebind */
	int64_t rt_ms, sol_max_rt_ms, inf_max_rt_ms;
	unsigned sent;
	uint16_t refused; /* the last status code that refused us (RFC 8415 21.13), 0: none */
};

/* The link is up. random here and below: all 64 bits are used, fresh ones each call. */
void dhcp6_client_start(
        struct dhcp6_client *c, const struct dhcp6_client_config *config, time_ms now, uint64_t random);
/* A packet from the concentrator. True: prefixes, addresses or DNS servers are others now. */
bool dhcp6_client_receive(struct dhcp6_client *c, const uint8_t *packet, size_t length, time_ms now,
        uint64_t random, struct ip6_output *out);
/* INT64_MAX: never. */
time_ms dhcp6_client_due(const struct dhcp6_client *c);
/* Sends what is due, and lets expire what is over; true as above. */
bool dhcp6_client_run(struct dhcp6_client *c, time_ms now, uint64_t random, struct ip6_output *out);
/* Gives all back: a Release, repeated by dhcp6_client_run() until answered. What was leased is empty at once.
 */
void dhcp6_client_release(struct dhcp6_client *c, time_ms now, uint64_t random, struct ip6_output *out);

/* The client's state but for its config, for a process that comes after this one; as nd_host_write() and its
 * like (nd.h). An exchange that is under way goes on with its number and its times. */
#define DHCP6_CLIENT_RECORD_MAX 3200
void dhcp6_client_write(const struct dhcp6_client *c, struct writer *w);
void dhcp6_client_read(struct dhcp6_client *c, struct reader *r);
void dhcp6_client_resume(struct dhcp6_client *c, const struct dhcp6_client_config *config);
