/* SPDX-License-Identifier: ISC */
#include "softwire/assignment.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

struct taking {
	const struct softwire_options *o;
	struct pools *pools;
	const struct aaa_profile *profile;
	const struct pool_holder *holder;
	time_ms wall;
	struct assignment *a;
	struct ip_prefix prefixes[ASSIGNMENT_PREFIXES_MAX];
	size_t n;
	struct error *err;
	const char *realm;
	bool is_short;
	struct error shortage; /* of the first pool that is full */
};

static bool leads_here(const struct softwire_route *r, const char *realm, const struct ip_prefix *p)
{
	return strcasecmp(r->realm, realm) == 0 && p->length >= r->prefix.length &&
	        ip_in_prefix(&p->address, &r->prefix);
}

/* What AAA gives must lead to the peers here. Else a server, or a proxy on the way to one, could let a peer
 * be anybody: what a session has, its packets may come from. The AAA of a realm with routes of its own gives
 * from those alone: a partner's server cannot make its users ours. */
static bool is_permitted(const struct taking *t, const struct ip_prefix *p)
{
	bool own = false, by_realm = false, by_all = pool_covers(t->pools, p);
	for (size_t i = 0; i < t->o->n_routes; i++) {
		const struct softwire_route *r = &t->o->routes[i];
		own = own || (*t->realm && strcasecmp(r->realm, t->realm) == 0);
		by_realm = by_realm || (*t->realm && leads_here(r, t->realm, p));
		by_all = by_all || leads_here(r, "", p);
	}
	return own ? by_realm : by_all;
}

static int take_permitted(struct taking *t, const struct ip_prefix *p)
{
	char text[IP_TEXT_SIZE];
	if (!is_permitted(t, p))
		return error_set(t->err, -EADDRNOTAVAIL,
		        "AAA gives %s, which its users may not have: it lies in no pool and no \"route\"; if "
		        "it "
		        "is to lead here, add \"route = %s%s%s\"",
		        ip_prefix_format(p, text), text, *t->realm ? " " : "", t->realm);
	return pool_take_fixed(t->pools, p, t->holder, t->wall, t->err);
}

static int take_fixed(struct taking *t, const struct ip_prefix *p)
{
	if (t->n == ASSIGNMENT_PREFIXES_MAX)
		return error_set(t->err, -E2BIG, "AAA gives more than %d prefixes", ASSIGNMENT_PREFIXES_MAX);
	int r = take_permitted(t, p);
	if (r == 0)
		t->prefixes[t->n++] = *p;
	return r;
}

/* From the pool of this name. Without a pool of that kind there is none, which is no failure of the session
 * unless AAA named it; nor is a pool that is full, as long as there is something else. */
static int take_pooled(struct taking *t, const char *name, enum pool_kind kind, struct ip_prefix *ret)
{
	bool named = name && *name;
	int r = pool_take(t->pools, named ? name : t->o->pool, kind, t->holder, t->wall, ret, t->err);
	if (r == -ENOSPC && !t->is_short) {
		t->is_short = true;
		t->shortage = *t->err;
	}
	return r == -ENOSPC || (r == -ENOENT && !named) ? 1 : r;
}

static struct ip_prefix host_prefix(const struct ip_address *a)
{
	return (struct ip_prefix){ *a, 128 };
}

static int take_ipv4(struct taking *t)
{
	static const struct ip_address dummy = {
		{ [10] = 255, [11] = 255, [12] = 192, [15] = 8 }
	}; /* RFC 7600 */
	const struct aaa_profile *p = t->profile;
	struct ip_prefix taken;
	int r;
	if (!t->o->ipv4)
		return 0;
	if (p && (p->has & AAA_HAS_IPV4)) {
		taken = host_prefix(&p->ipv4);
		r = take_permitted(t, &taken);
	} else {
		r = take_pooled(t, p ? p->pool : NULL, POOL_IPV4, &taken);
	}
	if (r != 0)
		return r < 0 ? r : 0;
	t->a->ipv4 = true;
	t->a->ipv4_address = taken.address;
	if (pool_own(t->pools, p && *p->pool ? p->pool : t->o->pool, POOL_IPV4, &t->a->ipv4_own) < 0)
		t->a->ipv4_own = dummy;
	return 0;
}

/* The prefixes of one kind: AAA's, or one of the pool. Returns how many. */
static int take_kind(struct taking *t, const struct ip_prefix *fixed, size_t n_fixed, const char *pool,
        enum pool_kind kind)
{
	const size_t before = t->n;
	int r = 0;
	for (size_t i = 0; i < n_fixed && r == 0; i++)
		r = take_fixed(t, &fixed[i]);
	if (n_fixed == 0 && t->n < ASSIGNMENT_PREFIXES_MAX &&
	        (r = take_pooled(t, pool, kind, &t->prefixes[t->n])) == 0)
		t->n++;
	return r < 0 ? r : (int)(t->n - before);
}

static int take_ipv6(struct taking *t)
{
	const struct aaa_profile *p = t->profile;
	struct assignment *a = t->a;
	if (!t->o->ipv6)
		return 0;
	int r = take_kind(
	        t, p ? p->prefixes : NULL, p ? p->n_prefixes : 0, p ? p->ipv6_pool : NULL, POOL_FRAMED);
	if (r < 0)
		return r;
	a->n_framed = (uint8_t)r;
	r = take_kind(t, p ? p->delegated : NULL, p ? p->n_delegated : 0, p ? p->delegated_pool : NULL,
	        POOL_DELEGATED);
	if (r < 0)
		return r;
	a->n_delegated = (uint8_t)r;
	for (size_t i = 0; p && i < p->n_addresses; i++) {
		struct ip_prefix one = host_prefix(&p->addresses[i]);
		if ((r = take_fixed(t, &one)) < 0)
			return r;
		a->n_addresses++;
	}
	a->ipv6 = a->n_framed + a->n_delegated + a->n_addresses > 0;
	if (p && (p->has & AAA_HAS_INTERFACE_ID))
		memcpy(a->interface_id, p->interface_id, 8);
	return 0;
}

static int take_routes(struct taking *t)
{
	int r = 0;
	for (size_t i = 0; t->profile && i < t->profile->n_routes && r == 0; i++) {
		r = take_fixed(t, &t->profile->routes[i]);
		t->a->n_routes += r == 0;
	}
	return r;
}

static void add_dns(struct assignment *a, const struct ip_address *dns, size_t n)
{
	for (size_t i = 0; i < n && a->n_dns < SOFTWIRE_DNS_MAX; i++)
		a->dns[a->n_dns++] = dns[i];
}

int assignment_take(const struct softwire_options *o, struct pools *pools, const struct aaa_profile *profile,
        const char *asked_user, const struct pool_holder *holder, time_ms wall, struct assignment *ret,
        struct error *err)
{
	struct assignment a = { 0 };
	const char *at = asked_user ? strrchr(asked_user, '@') : NULL;
	struct taking t = { .o = o,
		.pools = pools,
		.profile = profile,
		.holder = holder,
		.wall = wall,
		.a = &a,
		.err = err,
		.realm = at ? at + 1 : "" };
	int r = take_ipv4(&t);
	if (r == 0)
		r = take_ipv6(&t);
	if (r == 0)
		r = take_routes(&t);
	if (r == 0 && !a.ipv4 && !a.ipv6)
		r = error_set(err, -ENOSPC, "%s",
		        t.is_short ? t.shortage.text : "neither AAA nor a pool has an address for it");
	if (r < 0) {
		pool_let_go(pools, holder, wall);
		return r;
	}
	if (t.n)
		a.prefixes = xmemdup(t.prefixes, t.n * sizeof(*t.prefixes));
	if (profile) {
		add_dns(&a, profile->dns4, profile->n_dns4);
		add_dns(&a, profile->dns6, profile->n_dns6);
	}
	if (a.n_dns == 0)
		add_dns(&a, o->dns, o->n_dns);
	*ret = a;
	if (t.is_short)
		*err = t.shortage;
	return t.is_short;
}

int assignment_take_again(const struct assignment *a, struct pools *pools, const struct pool_holder *holder,
        time_ms wall, struct error *err)
{
	struct ip_prefix ipv4 = host_prefix(&a->ipv4_address);
	int r = a->ipv4 ? pool_take_fixed(pools, &ipv4, holder, wall, err) : 0;
	for (size_t i = 0; i < assignment_count(a) && r == 0; i++)
		r = pool_take_fixed(pools, &a->prefixes[i], holder, wall, err);
	return r;
}

static int still_leads_here(const struct softwire_options *o, const struct pools *pools,
        const struct ip_prefix *p, struct error *err)
{
	char text[IP_TEXT_SIZE];
	bool covered = pool_covers(pools, p);
	for (size_t i = 0; i < o->n_routes && !covered; i++)
		covered = leads_here(&o->routes[i], o->routes[i].realm, p);
	return covered ? 0
	               : error_set(err, -EADDRNOTAVAIL, "%s lies in no pool and no route any more",
	                         ip_prefix_format(p, text));
}

int assignment_is_permitted(const struct softwire_options *o, const struct pools *pools,
        const struct assignment *a, struct error *err)
{
	const struct ip_prefix ipv4 = host_prefix(&a->ipv4_address);
	int r = a->ipv4 ? still_leads_here(o, pools, &ipv4, err) : 0;
	for (size_t i = 0; i < assignment_count(a) && r == 0; i++)
		r = still_leads_here(o, pools, &a->prefixes[i], err);
	return r;
}

void assignment_clear(struct assignment *a)
{
	free(a->prefixes);
	*a = (struct assignment){ 0 };
}
