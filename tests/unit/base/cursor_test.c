/* SPDX-License-Identifier: ISC */
#include "base/cursor.h"
#include "tests/unit/test.h"

static void reads_what_was_written(void **state)
{
	struct writer w CLEANUP(wr_free) = wr_make(64);
	wr_u8(&w, 1);
	wr_u16(&w, 0x0203);
	wr_u24(&w, 0x040506);
	wr_u32(&w, 0x0708090a);
	wr_u64(&w, 0x0b0c0d0e0f101112);
	assert_false(wr_failed(&w));
	for (size_t i = 0; i < w.length; i++)
		assert_int_equal(w.data[i], i + 1);
	struct reader r = rd_make(w.data, w.length);
	assert_int_equal(rd_u8(&r), 1);
	assert_int_equal(rd_u16(&r), 0x0203);
	assert_int_equal(rd_u24(&r), 0x040506);
	assert_int_equal(rd_u32(&r), 0x0708090a);
	assert_true(rd_u64(&r) == 0x0b0c0d0e0f101112);
	assert_int_equal(rd_left(&r), 0);
	assert_false(rd_failed(&r));
}

static void short_read_sticks(void **state)
{
	struct reader r = rd_make("\1\2\3", 3);
	assert_int_equal(rd_u32(&r), 0);
	assert_true(rd_failed(&r));
	assert_int_equal(rd_u8(&r), 0);
	assert_int_equal(rd_left(&r), 0);
}

static void sub_reader_stays_inside(void **state)
{
	struct reader r = rd_make("\1\2\3\4", 4);
	struct reader sub = rd_sub(&r, 2);
	assert_int_equal(rd_u16(&sub), 0x0102);
	assert_int_equal(rd_u8(&sub), 0);
	assert_true(rd_failed(&sub));
	assert_int_equal(rd_u16(&r), 0x0304);
	sub = rd_sub(&r, 1);
	assert_true(rd_failed(&sub));
	assert_true(rd_failed(&r));
}

static void writer_stops_at_its_limit(void **state)
{
	struct writer w CLEANUP(wr_free) = wr_make(4);
	wr_u32(&w, 7);
	assert_false(wr_failed(&w));
	wr_u8(&w, 1);
	assert_true(wr_failed(&w));
	assert_int_equal(w.length, 4);
	wr_reset(&w);
	wr_u16(&w, 0);
	wr_patch_u16(&w, 0, 0x0102);
	assert_int_equal(w.data[1], 2);
	wr_patch_u32(&w, 0, 1);
	assert_true(wr_failed(&w));
}

static void test_takes_of_texts(void **state)
{
	uint64_t n = 7;
	const char *at = "bytes=18446744073709551615-x";
	assert_false(text_take(&at, "bits="));
	assert_true(text_take(&at, "bytes="));
	assert_true(text_take_number(&at, &n));
	assert_true(n == UINT64_MAX);
	assert_string_equal(at, "-x");
	assert_false(text_take_number(&at, &n)); /* no sign */
	assert_string_equal(at, "-x");
	static const char *const bad[] = { "", " 1", "+1", "18446744073709551616", "99999999999999999999" };
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		at = bad[i];
		assert_false(text_take_number(&at, &n));
		assert_ptr_equal(at, bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_of_texts),
		cmocka_unit_test(reads_what_was_written),
		cmocka_unit_test(short_read_sticks),
		cmocka_unit_test(sub_reader_stays_inside),
		cmocka_unit_test(writer_stops_at_its_limit),
	};
	return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
