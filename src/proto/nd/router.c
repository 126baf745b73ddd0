/* SPDX-License-Identifier: ISC */
/* The router's part of RFC 4861: section 6.2, and 7.2.4 for its own addresses. */
#include "proto/nd/wire.h"

#include <stdio.h>
#include <string.h>

#define INITIAL_ADVERTISEMENTS 3      /* MAX_INITIAL_RTR_ADVERTISEMENTS */
#define INITIAL_INTERVAL_MAX_MS 16000 /* MAX_INITIAL_RTR_ADVERT_INTERVAL */
#define DNS_LIFETIME_FACTOR 3         /* RFC 8106 5.1: 3 * MaxRtrAdvInterval */

void nd_router_start(struct nd_router *r, time_ms now)
{
	*r = (struct nd_router){
		.due = now, .last = now - ND_RA_SPACING_MS, .initial = INITIAL_ADVERTISEMENTS
	};
	r->up = true;
}

static time_ms interval_max(const struct nd_router_config *c)
{
	return c->interval_max_ms > 0 ? c->interval_max_ms : ND_RA_INTERVAL_MAX_MS;
}

/* When the next one comes by itself (6.2.4). */
static void schedule(struct nd_router *r, const struct nd_router_config *c, time_ms now, uint32_t random)
{
	time_ms most = interval_max(c),
	        least = c->interval_min_ms > 0 ? c->interval_min_ms : ND_RA_INTERVAL_MIN_MS;
	least = MIN(least, most);
	time_ms wait = least + (time_ms)(random % (uint64_t)(most - least + 1));
	if (r->initial) {
		r->initial--;
		wait = MIN(wait, INITIAL_INTERVAL_MAX_MS);
	}
	r->due = now + MAX(wait, ND_RA_SPACING_MS);
}

static void describe(const struct nd_router_config *c, bool ceasing, struct nd_advertisement *a)
{
	uint32_t dns_lifetime = ceasing ? 0 : (uint32_t)(interval_max(c) / 1000 * DNS_LIFETIME_FACTOR);
	*a = (struct nd_advertisement){
		.hop_limit = 64, .managed = c->managed, .other = c->other, .mtu = c->mtu
	};
	a->lifetime_s = ceasing ? 0 : c->lifetime_s;
	a->n_prefixes = MIN(c->n_prefixes, ND_PREFIXES_MAX);
	for (size_t i = 0; i < a->n_prefixes; i++) {
		a->prefixes[i] = c->prefixes[i];
		if (ceasing)
			a->prefixes[i].valid_s = a->prefixes[i].preferred_s = 0;
	}
	for (size_t i = 0; i < c->n_dns && a->n_dns < ND_DNS_MAX; i++)
		if (!ip_is_v4(&c->dns[i]))
			a->dns[a->n_dns++] = c->dns[i];
	a->dns_lifetime_s[0] = a->search_lifetime_s[0] = dns_lifetime;
	for (size_t i = 0; i < c->n_search && a->n_search < ND_SEARCH_MAX; i++)
		if (domain_is_valid(c->search[i]))
			snprintf(a->search[a->n_search++], DOMAIN_TEXT_SIZE, "%s", c->search[i]);
}

static void advertise(const struct nd_router_config *c, bool ceasing, const struct ip_address *destination,
        struct ip6_output *out)
{
	struct nd_advertisement a;
	describe(c, ceasing, &a);
	nd_write_advertisement(out, &c->link_local, destination, &a);
	while (!out->length && a.n_search) { /* too long: addresses matter more */
		a.n_search--;
		nd_write_advertisement(out, &c->link_local, destination, &a);
	}
	c->counters->advertisements_sent++;
}

/* An answer at once, while the burst lasts; then one when the spacing is over. */
static void solicited(struct nd_router *r, const struct nd_router_config *c, const struct ip6_packet *p,
        time_ms now, uint32_t random, struct ip6_output *out)
{
	c->counters->solicitations++;
	if (now - r->last >= ND_RA_SPACING_MS) {
		r->last = now;
		r->burst = 0;
	}
	if (r->burst == ND_RA_BURST) {
		c->counters->limited++;
		r->due = MIN(r->due, r->last + ND_RA_SPACING_MS);
		return;
	}
	r->burst++;
	advertise(c, false, nd_is_unspecified(&p->source) ? &ip6_all_nodes : &p->source, out);
	schedule(r, c, now, random);
}

static void neighbor_solicited(
        const struct nd_router_config *c, const struct ip6_packet *p, struct ip6_output *out)
{
	struct ip_address target;
	if (nd_read_target(p, &target) < 0) {
		c->counters->malformed++;
		return;
	}
	c->counters->neighbor_solicitations++;
	if (!ip_equal(&target, &c->link_local) &&
	        (nd_is_unspecified(&c->own) || !ip_equal(&target, &c->own))) {
		c->counters->ignored++;
		return;
	}
	nd_answer_solicitation(out, p, &target, true);
}

void nd_router_receive(struct nd_router *r, const struct nd_router_config *c, const uint8_t *packet,
        size_t length, time_ms now, uint32_t random, struct ip6_output *out)
{
	struct ip6_packet p;
	out->length = 0;
	if (ip6_parse(packet, length, &p) < 0 || p.protocol != IP6_ICMPV6)
		c->counters->malformed++;
	else if (p.type == ND_ROUTER_ADVERTISEMENT)
		c->counters->refused_advertisement++;
	else if (p.type == ND_REDIRECT)
		c->counters->refused_redirect++;
	else if (!nd_is_sound(&p))
		c->counters->malformed++;
	else if (!r->up)
		c->counters->ignored++;
	else if (p.type == ND_ROUTER_SOLICITATION)
		solicited(r, c, &p, now, random, out);
	else if (p.type == ND_NEIGHBOR_SOLICITATION)
		neighbor_solicited(c, &p, out);
	else
		c->counters->neighbor_advertisements++;
}

time_ms nd_router_due(const struct nd_router *r)
{
	return r->up ? r->due : INT64_MAX;
}

void nd_router_run(struct nd_router *r, const struct nd_router_config *c, time_ms now, uint32_t random,
        struct ip6_output *out)
{
	out->length = 0;
	if (now < nd_router_due(r))
		return;
	r->last = now;
	r->burst = 0;
	advertise(c, false, &ip6_all_nodes, out);
	schedule(r, c, now, random);
}

void nd_router_cease(struct nd_router *r, const struct nd_router_config *c, struct ip6_output *out)
{
	out->length = 0;
	if (!r->up)
		return;
	r->up = false;
	advertise(c, true, &ip6_all_nodes, out);
}
