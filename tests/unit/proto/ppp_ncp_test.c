/* SPDX-License-Identifier: ISC */
/* IPCP and IPV6CP: who gets which address, what a hostile peer gets instead, and that each stands alone. */
#include "tests/unit/proto/ppp_script.h"
#include "tests/unit/test.h"

#include <string.h>

static void rejected_ncp_stops_alone(void **state)
{
	LINE line = line_new(4);
	line_up(line);
	line_run(line, 100);
	TELL(line, 1, LCP, 8, 1, "\x80\x57\1\1\0\4");
	line_run(line, 10000);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(line->ends[i].ipv4);
		assert_false(line->ends[i].ipv6 || line->ends[i].ended);
	}
	TELL(line, 1, LCP, 8, 2, "\x80\x21\1\1\0\4");
	line_run(line, 10000);
	assert_int_equal(line->ends[1].end, PPP_END_NO_NETWORK);
}

static void ungranted_ncp_is_rejected_alone(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		LINE line = line_new(4);
		line->ends[1].grant.ipv4 = i == 0;
		line->ends[1].grant.ipv6 = i == 1;
		line_up(line);
		line_run(line, 10000);
		assert_int_equal(line->ends[0].ipv4, i == 0);
		assert_int_equal(line->ends[0].ipv6, i == 1);
		assert_false(line->ends[0].ended || line->ends[1].ended);
	}
	LINE line = line_new(4);
	line->ends[1].grant.ipv4 = line->ends[1].grant.ipv6 = false;
	line_up(line);
	line_run(line, 3000);
	assert_int_equal(line->ends[1].end, PPP_END_NO_NETWORK);
}

static void peer_cannot_choose_its_address(void **state)
{
	LINE line = alone();
	open_lcp(line, 1, MAGIC, 6);
	n_read = n_said;
	for (uint8_t id = 1; id <= 5; id++) {
		TELL(line, 1, IPCP, 1, id, "\3\6\xc0\0\2\1\x81\6\0\0\0\0\x83\6\0\0\0\0");
		HEARD(IPCP, 4, id, "\x83\6\0\0\0\0"); /* there is no second name server */
	}
	for (uint8_t id = 6; id <= 20 && !line->ends[1].ended; id++)
		TELL(line, 1, IPCP, 1, id, "\3\6\xc0\0\2\1");
	line_run(line, 1000);
	assert_false(line->ends[1].ipv4);
	assert_false(line->ends[1].ended); /* IPV6CP is still being asked for */
}

static void naks_name_what_the_peer_gets(void **state)
{
	LINE line = alone();
	open_lcp(line, 1, MAGIC, 6);
	n_read = n_said;
	TELL(line, 1, IPCP, 1, 1, "\2\6\0\x2d\x0f\1\3\6\0\0\0\0");
	HEARD(IPCP, 4, 1, "\2\6\0\x2d\x0f\1");
	TELL(line, 1, IPCP, 1, 2, "\3\6\0\0\0\0\x81\6\0\0\0\0");
	HEARD(IPCP, 3, 2, "\3\6\xc0\0\2\x4d\x81\6\xc0\0\2\x35");
	TELL(line, 1, IPCP, 1, 3, "");
	HEARD(IPCP, 3, 3, "\3\6\xc0\0\2\x4d");
	TELL(line, 1, IPCP, 1, 4, "\3\6\xc0\0\2\x4d\x81\6\xc0\0\2\x35");
	HEARD(IPCP, 2, 4, "\3\6\xc0\0\2\x4d\x81\6\xc0\0\2\x35");
	TELL(line, 1, IPV6CP, 1, 1, "\1\xa\0\0\0\0\0\0\0\0");
	HEARD(IPV6CP, 3, 1, "\1\xa\2\0\0\xff\xfe\0\0\7");
	TELL(line, 1, IPV6CP, 1, 2, "\1\xa\0\0\0\0\0\0\0\1\2\4\0\x4f"); /* ours, and compression */
	HEARD(IPV6CP, 4, 2, "\2\4\0\x4f");
	TELL(line, 1, IPV6CP, 1, 3, "\1\xa\0\0\0\0\0\0\0\1");
	HEARD(IPV6CP, 3, 3, "\1\xa\2\0\0\xff\xfe\0\0\7");
	TELL(line, 1, IPV6CP, 1, 4, "");
	HEARD(IPV6CP, 3, 4, "\1\xa\2\0\0\xff\xfe\0\0\7");
}

static void equal_interface_ids_are_settled(void **state)
{
	for (uint64_t seed = 1; seed < 20; seed++) {
		LINE line = line_new(seed);
		memset(line->ends[1].grant.v6.peer, 0, 8);
		memcpy(line->ends[1].grant.v6.local, "\0\0\0\0\0\0\0\5", 8);
		memcpy(line->ends[0].parameters.interface_id, "\0\0\0\0\0\0\0\5", 8);
		line_up(line);
		line_run(line, 1000);
		assert_true(line->ends[0].ipv6 && line->ends[1].ipv6);
		assert_memory_equal(line->ends[0].v6.peer, line->ends[1].v6.local, 8);
		assert_memory_equal(line->ends[1].v6.peer, line->ends[0].v6.local, 8);
		assert_memory_not_equal(line->ends[0].v6.local, line->ends[0].v6.peer, 8);
	}
}

static void free_interface_id_is_the_peers_choice(void **state)
{
	LINE line = line_new(5);
	memset(&line->ends[1].grant.v6, 0, sizeof(line->ends[1].grant.v6));
	memcpy(line->ends[0].parameters.interface_id, "\2\0\0\0\0\0\xab\xcd", 8);
	line_up(line);
	line_run(line, 1000);
	assert_true(line->ends[1].ipv6);
	assert_memory_equal(line->ends[1].v6.peer, "\2\0\0\0\0\0\xab\xcd", 8);
}

static void hostile_addresses_are_not_taken(void **state)
{
	static const char *const addresses[] = { "\x7f\0\0\1", "\xe0\0\0\1", "\xff\xff\xff\xff", "\0\0\0\1" };
	for (size_t i = 0; i < ARRAY_LENGTH(addresses); i++) {
		LINE line = alone();
		size_t length;
		uint8_t option[6] = "\3\6";
		memcpy(option + 2, addresses[i], 4);
		open_lcp(line, 0, MAGIC, 6);
		const uint8_t *frame = hear(IPCP, 1, &length);
		tell(line, 0, IPCP, 3, frame[3], option, 6);
		n_read++; /* IPV6CP's */
		frame = hear(IPCP, 1, &length);
		assert_memory_equal(frame + 6, "\3\6\0\0\0\0", 6);
		/* Nor is "no address" an address. */
		tell(line, 0, IPCP, 2, frame[3], frame + 6, length - 6);
		TELL(line, 0, IPCP, 1, 1, "\3\6\xc0\0\2\1");
		assert_false(line->ends[0].ipv4);
		line_run(line, 10000);
		assert_false(line->ends[0].ipv4);
		assert_false(line->ends[0].ended);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rejected_ncp_stops_alone),
		cmocka_unit_test(ungranted_ncp_is_rejected_alone),
		cmocka_unit_test(peer_cannot_choose_its_address),
		cmocka_unit_test(naks_name_what_the_peer_gets),
		cmocka_unit_test(equal_interface_ids_are_settled),
		cmocka_unit_test(free_interface_id_is_the_peers_choice),
		cmocka_unit_test(hostile_addresses_are_not_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
