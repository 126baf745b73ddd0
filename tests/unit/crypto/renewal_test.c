/* SPDX-License-Identifier: ISC */
/* When a certificate is renewed, on a clock of the test's own. */
#include "crypto/renewal.h"
#include "tests/unit/test.h"

#define MIN_MS (60 * 1000LL)
#define DAY_MS (24 * 60 * MIN_MS)
#define T0 1700000000000LL

static const struct renewal_life quarter_year = { T0, T0 + 90 * DAY_MS }, minute = { T0, T0 + MIN_MS },
                                 year = { T0, T0 + 365 * DAY_MS };

static void at_two_thirds(void **state)
{
	assert_int_equal(renewal_due(&quarter_year), T0 + 60 * DAY_MS);
	assert_int_equal(renewal_due(&minute), T0 + 40 * 1000);
}

static void looks_often_enough_and_not_in_step(void **state)
{
	for (uint32_t chance = 0; chance < 5000; chance += 7) {
		int64_t wait = renewal_wait(&quarter_year, chance);
		assert_in_range(wait, RENEWAL_CHECK_MAX_MS * 3 / 4, RENEWAL_CHECK_MAX_MS);
		wait = renewal_wait(&minute, chance);
		assert_in_range(wait, RENEWAL_CHECK_MIN_MS * 3 / 4, RENEWAL_CHECK_MIN_MS);
	}
	assert_int_not_equal(renewal_wait(&year, 1), renewal_wait(&year, 500));
}

static void failures_back_off_within_what_is_left(void **state)
{
	int64_t before = 0, all = 0;
	for (unsigned n = 1; n < 40; n++) {
		int64_t wait = renewal_retry(&quarter_year, n, 0);
		assert_true(wait >= before && wait >= RENEWAL_RETRY_MIN_MS && wait <= RENEWAL_RETRY_MAX_MS);
		before = wait;
	}
	assert_int_equal(before, RENEWAL_RETRY_MAX_MS);
	/* Of a short life the last third holds many attempts, too. */
	for (unsigned n = 1; n <= 5; n++)
		all += renewal_retry(&minute, n, 0);
	assert_true(all <= MIN_MS / 3);
}

static void the_end_is_announced(void **state)
{
	static const struct {
		const struct renewal_life *life;
		int64_t left;
		int days;
	} rows[] = {
		{ &year, 31 * DAY_MS, 0 },
		{ &year, 30 * DAY_MS, 30 },
		{ &year, 8 * DAY_MS, 30 },
		{ &year, 7 * DAY_MS, 7 },
		{ &year, DAY_MS, 1 },
		{ &year, 1, 1 },
		{ &year, 0, -1 },
		{ &year, -DAY_MS, -1 },
		{ &quarter_year, 29 * DAY_MS, 0 }, /* it is being renewed */
		{ &quarter_year, 7 * DAY_MS, 7 },
		{ &minute, 1000, 0 },
		{ &minute, 0, -1 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_int_equal(
		        renewal_warning(rows[i].life, rows[i].life->to - rows[i].left), rows[i].days);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_two_thirds),
		cmocka_unit_test(looks_often_enough_and_not_in_step),
		cmocka_unit_test(failures_back_off_within_what_is_left),
		cmocka_unit_test(the_end_is_announced),
	};
	return cmocka_run_group_tests_name("renewal", tests, NULL, NULL);
}
