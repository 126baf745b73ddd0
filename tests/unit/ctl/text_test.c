/* SPDX-License-Identifier: ISC */
#include "ctl/client.h"
#include "ctl/text_table.h"
#include "tests/unit/test.h"

#include <stdarg.h>
#include <string.h>

/* What main.c has in the program. */
int ctl_fail(const char *words, const char *format, ...)
{
	return CTL_FAILURE;
}

int ctl_usage(const char *words, const char *format, ...)
{
	return CTL_USAGE;
}

bool ctl_colour(FILE *out)
{
	return false;
}

static void test_table(void **state)
{
	static const char *const headings[] = { "NODE", "WHY", NULL };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct text_table *t = text_table_new(headings);
	text_table_cell(t, TEXT_RED, "%s", "café");
	text_table_cell(t, NULL, "%d", 1);
	text_table_cell(t, NULL, "%s", "a-longer-name");
	text_table_cell(t, NULL, "%s", "\033[2Jcleared\n\xc2\x9bx"); /* nothing of it moves a cursor */
	text_table_print(t, out);
	fclose(out);
	assert_string_equal(text,
	        "NODE           WHY\n"
	        "café           1\n"
	        "a-longer-name  ?[2Jcleared???x\n");
	free(text);
}

static void test_empty_table(void **state)
{
	static const char *const headings[] = { "A", "B", NULL };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	text_table_print(text_table_new(headings), out);
	fclose(out);
	assert_string_equal(text, "A  B\n");
	free(text);
}

static void test_ago(void **state)
{
	static const struct {
		const char *when, *said;
	} cases[] = {
		{ "2026-11-21T12:00:00Z", "0 s ago" },
		{ "2026-11-21T11:59:57Z", "3 s ago" },
		{ "2026-11-21T11:58:01Z", "119 s ago" },
		{ "2026-11-21T11:58:00Z", "2 min ago" },
		{ "2026-11-21T12:44:30Z", "in 44 min" },
		{ "2026-11-21T15:00:00Z", "in 3 h" },
		{ "2026-11-11T12:00:00Z", "10 days ago" },
		{ "", "-" },
		{ "yesterday", "-" },
	};
	time_ms now;
	char text[CTL_AGO_SIZE];
	assert_int_equal(clock_parse("2026-11-21T12:00:00Z", &now), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		assert_string_equal(ctl_ago(cases[i].when, now, text), cases[i].said);
}

static void test_path(void **state)
{
	char *path = ctl_node_path("a b/../é", "/revoke");
	assert_string_equal(path, "/v1/nodes/a%20b%2F..%2F%C3%A9/revoke");
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_empty_table),
		cmocka_unit_test(test_ago),
		cmocka_unit_test(test_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
