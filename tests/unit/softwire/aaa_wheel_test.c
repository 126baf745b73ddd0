/* SPDX-License-Identifier: ISC */
/* Things that are due, on a virtual clock. */
#include "softwire/aaa_wheel.h"

#include "tests/unit/test.h"

#define N 500

static struct aaa_wheel wheel;
static struct aaa_wheel_entry entries[N];

static int setup(void **state)
{
	aaa_wheel_init(&wheel, 1000);
	for (size_t i = 0; i < N; i++)
		entries[i] = (struct aaa_wheel_entry){ 0 };
	return 0;
}

static void each_comes_once_in_its_second(void **state)
{
	int64_t due[N];
	unsigned seed = 3, seen = 0;
	for (size_t i = 0; i < N; i++) {
		seed = seed * 1103515245u + 12345u;
		due[i] = 1001 + (seed >> 8) % 5000; /* several turns of the wheel */
		aaa_wheel_set(&wheel, &entries[i], due[i]);
	}
	for (int64_t now = 1000; now < 6100; now++) {
		struct aaa_wheel_entry *e;
		while ((e = aaa_wheel_next(&wheel, now))) {
			assert_int_equal(due[e - entries], now);
			assert_int_equal(e->due_s, 0);
			seen++;
		}
	}
	assert_int_equal(seen, N);
}

static void what_is_set_again_comes_later(void **state)
{
	aaa_wheel_set(&wheel, &entries[0], 1010);
	aaa_wheel_set(&wheel, &entries[0], 1020);
	assert_null(aaa_wheel_next(&wheel, 1019));
	assert_ptr_equal(aaa_wheel_next(&wheel, 1020), &entries[0]);
	aaa_wheel_set(&wheel, &entries[0], 5); /* long ago: with the next second, not for ever in this one */
	assert_null(aaa_wheel_next(&wheel, 1020));
	assert_ptr_equal(aaa_wheel_next(&wheel, 1021), &entries[0]);
}

static void the_served_one_may_remove_others(void **state)
{
	for (size_t i = 0; i < 4; i++)
		aaa_wheel_set(&wheel, &entries[i], 1005);
	struct aaa_wheel_entry *e = aaa_wheel_next(&wheel, 1005);
	for (size_t i = 0; i < 4; i++)
		aaa_wheel_remove(&entries[i]);
	aaa_wheel_remove(e);
	assert_null(aaa_wheel_next(&wheel, 1005));
	aaa_wheel_set(&wheel, &entries[0], 1006);
	assert_ptr_equal(aaa_wheel_next(&wheel, 1006), &entries[0]);
}

static void after_a_long_sleep_all_come(void **state)
{
	unsigned seen = 0;
	for (size_t i = 0; i < N; i++)
		aaa_wheel_set(&wheel, &entries[i], 1001 + (int64_t)i * 100);
	aaa_wheel_set(&wheel, &entries[0], 2000000);
	while (aaa_wheel_next(&wheel, 1000000))
		seen++;
	assert_int_equal(seen, N - 1);
	assert_ptr_equal(aaa_wheel_next(&wheel, 2000000), &entries[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_comes_once_in_its_second, setup),
		cmocka_unit_test_setup(what_is_set_again_comes_later, setup),
		cmocka_unit_test_setup(the_served_one_may_remove_others, setup),
		cmocka_unit_test_setup(after_a_long_sleep_all_come, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
