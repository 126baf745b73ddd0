/* SPDX-License-Identifier: ISC */
/* What a peer can send of DHCPv6, to a server and to a client in each of its states. The client's transaction
 * and DUID are constants, so that samples can name them. */
#include "proto/dhcp6/dhcp6.h"
#include "tests/fuzz/link_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RANDOM 0x1234560000000000 /* the transaction is 123456 */

static void check(const struct dhcp6_client *c)
{
	if (c->n_prefixes > DHCP6_PREFIXES_MAX || c->n_addresses > DHCP6_ADDRESSES_MAX ||
	        c->n_dns > DHCP6_DNS_MAX || c->n_search > DHCP6_SEARCH_MAX ||
	        c->n_offered > DHCP6_PREFIXES_MAX || c->state >= DHCP6_N_STATES)
		abort();
	for (size_t i = 0; i < c->n_prefixes; i++)
		if (c->prefixes[i].prefix.length > 64 || ip_is_link_local(&c->prefixes[i].prefix.address))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhcp6_counters counters = { 0 };
	struct dhcp6_duid server_duid, client_duid;
	dhcp6_duid_from_uuid(&server_duid, (const uint8_t[16]){ 1 });
	dhcp6_duid_from_uuid(&client_duid, (const uint8_t[16]){ 2 });
	const struct ip_prefix delegated = { { { 0x20, 1, [5] = 1 } }, 56 };
	struct dhcp6_server_config c = { .duid = &server_duid,
		.link_local = { { 0xfe, 0x80, [15] = 1 } },
		.rapid_commit = true,
		.preferred_s = 1800,
		.valid_s = 3600,
		.delegated = &delegated,
		.n_delegated = 1,
		.dns = &delegated.address,
		.n_dns = 1,
		.counters = &counters };
	struct dhcp6_client_config cc = { .duid = client_duid,
		.iaid = 7,
		.link_local = { { 0xfe, 0x80, [15] = 9 } },
		.rapid_commit = true,
		.want_prefix = size & 1,
		.want_address = size & 2,
		.counters = &counters };
	struct dhcp6_server server;
	struct dhcp6_client client;
	time_ms now = 1000;
	struct ip6_output o, out;
	dhcp6_server_start(&server);
	dhcp6_client_start(&client, &cc, now, RANDOM);
	dhcp6_client_run(&client, now, RANDOM, &out);
	struct reader sample = rd_make(data, size);
	uint8_t what;
	for (;;) {
		bool to_client = sample.left && (*sample.at & 1);
		if (!link_next_packet(
		            &sample, IP6_UDP, to_client ? &cc.link_local : &ip6_all_dhcp, &what, &o))
			break;
		now += what & LINK_LATER ? 3600000 : 10;
		dhcp6_server_receive(&server, &c, o.bytes, o.length, now, &out);
		dhcp6_client_receive(&client, o.bytes, o.length, now, RANDOM, &out);
		dhcp6_client_run(&client, now, RANDOM, &out);
		check(&client);
		if (what & 2)
			dhcp6_client_release(&client, now, RANDOM, &out);
		if (dhcp6_client_due(&client) < now)
			abort();
	}
	return 0;
}
