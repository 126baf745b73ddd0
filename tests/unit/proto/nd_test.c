/* SPDX-License-Identifier: ISC */
/* Router discovery in a softwire: what is refused, the router's pace, the host's addresses and their ends,
 * and both together over a link that loses packets, on a virtual clock. */
#include "tests/unit/test.h"

#include "proto/nd/nd.h"

#include <stdio.h>
#include <string.h>

static const uint8_t router_id[8] = { 0x02, 0, 0, 0, 0, 0, 0, 1 }, host_id[8] = { 0x02, 0, 0, 0, 0, 0, 0, 2 };

struct link {
	struct nd_router router;
	struct nd_router_config config;
	struct nd_host host;
	struct nd_counters router_counters, host_counters;
	struct nd_prefix prefixes[2];
	struct ip_address dns;
	time_ms now;
	uint32_t random;
	unsigned loss; /* in 100 */
};

static const char *const search[] = { "example.org", "lab.example.org" };

static struct ip_address ip(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(text, &p), 0);
	return p;
}

static uint32_t next_random(struct link *l)
{
	l->random = l->random * 1664525 + 1013904223;
	return l->random >> 8;
}

static void make(struct link *l)
{
	*l = (struct link){ .now = 1000000, .random = 1 };
	l->prefixes[0] = (struct nd_prefix){ prefix("2001:db8:9000:1::/64"), true, true, 3600, 1800 };
	l->dns = ip("2001:db8::53");
	l->config = (struct nd_router_config){ .link_local = ip6_link_local(router_id),
		.mtu = 1400,
		.other = true,
		.lifetime_s = ND_RA_LIFETIME_S,
		.prefixes = l->prefixes,
		.n_prefixes = 1,
		.dns = &l->dns,
		.n_dns = 1,
		.search = search,
		.n_search = 2,
		.counters = &l->router_counters };
	struct nd_host_config h = { .mtu = 1420, .counters = &l->host_counters };
	memcpy(h.interface_id, host_id, 8);
	nd_router_start(&l->router, l->now);
	nd_host_start(&l->host, &h, l->now);
}

static bool lost(struct link *l)
{
	return next_random(l) % 100 < l->loss;
}

/* One packet to the other end, and its answer back. */
static void to_host(struct link *l, const struct ip6_output *o)
{
	struct ip6_output answer;
	if (o->length && !lost(l))
		nd_host_receive(&l->host, o->bytes, o->length, l->now, &answer);
}

static void to_router(struct link *l, const struct ip6_output *o)
{
	struct ip6_output answer;
	if (!o->length || lost(l))
		return;
	nd_router_receive(&l->router, &l->config, o->bytes, o->length, l->now, next_random(l), &answer);
	to_host(l, &answer);
}

static void run_until(struct link *l, time_ms end)
{
	for (;;) {
		time_ms next = MIN(nd_router_due(&l->router), nd_host_due(&l->host));
		if (next > end)
			break;
		l->now = MAX(l->now, next);
		struct ip6_output o;
		nd_router_run(&l->router, &l->config, l->now, next_random(l), &o);
		to_host(l, &o);
		nd_host_run(&l->host, l->now, next_random(l), &o);
		to_router(l, &o);
	}
	l->now = end;
}

static void test_address_by_discovery(void **state)
{
	struct link l;
	make(&l);
	run_until(&l, l.now + 1);
	const struct ip_address expected = ip("2001:db8:9000:1:200::2"), router = ip6_link_local(router_id);
	assert_int_equal(l.host.n_addresses, 1);
	assert_true(ip_equal(&l.host.addresses[0].address, &expected));
	assert_true(l.host.addresses[0].preferred);
	assert_true(ip_equal(&l.host.router, &router));
	assert_true(l.host.router_until == 1000000 + ND_RA_LIFETIME_S * 1000);
	assert_int_equal(l.host.mtu, 1400);
	assert_int_equal(l.host.n_routes, 1);
	assert_int_equal(l.host.n_dns, 1);
	assert_int_equal(l.host.n_search, 2);
	assert_string_equal(l.host.search[1].name, "lab.example.org");
	assert_true(l.host.other && !l.host.managed && l.host.heard);
	assert_true(l.host.solicit_due == INT64_MAX);
}

static void test_refreshed_for_a_day_with_loss(void **state)
{
	struct link l;
	make(&l);
	l.loss = 30;
	for (int hour = 1; hour < 24; hour++) {
		run_until(&l, 1000000 + hour * 3600000LL);
		assert_int_equal(l.host.n_addresses, 1);
		assert_true(l.host.router_until > l.now);
	}
	/* 24 hours at 200 to 600 s. */
	assert_in_range(l.router_counters.advertisements_sent, 144, 440);
}

static void test_lost_start_is_solicited(void **state)
{
	for (uint32_t seed = 1; seed < 200; seed++) {
		struct link l;
		make(&l);
		l.random = seed * 7919;
		l.loss = 30;
		run_until(&l, l.now + 120000);
		assert_int_equal(l.host.n_addresses, 1);
	}
}

static void test_end_of_the_router(void **state)
{
	struct link l;
	struct ip6_output o;
	make(&l);
	run_until(&l, l.now + 1);
	nd_router_cease(&l.router, &l.config, &o);
	assert_true(o.length > 0);
	assert_true(nd_host_receive(&l.host, o.bytes, o.length, l.now, &o));
	assert_int_equal(l.host.router_until, 0);
	assert_int_equal(l.host.n_dns, 0);
	assert_int_equal(l.host.n_routes, 0);
	assert_int_equal(
	        l.host.n_addresses, 1); /* the two-hour rule: it stays, for connections that it has */
	assert_false(l.host.addresses[0].preferred);
	assert_true(nd_router_due(&l.router) == INT64_MAX);
	nd_router_cease(&l.router, &l.config, &o);
	assert_int_equal(o.length, 0);
	run_until(&l, l.now + 3600000);
	assert_int_equal(l.host.n_addresses, 0);
	assert_true(l.host_counters.solicitations_sent > 5);
}

static void test_renumbering(void **state)
{
	struct link l;
	make(&l);
	run_until(&l, l.now + 20000);
	l.prefixes[0].valid_s = l.prefixes[0].preferred_s = 0;
	l.prefixes[1] = (struct nd_prefix){ prefix("2001:db8:9000:2::/64"), true, true, 3600, 1800 };
	l.config.n_prefixes = 2;
	nd_router_start(&l.router, l.now);
	run_until(&l, l.now + 1);
	assert_int_equal(l.host.n_addresses, 2);
	assert_false(l.host.addresses[0].preferred);
	assert_true(l.host.addresses[1].preferred);
	assert_int_equal(l.host.n_routes, 1);
	assert_true(ip_equal(&l.host.routes[0].prefix.address, &l.prefixes[1].prefix.address));
}

static void test_deprecation_and_expiry(void **state)
{
	struct link l;
	make(&l);
	run_until(&l, l.now + 1);
	l.loss = 100;
	struct ip6_output o;
	assert_false(nd_host_run(&l.host, 1000000 + 1799999, 0, &o));
	assert_true(nd_host_run(&l.host, 1000000 + 1800000, 0, &o)); /* deprecated, and no default router */
	assert_false(l.host.addresses[0].preferred);
	assert_int_equal(l.host.router_until, 0);
	assert_true(o.length > 0); /* solicits again */
	assert_true(nd_host_run(&l.host, 1000000 + 3600000, 0, &o));
	assert_int_equal(l.host.n_addresses + l.host.n_routes + l.host.n_dns + l.host.n_search, 0);
}

static void test_two_hour_rule(void **state)
{
	/* advertised valid lifetime, what remains before, after (seconds); RFC 4862 5.5.3 e */
	static const uint32_t cases[][3] = { { 10000, 3600, 10000 }, { 5000, 3600, 5000 }, { 60, 3600, 3600 },
		{ 60, 9000, 7200 }, { 7201, 9000, 7201 }, { 0, 100, 100 } };
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct link l;
		make(&l);
		l.prefixes[0].valid_s = cases[i][1];
		l.prefixes[0].preferred_s = 50;
		run_until(&l, l.now + 1);
		l.prefixes[0].valid_s = cases[i][0];
		l.prefixes[0].preferred_s = 0;
		struct nd_router_config c = l.config;
		struct ip6_output o;
		nd_router_start(&l.router, 1000000);
		nd_router_run(&l.router, &c, 1000000, 0, &o);
		nd_host_receive(&l.host, o.bytes, o.length, 1000000, &o);
		assert_int_equal(l.host.addresses[0].valid_until, 1000000 + cases[i][2] * 1000LL);
		assert_false(l.host.addresses[0].preferred);
	}
}

static void test_solicitations_back_off(void **state)
{
	struct link l;
	struct ip6_output o;
	make(&l);
	time_ms last = 0, gap = 0;
	for (int i = 0; i < 20; i++) {
		time_ms due = nd_host_due(&l.host);
		nd_host_run(&l.host, due, next_random(&l), &o);
		assert_true(o.length > 0);
		assert_int_equal(o.bytes[7], 255);
		if (i == 1)
			assert_in_range(due - last, 3600, 4400);
		if (i > 1 && gap < 1600000)
			assert_in_range((due - last) * 100 / gap, 189, 211);
		if (i > 14)
			assert_in_range(due - last, 3240000, 3960000);
		gap = due - last;
		last = due;
	}
}

static void test_flood_of_solicitations(void **state)
{
	struct link l;
	struct ip6_output o, answer;
	make(&l);
	nd_router_run(&l.router, &l.config, l.now, 0, &answer);
	nd_host_run(&l.host, l.now, 0, &o);
	size_t answers = 0;
	for (int i = 0; i < 30000; i++) { /* 30 s */
		nd_router_receive(&l.router, &l.config, o.bytes, o.length, l.now + i, 0, &answer);
		answers += answer.length > 0;
		nd_router_run(&l.router, &l.config, l.now + i, 0, &answer);
		answers += answer.length > 0;
	}
	assert_in_range(answers, 30, 4 * 11);
	assert_true(l.router_counters.limited > 29900);
}

static void test_neighbor_solicitations(void **state)
{
	struct link l;
	struct ip6_output answer;
	make(&l);
	run_until(&l, l.now + 1);
	const struct ip_address router = ip6_link_local(router_id), host = ip6_link_local(host_id),
	                        any = { { 0 } };
	const struct ip_address group = ip6_solicited_node(&router);
	const struct {
		const struct ip_address *source, *destination, *target;
		bool answered;
		uint8_t flags;
	} cases[] = { { &host, &router, &router, true, 0xe0 }, { &host, &group, &router, true, 0xe0 },
		{ &any, &group, &router, true, 0xa0 }, { &any, &router, &router, false, 0 },
		{ &host, &router, &host, false, 0 }, { &host, &router, &ip6_all_nodes, false, 0 } };
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct writer w = wr_make(200);
		struct ip6_output o;
		ip6_begin_icmp(&w, cases[i].source, cases[i].destination, 255, ND_NEIGHBOR_SOLICITATION);
		wr_u32(&w, 0);
		wr_bytes(&w, cases[i].target->bytes, 16);
		ip6_finish(&w, &o);
		wr_free(&w);
		assert_true(ip6_is_for_link(o.bytes, o.length));
		nd_router_receive(&l.router, &l.config, o.bytes, o.length, l.now, 0, &answer);
		assert_int_equal(answer.length > 0, cases[i].answered);
		struct ip6_packet p;
		if (!cases[i].answered)
			continue;
		assert_int_equal(ip6_parse(answer.bytes, answer.length, &p), 0);
		assert_int_equal(p.type, ND_NEIGHBOR_ADVERTISEMENT);
		assert_int_equal(answer.bytes[44], cases[i].flags);
		assert_memory_equal(answer.bytes + 48, cases[i].target->bytes, 16);
	}
}

/* A packet with one byte changed and, where asked for, the checksum made right again. */
static void damage(struct ip6_output *o, size_t at, uint8_t value, bool checksum)
{
	uint16_t old = (uint16_t)(o->bytes[at & ~1U] << 8 | o->bytes[at | 1]);
	o->bytes[at] = value;
	uint16_t new = (uint16_t)(o->bytes[at & ~1U] << 8 | o->bytes[at | 1]);
	uint32_t sum = (uint32_t)(uint16_t) ~(o->bytes[42] << 8 | o->bytes[43]) + (uint16_t)~old + new;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	if (!checksum)
		return;
	o->bytes[42] = (uint8_t)(~sum >> 8);
	o->bytes[43] = (uint8_t)~sum;
}

static void test_what_is_malformed(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		bool checksum, ok;
	} cases[] = {
		{ 41, 0, true, true },                               /* untouched */
		{ 7, 254, false, false },                            /* hop limit; not in the checksum */
		{ 41, 1, true, false },                              /* code */
		{ 45, 0x55, false, false },                          /* checksum */
		{ 8, 0x20, true, false },                            /* source is not link-local */
		{ 57, 0, true, false },                              /* an option of length zero */
		{ 57, 200, true, false },                            /* longer than the packet */
		{ 0, 0x40, false, false }, { 5, 255, false, false }, /* payload longer than the packet */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct link l;
		struct ip6_output o;
		make(&l);
		nd_router_run(&l.router, &l.config, l.now, 0, &o);
		damage(&o, cases[i].at, cases[i].value, cases[i].checksum);
		bool changed = nd_host_receive(&l.host, o.bytes, o.length, l.now, &o);
		assert_int_equal(changed, cases[i].ok);
		assert_int_equal(l.host_counters.malformed, !cases[i].ok);
	}
}

static void test_every_cut_is_refused(void **state)
{
	struct link l;
	struct ip6_output o, answer;
	make(&l);
	nd_router_run(&l.router, &l.config, l.now, 0, &o);
	for (size_t n = 0; n < o.length; n++) {
		uint8_t *exact = xmemdup(o.bytes, n);
		assert_false(nd_host_receive(&l.host, exact, n, l.now, &answer));
		free(exact);
	}
	assert_int_equal(l.host_counters.malformed, o.length);
	assert_int_equal(l.host.n_addresses, 0);
}

static void test_initiator_cannot_advertise(void **state)
{
	struct link l, other;
	struct ip6_output o, answer;
	make(&l);
	make(&other);
	nd_router_run(&other.router, &other.config, l.now, 0, &o);
	nd_router_receive(&l.router, &l.config, o.bytes, o.length, l.now, 0, &answer);
	assert_int_equal(answer.length, 0);
	assert_int_equal(l.router_counters.refused_advertisement, 1);
	damage(&o, 40, ND_REDIRECT, true);
	nd_router_receive(&l.router, &l.config, o.bytes, o.length, l.now, 0, &answer);
	assert_int_equal(l.router_counters.refused_redirect, 1);
	assert_false(nd_host_receive(&l.host, o.bytes, o.length, l.now, &answer));
	assert_int_equal(l.host_counters.refused_redirect, 1);
}

static void test_second_router_is_ignored(void **state)
{
	struct link l;
	struct ip6_output o;
	make(&l);
	run_until(&l, l.now + 1);
	l.config.link_local = ip("fe80::bad");
	l.prefixes[0].prefix = prefix("2001:db8:bad::/64");
	nd_router_start(&l.router, l.now);
	nd_router_run(&l.router, &l.config, l.now, 0, &o);
	assert_false(nd_host_receive(&l.host, o.bytes, o.length, l.now, &o));
	assert_int_equal(l.host.n_addresses, 1);
	assert_int_equal(l.host_counters.ignored, 1);
}

static void test_limits_of_a_host(void **state)
{
	struct link l;
	struct ip6_output o;
	make(&l);
	run_until(&l, l.now + 1);
	for (int i = 0; i < 100; i++) {
		l.prefixes[0].prefix.address.bytes[5] = (uint8_t)(i + 1);
		nd_router_start(&l.router, l.now);
		nd_router_run(&l.router, &l.config, l.now, 0, &o);
		nd_host_receive(&l.host, o.bytes, o.length, l.now, &o);
	}
	assert_int_equal(l.host.n_addresses, ND_ADDRESSES_MAX);
	assert_int_equal(l.host.n_routes, ND_PREFIXES_MAX);
	assert_true(l.host_counters.too_many > 100);
}

static void test_search_list_that_is_too_long(void **state)
{
	static const char label[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789";
	char names[8][DOMAIN_TEXT_SIZE];
	const char *list[8];
	for (int i = 0; i < 8; i++) {
		snprintf(names[i], sizeof(names[i]), "%s.%s.%s.n%d", label, label, label, i);
		list[i] = names[i];
	}
	struct link l;
	struct ip6_output o;
	make(&l);
	l.config.search = list;
	l.config.n_search = 8;
	nd_router_run(&l.router, &l.config, l.now, 0, &o);
	assert_in_range(o.length, 800, IP6_LINK_PACKET_MAX);
	assert_true(nd_host_receive(&l.host, o.bytes, o.length, l.now, &o));
	assert_in_range(l.host.n_search, 3, 6);
}

static void test_domains(void **state)
{
	static const struct {
		const char *wire;
		size_t length;
		const char *text; /* NULL: refused */
		bool failed;
	} cases[] = { { "\7example\3org", 13, "example.org", false }, { "\0", 1, NULL, false },
		{ "\7example\3o\ng", 13, NULL, false }, { "\7example\300\0", 10, NULL, true },
		{ "\7exam", 5, NULL, true }, { "\4a.bc", 6, NULL, false }, { "\3a\0b", 5, NULL, false },
		{ "\2-x", 4, NULL, false } };
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char text[DOMAIN_TEXT_SIZE];
		struct reader r = rd_make(cases[i].wire, cases[i].length);
		bool read = domain_read(&r, text);
		assert_int_equal(read, cases[i].text != NULL);
		assert_int_equal(rd_failed(&r), cases[i].failed);
		if (cases[i].text)
			assert_string_equal(text, cases[i].text);
	}
	assert_false(domain_is_valid("a..b"));
	assert_false(domain_is_valid("a."));
	assert_false(domain_is_valid(""));
	assert_true(domain_is_valid("_srv.a-b.example"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_by_discovery),
		cmocka_unit_test(test_refreshed_for_a_day_with_loss),
		cmocka_unit_test(test_lost_start_is_solicited),
		cmocka_unit_test(test_end_of_the_router),
		cmocka_unit_test(test_renumbering),
		cmocka_unit_test(test_deprecation_and_expiry),
		cmocka_unit_test(test_two_hour_rule),
		cmocka_unit_test(test_solicitations_back_off),
		cmocka_unit_test(test_flood_of_solicitations),
		cmocka_unit_test(test_neighbor_solicitations),
		cmocka_unit_test(test_what_is_malformed),
		cmocka_unit_test(test_every_cut_is_refused),
		cmocka_unit_test(test_initiator_cannot_advertise),
		cmocka_unit_test(test_second_router_is_ignored),
		cmocka_unit_test(test_limits_of_a_host),
		cmocka_unit_test(test_search_list_that_is_too_long),
		cmocka_unit_test(test_domains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
