/* SPDX-License-Identifier: ISC */
#include "base/address.h"
#include "tests/unit/test.h"

static void addresses(void **state)
{
	static const struct {
		const char *text, *printed;
	} good[] = { { "2001:db8::1", "2001:db8::1" }, { "192.0.2.7", "192.0.2.7" },
		{ "::ffff:192.0.2.7", "192.0.2.7" }, { "FE80::A", "fe80::a" } };
	static const char *const bad[] = { "", "192.0.2", "2001:db8::1%eth0", "2001:db8::1 ", "1.2.3.4/32" };
	struct ip_address a;
	char text[IP_TEXT_SIZE];
	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		assert_int_equal(ip_parse(good[i].text, &a), 0);
		assert_string_equal(ip_format(&a, text), good[i].printed);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_true(ip_parse(bad[i], &a) < 0);
}

static void prefixes(void **state)
{
	static const struct {
		const char *prefix, *address;
		bool inside;
	} rows[] = { { "2001:db8::/32", "2001:db8:1::1", true }, { "2001:db8::/32", "2001:db9::1", false },
		{ "10.0.0.0/9", "10.127.0.1", true }, { "10.0.0.0/9", "10.128.0.1", false },
		{ "192.0.2.1", "192.0.2.1", true }, { "0.0.0.0/0", "192.0.2.1", true },
		{ "0.0.0.0/0", "2001:db8::1", false }, { "::/0", "2001:db8::1", true } };
	static const char *const bad[] = { "2001:db8::1/32", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8",
		"10.0.0.0/8x" };
	struct ip_prefix p;
	struct ip_address a;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		assert_int_equal(ip_prefix_parse(rows[i].prefix, &p), 0);
		assert_int_equal(ip_parse(rows[i].address, &a), 0);
		assert_int_equal(ip_in_prefix(&a, &p), rows[i].inside);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_true(ip_prefix_parse(bad[i], &p) < 0);
}

static void macs(void **state)
{
	struct mac_address m;
	char text[MAC_TEXT_SIZE];
	assert_int_equal(mac_parse("02:00:5E:10:00:ff", &m), 0);
	assert_string_equal(mac_format(&m, text), "02:00:5e:10:00:ff");
	assert_true(mac_parse("02:00:5e:10:00", &m) < 0);
	assert_true(mac_parse("02:00:5e:10:00:f", &m) < 0);
	assert_true(mac_parse("02:00:5e:10:00:fff", &m) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(macs),
	};
	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
