/* SPDX-License-Identifier: ISC */
#include "softwire/checkpoint.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct checkpoint *map(int fd)
{
	struct checkpoint *c = NULL;
	assert_int_equal(checkpoint_open(dup(fd), CHECKPOINT_RECORD_MAX, &c, NULL), 0);
	return c;
}

static unsigned count_records(struct checkpoint *c, char *ret_text)
{
	const uint8_t *bytes;
	size_t at = 0, length;
	unsigned n = 0;
	while (checkpoint_next(c, &at, &bytes, &length) >= 0) {
		memcpy(ret_text, bytes, length);
		ret_text += length;
		n++;
	}
	*ret_text = '\0';
	return n;
}

static void records_outlive_their_process(void **state)
{
	char text[64];
	int fd = checkpoint_make(3, CHECKPOINT_RECORD_MAX, NULL);
	assert_true(fd >= 0);
	struct checkpoint *c = map(fd);
	assert_int_equal(count_records(c, text), 0);
	int a = checkpoint_claim(c), b = checkpoint_claim(c), d = checkpoint_claim(c);
	assert_true(a > 0 && b > 0 && d > 0);
	assert_int_equal(checkpoint_claim(c), -ENOSPC);
	assert_int_equal(checkpoint_write(c, a, "one", 3), 0);
	assert_int_equal(checkpoint_write(c, b, "two", 3), 0);
	assert_int_equal(checkpoint_write(c, d, "3", 1), 0);
	assert_int_equal(checkpoint_write(c, d, "three", 5), 0);
	checkpoint_release(c, b);
	checkpoint_close(c);
	c = map(fd);
	assert_int_equal(count_records(c, text), 2);
	assert_string_equal(text, "onethree");
	assert_int_equal(checkpoint_claim(c), b);
	checkpoint_close(c);
	close(fd);
}

static void a_torn_record_is_lost_alone(void **state)
{
	char text[64];
	int fd = checkpoint_make(2, CHECKPOINT_RECORD_MAX, NULL);
	struct checkpoint *c = map(fd);
	int a = checkpoint_claim(c), b = checkpoint_claim(c);
	assert_int_equal(checkpoint_write(c, a, "one", 3), 0);
	assert_int_equal(checkpoint_write(c, b, "two", 3), 0);
	checkpoint_close(c);
	assert_int_equal(
	        pwrite(fd, "X", 1, (CHECKPOINT_SLOT_HEADER + CHECKPOINT_RECORD_MAX) * (off_t)a + 8), 1);
	c = map(fd);
	assert_int_equal(count_records(c, text), 1);
	assert_string_equal(text, "two");
	checkpoint_close(c);
	close(fd);
}

static void what_does_not_fit(void **state)
{
	uint8_t large[CHECKPOINT_RECORD_MAX + 1] = { 1 };
	char text[CHECKPOINT_RECORD_MAX + 1];
	int fd = checkpoint_make(1, CHECKPOINT_RECORD_MAX, NULL);
	struct checkpoint *c = map(fd);
	int a = checkpoint_claim(c);
	assert_int_equal(checkpoint_write(c, a, large, sizeof(large)), -E2BIG);
	checkpoint_close(c);
	c = map(fd);
	assert_int_equal(count_records(c, text), 0);
	checkpoint_close(c);
	close(fd);
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(checkpoint_open(pipes[0], CHECKPOINT_RECORD_MAX, &c, NULL), -EINVAL);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_outlive_their_process),
		cmocka_unit_test(a_torn_record_is_lost_alone),
		cmocka_unit_test(what_does_not_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
