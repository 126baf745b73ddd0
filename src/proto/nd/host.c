/* SPDX-License-Identifier: ISC */
/* The host's part of RFC 4861 (6.3, 7.2.4), RFC 4862 5.5, RFC 7559 and RFC 8106. */
#include "proto/nd/wire.h"

#include <string.h>

#define FOREVER INT64_MAX
#define SOLICIT_FIRST_MS 4000   /* IRT (RFC 7559) */
#define SOLICIT_MOST_MS 3600000 /* MRT */
#define TWO_HOURS_MS 7200000    /* RFC 4862 5.5.3 e */

void nd_host_start(struct nd_host *h, const struct nd_host_config *c, time_ms now)
{
	*h = (struct nd_host){ .config = *c, .solicit_due = now, .mtu = c->mtu };
	h->link_local = ip6_link_local(c->interface_id);
}

static time_ms until(time_ms now, uint32_t lifetime_s)
{
	return lifetime_s == ND_INFINITE ? FOREVER : now + (time_ms)lifetime_s * 1000;
}

static bool take_router(struct nd_host *h, const struct nd_advertisement *a, time_ms now)
{
	bool had = h->router_until > now, has = a->lifetime_s > 0;
	h->router_until = has ? now + (time_ms)a->lifetime_s * 1000 : 0;
	if (has)
		h->solicit_due = FOREVER;
	else if (h->solicit_due == FOREVER) {
		h->solicit_ms = 0;
		h->solicit_due = now + SOLICIT_FIRST_MS;
	}
	if (a->hop_limit)
		h->hop_limit = a->hop_limit;
	bool flags = h->managed != a->managed || h->other != a->other || !h->heard;
	h->managed = a->managed;
	h->other = a->other;
	h->heard = true;
	return flags || had != has;
}

static bool take_mtu(struct nd_host *h, uint32_t mtu)
{
	if (mtu < IP6_LINK_PACKET_MAX || mtu > h->config.mtu || mtu == h->mtu)
		return false;
	h->mtu = (uint16_t)mtu;
	return true;
}

/* RFC 4861 6.3.4: a prefix that is on this link. */
static bool take_route(struct nd_host *h, const struct nd_prefix *p, time_ms now)
{
	for (size_t i = 0; i < h->n_routes; i++) {
		struct nd_host_route *r = &h->routes[i];
		if (r->prefix.length != p->prefix.length || !ip_equal(&r->prefix.address, &p->prefix.address))
			continue;
		r->until = until(now, p->valid_s);
		if (!p->valid_s)
			*r = h->routes[--h->n_routes];
		return !p->valid_s;
	}
	if (!p->valid_s)
		return false;
	if (h->n_routes == ND_PREFIXES_MAX) {
		h->config.counters->too_many++;
		return false;
	}
	h->routes[h->n_routes++] = (struct nd_host_route){ p->prefix, until(now, p->valid_s) };
	return true;
}

/* RFC 4862 5.5.3 e: what is not signed cannot shorten a lifetime to less than two hours. */
static bool refresh_address(struct nd_host_address *a, const struct nd_prefix *p, time_ms now)
{
	time_ms valid = until(now, p->valid_s);
	bool preferred = p->preferred_s > 0, changed = a->preferred != preferred;
	a->preferred = preferred;
	a->preferred_until = until(now, p->preferred_s);
	if (p->valid_s > TWO_HOURS_MS / 1000 || valid > a->valid_until)
		a->valid_until = valid;
	else if (a->valid_until > now + TWO_HOURS_MS)
		a->valid_until = now + TWO_HOURS_MS;
	return changed;
}

static bool take_address(struct nd_host *h, const struct nd_prefix *p, time_ms now)
{
	if (p->prefix.length != 64 || p->preferred_s > p->valid_s || ip_is_link_local(&p->prefix.address) ||
	        nd_is_multicast(&p->prefix.address) || nd_is_unspecified(&p->prefix.address))
		return false;
	const struct ip_address address = ip6_with_interface_id(&p->prefix.address, h->config.interface_id);
	for (size_t i = 0; i < h->n_addresses; i++)
		if (ip_equal(&h->addresses[i].address, &address))
			return refresh_address(&h->addresses[i], p, now);
	if (!p->valid_s)
		return false;
	if (h->n_addresses == ND_ADDRESSES_MAX) {
		h->config.counters->too_many++;
		return false;
	}
	h->addresses[h->n_addresses++] = (struct nd_host_address){ .address = address,
		.length = 64,
		.preferred = p->preferred_s > 0,
		.preferred_until = until(now, p->preferred_s),
		.valid_until = until(now, p->valid_s) };
	return true;
}

static void drop_dns(struct nd_host *h, size_t i)
{
	h->n_dns--;
	memmove(&h->dns[i], &h->dns[i + 1], (h->n_dns - i) * sizeof(h->dns[0]));
}

static void drop_domain(struct nd_host *h, size_t i)
{
	h->n_search--;
	memmove(&h->search[i], &h->search[i + 1], (h->n_search - i) * sizeof(h->search[0]));
}

static bool take_dns(struct nd_host *h, const struct ip_address *server, uint32_t lifetime_s, time_ms now)
{
	if (nd_is_multicast(server) || nd_is_unspecified(server))
		return false;
	for (size_t i = 0; i < h->n_dns; i++) {
		if (!ip_equal(&h->dns[i].address, server))
			continue;
		h->dns[i].until = until(now, lifetime_s);
		if (!lifetime_s)
			drop_dns(h, i);
		return !lifetime_s;
	}
	if (!lifetime_s)
		return false;
	if (h->n_dns == ND_DNS_MAX) {
		h->config.counters->too_many++;
		return false;
	}
	h->dns[h->n_dns++] = (struct nd_host_dns){ *server, until(now, lifetime_s) };
	return true;
}

static bool take_domain(struct nd_host *h, const char *name, uint32_t lifetime_s, time_ms now)
{
	for (size_t i = 0; i < h->n_search; i++) {
		if (strcmp(h->search[i].name, name) != 0)
			continue;
		h->search[i].until = until(now, lifetime_s);
		if (!lifetime_s)
			drop_domain(h, i);
		return !lifetime_s;
	}
	if (!lifetime_s)
		return false;
	if (h->n_search == ND_SEARCH_MAX) {
		h->config.counters->too_many++;
		return false;
	}
	struct nd_host_domain *d = &h->search[h->n_search++];
	memcpy(d->name, name, strlen(name) + 1);
	d->until = until(now, lifetime_s);
	return true;
}

static bool advertised(struct nd_host *h, const struct ip6_packet *p, time_ms now)
{
	struct nd_advertisement a;
	if (nd_read_advertisement(p, &a) < 0) {
		h->config.counters->malformed++;
		return false;
	}
	bool other_router = h->router_until > now && !ip_equal(&h->router, &p->source);
	if (other_router || ip_equal(&p->source, &h->link_local)) {
		h->config.counters->ignored++;
		return false;
	}
	h->config.counters->advertisements++;
	h->config.counters->too_many += a.dropped;
	h->router = p->source;
	bool changed = take_router(h, &a, now);
	changed |= take_mtu(h, a.mtu);
	for (size_t i = 0; i < a.n_prefixes; i++) {
		const struct nd_prefix *x = &a.prefixes[i];
		bool link_local = ip_is_link_local(&x->prefix.address);
		changed |= x->on_link && !link_local && x->prefix.length && take_route(h, x, now);
		changed |= x->autonomous && take_address(h, x, now);
	}
	for (size_t i = 0; i < a.n_dns; i++)
		changed |= take_dns(h, &a.dns[i], a.dns_lifetime_s[i], now);
	for (size_t i = 0; i < a.n_search; i++)
		changed |= take_domain(h, a.search[i], a.search_lifetime_s[i], now);
	return changed;
}

/* For an address of ours, also where the peer only probes whether somebody has it. */
static void neighbor_solicited(struct nd_host *h, const struct ip6_packet *p, struct ip6_output *out)
{
	struct ip_address target;
	if (!nd_is_sound(p) || nd_read_target(p, &target) < 0) {
		h->config.counters->malformed++;
		return;
	}
	h->config.counters->neighbor_solicitations++;
	bool ours = ip_equal(&target, &h->link_local);
	for (size_t i = 0; i < h->n_addresses && !ours; i++)
		ours = ip_equal(&target, &h->addresses[i].address);
	if (ours)
		nd_answer_solicitation(out, p, &target, false);
	else
		h->config.counters->ignored++;
}

bool nd_host_receive(
        struct nd_host *h, const uint8_t *packet, size_t length, time_ms now, struct ip6_output *out)
{
	struct ip6_packet p;
	out->length = 0;
	if (ip6_parse(packet, length, &p) < 0 || p.protocol != IP6_ICMPV6)
		h->config.counters->malformed++;
	else if (p.type == ND_ROUTER_ADVERTISEMENT)
		return advertised(h, &p, now);
	else if (p.type == ND_NEIGHBOR_SOLICITATION)
		neighbor_solicited(h, &p, out);
	else if (p.type == ND_REDIRECT) /* there is one way only */
		h->config.counters->refused_redirect++;
	else
		h->config.counters->ignored++;
	return false;
}

time_ms nd_host_due(const struct nd_host *h)
{
	time_ms due = h->solicit_due;
	if (h->router_until)
		due = MIN(due, h->router_until);
	for (size_t i = 0; i < h->n_addresses; i++) {
		due = MIN(due, h->addresses[i].valid_until);
		if (h->addresses[i].preferred)
			due = MIN(due, h->addresses[i].preferred_until);
	}
	for (size_t i = 0; i < h->n_routes; i++)
		due = MIN(due, h->routes[i].until);
	for (size_t i = 0; i < h->n_dns; i++)
		due = MIN(due, h->dns[i].until);
	for (size_t i = 0; i < h->n_search; i++)
		due = MIN(due, h->search[i].until);
	return due;
}

static bool expire_addresses(struct nd_host *h, time_ms now)
{
	bool changed = false;
	for (size_t i = h->n_addresses; i-- > 0;) {
		struct nd_host_address *a = &h->addresses[i];
		if (a->preferred && now >= a->preferred_until) {
			a->preferred = false;
			changed = true;
		}
		if (now < a->valid_until)
			continue;
		h->n_addresses--;
		memmove(a, a + 1, (h->n_addresses - i) * sizeof(*a));
		changed = true;
	}
	return changed;
}

static bool expire_lists(struct nd_host *h, time_ms now)
{
	size_t before = h->n_routes + h->n_dns + h->n_search;
	for (size_t i = h->n_routes; i-- > 0;)
		if (now >= h->routes[i].until)
			h->routes[i] = h->routes[--h->n_routes];
	for (size_t i = h->n_dns; i-- > 0;)
		if (now >= h->dns[i].until)
			drop_dns(h, i);
	for (size_t i = h->n_search; i-- > 0;)
		if (now >= h->search[i].until)
			drop_domain(h, i);
	return before != h->n_routes + h->n_dns + h->n_search;
}

static bool expire_router(struct nd_host *h, time_ms now)
{
	if (!h->router_until || now < h->router_until)
		return false;
	h->router_until = 0;
	h->solicit_ms = 0;
	h->solicit_due = now;
	return true;
}

/* RFC 7559 section 2, with RAND in [-0.1, 0.1]. */
static void solicit(struct nd_host *h, time_ms now, uint32_t random, struct ip6_output *out)
{
	int64_t base = h->solicit_ms ? 2 * h->solicit_ms : SOLICIT_FIRST_MS;
	int64_t jitter = (int64_t)(random % 2001) - 1000; /* 1/10000 */
	int64_t rt = base + (h->solicit_ms ? h->solicit_ms : SOLICIT_FIRST_MS) * jitter / 10000;
	if (rt > SOLICIT_MOST_MS)
		rt = SOLICIT_MOST_MS + SOLICIT_MOST_MS * jitter / 10000;
	h->solicit_ms = rt;
	h->solicit_due = now + rt;
	h->config.counters->solicitations_sent++;
	nd_write_solicitation(out, &h->link_local);
}

bool nd_host_run(struct nd_host *h, time_ms now, uint32_t random, struct ip6_output *out)
{
	out->length = 0;
	bool changed = expire_addresses(h, now);
	changed |= expire_lists(h, now);
	changed |= expire_router(h, now);
	if (now >= h->solicit_due)
		solicit(h, now, random, out);
	return changed;
}
