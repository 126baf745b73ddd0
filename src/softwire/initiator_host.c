/* SPDX-License-Identifier: ISC */
#include "softwire/initiator.h"

#include "base/file.h"

#include <string.h>

#define ADDRESSES_MAX 32
#define ROUTES_MAX 64
#define NAME_SERVERS_MAX 8
#define DELEGATED_MAX 8

struct host {
	struct ipc_inner_prefix addresses[ADDRESSES_MAX], delegated[DELEGATED_MAX];
	struct ipc_link_route routes[ROUTES_MAX];
	struct ipc_name_server servers[NAME_SERVERS_MAX];
	struct ipc_link link;
};

static struct ip_address from_ipv4(const uint8_t bytes[4])
{
	struct ip_address a = { { [10] = 255, [11] = 255 } };
	memcpy(a.bytes + 12, bytes, 4);
	return a;
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
	while (n && bytes[n - 1] == 0)
		n--;
	return n == 0;
}

static void add_address(struct host *h, const struct ip_address *a)
{
	if (h->link.n_addresses < ADDRESSES_MAX)
		h->addresses[h->link.n_addresses++].prefix = (struct ip_prefix){ *a, 128 };
}

static void add_route(struct host *h, const struct ip_address *a, uint8_t length)
{
	if (h->link.n_routes < ROUTES_MAX)
		h->routes[h->link.n_routes++].prefix = (struct ip_prefix){ *a, length };
}

static void add_server(struct host *h, const struct ip_address *a)
{
	for (size_t i = 0; i < h->link.n_name_servers; i++)
		if (ip_equal(&h->servers[i].ip, a))
			return;
	if (h->link.n_name_servers < NAME_SERVERS_MAX)
		h->servers[h->link.n_name_servers++].ip = *a;
}

static void describe_ipv4(const struct control *c, struct host *h)
{
	static const struct ip_address any = { { [10] = 255, [11] = 255 } };
	const struct initiator *x = c->initiator;
	const struct ip_address own = from_ipv4(x->ipv4.local), peer = from_ipv4(x->ipv4.peer);
	add_address(h, &own);
	if (c->o->default_route)
		add_route(h, &any, 96);
	else if (!is_zero(x->ipv4.peer, 4))
		add_route(h, &peer, 128);
	for (size_t i = 0; i < 2; i++)
		if (!is_zero(x->ipv4.name_servers[i], 4)) {
			const struct ip_address server = from_ipv4(x->ipv4.name_servers[i]);
			add_server(h, &server);
		}
}

static void describe_ipv6(const struct control *c, struct host *h, time_ms now)
{
	static const struct ip_address any;
	const struct initiator *x = c->initiator;
	for (size_t i = 0; i < x->nd.n_addresses; i++)
		add_address(h, &x->nd.addresses[i].address);
	for (size_t i = 0; i < x->dhcp6.n_addresses; i++)
		add_address(h, &x->dhcp6.addresses[i].prefix.address);
	if (c->o->default_route && x->nd.router_until > now)
		add_route(h, &any, 0);
	for (size_t i = 0; i < x->nd.n_routes; i++)
		add_route(h, &x->nd.routes[i].prefix.address, x->nd.routes[i].prefix.length);
	for (size_t i = 0; i < x->nd.n_dns; i++)
		add_server(h, &x->nd.dns[i].address);
	for (size_t i = 0; i < x->dhcp6.n_dns; i++)
		add_server(h, &x->dhcp6.dns[i]);
	for (size_t i = 0; i < x->dhcp6.n_prefixes && h->link.n_delegated < DELEGATED_MAX; i++)
		h->delegated[h->link.n_delegated++].prefix = x->dhcp6.prefixes[i].prefix;
}

/* What the session shows of itself: the same lists as a concentrator's. */
static void remember_assignment(struct session *s, const struct host *h)
{
	struct initiator *x = s->control->initiator;
	struct assignment *a = &s->assignment;
	assignment_clear(a);
	a->prefixes = xcalloc(h->link.n_addresses + h->link.n_delegated + 1, sizeof(*a->prefixes));
	for (size_t i = 0; i < h->link.n_addresses; i++) {
		if (ip_is_v4(&h->addresses[i].prefix.address)) {
			a->ipv4 = true;
			a->ipv4_address = h->addresses[i].prefix.address;
		} else {
			a->prefixes[a->n_framed++] = h->addresses[i].prefix;
		}
	}
	for (size_t i = 0; i < h->link.n_delegated; i++)
		a->prefixes[a->n_framed + a->n_delegated++] = h->delegated[i].prefix;
	a->ipv6 = a->n_framed > 0;
	if (h->link.n_delegated)
		x->hint = h->delegated[0].prefix;
}

void initiator_tell_host(struct control *c)
{
	struct initiator *x = c->initiator;
	struct session *s = x->session;
	struct host h = { .link = { .up = true } };
	h.link.addresses = h.addresses;
	h.link.routes = h.routes;
	h.link.name_servers = h.servers;
	h.link.delegated = h.delegated;
	h.link.mtu = MIN(s->mtu, ppp_mtu(s->link));
	if (s->ipv6 && x->nd.mtu)
		h.link.mtu = MIN(h.link.mtu, x->nd.mtu);
	if (s->ipv4)
		describe_ipv4(c, &h);
	if (s->ipv6)
		describe_ipv6(c, &h, clock_monotonic_ms());
	remember_assignment(s, &h);
	control_send_keeper(c, IPC_LINK, &h.link);
}

void initiator_clear_host(struct control *c)
{
	const struct ipc_link nothing = { 0 };
	control_send_keeper(c, IPC_LINK, &nothing);
}

/* ---- router discovery and DHCPv6 ---- */

static uint64_t random_bits(void)
{
	uint64_t r;
	control_random(&r, sizeof(r));
	return r;
}

static struct nd_host_config nd_config(const struct session *s, const struct ppp_ipv6 *ipv6)
{
	struct nd_host_config nd = { .mtu = MIN(s->mtu, ppp_mtu(s->link)),
		.counters = &s->control->initiator->nd_counters };
	memcpy(nd.interface_id, ipv6->local, 8);
	return nd;
}

static struct dhcp6_client_config dhcp6_config(const struct session *s, const struct ppp_ipv6 *ipv6)
{
	struct initiator *x = s->control->initiator;
	return (struct dhcp6_client_config){ .duid = x->duid,
		.iaid = 1,
		.link_local = ip6_link_local(ipv6->local),
		.rapid_commit = true,
		.want_prefix = s->control->o->delegation,
		.hint = x->hint,
		.counters = &x->dhcp6_counters };
}

void initiator_start_ipv6(struct session *s, const struct ppp_ipv6 *ipv6, time_ms now)
{
	struct initiator *x = s->control->initiator;
	const struct nd_host_config nd = nd_config(s, ipv6);
	const struct dhcp6_client_config dhcp6 = dhcp6_config(s, ipv6);
	memcpy(x->last_interface_id, ipv6->local, 8);
	nd_host_start(&x->nd, &nd, now);
	dhcp6_client_start(&x->dhcp6, &dhcp6, now, random_bits());
}

void initiator_resume_ipv6(struct session *s, const struct ppp_ipv6 *ipv6, time_ms now)
{
	struct initiator *x = s->control->initiator;
	const struct nd_host_config nd = nd_config(s, ipv6);
	const struct dhcp6_client_config dhcp6 = dhcp6_config(s, ipv6);
	nd_host_resume(&x->nd, &nd, now);
	dhcp6_client_resume(&x->dhcp6, &dhcp6);
}

void initiator_release_prefix(struct session *s, time_ms now)
{
	struct ip6_output out;
	dhcp6_client_release(&s->control->initiator->dhcp6, now, random_bits(), &out);
	session_send_ipv6(s, &out);
}

void initiator_ipv6(struct session *s, const uint8_t *packet, size_t length, time_ms now)
{
	struct initiator *x = s->control->initiator;
	struct ip6_output out = { .length = 0 };
	bool changed = false;
	if (!ip6_is_for_link(packet, length))
		s->control->counters.ipv6_malformed++;
	else if (packet[6] == IP6_ICMPV6)
		changed = nd_host_receive(&x->nd, packet, length, now, &out);
	else
		changed = dhcp6_client_receive(&x->dhcp6, packet, length, now, random_bits(), &out);
	session_send_ipv6(s, &out);
	if (changed)
		initiator_tell_host(s->control);
}

time_ms initiator_run_ipv6(struct session *s, time_ms now)
{
	struct initiator *x = s->control->initiator;
	struct ip6_output out = { .length = 0 };
	bool changed = false;
	if (nd_host_due(&x->nd) <= now) {
		changed = nd_host_run(&x->nd, now, (uint32_t)random_bits(), &out);
		session_send_ipv6(s, &out);
	}
	if (dhcp6_client_due(&x->dhcp6) <= now) {
		out.length = 0;
		changed = dhcp6_client_run(&x->dhcp6, now, random_bits(), &out) || changed;
		session_send_ipv6(s, &out);
	}
	if (changed)
		initiator_tell_host(s->control);
	return MIN(nd_host_due(&x->nd), dhcp6_client_due(&x->dhcp6));
}
