/* SPDX-License-Identifier: ISC */
#include "base/config.h"
#include "base/file.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct sample {
	char *name, *socket;
	int64_t limit, interval;
	bool verbose;
	struct config_list listen;
};

static const struct config_option options[] = {
	{ "name", CONFIG_STRING, offsetof(struct sample, name), NULL, 0, 0, "name of the site" },
	{ "socket", CONFIG_PATH, offsetof(struct sample, socket), "/run/x", 0, 0, "where the API listens" },
	{ "limit", CONFIG_INTEGER, offsetof(struct sample, limit), "10", 1, 100, "most connections" },
	{ "interval", CONFIG_DURATION, offsetof(struct sample, interval), "30 s", 1000, 3600000,
	        "between inspections" },
	{ "verbose", CONFIG_BOOLEAN, offsetof(struct sample, verbose), "no", 0, 0, "log more" },
	{ "listen", CONFIG_LIST, offsetof(struct sample, listen), NULL, 0, 0, "address and port" },
};

static char collected[1024];
static void collect(const char *text)
{
	strncat(collected, text, sizeof(collected) - strlen(collected) - 2);
	strcat(collected, "\n");
}

static int load(const char *text, const char *const *overrides, struct sample *ret, struct error *err)
{
	static const char path[] = "config_test.conf";
	collected[0] = '\0';
	assert_int_equal(file_replace(path, text, strlen(text), 0600, NULL), 0);
	int r = config_load(path, overrides, options, ARRAY_LENGTH(options), ret, collect, err);
	unlink(path);
	return r;
}

static void fills_the_struct(void **state)
{
	struct sample s = { 0 };
	struct error err;
	assert_int_equal(
	        load("# a site\nname = kobe  # here\n\nlisten = ::1\nlisten=127.0.0.1\ninterval = 5 min\n",
	                (const char *const[]){ "limit=100", "name=osaka", NULL }, &s, &err),
	        0);
	assert_string_equal(s.name, "osaka");
	assert_string_equal(s.socket, "/run/x");
	assert_int_equal(s.limit, 100);
	assert_int_equal(s.interval, 300000);
	assert_false(s.verbose);
	assert_int_equal(s.listen.count, 2);
	assert_string_equal(s.listen.items[1], "127.0.0.1");
	config_clear(options, ARRAY_LENGTH(options), &s);
	assert_null(s.name);
}

/* What the command line says of a list is all of the list. */
static void command_line_replaces_a_list(void **state)
{
	struct sample s = { 0 };
	struct error err;
	assert_int_equal(load("name = kobe\nlisten = ::1\nlisten = ::2\n",
	                         (const char *const[]){ "listen=::3", "listen=::4", NULL }, &s, &err),
	        0);
	assert_int_equal(s.listen.count, 2);
	assert_string_equal(s.listen.items[0], "::3");
	config_clear(options, ARRAY_LENGTH(options), &s);
}

static void reports_every_error(void **state)
{
	struct sample s = { 0 };
	struct error err;
	assert_int_equal(load("limit = 101\nlimit = x\nsocket = run\ninterval = 5\nverbose = maybe\nwhat = "
	                      "1\nnonsense\n",
	                         NULL, &s, &err),
	        -EINVAL);
	assert_string_equal(err.text, "config_test.conf:1: limit: 101 is outside 1 to 100");
	assert_string_equal(collected,
	        "config_test.conf:1: limit: 101 is outside 1 to 100\n"
	        "config_test.conf:2: limit: given twice\n"
	        "config_test.conf:3: socket: \"run\" is not an absolute path\n"
	        "config_test.conf:4: interval: \"5\" is not a duration such as 30 s or 5 min\n"
	        "config_test.conf:5: verbose: \"maybe\" is neither yes nor no\n"
	        "config_test.conf:6: what: no such option\n"
	        "config_test.conf:7: expected \"name = value\"\n"
	        "config_test.conf: name: must be given (name of the site)\n");
	config_clear(options, ARRAY_LENGTH(options), &s);
}

static void binary_file_is_refused(void **state)
{
	struct sample s = { 0 };
	struct error err;
	assert_int_equal(file_replace("config_test.conf", "name = x\0\nlimit = 7\n", 20, 0600, NULL), 0);
	assert_int_equal(
	        config_load("config_test.conf", NULL, options, ARRAY_LENGTH(options), &s, NULL, &err),
	        -EINVAL);
	assert_string_equal(err.text, "config_test.conf: a NUL byte: this is not a text file");
	unlink("config_test.conf");
	config_clear(options, ARRAY_LENGTH(options), &s);
}

static void missing_file_is_named(void **state)
{
	struct sample s = { 0 };
	struct error err;
	assert_int_equal(
	        config_load("no-such.conf", NULL, options, ARRAY_LENGTH(options), &s, NULL, &err), -EINVAL);
	assert_string_equal(err.text, "no-such.conf: No such file or directory");
	config_clear(options, ARRAY_LENGTH(options), &s);
}

struct one {
	struct config_named named;
	char *from;
	int64_t weight;
	struct config_list of;
};
struct whole {
	int64_t limit;
	struct config_items ones;
};
static const struct config_option one_options[] = {
	{ "from", CONFIG_STRING, offsetof(struct one, from), NULL, 0, 0, "where it is" },
	{ "weight", CONFIG_INTEGER, offsetof(struct one, weight), "7", 1, 9, "how much" },
	{ "of", CONFIG_LIST, offsetof(struct one, of), NULL, 0, 0, "what" },
};
static const struct config_option whole_options[] = {
	{ "limit", CONFIG_INTEGER, offsetof(struct whole, limit), "1", 0, 9, "most" },
};
static const struct config_section section = { "one", one_options, ARRAY_LENGTH(one_options),
	offsetof(struct whole, ones), sizeof(struct one), 3 };

static int load_whole(const char *text, struct whole *ret, struct error *err)
{
	assert_int_equal(file_replace("config_test.conf", text, strlen(text), 0600, NULL), 0);
	*collected = '\0';
	memset(ret, 0, sizeof(*ret));
	int r = config_load_sections("config_test.conf", NULL, whole_options, ARRAY_LENGTH(whole_options),
	        &section, 1, ret, collect, err);
	unlink("config_test.conf");
	return r;
}

static void clear_whole(struct whole *w)
{
	config_clear_sections(&section, 1, w);
	config_clear(whole_options, ARRAY_LENGTH(whole_options), w);
}

static void sections_fill_structs(void **state)
{
	struct whole w;
	struct error err;
	assert_int_equal(
	        load_whole("one a {\n\tfrom = /a # where\n\tof = x\n\tof = y\n}\nlimit = 3\n\none b-2.x{\n"
	                   "from = /b = c\nweight = 9\n}\n",
	                &w, &err),
	        0);
	assert_int_equal(w.limit, 3);
	assert_int_equal(w.ones.count, 2);
	const struct one *a = w.ones.items[0], *b = w.ones.items[1];
	assert_string_equal(a->named.name, "a");
	assert_int_equal(a->named.line, 1);
	assert_string_equal(a->from, "/a");
	assert_int_equal(a->weight, 7);
	assert_int_equal(a->of.count, 2);
	assert_string_equal(b->named.name, "b-2.x");
	assert_int_equal(b->named.line, 8);
	assert_string_equal(b->from, "/b = c");
	assert_int_equal(b->weight, 9);
	clear_whole(&w);
}

static void sections_that_are_wrong(void **state)
{
	struct whole w;
	struct error err;
	assert_int_equal(
	        load_whole("one a {\nweight = 0\nlimit = 2\n}\none a {\nfrom = x\n}\none b c {\nfrom = x\n}\n"
	                   "two d {\nanything\n}\n}\none e {\nfrom = x\none f {\n",
	                &w, &err),
	        -EINVAL);
	assert_string_equal(collected,
	        "config_test.conf:2: weight: 0 is outside 1 to 9\n"
	        "config_test.conf:3: limit: no such option\n"
	        "config_test.conf:1: from: must be given (where it is)\n"
	        "config_test.conf:5: one a: there are two of that name\n"
	        "config_test.conf:8: one: a name of letters, digits, dots, dashes and underscores is wanted\n"
	        "config_test.conf:11: two: no such section\n"
	        "config_test.conf:14: a \"}\" that closes nothing\n"
	        "config_test.conf:15: one: more than 3 of them\n"
	        "config_test.conf:17: a section within a section\n"
	        "config_test.conf:15: the section is not closed with \"}\"\n");
	clear_whole(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_the_struct),
		cmocka_unit_test(command_line_replaces_a_list),
		cmocka_unit_test(reports_every_error),
		cmocka_unit_test(binary_file_is_refused),
		cmocka_unit_test(missing_file_is_named),
		cmocka_unit_test(sections_fill_structs),
		cmocka_unit_test(sections_that_are_wrong),
	};
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
