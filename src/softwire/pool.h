/* SPDX-License-Identifier: ISC */
/*
 * Pools of addresses and prefixes, and who has what. A lease is one IPv4 address, one framed /64 or one
 * delegated prefix; leases that are in use never overlap, whether they come from a pool or were fixed by
 * RADIUS. An identity (machine and user) gets from the same pool the same as before, after a reconnect and
 * after a restart, a crash included: leases are written to a journal of our own (one line a change, checked,
 * compacted when it has grown), and pool_commit() once a turn of the event loop makes the turn's changes
 * durable with one sync.
 *
 * A lease that nobody uses is remembered until its pool is short; then the one that was let go longest ago
 * goes to somebody else. An identity without a name (anonymous) is not remembered.
 *
 * From an IPv4 pool of /30 or wider the first address, the one after it, and the last are not given: the
 * second is the concentrator's own (pool_own()). From a framed pool of more than one /64 the first is the
 * concentrator's own.
 */
#pragma once

#include "base/address.h"
#include "base/clock.h"
#include "base/error.h"

#define POOL_MAX 64
#define POOL_NAME_MAX 31
#define POOL_LEASES_MAX (1u << 17) /* of one pool, in use and remembered */
#define POOL_FIXED_MAX (1u << 17)  /* fixed by RADIUS, in use and remembered */
#define POOL_DELEGATED_LENGTH 56

enum pool_kind { POOL_IPV4, POOL_FRAMED, POOL_DELEGATED, POOL_N_KINDS };

struct pool_range {
	char name[POOL_NAME_MAX + 1];
	enum pool_kind kind;
	struct ip_prefix range;
	uint8_t length; /* of what is given, in 128 bits: 128, 64, or a delegated prefix's */
};

/* "staff ipv4 10.9.0.0/20", "staff framed 2001:db8:9000::/40", "staff delegated 2001:db8:a000::/36 length
 * 56". -EINVAL with words. */
int pool_range_parse(const char *text, struct pool_range *ret, struct error *err);

/* Who holds a lease. machine: IKE identity, user: PPP user; both "" or NULL: anonymous. session: a number
 * that no other living session has; a lease that its identity has taken over by a newer session is not let go
 * by the older one. */
struct pool_holder {
	const char *machine, *user;
	uint64_t session;
};

struct pool_counters {
	uint64_t given, given_again; /* given_again: the same as before */
	uint64_t full, conflicts;    /* refused */
	uint64_t forgotten;          /* remembered ones that had to go */
};

struct pool_state {
	const struct pool_range *range;
	uint64_t capacity; /* 2^62 at most */
	size_t in_use, remembered;
};

struct pools;

/* Ranges may not overlap each other; the same name may be there several times for a kind, which are used in
 * turn. journal_path: NULL = nothing survives. now: wall time. -EINVAL for ranges, else the file's error; a
 * journal whose end is torn is cut there, and leases that fit no range any more are dropped. */
int pools_new(const struct pool_range *ranges, size_t n_ranges, const char *journal_path, time_ms now,
        struct pools **ret, struct error *err);
/* Commits first. NULL in, NULL out. */
struct pools *pools_free(struct pools *p);

/* The identity's lease of this kind from the pool of this name. -ENOSPC: full; -ENOENT: no such pool of that
 * kind. */
int pool_take(struct pools *p, const char *name, enum pool_kind kind, const struct pool_holder *holder,
        time_ms now, struct ip_prefix *ret, struct error *err);
/* A value that RADIUS has fixed. -EADDRINUSE with words where it overlaps what another living identity has.
 */
int pool_take_fixed(struct pools *p, const struct ip_prefix *value, const struct pool_holder *holder,
        time_ms now, struct error *err);
/* The session is over: all that its identity holds and that no newer session of it has taken is let go. */
void pool_let_go(struct pools *p, const struct pool_holder *holder, time_ms now);

/* Whether a value lies in one of the ranges: what RADIUS fixes should, or in a configured route. */
bool pool_covers(const struct pools *p, const struct ip_prefix *value);

/* The concentrator's own address in an IPv4 pool, or ::1 of the first /64 of a framed pool. -ENOENT. */
int pool_own(const struct pools *p, const char *name, enum pool_kind kind, struct ip_address *ret);

/* True while changes wait to be made durable. */
bool pool_has_work(const struct pools *p);
int pool_commit(struct pools *p, time_ms now, struct error *err);
/* The same without waiting for the disk: the changes are written, and durable when the descriptor has been
 * synced, which the caller does (in whatever thread), and closes; -1: there is nothing to sync. */
int pool_commit_begin(struct pools *p, time_ms now, int *ret_fd, struct error *err);
/* The sync has failed: the next commit writes everything anew. */
void pool_commit_failed(struct pools *p, time_ms now);

size_t pool_count(const struct pools *p);
void pool_get_state(const struct pools *p, size_t i, struct pool_state *ret);
void pool_get_counters(const struct pools *p, struct pool_counters *ret);
