/* SPDX-License-Identifier: ISC */
#include "softwire/concentrator.h"

#include <string.h>

#define DHCP6_PREFERRED_S 3600
#define DHCP6_VALID_S 7200
#define PREFIX_PREFERRED_S 14400
#define PREFIX_VALID_S 86400

static size_t ipv6_dns(const struct session *s, struct ip_address ret[SOFTWIRE_DNS_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < s->assignment.n_dns; i++)
		if (!ip_is_v4(&s->assignment.dns[i]))
			ret[n++] = s->assignment.dns[i];
	return n;
}

static struct ip_address own_link_local(void)
{
	static const uint8_t id[8] = CONCENTRATOR_INTERFACE_ID;
	return ip6_link_local(id);
}

const struct nd_router_config *router_config(
        struct session *s, struct nd_router_config *ret, struct nd_prefix *prefixes)
{
	const struct control *c = s->control;
	const struct assignment *a = &s->assignment;
	static struct ip_address dns[SOFTWIRE_DNS_MAX]; /* pointed at until the next call */
	const size_t n_dns = ipv6_dns(s, dns);
	*ret = (struct nd_router_config){ .link_local = own_link_local(),
		.mtu = MIN(s->mtu, ppp_mtu(s->link)),
		.managed = a->n_addresses > 0,
		.other = true,
		.lifetime_s = ND_RA_LIFETIME_S,
		.prefixes = prefixes,
		.dns = dns,
		.n_dns = n_dns,
		.search = (const char *const *)&c->o->search_domain,
		.n_search = *c->o->search_domain ? 1 : 0,
		.counters = &c->concentrator->nd };
	for (size_t i = 0; i < MIN((size_t)a->n_framed, (size_t)ND_PREFIXES_MAX); i++)
		prefixes[ret->n_prefixes++] = (struct nd_prefix){ .prefix = a->prefixes[i],
			.on_link = true,
			.autonomous = a->prefixes[i].length == 64,
			.valid_s = PREFIX_VALID_S,
			.preferred_s = PREFIX_PREFERRED_S };
	return ret;
}

static void receive_icmp(struct session *s, const uint8_t *packet, size_t length, time_ms now)
{
	struct nd_router_config config;
	struct nd_prefix prefixes[ND_PREFIXES_MAX];
	struct ip6_output out = { .length = 0 };
	uint32_t random;
	control_random(&random, sizeof(random));
	nd_router_receive(&s->router, router_config(s, &config, prefixes), packet, length, now, random, &out);
	session_send_ipv6(s, &out);
}

static void receive_dhcp(struct session *s, const uint8_t *packet, size_t length, time_ms now)
{
	const struct control *c = s->control;
	const struct assignment *a = &s->assignment;
	struct ip_address dns[SOFTWIRE_DNS_MAX], addresses[DHCP6_ADDRESSES_MAX];
	struct ip6_output out = { .length = 0 };
	struct dhcp6_server_config config = { .duid = &c->concentrator->duid,
		.link_local = own_link_local(),
		.rapid_commit = true,
		.preferred_s = DHCP6_PREFERRED_S,
		.valid_s = DHCP6_VALID_S,
		.delegated = assignment_delegated(a),
		.n_delegated = MIN((size_t)a->n_delegated, (size_t)DHCP6_PREFIXES_MAX),
		.addresses = addresses,
		.dns = dns,
		.n_dns = ipv6_dns(s, dns),
		.search = (const char *const *)&c->o->search_domain,
		.n_search = *c->o->search_domain ? 1 : 0,
		.counters = &c->concentrator->dhcp6 };
	for (size_t i = 0; i < a->n_addresses && config.n_addresses < DHCP6_ADDRESSES_MAX; i++)
		addresses[config.n_addresses++] = assignment_addresses(a)[i].address;
	(void)dhcp6_server_receive(&s->dhcp6, &config, packet, length, now, &out);
	session_send_ipv6(s, &out);
}

void router_cease(struct session *s)
{
	struct nd_router_config config;
	struct nd_prefix prefixes[ND_PREFIXES_MAX];
	struct ip6_output out;
	nd_router_cease(&s->router, router_config(s, &config, prefixes), &out);
	session_send_ipv6(s, &out);
}

void router_receive(struct session *s, const uint8_t *packet, size_t length, time_ms now)
{
	if (!ip6_is_for_link(packet, length))
		s->control->counters.ipv6_malformed++;
	else if (packet[6] == IP6_ICMPV6)
		receive_icmp(s, packet, length, now);
	else
		receive_dhcp(s, packet, length, now);
}
