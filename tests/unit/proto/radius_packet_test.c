/* SPDX-License-Identifier: ISC */
/* RADIUS packets: the RFC's own examples, what is refused, and what is written can be read. */
#include "proto/radius/radius.h"

#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

/* RFC 2865, 7.1: nemo logs in with "arctangent", the secret is "xyzzy5461". */
static const uint8_t rfc_request[] = { 0x01, 0x00, 0x00, 0x38, 0x0f, 0x40, 0x3f, 0x94, 0x73, 0x97, 0x80, 0x57,
	0xbd, 0x83, 0xd5, 0xcb, 0x98, 0xf4, 0x22, 0x7a, 0x01, 0x06, 0x6e, 0x65, 0x6d, 0x6f, 0x02, 0x12, 0x0d,
	0xbe, 0x70, 0x8d, 0x93, 0xd4, 0x13, 0xce, 0x31, 0x96, 0xe4, 0x3f, 0x78, 0x2a, 0x0a, 0xee, 0x04, 0x06,
	0xc0, 0xa8, 0x01, 0x10, 0x05, 0x06, 0x00, 0x00, 0x00, 0x03 };
static const uint8_t rfc_accept[] = { 0x02, 0x00, 0x00, 0x26, 0x86, 0xfe, 0x22, 0x0e, 0x76, 0x24, 0xba, 0x2a,
	0x10, 0x05, 0xf6, 0xbf, 0x9b, 0x55, 0xe0, 0xb2, 0x06, 0x06, 0x00, 0x00, 0x00, 0x01, 0x0f, 0x06, 0x00,
	0x00, 0x00, 0x00, 0x0e, 0x06, 0xc0, 0xa8, 0x01, 0x03 };
static const struct radius_secret xyzzy = { .bytes = "xyzzy5461", .length = 9 };

static struct radius_packet parsed(const void *bytes, size_t length)
{
	struct radius_packet p;
	struct error err = { "" };
	if (radius_parse(bytes, length, &p, &err) < 0)
		fail_msg("%s", err.text);
	return p;
}

static void reads_and_verifies_the_rfc_example(void **state)
{
	struct radius_packet request = parsed(rfc_request, sizeof(rfc_request));
	struct radius_attribute a;
	char text[RADIUS_VALUE_MAX + 1];
	assert_int_equal(request.code, RADIUS_ACCESS_REQUEST);
	assert_int_equal(request.n_attributes, 4);
	assert_true(radius_find(&request, 0, RADIUS_USER_NAME, &a));
	assert_int_equal(radius_get_text(&a, text), 0);
	assert_string_equal(text, "nemo");

	struct radius_packet accept = parsed(rfc_accept, sizeof(rfc_accept));
	assert_int_equal(radius_verify_response(&accept, request.authenticator, &xyzzy, false), 0);
	assert_int_equal(radius_verify_response(&accept, request.authenticator, &xyzzy, true), -ENOMSG);
	const struct radius_secret other = { .bytes = "xyzzy5462", .length = 9 };
	assert_int_equal(radius_verify_response(&accept, request.authenticator, &other, false), -EBADMSG);
}

static void hides_the_password_as_the_rfc_does(void **state)
{
	uint8_t hidden[RADIUS_PASSWORD_MAX];
	size_t n;
	assert_int_equal(radius_hide_password(&xyzzy, rfc_request + 4, "arctangent", 10, hidden, &n), 0);
	assert_int_equal(n, 16);
	assert_memory_equal(hidden, rfc_request + 28, 16);
	char longest[RADIUS_PASSWORD_MAX + 1] = { 0 };
	assert_int_equal(radius_hide_password(&xyzzy, rfc_request + 4, longest, 128, hidden, &n), 0);
	assert_int_equal(n, 128);
	assert_int_equal(radius_hide_password(&xyzzy, rfc_request + 4, longest, 129, hidden, &n), -EINVAL);
	assert_int_equal(radius_hide_password(&xyzzy, rfc_request + 4, NULL, 0, hidden, &n), 0);
	assert_int_equal(n, 16);
}

static void refuses_what_does_not_fit(void **state)
{
	static const struct {
		uint8_t bytes[48];
		size_t length;
		const char *words;
	} rows[] = {
		{ { 1, 0, 0, 20 }, 19, "does not fit" },
		{ { 1, 0, 0, 19 }, 20, "does not fit" },
		{ { 1, 0, 0, 21 }, 20, "does not fit" },
		{ { 1, 0, 16, 1 }, 48, "does not fit" },
		{ { 1, 0, 0, 21, [20] = 1 }, 21, "at byte 20" },
		{ { 1, 0, 0, 22, [20] = 1, 1 }, 22, "attribute 1 at byte 20: its length 1" },
		{ { 1, 0, 0, 22, [20] = 1, 0 }, 22, "its length 0" },
		{ { 1, 0, 0, 24, [20] = 1, 2, 3, 3 }, 24, "attribute 3 at byte 22: its length 3" },
		{ { 1, 0, 0, 22, [20] = 80, 2 }, 22, "16 bytes" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct radius_packet p;
		struct error err = { "" };
		assert_int_equal(radius_parse(rows[i].bytes, rows[i].length, &p, &err), -EINVAL);
		if (!strstr(err.text, rows[i].words))
			fail_msg("row %zu: %s", i, err.text);
	}
}

static void refuses_too_many_attributes_and_two_message_authenticators(void **state)
{
	uint8_t bytes[RADIUS_PACKET_MAX] = { 2, 0 };
	struct radius_packet p;
	struct error err;
	for (size_t n = RADIUS_ATTRIBUTES_MAX; n <= RADIUS_ATTRIBUTES_MAX + 1; n++) {
		for (size_t i = 0; i < n; i++)
			bytes[20 + 2 * i] = 25, bytes[21 + 2 * i] = 2;
		bytes[2] = (uint8_t)((20 + 2 * n) >> 8);
		bytes[3] = (uint8_t)(20 + 2 * n);
		assert_int_equal(radius_parse(bytes, sizeof(bytes), &p, &err),
		        n > RADIUS_ATTRIBUTES_MAX ? -EINVAL : 0);
	}
	struct writer w = wr_make(RADIUS_PACKET_MAX);
	radius_write_header(&w, 2, 0, rfc_request + 4);
	radius_write_message_authenticator(&w);
	radius_write_message_authenticator(&w);
	assert_int_equal(radius_sign_request(&w, &xyzzy), -ENOBUFS);
	wr_free(&w);
}

static void signs_what_it_verifies(void **state)
{
	struct writer w = wr_make(RADIUS_PACKET_MAX);
	radius_write_header(&w, RADIUS_COA_REQUEST, 7, (const uint8_t[16]){ 0 });
	radius_write_message_authenticator(&w);
	radius_write_text(&w, RADIUS_USER_NAME, "bob");
	assert_int_equal(radius_sign_computed(&w, &xyzzy), 0);
	struct radius_packet p = parsed(w.data, w.length);
	assert_int_equal(radius_verify_computed(&p, &xyzzy, true), 0);
	for (size_t i = 0; i < w.length; i++) { /* each bit counts, the Length's too */
		w.data[i] ^= 1;
		struct radius_packet changed;
		if (radius_parse(w.data, w.length, &changed, NULL) == 0)
			assert_int_not_equal(radius_verify_computed(&changed, &xyzzy, true), 0);
		w.data[i] ^= 1;
	}
	wr_reset(&w);
	radius_write_header(&w, RADIUS_ACCESS_ACCEPT, 0, (const uint8_t[16]){ 0 });
	radius_write_message_authenticator(&w);
	assert_int_equal(radius_sign_response(&w, rfc_request + 4, &xyzzy), 0);
	p = parsed(w.data, w.length);
	assert_int_equal(radius_verify_response(&p, rfc_request + 4, &xyzzy, true), 0);
	assert_int_equal(radius_verify_response(&p, rfc_accept + 4, &xyzzy, true), -EBADMSG);
	wr_free(&w);
}

static void walks_vendor_attributes_singly(void **state)
{
	struct writer w = wr_make(RADIUS_PACKET_MAX);
	radius_write_header(&w, 2, 0, rfc_request + 4);
	/* Two of Microsoft's in one, then one that is broken, then somebody else's. */
	const uint8_t two[] = { 0, 0, 1, 55, 28, 6, 192, 0, 2, 1, 29, 6, 192, 0, 2, 2 };
	const uint8_t broken[] = { 0, 0, 1, 55, 28, 7, 192, 0, 2, 1 };
	const uint8_t other[] = { 0, 0, 0, 9, 1, 2, 3 };
	radius_write(&w, RADIUS_VENDOR_SPECIFIC, two, sizeof(two));
	radius_write(&w, RADIUS_VENDOR_SPECIFIC, broken, sizeof(broken));
	radius_write(&w, RADIUS_VENDOR_SPECIFIC, other, sizeof(other));
	radius_write(&w, RADIUS_VENDOR_SPECIFIC, other, 3);
	radius_write_vendor(&w, RADIUS_VENDOR_WISPR, WISPR_BANDWIDTH_MAX_UP, "\0\0\1\0", 4);
	assert_int_equal(radius_sign_request(&w, &xyzzy), 0);
	struct radius_packet p = parsed(w.data, w.length);
	static const struct {
		uint32_t vendor;
		uint8_t type, length;
	} expected[] = { { 311, 28, 4 }, { 311, 29, 4 }, { 311, 0, 6 }, { 9, 0, 3 }, { 0, 26, 3 },
		{ 14122, 7, 4 } };
	struct radius_attribute a;
	size_t n = 0;
	for (struct radius_walk walk = radius_begin(&p); radius_next(&walk, &a); n++) {
		assert_true(n < ARRAY_LENGTH(expected));
		assert_int_equal(a.vendor, expected[n].vendor);
		assert_int_equal(a.type, expected[n].type);
		assert_int_equal(a.length, expected[n].length);
	}
	assert_int_equal(n, ARRAY_LENGTH(expected));
	wr_free(&w);
}

static void values_have_their_forms(void **state)
{
	uint8_t bytes[20] = { 0, 56, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0x01 };
	struct radius_attribute a = { .value = bytes, .length = 9 };
	struct ip_prefix prefix;
	char text[IP_TEXT_SIZE], value[RADIUS_VALUE_MAX + 1];
	assert_int_equal(radius_get_prefix(&a, &prefix), 0);
	assert_string_equal(ip_prefix_format(&prefix, text), "2001:db8:0:100::/56");
	a.length = 8; /* fewer bytes than the length needs */
	assert_int_equal(radius_get_prefix(&a, &prefix), -EINVAL);
	a.length = 9;
	bytes[1] = 52; /* host bits */
	bytes[8] = 0x18;
	assert_int_equal(radius_get_prefix(&a, &prefix), -EINVAL);
	bytes[1] = 129;
	a.length = 18;
	assert_int_equal(radius_get_prefix(&a, &prefix), -EINVAL);
	a.length = 19;
	bytes[1] = 128;
	assert_int_equal(radius_get_prefix(&a, &prefix), -EINVAL);
	a.length = 3; /* a NUL inside */
	assert_int_equal(radius_get_text(&a, value), -EINVAL);
	uint32_t number;
	assert_int_equal(radius_get_u32(&a, &number), -EINVAL);
	struct ip_address ip;
	assert_int_equal(radius_get_ipv4(&a, &ip), -EINVAL);
	assert_int_equal(radius_get_ipv6(&a, &ip), -EINVAL);
}

static void long_values_are_split_and_joined(void **state)
{
	uint8_t eap[1020], joined[1020];
	for (size_t i = 0; i < sizeof(eap); i++)
		eap[i] = (uint8_t)i;
	struct writer w = wr_make(RADIUS_PACKET_MAX);
	radius_write_header(&w, 1, 0, rfc_request + 4);
	radius_write_long(&w, RADIUS_EAP_MESSAGE, eap, sizeof(eap));
	assert_int_equal(radius_sign_request(&w, &xyzzy), 0);
	struct radius_packet p = parsed(w.data, w.length);
	assert_int_equal(p.n_attributes, 5);
	assert_int_equal(radius_concatenate(&p, RADIUS_EAP_MESSAGE, joined, sizeof(joined)), 1020);
	assert_memory_equal(eap, joined, sizeof(eap));
	assert_int_equal(radius_concatenate(&p, RADIUS_EAP_MESSAGE, joined, 1019), -E2BIG);
	radius_write(&w, RADIUS_CLASS, eap, RADIUS_VALUE_MAX + 1);
	assert_int_equal(radius_sign_request(&w, &xyzzy), -ENOBUFS);
	wr_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_verifies_the_rfc_example),
		cmocka_unit_test(hides_the_password_as_the_rfc_does),
		cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(refuses_too_many_attributes_and_two_message_authenticators),
		cmocka_unit_test(signs_what_it_verifies),
		cmocka_unit_test(walks_vendor_attributes_singly),
		cmocka_unit_test(values_have_their_forms),
		cmocka_unit_test(long_values_are_split_and_joined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
