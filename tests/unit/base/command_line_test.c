/* SPDX-License-Identifier: ISC */
#include "base/command_line.h"
#include "tests/unit/test.h"

#include <string.h>
#include <unistd.h>

struct values {
	bool json;
	const char *name, *reason;
	struct command_texts words;
	int64_t lines, ttl;
};

/* Parses a line; what it prints goes to text. */
static int parse(struct values *v, char ***ret_arguments, char *text, size_t size, const char *words[])
{
	const struct command_option options[] = {
		{ 'n', "name", "NAME", "whose", COMMAND_TEXT, &v->name, 1 },
		{ 'r', "reason", "TEXT", "why\nand why not", COMMAND_TEXT, &v->reason },
		{ 0, "word", "W", "may be repeated", COMMAND_TEXTS, &v->words },
		{ 0, "lines", "N", "how many", COMMAND_NUMBER, &v->lines, 1, 10 },
		{ 0, "ttl", "DURATION", "how long", COMMAND_DURATION, &v->ttl },
	};
	const struct command_option more[] = { { 'j', "json", NULL, "for scripts", COMMAND_FLAG, &v->json } };
	const struct command_line line = {
		.program = "prog",
		.words = "do it",
		.synopsis = "--name NAME FILE\n--help",
		.about = "Does it.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.more = more,
		.n_more = 1,
		.closing = "Examples:\n  prog do it",
		.least = 1,
		.most = 2,
		.argument = "one or two FILEs",
	};
	char *argv[COMMAND_TEXTS_MAX + 8] = { NULL };
	int argc = 0, saved[2] = { dup(1), dup(2) };
	FILE *out = tmpfile();
	for (; words[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc];
	fflush(stdout);
	fflush(stderr);
	dup2(fileno(out), 1);
	dup2(fileno(out), 2);
	int code = command_line_parse(&line, argc, argv, ret_arguments);
	fflush(stdout);
	fflush(stderr);
	dup2(saved[0], 1);
	dup2(saved[1], 2);
	close(saved[0]);
	close(saved[1]);
	rewind(out);
	text[fread(text, 1, size - 1, out)] = '\0';
	fclose(out);
	return code;
}

#define PARSE(...) parse(&v, &arguments, text, sizeof(text), (const char *[]){ "it", __VA_ARGS__, NULL })

static void test_values(void **state)
{
	struct values v = { 0 };
	char **arguments, text[4096];
	assert_int_equal(PARSE("-n", "bob", "file", "--word", "a", "--word=b", "--lines", "10", "--ttl",
	                         "2 min", "-j"),
	        COMMAND_GO_ON);
	assert_string_equal(text, "");
	assert_string_equal(v.name, "bob");
	assert_null(v.reason);
	assert_int_equal(v.words.n, 2);
	assert_string_equal(v.words.items[1], "b");
	assert_null(v.words.items[2]);
	assert_int_equal(v.lines, 10);
	assert_int_equal(v.ttl, 120000);
	assert_true(v.json);
	assert_string_equal(arguments[0], "file");
	assert_null(arguments[1]);
}

#define WRONG(words, ...) \
	do { \
		struct values v = { 0 }; \
		char **arguments, text[4096]; \
		assert_int_equal(PARSE(__VA_ARGS__), 2); \
		if (!strstr(text, words) || !strstr(text, "See `prog do it --help`")) \
			fail_msg("\"%s\" is not \"%s\"", text, words); \
	} while (0)

static void test_wrong(void **state)
{
	WRONG("prog do it: there is no option --bogus", "--bogus", "file");
	WRONG("there is no option", "-x", "file");
	WRONG("--name wants a value", "file", "--name");
	WRONG("--name NAME is needed", "file");
	WRONG("takes one or two FILEs", "--name", "bob");
	WRONG("takes one or two FILEs", "--name", "bob", "1", "2", "3");
	WRONG("--lines is a number from 1 to 10", "--name", "bob", "--lines", "11", "f");
	WRONG("--lines is a number from 1 to 10", "--name", "bob", "--lines", "1x", "f");
	WRONG("--ttl: \"soon\" is not a duration", "--name", "bob", "--ttl", "soon", "f");
	const char *many[COMMAND_TEXTS_MAX + 4] = { "it" };
	struct values v = { 0 };
	char **arguments, text[4096];
	for (size_t i = 1; i < COMMAND_TEXTS_MAX + 2; i++)
		many[i] = "--word=w";
	assert_int_equal(parse(&v, &arguments, text, sizeof(text), many), 2);
	assert_non_null(strstr(text, "more than 64"));
}

static void test_help(void **state)
{
	struct values v = { 0 };
	char **arguments, text[4096];
	assert_int_equal(PARSE("--help"), 0);
	assert_string_equal(text,
	        "usage: prog do it --name NAME FILE\n"
	        "       prog do it --help\n\n"
	        "Does it.\n\n"
	        "Options:\n"
	        "  -n, --name NAME     whose\n"
	        "  -r, --reason TEXT   why\n"
	        "                      and why not\n"
	        "      --word W        may be repeated\n"
	        "      --lines N       how many\n"
	        "      --ttl DURATION  how long\n"
	        "  -j, --json          for scripts\n"
	        "  -h, --help          this text\n\n"
	        "Examples:\n"
	        "  prog do it\n");
	assert_int_equal(PARSE("--list-options"), 0);
	assert_string_equal(text,
	        "--name=\twhose\n--reason=\twhy\n--word=\tmay be repeated\n--lines=\thow many\n"
	        "--ttl=\thow long\n--json\tfor scripts\n--help\tthis text\nARGUMENT\tone or two FILEs\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
