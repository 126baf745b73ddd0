/* SPDX-License-Identifier: ISC */
/*
 * Associations: what protects one L2TP peer, a CHILD_SA through its rekeyings. Main changes them; workers see
 * `out`, path_mtu and the limiter. A rekeyed CHILD_SA belongs to the association of its IKE_SA; an IKE_SA
 * that was rekeyed is known by its CHILD_SA. When charon went, its associations live on as orphans until
 * their peer comes back by its identity, or their SAs' hard lifetimes end.
 */
#pragma once

#include "dataplane/sa.h"
#include "dataplane/session.h"

#define ASSOCIATION_MAX 65535
#define ASSOCIATION_PUNT_RATE 200 /* L2TP control messages a second, of one association */
#define ASSOCIATION_PUNT_BURST 400
#define ASSOCIATION_MTU_MS 600000 /* after which a path MTU that was told is forgotten: RFC 1191 6.3 */

struct association {
	struct map_node node; /* key: its number */
	struct sa *out;       /* QSBR: what is sent on; NULL: nothing can be */
	_Atomic uint16_t path_mtu;
	struct limiter punts;
	/* For main only. */
	struct sa *sas;
	struct session *sessions;
	char *name, *identity, *eap_identity;
	uint32_t ike, reqid;
	uint8_t authentication;
	bool orphan;
	time_ms mtu_until;               /* 0: path_mtu is the routes' word */
	struct association *next_orphan; /* of the same identity */
};

struct association_table {
	struct map by_number;
	struct table *by_ike;  /* (ike, reqid) -> association */
	struct table *orphans; /* identity -> association */
	struct sa_table *sas;
	struct session_table *sessions;
	struct reclaim *reclaim;
	uint32_t last; /* number that was given */
};

void association_table_init(struct association_table *t, struct sa_table *sas, struct session_table *sessions,
        struct reclaim *reclaim, uint64_t random);
void association_table_clear(struct association_table *t);
static inline struct association *association_find(const struct association_table *t, uint32_t number)
{
	return (struct association *)map_find(&t->by_number, number);
}

/* What CHILD with up says. ret_new: the association did not exist before. -ENOENT: an SA that was not told;
 * -ENOSPC: ASSOCIATION_MAX. */
int association_child_up(struct association_table *t, const struct ipc_child *m, struct association **ret,
        bool *ret_new, struct error *err);
/* Takes one SA away from its association, if it has any; the newest other one of its direction takes over.
 * True: it was the association's last inbound SA or its last outbound one. */
bool association_drop_sa(struct association_table *t, struct sa *sa);
/* Its SAs and its sessions go, then itself; it may be looked at until the reclaiming. */
void association_end(struct association_table *t, struct association *a);
/* charon went: what it made is an orphan now. */
void association_orphan_all(struct association_table *t);
/* An orphan with the identities of a, if there is any: its peer came back as a. */
struct association *association_find_orphan(const struct association_table *t, const struct association *a);

/* The peer, or this side, has another address: on all its SAs that go by the same path as sa. */
int association_move(struct association_table *t, const struct dataplane_config *config, struct sa *sa,
        const struct path *to);

void association_add_session(struct association *a, struct session *s); /* a: may be NULL */
void association_forget_session(struct session *s);

/* The most bytes that ESP and UDP add to a datagram on an SA. */
uint16_t association_overhead(const struct sa *out);
/* The longest inner packet that goes on a path MTU, under headers of so many bytes (UDP, L2TP, PPP) inside
 * ESP; sa NULL: in clear. At least 0. */
uint16_t association_inner_max(const struct sa *out, bool v4, uint16_t path_mtu, uint16_t headers);
