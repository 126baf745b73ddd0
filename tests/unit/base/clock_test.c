/* SPDX-License-Identifier: ISC */
#include "base/clock.h"
#include "tests/unit/test.h"
#include <time.h>

static void reads_rfc3339(void **state)
{
	static const struct {
		const char *text;
		time_ms wall;
	} rows[] = { { "1970-01-01T00:00:00Z", 0 }, { "1970-01-02", 86400000 },
		{ "1970-01-01T01:00:00.123456+01:00", 123 }, { "1970-01-01T00:00:00.5Z", 500 },
		{ "1970-01-01T00:00:00.0009Z", 0 }, { "2026-11-21T20:54:00Z", 1795294440000 },
		{ "1969-12-31T23:00:00-01:00", 0 }, { "1972-02-29", 68169600000 },
		{ "1969-12-31T23:59:60Z", 0 } };
	static const char *const bad[] = { "", "yesterday", "2026-11-21T20:54:00", "2026-11-21T20:54:00+1",
		"2026-13-01", "2026-02-29", "2026-02-30T00:00:00Z", "2026-04-31", "2026-01-00" };
	time_ms t;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		assert_int_equal(clock_parse(rows[i].text, &t), 0);
		assert_true(t == rows[i].wall);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_true(clock_parse(bad[i], &t) < 0);
}

static void prints_what_it_reads(void **state)
{
	char text[CLOCK_TEXT_SIZE];
	assert_string_equal(clock_format(1795294440000, text), "2026-11-21T20:54:00Z");
	assert_string_equal(clock_format(-1000, text), "1969-12-31T23:59:59Z");
	assert_string_equal(clock_format(253402300799999, text), "9999-12-31T23:59:59Z");
	assert_string_equal(clock_format_ms(253402300799999, text), "9999-12-31T23:59:59.999Z");
	assert_string_equal(clock_format_ms(1795294440007, text), "2026-11-21T20:54:00.007Z");
	assert_string_equal(clock_format_ms(1795294440000, text), "2026-11-21T20:54:00Z");
	assert_non_null(clock_format_ms(INT64_MAX, text));
	assert_non_null(clock_format_ms(INT64_MIN, text));
}

/* Every day from 1970 to the year 9999, as the C library has them. */
static void prints_all_days(void **state)
{
	char text[CLOCK_TEXT_SIZE], expected[CLOCK_TEXT_SIZE];
	for (time_t day = 0; day <= 253402300799 / 86400; day++) {
		const time_t t = day * 86400 + (day * 7919) % 86400;
		struct tm tm;
		assert_non_null(gmtime_r(&t, &tm));
		assert_int_not_equal(strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &tm), 0);
		assert_string_equal(clock_format((time_ms)t * 1000, text), expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_rfc3339),
		cmocka_unit_test(prints_what_it_reads),
		cmocka_unit_test(prints_all_days),
	};
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
