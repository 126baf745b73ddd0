/* SPDX-License-Identifier: ISC */
/* The queue on disk and the journal: what is there after a crash at any step. */
#include "softwire/aaa_journal.h"
#include "softwire/aaa_spool.h"

#include "base/file.h"
#include "tests/unit/directory.h"
#include "tests/unit/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SPOOL_MAX (16u << 20)

static struct aaa_spool *open_spool(const char *dir, uint64_t max)
{
	struct aaa_spool *s = NULL;
	struct error err = { "" };
	if (aaa_spool_open(dir, max, NULL, NULL, &s, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

/* What a kill -9 leaves: the files as they are now. */
static char *copy_directory(const char *from)
{
	char *to = directory_make();
	DIR *dir = opendir(from);
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		char *a FREE_ON_EXIT = xasprintf("%s/%s", from, e->d_name);
		char *b FREE_ON_EXIT = xasprintf("%s/%s", to, e->d_name);
		char *data FREE_ON_EXIT = NULL;
		size_t length;
		assert_int_equal(file_read(a, 64 << 20, &data, &length, NULL), 0);
		int fd = open(b, O_WRONLY | O_CREAT | O_EXCL, 0600);
		assert_int_equal(write(fd, data, length), (ssize_t)length);
		close(fd);
	}
	closedir(dir);
	return to;
}

static void append(struct aaa_spool *s, unsigned n, size_t size)
{
	uint8_t record[AAA_RECORD_MAX];
	memset(record, (int)n, sizeof(record));
	memcpy(record, &n, sizeof(n));
	assert_int_equal(aaa_spool_append(s, record, size), 0);
}

/* Takes the next one; its number within the test, or -1. */
static int take(struct aaa_spool *s, uint64_t *ret_number)
{
	uint8_t record[AAA_RECORD_MAX];
	size_t length;
	unsigned n;
	if (aaa_spool_peek(s, record, &length, ret_number) < 0)
		return -1;
	aaa_spool_take(s);
	memcpy(&n, record, sizeof(n));
	for (size_t i = sizeof(n); i < length; i++)
		assert_int_equal(record[i], (uint8_t)n);
	return (int)n;
}

static void gives_in_order_and_forgets_what_is_done(void **state)
{
	char *dir = directory_make();
	struct aaa_spool *s = open_spool(dir, SPOOL_MAX);
	uint64_t number[3];
	for (unsigned i = 0; i < 3; i++)
		append(s, i, 100);
	for (int i = 0; i < 3; i++)
		assert_int_equal(take(s, &number[i]), i);
	assert_int_equal(take(s, &number[0]), -1);
	aaa_spool_done(s, number[1]); /* out of order: nothing may be forgotten yet */
	assert_int_equal(aaa_spool_waiting(s), 3);
	aaa_spool_close(s);
	s = open_spool(dir, SPOOL_MAX);
	assert_int_equal(take(s, &number[0]), 0);
	aaa_spool_done(s, number[0]);
	aaa_spool_close(s);
	s = open_spool(dir, SPOOL_MAX);
	assert_int_equal(take(s, &number[1]), 1);
	assert_int_equal(take(s, &number[2]), 2);
	aaa_spool_done(s, number[2]);
	aaa_spool_done(s, number[1]);
	aaa_spool_done(s, number[1]);
	assert_int_equal(aaa_spool_waiting(s), 0);
	aaa_spool_close(s);
	s = open_spool(dir, SPOOL_MAX);
	assert_int_equal(take(s, &number[0]), -1);
	append(s, 9, 10);
	assert_int_equal(take(s, &number[0]), 9);
	aaa_spool_close(s);
	directory_remove(dir);
}

/* A crash after every single step: what was appended and is not done comes again, in order, nothing else is
 * missing, and at most what was under way comes twice. */
static void survives_a_crash_after_every_step(void **state)
{
	char *dir = directory_make();
	struct aaa_spool *s = open_spool(dir, SPOOL_MAX);
	unsigned appended = 0, done = 0, seed = 7;
	uint64_t numbers[4096];
	for (int step = 0; step < 120; step++) {
		seed = seed * 1103515245u + 12345u;
		if ((seed >> 16) % 3 && appended < 400) {
			append(s, appended++, 4 + (seed >> 8) % 3900);
		} else if (take(s, &numbers[done]) >= 0) {
			aaa_spool_done(s, numbers[done]);
			done++;
		}
		char *copy = copy_directory(dir);
		struct aaa_spool *after = open_spool(copy, SPOOL_MAX);
		uint64_t number;
		assert_int_equal(aaa_spool_waiting(after), appended - done);
		for (unsigned i = done; i < appended; i++)
			assert_int_equal(take(after, &number), (int)i);
		assert_int_equal(take(after, &number), -1);
		assert_int_equal(aaa_spool_lost(after), 0);
		aaa_spool_close(after);
		directory_remove(copy);
	}
	assert_true(done > 20);
	aaa_spool_close(s);
	directory_remove(dir);
}

static char *only_file(const char *dir)
{
	DIR *d = opendir(dir);
	char *path = NULL;
	for (struct dirent *e; (e = readdir(d));)
		if (strncmp(e->d_name, "records-", 8) == 0) {
			assert_null(path);
			path = xasprintf("%s/%s", dir, e->d_name);
		}
	closedir(d);
	return path;
}

/* The last write was cut short anywhere: what was whole is there, and it goes on behind it. */
static void a_record_cut_short_is_no_record(void **state)
{
	char *dir = directory_make();
	struct aaa_spool *s = open_spool(dir, SPOOL_MAX);
	uint64_t number;
	append(s, 0, 60);
	append(s, 1, 60);
	aaa_spool_close(s);
	for (off_t size = 0; size <= 152; size++) {
		char *copy = copy_directory(dir);
		char *path FREE_ON_EXIT = only_file(copy);
		assert_int_equal(truncate(path, size), 0);
		s = open_spool(copy, SPOOL_MAX);
		int whole = size >= 152 ? 2 : size >= 76 ? 1 : 0;
		append(s, 7, 60);
		for (int i = 0; i < whole; i++)
			assert_int_equal(take(s, &number), i);
		assert_int_equal(take(s, &number), 7);
		assert_int_equal(take(s, &number), -1);
		aaa_spool_close(s);
		directory_remove(copy);
	}
	directory_remove(dir);
}

static void a_damaged_position_costs_a_repetition_at_most(void **state)
{
	char *dir = directory_make();
	char *path FREE_ON_EXIT = xasprintf("%s/position", dir);
	struct aaa_spool *s = open_spool(dir, SPOOL_MAX);
	uint64_t number;
	for (unsigned i = 0; i < 4; i++)
		append(s, i, 60);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(take(s, &number), i);
		aaa_spool_done(s, number);
	}
	aaa_spool_close(s);
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "garbage!", 8, 32), 8); /* the slot of the third turn */
	close(fd);
	s = open_spool(dir, SPOOL_MAX);
	assert_int_equal(take(s, &number), 2);
	assert_int_equal(take(s, &number), 3);
	aaa_spool_close(s);
	directory_remove(dir);
}

static void is_bounded_and_gives_room_back(void **state)
{
	char *dir = directory_make();
	struct aaa_spool *s = open_spool(dir, 3u << 20);
	uint8_t record[4000] = { 0 };
	uint64_t number;
	unsigned n = 0;
	for (int turn = 0; turn < 3; turn++) {
		unsigned before = n;
		while (aaa_spool_append(s, record, sizeof(record)) == 0)
			n++;
		assert_int_equal(aaa_spool_append(s, record, sizeof(record)), -ENOSPC);
		assert_true(aaa_spool_bytes(s) <= 3u << 20);
		assert_true(n - before > 500);
		while (take(s, &number) >= 0)
			aaa_spool_done(s, number);
		assert_int_equal(aaa_spool_waiting(s), 0);
	}
	aaa_spool_close(s);
	directory_remove(dir);
}

static void the_window_is_bounded(void **state)
{
	char *dir = directory_make();
	struct aaa_spool *s = open_spool(dir, SPOOL_MAX);
	uint64_t first, number;
	for (unsigned i = 0; i <= AAA_SPOOL_WINDOW; i++)
		append(s, i, 8);
	assert_int_equal(take(s, &first), 0);
	for (int i = 1; i < AAA_SPOOL_WINDOW; i++) {
		assert_int_equal(take(s, &number), i);
		aaa_spool_done(s, number);
	}
	assert_int_equal(take(s, &number), -1);
	aaa_spool_done(s, first);
	assert_int_equal(take(s, &number), AAA_SPOOL_WINDOW);
	aaa_spool_close(s);
	directory_remove(dir);
}

/* A file in the middle is damaged: what is behind it still goes out. */
static void damage_in_the_middle_is_counted(void **state)
{
	char *dir = directory_make();
	struct aaa_spool *s = open_spool(dir, SPOOL_MAX);
	uint64_t number;
	unsigned n = 0;
	while (aaa_spool_bytes(s) < 3 * AAA_SPOOL_FILE)
		append(s, n++, 4000);
	aaa_spool_close(s);
	DIR *d = opendir(dir);
	for (struct dirent *e; (e = readdir(d));) {
		if (strncmp(e->d_name, "records-", 8) != 0 ||
		        strcmp(e->d_name, "records-0000000000000000") == 0)
			continue;
		char *path FREE_ON_EXIT = xasprintf("%s/%s", dir, e->d_name);
		struct stat st;
		assert_int_equal(stat(path, &st), 0);
		if (st.st_size < AAA_SPOOL_FILE)
			continue;
		assert_int_equal(truncate(path, 4016 * 10 + 5), 0);
		break;
	}
	closedir(d);
	s = open_spool(dir, SPOOL_MAX);
	assert_true(aaa_spool_lost(s) > 100);
	unsigned seen = 0;
	int last = -1;
	for (int i; (i = take(s, &number)) >= 0; seen++) {
		assert_true(i > last);
		last = i;
		aaa_spool_done(s, number);
	}
	assert_int_equal(seen + aaa_spool_lost(s), n);
	assert_int_equal(last, (int)n - 1);
	aaa_spool_close(s);
	directory_remove(dir);
}

/* The journal of what is open. */

static unsigned n_read, sum_read;
static void on_record(void *user, const uint8_t *record, size_t length)
{
	n_read++;
	sum_read += record[0];
}

static int emit_two(struct aaa_journal *j, void *user)
{
	int r = aaa_journal_append_later(j, "\5", 1);
	return r < 0 ? r : aaa_journal_append_later(j, "\6", 1);
}

static int emit_nothing(struct aaa_journal *j, void *user)
{
	return -EIO;
}

static void a_journal_is_written_anew_at_once_or_not_at_all(void **state)
{
	char *dir = directory_make();
	struct aaa_journal *j = NULL;
	struct error err = { "" };
	assert_int_equal(aaa_journal_open(dir, "j", on_record, NULL, &j, &err), 0);
	assert_int_equal(aaa_journal_append(j, "\1", 1), 0);
	assert_int_equal(aaa_journal_append(j, "\2", 1), 0);
	assert_false(aaa_journal_is_long(j, 0));
	assert_true(aaa_journal_rewrite(j, emit_nothing, NULL, &err) < 0);
	assert_int_equal(aaa_journal_append(j, "\3", 1), 0);
	aaa_journal_close(j);
	n_read = sum_read = 0;
	assert_int_equal(aaa_journal_open(dir, "j", on_record, NULL, &j, &err), 0);
	assert_int_equal(n_read, 3);
	assert_int_equal(sum_read, 6);
	assert_int_equal(aaa_journal_rewrite(j, emit_two, NULL, &err), 0);
	assert_int_equal(aaa_journal_append(j, "\7", 1), 0);
	aaa_journal_close(j);
	n_read = sum_read = 0;
	assert_int_equal(aaa_journal_open(dir, "j", on_record, NULL, &j, &err), 0);
	assert_int_equal(n_read, 3);
	assert_int_equal(sum_read, 18);
	uint8_t big[4000] = { 1 };
	for (int i = 0; i < 300; i++)
		assert_int_equal(aaa_journal_append(j, big, sizeof(big)), 0);
	assert_true(aaa_journal_is_long(j, 10));
	assert_false(aaa_journal_is_long(j, 200));
	aaa_journal_close(j);
	directory_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_in_order_and_forgets_what_is_done),
		cmocka_unit_test(survives_a_crash_after_every_step),
		cmocka_unit_test(a_record_cut_short_is_no_record),
		cmocka_unit_test(a_damaged_position_costs_a_repetition_at_most),
		cmocka_unit_test(is_bounded_and_gives_room_back),
		cmocka_unit_test(the_window_is_bounded),
		cmocka_unit_test(damage_in_the_middle_is_counted),
		cmocka_unit_test(a_journal_is_written_anew_at_once_or_not_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
