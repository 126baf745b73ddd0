/* SPDX-License-Identifier: ISC */
/* What one session was given: by AAA's profile where that says, else from the pools. */
#pragma once

#include "softwire/aaa.h"
#include "softwire/options.h"
#include "softwire/pool.h"

#define ASSIGNMENT_PREFIXES_MAX 31 /* with the IPv4 address, what a SESSION message takes */

struct assignment {
	bool ipv4, ipv6;
	uint8_t n_framed, n_delegated, n_addresses, n_routes; /* of prefixes, in this order */
	uint8_t interface_id[8];                              /* the peer's; zero: any */
	struct ip_address ipv4_address, ipv4_own;
	struct ip_prefix *prefixes; /* owned; addresses are /128 */
	uint8_t n_dns;
	struct ip_address dns[SOFTWIRE_DNS_MAX]; /* both families */
};

/* -ENOSPC, -EADDRINUSE, ...: err has the words, and nothing is taken. 1: a pool is full (err says which), and
 * the session goes on without what it would have given: a family that fails does not take the other down.
 * profile may be NULL (anonymous). asked_user: as the peer said it, whose realm chose the AAA server; may be
 * NULL. */
int assignment_take(const struct softwire_options *o, struct pools *pools, const struct aaa_profile *profile,
        const char *asked_user, const struct pool_holder *holder, time_ms wall, struct assignment *ret,
        struct error *err);
/* After a restart: the same again, for a session that lives. */
int assignment_take_again(const struct assignment *a, struct pools *pools, const struct pool_holder *holder,
        time_ms wall, struct error *err);
/* Whether pools and routes still cover all of it. -EADDRNOTAVAIL. */
int assignment_is_permitted(const struct softwire_options *o, const struct pools *pools,
        const struct assignment *a, struct error *err);
void assignment_clear(struct assignment *a);
static inline size_t assignment_count(const struct assignment *a)
{
	return (size_t)a->n_framed + a->n_delegated + a->n_addresses + a->n_routes;
}
static inline const struct ip_prefix *assignment_delegated(const struct assignment *a)
{
	return a->prefixes + a->n_framed;
}
static inline const struct ip_prefix *assignment_addresses(const struct assignment *a)
{
	return a->prefixes + a->n_framed + a->n_delegated;
}
