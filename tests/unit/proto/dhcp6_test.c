/* SPDX-License-Identifier: ISC */
/* DHCPv6 in a softwire: both halves against each other on a virtual clock, with loss; each half against what
 * a hostile peer sends. */
#include "tests/unit/test.h"

#include "proto/dhcp6/wire.h"

#include <stdio.h>
#include <string.h>

static const uint8_t server_uuid[16] = { 1 }, client_uuid[16] = { 2 };
static const char *const search[] = { "example.org" };

struct link {
	struct dhcp6_server server;
	struct dhcp6_server_config config;
	struct dhcp6_client client;
	struct dhcp6_client_config client_config;
	struct dhcp6_counters server_counters, client_counters;
	struct dhcp6_duid duid;
	struct ip_prefix delegated[2];
	struct ip_address address, dns[2];
	time_ms now;
	uint64_t random;
	unsigned loss;
	bool changed;
	enum dhcp6_server_event event;
	uint8_t sent[32]; /* message types, from the client */
	size_t n_sent;
};

static struct ip_address ip(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static uint64_t next_random(struct link *l)
{
	l->random = l->random * 6364136223846793005 + 1442695040888963407;
	return l->random ^ l->random >> 29;
}

static void make(struct link *l, bool rapid)
{
	*l = (struct link){ .now = 1000000, .random = 1 };
	ip_prefix_parse("2001:db8:a000::/56", &l->delegated[0]);
	ip_prefix_parse("2001:db8:a000:100::/56", &l->delegated[1]);
	l->address = ip("2001:db8:9000::5");
	l->dns[0] = ip("2001:db8::53");
	l->dns[1] = ip("192.0.2.53"); /* not for DHCPv6 */
	dhcp6_duid_from_uuid(&l->duid, server_uuid);
	l->config = (struct dhcp6_server_config){ .duid = &l->duid,
		.link_local = ip("fe80::1"),
		.rapid_commit = rapid,
		.preferred_s = 1800,
		.valid_s = 3600,
		.delegated = l->delegated,
		.n_delegated = 1,
		.dns = l->dns,
		.n_dns = 2,
		.search = search,
		.n_search = 1,
		.counters = &l->server_counters };
	l->client_config = (struct dhcp6_client_config){ .iaid = 7,
		.link_local = ip("fe80::2"),
		.rapid_commit = true,
		.want_prefix = true,
		.counters = &l->client_counters };
	dhcp6_duid_from_uuid(&l->client_config.duid, client_uuid);
	dhcp6_server_start(&l->server);
}

static void start(struct link *l)
{
	dhcp6_client_start(&l->client, &l->client_config, l->now, next_random(l));
}

static bool lost(struct link *l)
{
	return next_random(l) % 100 < l->loss;
}

/* What the client sent, to the server and back, until both are silent. */
static void exchange(struct link *l, struct ip6_output *o)
{
	while (o->length) {
		struct ip6_output answer;
		if (l->n_sent < sizeof(l->sent))
			l->sent[l->n_sent++] = o->bytes[48];
		assert_true(ip6_is_for_link(o->bytes, o->length));
		if (lost(l))
			return;
		enum dhcp6_server_event e =
		        dhcp6_server_receive(&l->server, &l->config, o->bytes, o->length, l->now, &answer);
		if (e)
			l->event = e;
		o->length = 0;
		if (!answer.length || lost(l))
			return;
		assert_true(ip6_is_for_link(answer.bytes, answer.length));
		l->changed |= dhcp6_client_receive(
		        &l->client, answer.bytes, answer.length, l->now, next_random(l), o);
	}
}

static void run_until(struct link *l, time_ms end)
{
	while (dhcp6_client_due(&l->client) <= end) {
		struct ip6_output o;
		l->now = MAX(l->now, dhcp6_client_due(&l->client));
		l->changed |= dhcp6_client_run(&l->client, l->now, next_random(l), &o);
		exchange(l, &o);
	}
	l->now = end;
}

static void assert_sent(const struct link *l, const char *types)
{
	char text[sizeof(l->sent) + 1];
	for (size_t i = 0; i < l->n_sent; i++)
		text[i] = (char)('a' + l->sent[i] - 1);
	text[l->n_sent] = '\0';
	assert_string_equal(text, types);
}

static void test_rapid_commit(void **state)
{
	struct link l;
	make(&l, true);
	start(&l);
	run_until(&l, l.now);
	assert_sent(&l, "a");
	assert_int_equal(l.client.state, DHCP6_BOUND);
	assert_int_equal(l.event, DHCP6_SERVER_BOUND);
	assert_true(l.changed);
	assert_int_equal(l.client.n_prefixes, 1);
	assert_int_equal(l.client.prefixes[0].prefix.length, 56);
	assert_true(ip_equal(&l.client.prefixes[0].prefix.address, &l.delegated[0].address));
	assert_int_equal(l.client.n_dns, 1);
	assert_string_equal(l.client.search[0], "example.org");
	assert_int_equal(l.client.t1 - l.now, 900000);
	assert_int_equal(l.client.t2 - l.now, 1440000);
	assert_true(l.server.pd_bound && l.server.iaid_pd == 7 && l.server.until == l.now + 3600000);
}

static void test_four_messages(void **state)
{
	struct link l;
	make(&l, false);
	start(&l);
	run_until(&l, l.now);
	assert_sent(&l, "ac"); /* Solicit, Request */
	assert_int_equal(l.client.state, DHCP6_BOUND);
	assert_int_equal(l.server_counters.advertises_sent, 1);
	assert_int_equal(l.server_counters.replies_sent, 1);
}

static void test_prefix_and_address(void **state)
{
	struct link l;
	make(&l, true);
	l.config.n_delegated = 2;
	l.config.addresses = &l.address;
	l.config.n_addresses = 1;
	l.client_config.want_address = true;
	start(&l);
	run_until(&l, l.now);
	assert_int_equal(l.client.n_prefixes, 2);
	assert_int_equal(l.client.n_addresses, 1);
	assert_true(ip_equal(&l.client.addresses[0].prefix.address, &l.address));
}

static void test_held_for_days(void **state)
{
	struct link l;
	make(&l, true);
	l.loss = 20;
	start(&l);
	run_until(&l, l.now + 60000);
	for (int hour = 0; hour < 72; hour++) {
		run_until(&l, l.now + 3600000);
		assert_int_equal(l.client.n_prefixes, 1);
	}
	assert_true(l.server_counters.renews > 100);
	assert_int_equal(l.client_counters.failed, 0);
}

static void test_server_is_away(void **state)
{
	struct link l;
	make(&l, true);
	start(&l);
	run_until(&l, l.now);
	l.loss = 100;
	run_until(&l, 1000000 + 899999);
	assert_sent(&l, "a");
	run_until(&l, 1000000 + 900000);
	assert_sent(&l, "ae"); /* T1: Renew */
	run_until(&l, 1000000 + 1439999);
	assert_int_equal(l.client.state, DHCP6_RENEWING);
	assert_in_range(l.n_sent, 6, 8); /* 10, 20, 40, 80, 160 s */
	run_until(&l, 1000000 + 1440000);
	assert_int_equal(l.client.state, DHCP6_REBINDING);
	assert_int_equal(l.sent[l.n_sent - 1], DHCP6_REBIND);
	l.changed = false;
	run_until(&l, 1000000 + 3599999);
	assert_false(l.changed);
	assert_int_equal(l.client.n_prefixes, 1);
	run_until(&l, 1000000 + 3600000);
	assert_true(l.changed);
	assert_int_equal(l.client.n_prefixes, 0);
	assert_int_equal(l.client.state, DHCP6_SOLICITING);
	l.loss = 0;
	run_until(&l, l.now + 10000);
	assert_int_equal(l.client.state, DHCP6_BOUND);
}

static void test_concentrator_restarted(void **state)
{
	struct link l;
	make(&l, true);
	start(&l);
	run_until(&l, l.now);
	dhcp6_server_start(&l.server); /* it remembers nothing but what the session has */
	l.changed = false;
	run_until(&l, 1000000 + 900000);
	assert_int_equal(l.client.state, DHCP6_BOUND);
	assert_false(l.changed);
	assert_true(l.server.pd_bound);
	assert_int_equal(l.client.prefixes[0].valid_until, 1000000 + 900000 + 3600000);
}

static void test_renumbered(void **state)
{
	struct link l;
	make(&l, true);
	start(&l);
	run_until(&l, l.now);
	l.delegated[0] = l.delegated[1];
	l.changed = false;
	run_until(&l, 1000000 + 900000);
	assert_true(l.changed);
	assert_int_equal(l.client.n_prefixes, 1); /* the old one came back with a lifetime of zero */
	assert_true(ip_equal(&l.client.prefixes[0].prefix.address, &l.delegated[1].address));
}

static void test_no_prefix(void **state)
{
	struct link l;
	make(&l, false);
	l.config.n_delegated = 0;
	start(&l);
	run_until(&l, l.now + 3 * 3600000);
	assert_int_equal(l.client.state, DHCP6_SOLICITING);
	assert_int_equal(l.client.refused, DHCP6_NO_PREFIX_AVAIL);
	assert_int_equal(l.client.n_prefixes, 0);
	assert_in_range(l.client_counters.sent, 12, 15); /* 1 s doubled to an hour */
	assert_in_range(l.client.rt_ms, 3240000, 3960000);
	make(&l, true);
	l.config.n_delegated = 0;
	l.config.sol_max_rt_s = 60;
	start(&l);
	run_until(&l, l.now + 3600000);
	assert_in_range(l.client_counters.sent, 8, 70);
	l.config.n_delegated = 1;
	run_until(&l, l.now + 70000);
	assert_int_equal(l.client.n_prefixes, 1);
}

static void test_maximum_that_server_sets(void **state)
{
	struct link l;
	make(&l, false);
	l.config.n_delegated = 0;
	l.config.sol_max_rt_s = 120;
	start(&l);
	run_until(&l, l.now + 3600000);
	assert_in_range(l.client.rt_ms, 108000, 132000);
}

static void test_first_solicit_is_late_not_early(void **state)
{
	for (uint64_t seed = 1; seed < 300; seed++) {
		struct link l;
		struct ip6_output o;
		make(&l, true);
		l.random = seed;
		start(&l);
		dhcp6_client_run(&l.client, l.now, next_random(&l), &o);
		assert_in_range(l.client.due - l.now, 1000, 1100);
	}
}

static void test_hint(void **state)
{
	struct link l;
	struct ip6_output o;
	struct ip6_packet p;
	struct dhcp6_message m;
	make(&l, true);
	l.client_config.hint = l.delegated[1];
	start(&l);
	dhcp6_client_run(&l.client, l.now, next_random(&l), &o);
	assert_int_equal(ip6_parse(o.bytes, o.length, &p), 0);
	assert_int_equal(dhcp6_read(p.body, &m), 0);
	assert_int_equal(m.n_ias, 1);
	assert_int_equal(m.ias[0].n_items, 1);
	assert_true(ip_equal(&m.ias[0].items[0].prefix.address, &l.delegated[1].address));
	assert_true(
	        m.rapid_commit && m.wants_dns && m.wants_search && m.wants_sol_max_rt && !m.server.length);
}

static void test_release(void **state)
{
	struct link l;
	struct ip6_output o;
	make(&l, true);
	start(&l);
	run_until(&l, l.now);
	dhcp6_client_release(&l.client, l.now, next_random(&l), &o);
	assert_int_equal(l.client.n_prefixes, 0);
	exchange(&l, &o);
	assert_int_equal(l.event, DHCP6_SERVER_RELEASED);
	assert_int_equal(l.client.state, DHCP6_IDLE);
	assert_false(l.server.pd_bound);
	/* A second time: it is not bound. */
	make(&l, true);
	start(&l);
	run_until(&l, l.now);
	dhcp6_server_start(&l.server);
	dhcp6_client_release(&l.client, l.now, next_random(&l), &o);
	exchange(&l, &o);
	assert_int_equal(l.server_counters.no_binding_sent, 1);
	/* And without an answer: four times. */
	make(&l, true);
	start(&l);
	run_until(&l, l.now);
	l.loss = 100;
	dhcp6_client_release(&l.client, l.now, next_random(&l), &o);
	run_until(&l, l.now + 100000);
	assert_int_equal(l.client.state, DHCP6_IDLE);
	assert_int_equal(l.client_counters.sent, 1 + 4);
}

static void test_information_only(void **state)
{
	struct link l;
	make(&l, true);
	l.client_config.want_prefix = false;
	start(&l);
	run_until(&l, l.now);
	assert_sent(&l, "k");
	assert_int_equal(l.client.state, DHCP6_INFORMED);
	assert_int_equal(l.client.n_dns, 1);
	assert_int_equal(l.event, DHCP6_SERVER_NOTHING);
	run_until(&l, l.now + 86400000);
	assert_sent(&l, "kk");
}

static void test_loss_at_start(void **state)
{
	for (uint64_t seed = 1; seed < 300; seed++) {
		struct link l;
		make(&l, seed & 1);
		l.random = seed * 77777;
		l.loss = 20;
		start(&l);
		run_until(&l, l.now + 12 * 3600000);
		assert_int_equal(l.client.n_prefixes, 1);
	}
}

/* ---- what the client does not believe ---- */

/* The server's answer to the client's Solicit, with one byte changed and the checksum made right. */
static bool changed_answer(struct link *l, size_t at, uint8_t value)
{
	struct ip6_output o, answer;
	make(l, true);
	start(l);
	dhcp6_client_run(&l->client, l->now, next_random(l), &o);
	dhcp6_server_receive(&l->server, &l->config, o.bytes, o.length, l->now, &answer);
	struct writer w = wr_make(IP6_LINK_PACKET_MAX);
	struct ip6_packet p;
	answer.bytes[at] = value;
	memcpy(p.source.bytes, answer.bytes + 8, 16);
	memcpy(p.destination.bytes, answer.bytes + 24, 16);
	ip6_begin_udp(
	        &w, &p.source, 547, &p.destination, (uint16_t)(answer.bytes[42] << 8 | answer.bytes[43]));
	wr_bytes(&w, answer.bytes + 48, answer.length - 48);
	ip6_finish(&w, &o);
	wr_free(&w);
	return dhcp6_client_receive(&l->client, o.bytes, o.length, l->now, 1, &answer);
}

static void test_what_the_client_ignores(void **state)
{
	struct link l;
	assert_true(changed_answer(&l, 48, DHCP6_REPLY));
	assert_false(changed_answer(&l, 48, DHCP6_RECONFIGURE));
	assert_int_equal(l.client_counters.refused_reconfigure, 1);
	assert_false(changed_answer(&l, 48, DHCP6_REQUEST));
	assert_int_equal(l.client_counters.ignored, 1);
	make(&l, true);
	start(&l);
	uint8_t xid = (uint8_t)l.client.xid;
	assert_false(changed_answer(&l, 51, (uint8_t)(xid + 1)));
	assert_int_equal(l.client_counters.ignored, 1);
	assert_false(changed_answer(&l, 52 + 22 + 4 + 5, 0x77)); /* another client's DUID */
	assert_int_equal(l.client_counters.ignored, 1);
	assert_false(changed_answer(&l, 39, 0x99)); /* to another address */
	assert_false(changed_answer(&l, 43, 0x23)); /* to the server's port */
	assert_int_equal(l.client_counters.malformed, 1);
}

static void test_reply_without_rapid_commit_asked(void **state)
{
	struct link l;
	struct ip6_output o, answer;
	make(&l, true);
	l.client_config.rapid_commit = false;
	start(&l);
	dhcp6_client_run(&l.client, l.now, next_random(&l), &o);
	struct dhcp6_client_config wanted = l.client_config;
	dhcp6_server_receive(&l.server, &l.config, o.bytes, o.length, l.now, &answer);
	assert_int_equal(answer.bytes[48], DHCP6_ADVERTISE);
	answer.length = 0;
	l.client.config.rapid_commit = true; /* the same exchange, asked for with it */
	struct dhcp6_client twin = l.client;
	twin.sent = 0;
	twin.due = l.now;
	dhcp6_client_run(&twin, l.now, next_random(&l), &o);
	dhcp6_server_receive(&l.server, &l.config, o.bytes, o.length, l.now, &answer);
	assert_int_equal(answer.bytes[48], DHCP6_REPLY);
	l.client.config = wanted;
	assert_false(dhcp6_client_receive(&l.client, answer.bytes, answer.length, l.now, 1, &o));
	assert_int_equal(l.client.state, DHCP6_SOLICITING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rapid_commit),
		cmocka_unit_test(test_four_messages),
		cmocka_unit_test(test_prefix_and_address),
		cmocka_unit_test(test_held_for_days),
		cmocka_unit_test(test_server_is_away),
		cmocka_unit_test(test_concentrator_restarted),
		cmocka_unit_test(test_renumbered),
		cmocka_unit_test(test_no_prefix),
		cmocka_unit_test(test_maximum_that_server_sets),
		cmocka_unit_test(test_first_solicit_is_late_not_early),
		cmocka_unit_test(test_hint),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_information_only),
		cmocka_unit_test(test_loss_at_start),
		cmocka_unit_test(test_what_the_client_ignores),
		cmocka_unit_test(test_reply_without_rapid_commit_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
