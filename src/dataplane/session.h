/* SPDX-License-Identifier: ISC */
/*
 * The L2TP sessions whose data passes: what control said with SESSION, found by (tunnel, session) on the way
 * in and by the longest prefix on the way out. Main changes them, workers read them under QSBR: a session
 * does not change, it is replaced; what goes on through a replacement (counters, limits, numbers) is its
 * state.
 */
#pragma once

#include "dataplane/limiter.h"
#include "dataplane/map.h"
#include "dataplane/packet.h"
#include "dataplane/path.h"
#include "dataplane/trie.h"
#include "ipc/ipc.h"

#define SESSION_BURST_NS 50000000LL     /* of a rate limit: 50 ms, */
#define SESSION_BURST_BYTES_MIN 131072u /* and at least two super packets */
#define SESSION_PUNT_RATE 50            /* frames a second to control, of one session */
#define SESSION_PUNT_BURST 100
#define SESSION_MTU_MIN 576 /* of IPv4; below 1280 there is no IPv6 */

/* One worker's part; a cache line. */
struct session_counters {
	uint64_t in_packets, in_bytes, out_packets, out_bytes;
	uint64_t spoofed, limited, dropped;
	int64_t last_in_ms;
} __attribute__((aligned(64)));

struct session_state {
	struct limiter in, out, punts;
	_Atomic uint32_t ns_out;   /* the next one; its low 16 bits */
	_Atomic uint32_t ns_in;    /* the next one that is expected; bit 16: some was seen */
	_Atomic uint16_t path_mtu; /* of outer packets; in clear, where no association keeps it */
	struct session_counters counters[];
};

struct association;

struct session {
	struct map_node node; /* key: session_key() */
	uint16_t tunnel, session, peer_tunnel, peer_session;
	uint16_t local_port, remote_port;
	uint16_t mtu;
	bool ipv4, ipv6, sequencing;
	uint8_t n_all; /* of prefixes and own */
	uint64_t rate_in, rate_out;
	struct association *association; /* NULL: in clear */
	struct path *path;               /* in clear */
	struct session *of_association;  /* the next one of the same association */
	struct session_state *state;
	struct packet_prefixes prefixes, own;
	struct ip_prefix all[];
};

struct session_table {
	struct map by_key;
	struct trie by_prefix;
	struct reclaim *reclaim;
	unsigned n_counters; /* workers that count */
};

static inline uint32_t session_key(uint16_t tunnel, uint16_t session)
{
	return (uint32_t)tunnel << 16 | session;
}

void session_table_init(
        struct session_table *t, struct reclaim *reclaim, unsigned n_counters, uint64_t random);
void session_table_clear(struct session_table *t); /* nobody reads any more */
static inline struct session *session_find(const struct session_table *t, uint16_t tunnel, uint16_t session)
{
	return (struct session *)map_find(&t->by_key, session_key(tunnel, session));
}
/* The session whose side an inner address is on, or NULL. */
static inline struct session *session_route(const struct session_table *t, const struct ip_address *a)
{
	return (struct session *)trie_find(&t->by_prefix, a);
}
/* Adds or replaces. -ENOSPC: DATAPLANE_SESSIONS_MAX; -EINVAL: ids of 0, an MTU below SESSION_MTU_MIN;
 * -EADDRNOTAVAIL: in clear, and no such local address. A prefix that another session has is taken from it:
 * the one that came later is the one that is there. */
int session_set(struct session_table *t, const struct dataplane_config *config, const struct ipc_session *m,
        struct association *association, struct session **ret);
void session_remove(struct session_table *t, struct session *s);
void session_count(const struct session_table *t, const struct session *s, struct ipc_session_count *ret);
