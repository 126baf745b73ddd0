/* SPDX-License-Identifier: ISC */
#include "net/endpoint.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static void endpoints_are_read(void **state)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
	} good[] = {
		{ "srv:443", "srv", 443 },
		{ "srv", "srv", 8443 },
		{ "192.0.2.1:1", "192.0.2.1", 1 },
		{ "[2001:db8::1]:65535", "2001:db8::1", 65535 },
		{ "[2001:db8::1]", "2001:db8::1", 8443 },
		{ "[fe80::1%eth0]:443", "fe80::1%eth0", 443 },
	};
	static const char *const bad[] = { "", ":443", "srv:", "srv:0", "srv:65536", "srv:x", "srv:443x",
		"2001:db8::1", "[2001:db8::1", "[::1]x", "[]:443", "srv:-1", "srv: 1" };
	struct endpoint e;
	struct error err;
	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		assert_int_equal(endpoint_parse(good[i].text, 8443, &e, &err), 0);
		assert_string_equal(e.host, good[i].host);
		assert_int_equal(e.port, good[i].port);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_int_equal(endpoint_parse(bad[i], 8443, &e, &err), -EINVAL);
	assert_int_equal(endpoint_parse("srv", 0, &e, &err), -EINVAL);
	char longer[300];
	memset(longer, 'a', sizeof(longer));
	longer[ENDPOINT_HOST_MAX] = '\0';
	assert_int_equal(endpoint_parse(longer, 1, &e, &err), 0);
	longer[ENDPOINT_HOST_MAX] = 'a';
	longer[ENDPOINT_HOST_MAX + 1] = '\0';
	assert_int_equal(endpoint_parse(longer, 1, &e, &err), -EINVAL);
}

static void addresses_need_no_lookup(void **state)
{
	struct endpoint e = { "::1", 443 };
	struct sockaddr_storage address;
	assert_int_equal(endpoint_resolve(&e, &address, 1, NULL), 1);
	assert_int_equal(address.ss_family, AF_INET6);
	struct endpoint v4 = { "127.0.0.1", 443 };
	assert_int_equal(endpoint_resolve(&v4, &address, 1, NULL), 1);
	assert_int_equal(address.ss_family, AF_INET);
	struct endpoint bad = { "no name at all", 443 };
	struct error err;
	assert_int_equal(endpoint_resolve(&bad, &address, 1, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_are_read),
		cmocka_unit_test(addresses_need_no_lookup),
	};
	return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
