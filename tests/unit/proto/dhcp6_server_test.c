/* SPDX-License-Identifier: ISC */
/* What a DHCPv6 server in a softwire answers, and what it refuses. */
#include "tests/unit/test.h"

#include "proto/dhcp6/wire.h"

#include <stdio.h>
#include <string.h>

static const uint8_t server_uuid[16] = { 1 }, client_uuid[16] = { 2 };

struct link {
	struct dhcp6_server server;
	struct dhcp6_server_config config;
	struct dhcp6_counters server_counters;
	struct dhcp6_duid duid;
	struct ip_prefix delegated;
	struct ip_address address;
	time_ms now;
};

static struct ip_address ip(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static void make(struct link *l)
{
	*l = (struct link){ .now = 1000000 };
	ip_prefix_parse("2001:db8:a000::/56", &l->delegated);
	l->address = ip("2001:db8:9000::5");
	dhcp6_duid_from_uuid(&l->duid, server_uuid);
	l->config = (struct dhcp6_server_config){ .duid = &l->duid,
		.link_local = ip("fe80::1"),
		.rapid_commit = true,
		.preferred_s = 1800,
		.valid_s = 3600,
		.delegated = &l->delegated,
		.n_delegated = 1,
		.counters = &l->server_counters };
	dhcp6_server_start(&l->server);
}

/* A message of this type to the server, with the parts named by letters: c client DUID, s server DUID, x
 * another server's, p IA_PD, a IA_NA with the session's address, b with another address. */
static void compose(struct ip6_output *o, uint8_t type, const char *parts, const char *destination)
{
	struct writer w = wr_make(IP6_LINK_PACKET_MAX);
	struct dhcp6_duid d;
	const struct ip_address from = ip("fe80::2"), to = ip(destination);
	ip6_begin_udp(&w, &from, 546, &to, 547);
	dhcp6_begin(&w, type, 0x123456);
	for (; *parts; parts++) {
		if (*parts == 'c' || *parts == 's' || *parts == 'x') {
			dhcp6_duid_from_uuid(&d, *parts == 'c' ? client_uuid : server_uuid);
			d.bytes[17] = *parts == 'x';
			dhcp6_write_duid(
			        &w, *parts == 'c' ? DHCP6_OPTION_CLIENTID : DHCP6_OPTION_SERVERID, &d);
			continue;
		}
		size_t at = dhcp6_open(&w, *parts == 'p' ? DHCP6_OPTION_IA_PD : DHCP6_OPTION_IA_NA);
		wr_u32(&w, 7);
		wr_u32(&w, 0);
		wr_u32(&w, 0);
		if (*parts != 'p')
			dhcp6_write_item(&w,
			        &(struct ip_prefix){
			                ip(*parts == 'a' ? "2001:db8:9000::5" : "2001:db8:bad::5"), 128 },
			        false, 0, 0);
		dhcp6_close(&w, at);
	}
	ip6_finish(&w, o);
	wr_free(&w);
}

static void test_what_the_server_answers(void **state)
{
	static const struct {
		uint8_t type;
		const char *parts, *destination;
		int answer, status; /* message type, 0: none; status of the message */
		size_t counter;
	} cases[] = {
#define COUNTER(name) offsetof(struct dhcp6_counters, name)
		{ DHCP6_SOLICIT, "cp", "ff02::1:2", DHCP6_ADVERTISE, 0, COUNTER(solicits) },
		{ DHCP6_SOLICIT, "p", "ff02::1:2", 0, 0, COUNTER(malformed) },
		{ DHCP6_SOLICIT, "csp", "ff02::1:2", 0, 0, COUNTER(malformed) },
		{ DHCP6_SOLICIT, "ccp", "ff02::1:2", 0, 0, COUNTER(malformed) },
		{ DHCP6_SOLICIT, "cp", "fe80::1", 0, 0, COUNTER(ignored) },
		{ DHCP6_REQUEST, "csp", "ff02::1:2", DHCP6_REPLY, 0, COUNTER(requests) },
		{ DHCP6_REQUEST, "cxp", "ff02::1:2", 0, 0, COUNTER(other_server) },
		{ DHCP6_REQUEST, "cp", "ff02::1:2", 0, 0, COUNTER(malformed) },
		{ DHCP6_REQUEST, "csp", "fe80::1", DHCP6_REPLY, DHCP6_USE_MULTICAST, COUNTER(requests) },
		{ DHCP6_REQUEST, "csp", "fe80::3", 0, 0, COUNTER(ignored) },
		{ DHCP6_CONFIRM, "ca", "ff02::1:2", DHCP6_REPLY, 0, COUNTER(confirms) },
		{ DHCP6_CONFIRM, "cb", "ff02::1:2", DHCP6_REPLY, DHCP6_NOT_ON_LINK, COUNTER(confirms) },
		{ DHCP6_CONFIRM, "cab", "ff02::1:2", DHCP6_REPLY, DHCP6_NOT_ON_LINK, COUNTER(confirms) },
		{ DHCP6_CONFIRM, "cp", "ff02::1:2", 0, 0, COUNTER(ignored) },
		{ DHCP6_RENEW, "csp", "ff02::1:2", DHCP6_REPLY, 0, COUNTER(renews) },
		{ DHCP6_REBIND, "cp", "ff02::1:2", DHCP6_REPLY, 0, COUNTER(rebinds) },
		{ DHCP6_REBIND, "csp", "ff02::1:2", 0, 0, COUNTER(malformed) },
		{ DHCP6_RELEASE, "csp", "ff02::1:2", DHCP6_REPLY, 0, COUNTER(no_binding_sent) },
		{ DHCP6_DECLINE, "csa", "ff02::1:2", DHCP6_REPLY, 0, COUNTER(declines) },
		{ DHCP6_INFORMATION_REQUEST, "", "ff02::1:2", DHCP6_REPLY, 0, COUNTER(information_requests) },
		{ DHCP6_INFORMATION_REQUEST, "cp", "ff02::1:2", 0, 0, COUNTER(malformed) },
		{ DHCP6_ADVERTISE, "csp", "ff02::1:2", 0, 0, COUNTER(refused_server_message) },
		{ DHCP6_REPLY, "csp", "ff02::1:2", 0, 0, COUNTER(refused_server_message) },
		{ DHCP6_RECONFIGURE, "cs", "ff02::1:2", 0, 0, COUNTER(refused_server_message) },
		{ DHCP6_RELAY_FORW, "", "ff02::1:2", 0, 0, COUNTER(refused_relay) },
		{ DHCP6_RELAY_REPL, "", "ff02::1:2", 0, 0, COUNTER(refused_relay) },
		{ 0, "cp", "ff02::1:2", 0, 0, COUNTER(malformed) },
		{ 36, "cp", "ff02::1:2", 0, 0, COUNTER(malformed) },
		{ DHCP6_SOLICIT, "cpppppp", "ff02::1:2", DHCP6_ADVERTISE, 0, COUNTER(too_many) },
#undef COUNTER
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct link l;
		struct ip6_output o, answer;
		struct ip6_packet p;
		struct dhcp6_message m;
		make(&l);
		l.config.addresses = &l.address;
		l.config.n_addresses = 1;
		compose(&o, cases[i].type, cases[i].parts, cases[i].destination);
		dhcp6_server_receive(&l.server, &l.config, o.bytes, o.length, l.now, &answer);
		uint64_t counted;
		memcpy(&counted, (const uint8_t *)&l.server_counters + cases[i].counter, sizeof(counted));
		if (!counted || (answer.length > 0) != (cases[i].answer > 0))
			fail_msg("case %zu: counted %d, answered %d", i, (int)counted, answer.length > 0);
		if (!answer.length)
			continue;
		assert_int_equal(ip6_parse(answer.bytes, answer.length, &p), 0);
		assert_int_equal(dhcp6_read(p.body, &m), 0);
		assert_int_equal(m.type, cases[i].answer);
		assert_int_equal(m.status, cases[i].status);
		assert_int_equal(m.xid, 0x123456);
		assert_int_equal(m.server.length, 18);
	}
}

static void test_second_association_gets_nothing(void **state)
{
	struct link l;
	struct ip6_output o, answer;
	struct ip6_packet p;
	struct dhcp6_message m;
	make(&l);
	compose(&o, DHCP6_REQUEST, "cspp", "ff02::1:2");
	dhcp6_server_receive(&l.server, &l.config, o.bytes, o.length, l.now, &answer);
	assert_int_equal(ip6_parse(answer.bytes, answer.length, &p), 0);
	assert_int_equal(dhcp6_read(p.body, &m), 0);
	assert_int_equal(m.n_ias, 2);
	assert_int_equal(m.ias[0].n_items, 1);
	assert_int_equal(m.ias[1].n_items, 0);
	assert_int_equal(m.ias[1].status, DHCP6_NO_PREFIX_AVAIL);
}

static void test_every_cut_is_refused(void **state)
{
	struct link l;
	struct ip6_output o, answer;
	make(&l);
	compose(&o, DHCP6_REQUEST, "cspa", "ff02::1:2");
	struct ip6_packet p;
	assert_int_equal(ip6_parse(o.bytes, o.length, &p), 0);
	for (size_t n = 0; n < p.body.left; n++) {
		uint8_t *exact = xmemdup(p.body.at, n);
		struct dhcp6_message m;
		int r = dhcp6_read(rd_make(exact, n), &m);
		/* Whole options only. */
		assert_int_equal(r == 0, n == 4 || n == 26 || n == 48 || n == 64 || n == 108);
		free(exact);
	}
	for (size_t n = 0; n < o.length; n++)
		dhcp6_server_receive(&l.server, &l.config, o.bytes, n, l.now, &answer);
	assert_int_equal(l.server_counters.malformed, o.length);
}

static void test_options_without_end(void **state)
{
	struct writer w = wr_make(IP6_LINK_PACKET_MAX);
	struct dhcp6_message m;
	dhcp6_begin(&w, DHCP6_SOLICIT, 1);
	for (int i = 0; i < DHCP6_OPTIONS_MAX; i++)
		dhcp6_close(&w, dhcp6_open(&w, 99));
	assert_int_equal(dhcp6_read(rd_make(w.data, w.length), &m), 0);
	dhcp6_close(&w, dhcp6_open(&w, 99));
	assert_true(dhcp6_read(rd_make(w.data, w.length), &m) < 0);
	wr_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_server_answers),
		cmocka_unit_test(test_second_association_gets_nothing),
		cmocka_unit_test(test_every_cut_is_refused),
		cmocka_unit_test(test_options_without_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
