/* SPDX-License-Identifier: ISC */
/* What attributes give and change. */
#include "softwire/aaa_profile.h"

#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static const uint8_t zeros[16];

struct given {
	uint32_t vendor;
	uint8_t type;
	const char *value;
	size_t length;
};

static int read_given(
        const struct given *g, size_t n, struct aaa_profile *profile, struct error *err, bool change)
{
	const struct radius_secret secret = { .bytes = "x", .length = 1 };
	struct writer w = wr_make(RADIUS_PACKET_MAX);
	struct radius_packet p;
	radius_write_header(&w, change ? RADIUS_COA_REQUEST : RADIUS_ACCESS_ACCEPT, 1, zeros);
	for (size_t i = 0; i < n; i++) {
		if (g[i].vendor)
			radius_write_vendor(&w, g[i].vendor, g[i].type, g[i].value, g[i].length);
		else
			radius_write(&w, g[i].type, g[i].value, g[i].length);
	}
	assert_int_equal(radius_sign_request(&w, &secret), 0);
	assert_int_equal(radius_parse(w.data, w.length, &p, NULL), 0);
	int r = change ? (int)aaa_profile_read_change(&p, profile, err) : aaa_profile_read(&p, profile, err);
	wr_free(&w);
	return r;
}

static void reads_an_accept(void **state)
{
	static const struct given all[] = {
		{ 0, RADIUS_SERVICE_TYPE, "\0\0\0\2", 4 },
		{ 0, RADIUS_FRAMED_PROTOCOL, "\0\0\0\1", 4 },
		{ 0, RADIUS_USER_NAME, "alice@home", 10 },
		{ 0, RADIUS_FRAMED_IP_ADDRESS, "\xa\0\0\1", 4 },
		{ 0, RADIUS_FRAMED_INTERFACE_ID, "\0\0\0\0\0\0\0\7", 8 },
		{ 0, RADIUS_FRAMED_IPV6_PREFIX, "\0\x40\x20\x01\x0d\xb8\0\0\0\1", 10 },
		{ 0, RADIUS_FRAMED_IPV6_PREFIX, "\0\x40\x20\x01\x0d\xb8\0\0\0\2", 10 },
		{ 0, RADIUS_DELEGATED_IPV6_PREFIX, "\0\x30\x20\x01\x0d\xb8\0\3", 8 },
		{ 0, RADIUS_FRAMED_ROUTE, "10.7.0.0/16 0.0.0.0 1", 21 },
		{ 0, RADIUS_FRAMED_IPV6_ROUTE, "2001:db8:7::/48 :: 1", 20 },
		{ 0, RADIUS_TUNNEL_PRIVATE_GROUP_ID, "\1vlan7", 6 },
		{ 0, RADIUS_ACCT_INTERIM_INTERVAL, "\0\0\0\5", 4 },
		{ 0, RADIUS_SESSION_TIMEOUT, "\0\0\1\0", 4 },
		{ RADIUS_VENDOR_MICROSOFT, MS_PRIMARY_DNS_SERVER, "\xc0\0\2\x35", 4 },
		{ RADIUS_VENDOR_WISPR, WISPR_BANDWIDTH_MAX_DOWN, "\0\0\4\0", 4 },
		{ 0, 200, "unknown", 7 },
		{ 9, 1, "also unknown", 12 },
	};
	struct aaa_profile p = { 0 };
	struct error err = { "" };
	char text[IP_TEXT_SIZE];
	if (read_given(all, ARRAY_LENGTH(all), &p, &err, false) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(p.user, "alice@home");
	assert_string_equal(ip_format(&p.ipv4, text), "10.0.0.1");
	assert_int_equal(p.n_prefixes, 2);
	assert_string_equal(ip_prefix_format(&p.prefixes[1], text), "2001:db8:0:2::/64");
	assert_string_equal(ip_prefix_format(&p.delegated[0], text), "2001:db8:3::/48");
	assert_int_equal(p.n_routes, 2);
	assert_string_equal(p.segment, "vlan7");
	assert_int_equal(p.interim_s, 60); /* never below a minute */
	assert_int_equal(p.session_timeout_s, 256);
	assert_int_equal(p.rate_down, 1024);
	assert_int_equal(p.n_dns4, 1);
	assert_int_equal(p.interface_id[7], 7);
}

static void filter_id_goes_before_the_tunnel_group(void **state)
{
	static const struct given both[] = { { 0, RADIUS_FILTER_ID, "staff", 5 },
		{ 0, RADIUS_TUNNEL_PRIVATE_GROUP_ID, "guest", 5 } };
	static const struct given reversed[] = { { 0, RADIUS_TUNNEL_PRIVATE_GROUP_ID, "guest", 5 },
		{ 0, RADIUS_FILTER_ID, "staff", 5 } };
	struct aaa_profile p = { 0 };
	struct error err;
	assert_int_equal(read_given(both, 2, &p, &err, false), 0);
	assert_string_equal(p.segment, "staff");
	assert_int_equal(read_given(reversed, 2, &p, &err, false), 0);
	assert_string_equal(p.segment, "staff");
}

static void the_nas_may_choose(void **state)
{
	static const struct given choice = { 0, RADIUS_FRAMED_IP_ADDRESS, "\xff\xff\xff\xfe", 4 };
	struct aaa_profile p = { 0 };
	struct error err;
	assert_int_equal(read_given(&choice, 1, &p, &err, false), 0);
	assert_int_equal(p.has, 0);
}

static void refuses_what_it_cannot_obey(void **state)
{
	static const struct {
		struct given given;
		const char *words;
	} rows[] = {
		{ { 0, RADIUS_SERVICE_TYPE, "\0\0\0\1", 4 }, "Service-Type: this is not a PPP service" },
		{ { 0, RADIUS_FRAMED_PROTOCOL, "\0\0\0\2", 4 },
		        "Framed-Protocol: this is not a PPP service" },
		{ { 0, RADIUS_FRAMED_IP_ADDRESS, "\xe0\0\0\1", 4 },
		        "Framed-IP-Address: its value is malformed" },
		{ { 0, RADIUS_FRAMED_IP_ADDRESS, "\0\0\0\0", 4 }, "malformed" },
		{ { 0, RADIUS_FRAMED_IP_ADDRESS, "\xa\0\0", 3 }, "malformed" },
		{ { 0, RADIUS_FRAMED_INTERFACE_ID, "\0\0\0\0\0\0\0\0", 8 }, "malformed" },
		{ { 0, RADIUS_FRAMED_IPV6_PREFIX, "\0\x40\x20", 3 }, "malformed" },
		{ { 0, RADIUS_FRAMED_ROUTE, "10.7.0.0", 8 }, "malformed" },
		{ { 0, RADIUS_FRAMED_ROUTE, "10.7.0.1/16 x", 13 }, "malformed" },
		{ { 0, RADIUS_FRAMED_ROUTE, "2001:db8::/32", 13 }, "malformed" },
		{ { 0, RADIUS_FILTER_ID, "a\0b", 3 }, "malformed" },
		{ { 0, RADIUS_FILTER_ID, "", 0 }, "malformed" },
		{ { 0, RADIUS_FRAMED_MTU, "\0\0\0\1", 4 }, "malformed" },
		{ { 0, RADIUS_USER_NAME, "", 0 }, "malformed" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct aaa_profile p = { 0 };
		struct error err = { "" };
		assert_int_equal(read_given(&rows[i].given, 1, &p, &err, false), -EINVAL);
		if (!strstr(err.text, rows[i].words))
			fail_msg("row %zu: %s", i, err.text);
	}
	struct given many[AAA_PREFIXES_MAX + 1];
	struct aaa_profile p = { 0 };
	struct error err = { "" };
	for (size_t i = 0; i < ARRAY_LENGTH(many); i++)
		many[i] = (struct given){ 0, RADIUS_FRAMED_IPV6_PREFIX, "\0\x10\x20\x01", 4 };
	assert_int_equal(read_given(many, ARRAY_LENGTH(many), &p, &err, false), -EINVAL);
	assert_non_null(strstr(err.text, "more of it than we take"));
}

static void changes_only_what_can_change(void **state)
{
	static const struct {
		struct given given;
		int cause;
	} rows[] = {
		{ { 0, RADIUS_FILTER_ID, "guest", 5 }, 0 },
		{ { 0, RADIUS_SESSION_TIMEOUT, "\0\0\0\1", 4 }, 0 },
		{ { RADIUS_VENDOR_WISPR, WISPR_BANDWIDTH_MAX_UP, "\0\0\4\0", 4 }, 0 },
		{ { 0, RADIUS_USER_NAME, "alice", 5 }, 0 }, /* which session, not what */
		{ { 0, RADIUS_PROXY_STATE, "x", 1 }, 0 },
		{ { 0, RADIUS_FRAMED_POOL, "x", 1 }, AAA_UNSUPPORTED_ATTRIBUTE },
		{ { 0, 200, "x", 1 }, AAA_UNSUPPORTED_ATTRIBUTE },
		{ { 9, 1, "x", 1 }, AAA_UNSUPPORTED_ATTRIBUTE },
		{ { 0, RADIUS_SERVICE_TYPE, "\0\0\0\x11", 4 }, AAA_UNSUPPORTED_SERVICE },
		{ { 0, RADIUS_SESSION_TIMEOUT, "\0\1", 2 }, AAA_INVALID_ATTRIBUTE_VALUE },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct aaa_profile p = { 0 };
		struct error err = { "" };
		assert_int_equal(read_given(&rows[i].given, 1, &p, &err, true), rows[i].cause);
		assert_int_equal(*err.text != '\0', rows[i].cause != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_an_accept),
		cmocka_unit_test(filter_id_goes_before_the_tunnel_group),
		cmocka_unit_test(the_nas_may_choose),
		cmocka_unit_test(refuses_what_it_cannot_obey),
		cmocka_unit_test(changes_only_what_can_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
