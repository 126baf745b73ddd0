/* SPDX-License-Identifier: ISC */
/* So many questions and no more, whoever makes them necessary. */
#include "enforcer/proofs.h"
#include "tests/unit/test.h"

static struct sighting wants(enum sighting_kind kind, uint8_t mac, uint32_t number)
{
	struct sighting s = { .kind = kind, .link = 1, .mac = { { 2, 0, 0, 0, 0, mac } } };
	s.ip.bytes[0] = 0x20;
	s.ip.bytes[12] = (uint8_t)(number >> 24);
	s.ip.bytes[13] = (uint8_t)(number >> 16);
	s.ip.bytes[14] = (uint8_t)(number >> 8);
	s.ip.bytes[15] = (uint8_t)number;
	return s;
}

static bool ask(struct proofs *p, const struct sighting *s, time_ms now)
{
	bool may = proofs_may_ask(p, s, now);
	if (may)
		proofs_asked(p, s, now);
	return may;
}

static void each_address_once(void **state)
{
	struct proofs *p = proofs_new();
	struct sighting s = wants(SIGHTING_WANTED, 0, 1), other = s;
	other.link = 2;
	assert_true(ask(p, &s, 1000));
	assert_false(ask(p, &s, 1010));
	assert_true(ask(p, &other, 1010));
	assert_int_equal(proofs_statistics(p)->refused, 0);
	assert_int_equal(proofs_answered(p, 1, &s.ip, 1025), 25);
	assert_int_equal(proofs_answered(p, 1, &s.ip, 1025), -1);
	assert_false(proofs_failed(p, 1, &s.ip));
	assert_true(ask(p, &s, 1030));
	assert_true(proofs_failed(p, 1, &s.ip));
	assert_int_equal(proofs_statistics(p)->asked, 3);
	assert_int_equal(proofs_statistics(p)->answered, 1);
	assert_int_equal(proofs_statistics(p)->failed, 1);
	assert_int_equal(proofs_statistics(p)->open, 1);
	proofs_free(p);
}

static void a_scan_has_its_limits(void **state)
{
	struct proofs *p = proofs_new();
	size_t asked = 0, most = 0;
	/* 10 s of a scan that wants an address each millisecond, and nobody answers. */
	for (time_ms now = 0; now < 10000; now++) {
		struct sighting s = wants(SIGHTING_WANTED, 0, (uint32_t)now);
		size_t before = asked;
		asked += ask(p, &s, now);
		most = MAX(most, proofs_statistics(p)->open);
		if (now < 500)
			assert_true(asked <= PROOFS_WANTED_PER_SECOND + PROOFS_WANTED_PER_SECOND / 2);
		assert_true(asked - before <= 1);
		if (now % 1000 == 0)
			proofs_tick(p, now);
	}
	assert_int_equal(most, PROOFS_WANTED_MAX);
	assert_true(asked <= 10 * PROOFS_WANTED_PER_SECOND + PROOFS_WANTED_PER_SECOND);
	assert_int_equal(proofs_statistics(p)->refused, 10000 - asked);
	/* Which costs those that nodes themselves send from nothing. */
	struct sighting own = wants(SIGHTING_UNPROVEN, 7, 99999);
	assert_true(ask(p, &own, 10000));
	proofs_tick(p, 20000);
	assert_int_equal(proofs_statistics(p)->open, 0);
	proofs_free(p);
}

static void one_mac_does_not_take_it_all(void **state)
{
	struct proofs *p = proofs_new();
	for (uint32_t i = 0; i < PROOFS_UNPROVEN_PER_MAC_MAX; i++) {
		struct sighting s = wants(SIGHTING_UNPROVEN, 1, i);
		assert_true(ask(p, &s, 5000));
	}
	struct sighting more = wants(SIGHTING_UNPROVEN, 1, 1000), other = wants(SIGHTING_UNPROVEN, 2, 1001);
	assert_false(ask(p, &more, 5001));
	assert_true(ask(p, &other, 5001));
	struct sighting first = wants(SIGHTING_UNPROVEN, 1, 0);
	assert_int_equal(proofs_answered(p, 1, &first.ip, 5002), 2);
	assert_true(ask(p, &more, 5002));
	proofs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_once),
		cmocka_unit_test(a_scan_has_its_limits),
		cmocka_unit_test(one_mac_does_not_take_it_all),
	};
	return cmocka_run_group_tests_name("proofs", tests, NULL, NULL);
}
