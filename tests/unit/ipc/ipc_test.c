/* SPDX-License-Identifier: ISC */
#include "ipc/ipc.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static struct writer encode(enum ipc_number number, const void *body)
{
	struct writer w = wr_make(IPC_FRAME_MAX);
	struct error err;
	assert_int_equal(ipc_encode(&w, number, body, &err), 0);
	return w;
}

static struct ipc_segments sample_segments(void)
{
	static struct ipc_prefix prefixes[1];
	static struct ipc_port_range ports[2] = { { 22, 22 }, { 8000, 8099 } };
	static struct ipc_rule rules[1];
	static struct ipc_segment segments[2];
	assert_int_equal(ip_prefix_parse("2001:db8::/32", &prefixes[0].prefix), 0);
	rules[0] = (struct ipc_rule){ .direction = 1,
		.peer = 3,
		.protocol = 6,
		.prefixes = prefixes,
		.n_prefixes = 1,
		.ports = ports,
		.n_ports = 2 };
	segments[0] = (struct ipc_segment){ .name = (char *)"quarantine", .mark = 1, .is_default = true };
	segments[1] =
	        (struct ipc_segment){ .name = (char *)"staff", .mark = 2, .rules = rules, .n_rules = 1 };
	return (struct ipc_segments){
		.policy_fingerprint = 0x0102030405060708, .segments = segments, .n_segments = 2
	};
}

static void nested_lists_come_back(void **state)
{
	struct ipc_segments sent = sample_segments();
	struct writer w CLEANUP(wr_free) = encode(IPC_SEGMENTS, &sent);
	struct ipc_message m;
	struct error err;
	assert_int_equal(ipc_decode(w.data, w.length, &m, &err), 0);
	assert_int_equal(m.number, IPC_SEGMENTS);
	const struct ipc_segments *got = m.body;
	assert_true(got->policy_fingerprint == sent.policy_fingerprint);
	assert_int_equal(got->n_segments, 2);
	assert_string_equal(got->segments[1].name, "staff");
	assert_true(got->segments[0].is_default);
	assert_int_equal(got->segments[1].rules[0].ports[1].last, 8099);
	assert_memory_equal(&got->segments[1].rules[0].prefixes[0].prefix,
	        &sent.segments[1].rules[0].prefixes[0].prefix, sizeof(struct ip_prefix));
	ipc_message_clear(&m);
}

static void every_cut_is_refused(void **state)
{
	struct ipc_segments sent = sample_segments();
	struct writer w CLEANUP(wr_free) = encode(IPC_SEGMENTS, &sent);
	for (size_t n = 0; n < w.length; n++) {
		struct ipc_message m;
		struct error err;
		uint8_t *cut FREE_ON_EXIT = xmemdup(w.data, n);
		assert_int_equal(ipc_decode(cut, n, &m, &err), -EBADMSG);
		if (n < 4)
			continue;
		/* The same with a length that fits, so that the fields themselves run short. */
		for (int i = 0; i < 4; i++)
			cut[i] = (uint8_t)((n - 4) >> (24 - 8 * i));
		assert_int_equal(ipc_decode(cut, n, &m, &err), -EBADMSG);
	}
}

static void limits_hold_both_ways(void **state)
{
	char long_name[300];
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	struct ipc_hello hello = { .role = (char *)"enforcer", .name = long_name };
	struct writer w CLEANUP(wr_free) = wr_make(IPC_FRAME_MAX);
	struct error err;
	wr_u8(&w, 0xaa);
	assert_int_equal(ipc_encode(&w, IPC_HELLO, &hello, &err), -E2BIG);
	assert_string_equal(err.text, "hello.name: 299 is more than 255");
	assert_int_equal(w.length, 1);

	/* A list that claims a million elements in a few bytes. */
	static const uint8_t lie[] = { 0, 0, 0, 7, 0, 32, 0, 0, 0, 4, 0 };
	struct ipc_message m;
	assert_int_equal(ipc_decode(lie, sizeof(lie), &m, &err), -EBADMSG);
	assert_string_equal(err.text, "attachments.attachments: cut short");
}

static void odd_values_are_refused(void **state)
{
	static const struct {
		uint8_t bytes[24];
		size_t length;
	} rows[] = {
		{ { 0, 0, 0, 2, 0, 0 }, 6 },                  /* no such message */
		{ { 0, 0, 0, 3, 0, 64, 0 }, 7 },              /* inspect, cut */
		{ { 0, 0, 0, 7, 0, 64, 0, 0, 0, 1, 9 }, 11 }, /* inspect, a byte too many */
		{ { 0, 0, 0, 7, 0, 32, 2, 0, 0, 0, 0 }, 11 }, /* a boolean of 2 */
		{ { 0, 0, 0, 7, 0, 1, 0, 0, 0, 1, 0 }, 11 },  /* a NUL in a string */
		{ { 0, 0, 0, 9, 0, 64, 0, 0, 0, 1 }, 10 },    /* announces more than is there */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct ipc_message m;
		struct error err;
		assert_int_equal(ipc_decode(rows[i].bytes, rows[i].length, &m, &err), -EBADMSG);
	}
}

static void frames_are_found_in_a_stream(void **state)
{
	struct ipc_inspect inspect = { .request = 7 };
	struct writer w CLEANUP(wr_free) = encode(IPC_INSPECT, &inspect);
	size_t size = 0;
	for (size_t n = 0; n < 4; n++)
		assert_int_equal(ipc_frame_size(w.data, n, 100, &size), 0);
	assert_int_equal(ipc_frame_size(w.data, 4, 100, &size), 1);
	assert_int_equal(size, w.length);
	assert_int_equal(ipc_frame_size((const uint8_t *)"\0\0\1\0", 4, 100, &size), -EMSGSIZE);
	assert_int_equal(ipc_frame_size((const uint8_t *)"\0\0\0\1", 4, 100, &size), -EMSGSIZE);
	assert_string_equal(ipc_name(IPC_INSPECT), "inspect");
	assert_null(ipc_name((enum ipc_number)9999));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nested_lists_come_back),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(limits_hold_both_ways),
		cmocka_unit_test(odd_values_are_refused),
		cmocka_unit_test(frames_are_found_in_a_stream),
	};
	return cmocka_run_group_tests_name("ipc", tests, NULL, NULL);
}
