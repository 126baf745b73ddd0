/* SPDX-License-Identifier: ISC */
/* What a peer can send of router and neighbour discovery, to a router and to a host at once: limits hold, and
 * no initiator makes the router believe an advertisement. */
#include "proto/nd/nd.h"
#include "tests/fuzz/link_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct nd_host *h)
{
	if (h->n_addresses > ND_ADDRESSES_MAX || h->n_routes > ND_PREFIXES_MAX || h->n_dns > ND_DNS_MAX ||
	        h->n_search > ND_SEARCH_MAX || h->mtu < IP6_LINK_PACKET_MAX || h->mtu > 1420)
		abort();
	for (size_t i = 0; i < h->n_search; i++)
		if (!domain_is_valid(h->search[i].name))
			abort();
	for (size_t i = 0; i < h->n_addresses; i++)
		if (ip_is_link_local(&h->addresses[i].address))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nd_counters counters = { 0 };
	struct nd_prefix prefix = { .prefix = { { { 0x20, 1 } }, 64 }, .on_link = true, .autonomous = true };
	struct nd_router_config c = { .link_local = { { 0xfe, 0x80, [15] = 1 } },
		.lifetime_s = 1800,
		.prefixes = &prefix,
		.n_prefixes = 1,
		.counters = &counters };
	struct nd_host_config hc = { .interface_id = { [7] = 9 }, .mtu = 1420, .counters = &counters };
	struct nd_router router;
	struct nd_host host;
	time_ms now = 1000;
	nd_router_start(&router, now);
	nd_host_start(&host, &hc, now);
	struct reader sample = rd_make(data, size);
	struct ip6_output o, out;
	uint8_t what;
	while (link_next_packet(&sample, IP6_ICMPV6, &ip6_all_nodes, &what, &o)) {
		now += what & LINK_LATER ? 3600000 : 10;
		nd_router_receive(&router, &c, o.bytes, o.length, now, what, &out);
		nd_router_run(&router, &c, now, what, &out);
		nd_host_receive(&host, o.bytes, o.length, now, &out);
		nd_host_run(&host, now, what, &out);
		check(&host);
		if (nd_host_due(&host) <= now || nd_router_due(&router) <= now)
			abort();
	}
	return 0;
}
