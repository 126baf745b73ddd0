/* SPDX-License-Identifier: ISC */
#include "base/table.h"
#include "tests/unit/test.h"

#include <stdio.h>

#define MANY 5000

static void keeps_many_and_forgets_them(void **state)
{
	static int values[MANY];
	struct table *t = table_new();
	for (int i = 0; i < MANY; i++)
		assert_null(table_set(t, &i, sizeof(i), &values[i]));
	assert_int_equal(table_count(t), MANY);
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(table_get(t, &i, sizeof(i)), &values[i]);
	int zero = 0;
	assert_ptr_equal(table_set(t, &zero, sizeof(zero), &values[1]), &values[0]);
	size_t seen = 0;
	TABLE_FOREACH(it, t) {
		seen++;
		assert_non_null(table_remove(t, it.key, it.key_length));
	}
	assert_int_equal(seen, MANY);
	assert_int_equal(table_count(t), 0);
	assert_null(table_get(t, &zero, sizeof(zero)));
	table_free(t, NULL);
}

/* The vector of the SipHash paper, appendix A: 15 bytes 00..0e under the key 00..0f. */
static void hash_is_siphash(void **state)
{
	uint8_t input[15];
	for (uint8_t i = 0; i < sizeof(input); i++)
		input[i] = i;
	const uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	assert_true(hash_bytes(key, input, sizeof(input)) == 0xa129ca6149be45e5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_many_and_forgets_them),
		cmocka_unit_test(hash_is_siphash),
	};
	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
