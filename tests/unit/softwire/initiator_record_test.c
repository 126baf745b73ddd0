/* SPDX-License-Identifier: ISC */
#include "softwire/initiator_record.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#define NOW 1000000
#define T1 (NOW + 600000)

static const struct ip_address server = { { 0x20, 1, 0x0d, 0xb8, [15] = 0x53 } };

static void fill_nd(struct nd_host *h, size_t n, const char *domain)
{
	*h = (struct nd_host){ .router = { { 0xfe, 0x80, [15] = 1 } },
		.router_until = NOW + 1800000,
		.managed = true,
		.heard = true,
		.mtu = 1400,
		.hop_limit = 64,
		.solicit_due = INT64_MAX };
	for (size_t i = 0; i < n; i++) {
		const uint8_t last = (uint8_t)(i + 1);
		h->addresses[h->n_addresses++] =
		        (struct nd_host_address){ .address = { { 0x20, 1, [15] = last } },
			        .length = 64,
			        .preferred = true,
			        .preferred_until = NOW + 5000,
			        .valid_until = INT64_MAX };
		h->routes[h->n_routes++] =
		        (struct nd_host_route){ { { { 0x20, 1, last } }, 64 }, NOW + 9000 };
		if (h->n_dns < ND_DNS_MAX) {
			h->dns[h->n_dns++] = (struct nd_host_dns){ server, NOW + 7000 };
			snprintf(h->search[h->n_search].name, DOMAIN_TEXT_SIZE, "%s", domain);
			h->search[h->n_search++].until = NOW + 7000;
		}
	}
}

static void fill_dhcp6(struct dhcp6_client *c, size_t n, const char *domain)
{
	*c = (struct dhcp6_client){ .state = DHCP6_BOUND,
		.xid = 0x123456,
		.began = NOW - 1000,
		.due = INT64_MAX,
		.t1 = T1,
		.t2 = T1 + 300000,
		.sol_max_rt_ms = 3600000,
		.inf_max_rt_ms = 3600000,
		.server = { { 0, 4, 1, 2, 3 }, n == 1 ? 18 : DHCP6_DUID_MAX } };
	for (size_t i = 0; i < n; i++) {
		const struct dhcp6_client_prefix lease = { { { { 0x20, 1, 0xa0, (uint8_t)i } }, 56 }, T1,
			T1 * 2 };
		if (c->n_prefixes < DHCP6_PREFIXES_MAX) {
			c->offered[c->n_offered++] = lease.prefix;
			c->prefixes[c->n_prefixes++] = lease;
			c->dns[c->n_dns++] = server;
			snprintf(c->search[c->n_search++], DOMAIN_TEXT_SIZE, "%s", domain);
		}
		if (c->n_addresses < DHCP6_ADDRESSES_MAX) {
			c->offered_addresses[c->n_offered_addresses++] = lease.prefix;
			c->addresses[c->n_addresses++] = lease;
		}
	}
}

static const uint8_t tunnel[L2TP_RECORD_MAX] = { 1, 2, 3 }, ppp[PPP_EXPORT_MAX] = { 4, 5, 6 };

/* n: of everything, as far as there is room for so many. */
static void fill(struct initiator_record *x, size_t n, const char *domain)
{
	*x = (struct initiator_record){ .generation = 77,
		.association = 5,
		.current = 0,
		.n_addresses = n == 1 ? 1 : LINK_CONCENTRATORS_MAX,
		.used = { { [10] = 255, [11] = 255, 10, 0, 0, 2 } },
		.source = { { [10] = 255, [11] = 255, 10, 0, 0, 2 } },
		.up_since = NOW - 60000,
		.opened = NOW - 60000,
		.opened_wall = 1700000000000,
		.hint = { { { 0x20, 1, 0xa0 } }, 56 },
		.last_ipv4 = { 10, 9, 0, 2 },
		.last_interface_id = { 1, 2, 3, 4, 5, 6, 7, 8 },
		.tunnel = tunnel,
		.n_tunnel = n == 1 ? 60 : sizeof(tunnel),
		.link = ppp,
		.n_link = n == 1 ? 90 : sizeof(ppp),
		.ipv6 = true };
	x->addresses[0] = (struct ip_address){ { [10] = 255, [11] = 255, 192, 0, 2, 1 } };
	fill_nd(&x->nd, n, domain);
	fill_dhcp6(&x->dhcp6, n, domain);
}

static struct writer write_record(const struct initiator_record *x)
{
	struct writer w = wr_make(INITIATOR_RECORD_MAX);
	initiator_record_write(&w, x);
	assert_false(wr_failed(&w));
	return w;
}

/* Every field, by writing what was read. */
static void expect_the_same(const struct initiator_record *x)
{
	struct initiator_record back;
	struct writer w = write_record(x);
	assert_int_equal(initiator_record_read(&back, w.data, w.length), 0);
	struct writer again = write_record(&back);
	assert_int_equal(w.length, again.length);
	assert_memory_equal(w.data, again.data, w.length);
	assert_int_equal(back.generation, x->generation);
	assert_int_equal(back.association, x->association);
	assert_true(ip_equal(&back.addresses[0], &x->addresses[0]));
	assert_true(ip_equal(&back.used, &x->used));
	assert_int_equal(back.opened_wall, x->opened_wall);
	assert_memory_equal(back.last_ipv4, x->last_ipv4, 4);
	assert_int_equal(back.n_tunnel, x->n_tunnel);
	assert_memory_equal(back.tunnel, x->tunnel, x->n_tunnel);
	assert_int_equal(back.n_link, x->n_link);
	assert_memory_equal(back.link, x->link, x->n_link);
	if (x->ipv6) {
		assert_memory_equal(&back.nd, &x->nd, sizeof(x->nd));
		assert_memory_equal(&back.dhcp6, &x->dhcp6, sizeof(x->dhcp6));
	}
	wr_free(&w);
	wr_free(&again);
}

static void what_is_written_is_read(void **state)
{
	struct initiator_record x;
	fill(&x, 1, "example.org");
	expect_the_same(&x);
	x.ipv6 = false;
	expect_the_same(&x);
}

static void the_largest_one_has_room(void **state)
{
	struct initiator_record x;
	char domain[DOMAIN_TEXT_SIZE];
	memset(domain, 'a', sizeof(domain));
	domain[63] = domain[127] = domain[191] = '.';
	domain[253] = '\0';
	assert_true(domain_is_valid(domain));
	fill(&x, ND_ADDRESSES_MAX, domain);
	expect_the_same(&x);
}

/* An exchange that is under way is repeated with its number, and a lease is renewed when it is due. */
static void a_lease_goes_on(void **state)
{
	struct dhcp6_counters counters = { 0 };
	const struct dhcp6_client_config config = {
		.duid = { { 0, 4, 9 }, 18 }, .iaid = 1, .want_prefix = true, .counters = &counters
	};
	struct initiator_record x, back;
	struct ip6_output out;
	fill(&x, 1, "example.org");
	struct writer w = write_record(&x);
	assert_int_equal(initiator_record_read(&back, w.data, w.length), 0);
	wr_free(&w);
	struct dhcp6_client *c = &back.dhcp6;
	dhcp6_client_resume(c, &config);
	assert_int_equal(dhcp6_client_due(c), T1);
	assert_false(dhcp6_client_run(c, T1 - 1, 1, &out));
	assert_int_equal(out.length, 0);
	dhcp6_client_run(c, T1, (uint64_t)0xabcdef << 40, &out);
	assert_int_equal(c->state, DHCP6_RENEWING);
	assert_true(out.length > 0);
	assert_int_equal(c->n_prefixes, 1);
	x.dhcp6 = *c;
	x.dhcp6.config = (struct dhcp6_client_config){ .iaid = 0 };
	w = write_record(&x);
	assert_int_equal(initiator_record_read(&back, w.data, w.length), 0);
	wr_free(&w);
	dhcp6_client_resume(c, &config);
	assert_int_equal(c->xid, 0xabcdef);
	const time_ms due = dhcp6_client_due(c);
	assert_true(due > T1);
	dhcp6_client_run(c, due, 7, &out);
	assert_true(out.length > 0);
	assert_int_equal(c->xid, 0xabcdef);
	assert_int_equal(c->sent, 2);
}

/* Addresses stay and end when they would have; the router is asked what has changed. */
static void router_discovery_goes_on(void **state)
{
	struct nd_counters counters = { 0 };
	const struct nd_host_config config = {
		.interface_id = { [7] = 9 }, .mtu = 1380, .counters = &counters
	};
	struct initiator_record x, back;
	struct ip6_output out;
	fill(&x, 2, "example.org");
	struct writer w = write_record(&x);
	assert_int_equal(initiator_record_read(&back, w.data, w.length), 0);
	wr_free(&w);
	struct nd_host *h = &back.nd;
	nd_host_resume(h, &config, NOW);
	const struct ip_address own = ip6_link_local(config.interface_id);
	assert_true(ip_equal(&h->link_local, &own));
	assert_int_equal(h->mtu, 1380);
	assert_int_equal(nd_host_due(h), NOW);
	assert_false(nd_host_run(h, NOW, 0, &out));
	assert_true(out.length > 0);
	assert_int_equal(counters.solicitations_sent, 1);
	assert_int_equal(h->n_addresses, 2);
	assert_true(nd_host_run(h, NOW + 9000, 0, &out));
	assert_int_equal(h->n_addresses, 2);
	assert_false(h->addresses[0].preferred);
	assert_int_equal(h->n_routes, 0);
	assert_int_equal(h->n_dns, 0);
}

static void what_is_cut_or_longer_is_no_record(void **state)
{
	struct initiator_record x, back;
	fill(&x, 2, "example.org");
	struct writer w = write_record(&x);
	for (size_t n = 0; n < w.length; n++) {
		uint8_t *cut = xmemdup(w.data, n ? n : 1); /* so that a read behind it is seen */
		assert_int_equal(initiator_record_read(&back, cut, n), -EINVAL);
		free(cut);
	}
	wr_u8(&w, 0);
	assert_int_equal(initiator_record_read(&back, w.data, w.length), -EINVAL);
	wr_free(&w);
}

/* Whatever a byte becomes: limits hold, and what is taken can be written again. */
static void what_is_damaged_keeps_to_the_limits(void **state)
{
	static const uint8_t masks[] = { 0x01, 0x80, 0xff };
	struct initiator_record x, back;
	unsigned refused = 0;
	fill(&x, 3, "example.org");
	struct writer w = write_record(&x);
	for (size_t i = 0; i < w.length * ARRAY_LENGTH(masks); i++) {
		uint8_t *damaged = xmemdup(w.data, w.length);
		damaged[i / ARRAY_LENGTH(masks)] ^= masks[i % ARRAY_LENGTH(masks)];
		if (initiator_record_read(&back, damaged, w.length) == 0) {
			assert_true(back.current < back.n_addresses);
			assert_true(
			        back.nd.n_addresses <= ND_ADDRESSES_MAX && back.nd.n_search <= ND_SEARCH_MAX);
			assert_true(back.dhcp6.n_prefixes <= DHCP6_PREFIXES_MAX);
			struct writer again = write_record(&back);
			wr_free(&again);
		} else {
			refused++;
		}
		free(damaged);
	}
	assert_true(refused > 0);
	wr_free(&w);
}

/* What would make a client send without end. */
static void an_unsound_client_is_refused(void **state)
{
	struct initiator_record x, back;
	for (int i = 0; i < 5; i++) {
		fill(&x, 1, "example.org");
		if (i == 0)
			x.dhcp6.state = DHCP6_N_STATES;
		else if (i == 1)
			x.dhcp6.due = NOW; /* nothing is sent in this state */
		else if (i == 2)
			x.dhcp6.rt_ms = -1;
		else if (i == 3)
			x.dhcp6.sol_max_rt_ms = 0;
		else
			x.dhcp6.state = DHCP6_SOLICITING; /* which never sends */
		struct writer w = write_record(&x);
		assert_int_equal(initiator_record_read(&back, w.data, w.length), -EINVAL);
		wr_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(the_largest_one_has_room),
		cmocka_unit_test(a_lease_goes_on),
		cmocka_unit_test(router_discovery_goes_on),
		cmocka_unit_test(what_is_cut_or_longer_is_no_record),
		cmocka_unit_test(what_is_damaged_keeps_to_the_limits),
		cmocka_unit_test(an_unsound_client_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
