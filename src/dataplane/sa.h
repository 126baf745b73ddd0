/* SPDX-License-Identifier: ISC */
/*
 * The SAs that charon's plugin told, of both directions. Workers find an inbound one by its SPI, which this
 * side chose; an outbound one belongs to the association that sends on it. An SA's keys are esp.h's.
 */
#pragma once

#include "base/clock.h"
#include "base/table.h"
#include "dataplane/map.h"
#include "dataplane/path.h"
#include "dataplane/reclaim.h"
#include "ipc/ipc.h"
#include "proto/esp/esp.h"

#include <urcu/pointer.h>

#define SA_MAX 262144 /* of both directions */
#define SA_L2TP_PORT 1701

struct association;

struct sa {
	struct map_node node; /* inbound; key: the SPI */
	struct esp_sa *esp;   /* NULL: ESP is the kernel's, which gives and takes UDP to port 1701 */
	struct path *path;    /* outbound: where to; inbound: where from. QSBR */
	struct association *association; /* QSBR; NULL before CHILD and after its end */
	_Atomic uint64_t newest;         /* inbound: the highest sequence number that was opened */
	_Atomic bool move_told;          /* a worker told main of another source, and main did not look yet */
	_Atomic int64_t used_ms;
	/* For main only. */
	struct sa *of_association;
	uint32_t spi, reqid;
	bool inbound, encapsulated, soft_told, hard_told;
	struct ip_address destination; /* with the SPI, its name */
	time_ms soft_at, hard_at;      /* monotonic; 0: never */
	uint64_t told_packets;
};

struct sa_table {
	struct map inbound;
	struct table *by_name; /* (spi, destination) -> struct sa */
	struct reclaim *reclaim;
};

void sa_table_init(struct sa_table *t, struct reclaim *reclaim, uint64_t random);
void sa_table_clear(struct sa_table *t); /* nobody reads any more */
/* -EEXIST: another has its name (or, inbound, its SPI); -ENOSPC: SA_MAX; -EADDRNOTAVAIL: not an address of
 * ours; or what esp_sa_new() says. */
int sa_add(struct sa_table *t, const struct dataplane_config *config, const struct ipc_sa_add *m, time_ms now,
        struct sa **ret, struct error *err);
struct sa *sa_find(const struct sa_table *t, uint32_t spi, const struct ip_address *destination);
static inline struct sa *sa_find_inbound(const struct sa_table *t, uint32_t spi)
{
	return (struct sa *)map_find(&t->inbound, spi);
}
/* Where ESP is the kernel's: what stands for a peer's SPI (messages.def). */
static inline uint32_t sa_peer_key(const struct ip_address *peer)
{
	uint32_t key = 0;
	for (int i = 0; i < 16; i++)
		key ^= (uint32_t)peer->bytes[i] << (24 - i % 4 * 8);
	return key;
}
/* The kernel's SA of that peer, or NULL. For workers too. */
static inline struct sa *sa_find_kernel(const struct sa_table *t, const struct ip_address *peer)
{
	struct sa *sa = sa_find_inbound(t, sa_peer_key(peer));
	return sa && ip_equal(&rcu_dereference(sa->path)->remote, peer) ? sa : NULL;
}
/* Gives it another path; takes p over. */
void sa_set_path(struct sa_table *t, struct sa *sa, struct path *p);
/* Gives it another destination, where that is its name. -EEXIST. */
int sa_rename(struct sa_table *t, struct sa *sa, const struct ip_address *destination);
/* Takes it out; the association must have forgotten it. */
void sa_remove(struct sa_table *t, struct sa *sa);
