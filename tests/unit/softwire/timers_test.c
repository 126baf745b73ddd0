/* SPDX-License-Identifier: ISC */
#include "softwire/timers.h"
#include "tests/unit/test.h"

#define N 500

/* Against a plain search, through sets, moves and clears in a fixed disorder. */
static void many_deadlines(void **state)
{
	struct timers t = { 0 };
	struct timer timer[N] = { 0 };
	uint32_t random = 1;
	for (int round = 0; round < 20000; round++) {
		random = random * 1664525u + 1013904223u;
		struct timer *one = &timer[(random >> 8) % N];
		timer_set(&t, one, (random >> 28) == 0 ? TIMER_NEVER : (time_ms)(random % 977));
		time_ms first = TIMER_NEVER;
		for (size_t i = 0; i < N; i++)
			if (timer[i].place && timer[i].at < first)
				first = timer[i].at;
		assert_int_equal(timers_next(&t), first);
	}
	time_ms last = 0;
	size_t left = t.count;
	for (struct timer *one; (one = timers_take(&t, INT64_MAX - 1)); left--) {
		assert_true(one->at >= last);
		assert_int_equal(one->place, 0);
		last = one->at;
	}
	assert_int_equal(left, 0);
	timers_clear(&t);
}

static void only_what_is_due(void **state)
{
	struct timers t = { 0 };
	struct timer a = { 0 }, b = { 0 };
	timer_set(&t, &a, 10);
	timer_set(&t, &b, 20);
	assert_null(timers_take(&t, 9));
	assert_ptr_equal(timers_take(&t, 15), &a);
	assert_null(timers_take(&t, 15));
	timer_set(&t, &b, TIMER_NEVER);
	assert_int_equal(timers_next(&t), TIMER_NEVER);
	timer_set(&t, &a, 5);
	timers_clear(&t);
	assert_int_equal(a.place, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_deadlines),
		cmocka_unit_test(only_what_is_due),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
