/* SPDX-License-Identifier: ISC */
/* What one address may do to the API; time is an argument. */
#include "server/api.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#define NOW 1000000

static struct site site;
static struct server server;

static int setup(void **state)
{
	memset(&site, 0, sizeof(site));
	memset(&server, 0, sizeof(server));
	server.site = &site;
	return 0;
}

static int teardown(void **state)
{
	api_limits_free(&server);
	return 0;
}

static struct ip_address address(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static unsigned ask_until_refused(const struct ip_address *a, time_ms now)
{
	unsigned n = 0;
	while (n < 10000 && api_may_ask(&server, a, now))
		n++;
	return n;
}

static void test_requests(void **state)
{
	const struct ip_address a = address("2001:db8::1"), same = address("2001:db8::ffff"),
	                        other = address("2001:db8:0:1::1"), v4 = address("192.0.2.1"),
	                        v4_beside = address("192.0.2.2");
	assert_int_equal(ask_until_refused(&a, NOW), API_BURST_MS / API_REQUEST_COST_MS);
	assert_int_equal(ask_until_refused(&same, NOW), 0); /* of one network */
	assert_int_equal(ask_until_refused(&other, NOW), API_BURST_MS / API_REQUEST_COST_MS);
	assert_int_equal(ask_until_refused(&v4, NOW), API_BURST_MS / API_REQUEST_COST_MS);
	assert_int_equal(ask_until_refused(&v4_beside, NOW), API_BURST_MS / API_REQUEST_COST_MS);
	assert_int_equal(ask_until_refused(&a, NOW + 1000), 1000 / API_REQUEST_COST_MS);
	assert_int_equal(ask_until_refused(&a, NOW + 60000), API_BURST_MS / API_REQUEST_COST_MS);
}

/* One request that takes long costs as much as many. */
static void test_time_is_charged(void **state)
{
	const struct ip_address a = address("192.0.2.1");
	assert_true(api_may_ask(&server, &a, NOW));
	api_charge(&server, &a, 1000LL * API_BURST_MS / API_SHARE, NOW);
	assert_false(api_may_ask(&server, &a, NOW));
	assert_false(api_may_ask(&server, &a, NOW + API_REQUEST_COST_MS));
	assert_true(api_may_ask(&server, &a, NOW + 2 * API_REQUEST_COST_MS));
}

static void test_failures(void **state)
{
	const struct ip_address a = address("192.0.2.1"), other = address("192.0.2.2");
	for (int i = 0; i < API_FAILURES_MAX; i++) {
		assert_true(api_may_try(&server, &a, NOW + i));
		api_has_failed(&server, &a, NOW + i);
	}
	assert_false(api_may_try(&server, &a, NOW + API_FAILURES_MS - 1));
	assert_true(api_may_try(&server, &other, NOW));
	assert_true(api_may_try(&server, &a, NOW + API_FAILURES_MS)); /* its minute is over */
	api_has_failed(&server, &a, NOW + API_FAILURES_MS);
	assert_true(api_may_try(&server, &a, NOW + API_FAILURES_MS + 1));
	assert_int_equal(site.counters.api_unproven, API_FAILURES_MAX + 1);
}

/* As many addresses as are remembered; those that were idle make room. */
static void test_memory_is_bounded(void **state)
{
	char text[32];
	for (unsigned i = 0; i < API_SOURCES_MAX; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		struct ip_address a = address(text);
		assert_true(api_may_ask(&server, &a, NOW));
	}
	const struct ip_address one_more = address("192.0.2.1");
	assert_false(api_may_ask(&server, &one_more, NOW));
	assert_int_equal(api_source_count(&server), API_SOURCES_MAX);
	assert_true(api_may_ask(&server, &one_more, NOW + API_BURST_MS));
	assert_int_equal(api_source_count(&server), 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_requests),
		TEST(test_time_is_charged),
		TEST(test_failures),
		TEST(test_memory_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
