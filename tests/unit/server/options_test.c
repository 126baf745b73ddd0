/* SPDX-License-Identifier: ISC */
#include "base/file.h"
#include "server/options.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

/* Every option of --help has its paragraph in the manual, and the manual has no other. */
static void test_manual_has_every_option(void **state)
{
	char *help = NULL, *manual = NULL, *line, *rest;
	size_t size = 0, length, options = 0, paragraphs = 0;
	struct error err = { "" };
	FILE *out = open_memstream(&help, &size);
	options_describe(out);
	fclose(out);
	if (file_read(MANUAL, 1u << 20, &manual, &length, &err) < 0)
		fail_msg("%s", err.text);
	for (const char *p = manual; (p = strstr(p, "\n.It Cm ")); p++)
		paragraphs++;
	rest = help;
	while ((line = strsep(&rest, "\n"))) {
		char wanted[128];
		line += strspn(line, " ");
		line[strcspn(line, " ")] = '\0';
		if (!*line)
			continue;
		options++;
		snprintf(wanted, sizeof(wanted), "\n.It Cm %s\n", line);
		if (!strstr(manual, wanted))
			fail_msg("the manual says nothing about %s", line);
	}
	assert_true(options > 20);
	assert_int_equal(options, paragraphs);
	free(help);
	free(manual);
}

static int load(const char *override, struct error *err)
{
	const char *const overrides[] = { override, NULL };
	struct server_options o;
	int code = options_load(NULL, overrides, &o, err);
	options_clear(&o);
	return code;
}

static void test_defaults_and_refusals(void **state)
{
	static const char *const wrong[] = { "node_port=65536", "node_port=x", "socket=relative/path",
		"applied_time=5", "applied_time=2 hours", "connections_max=0", "no_such_option=1" };
	struct server_options o;
	struct error err = { "" };
	assert_int_equal(options_load(NULL, NULL, &o, &err), 0);
	assert_int_equal(o.node_port, 271);
	assert_int_equal(o.enforcer_port, 2711);
	assert_int_equal(o.assessment_time, 30000);
	assert_int_equal(o.addresses.count, 0);
	assert_string_equal(o.user, "pratique");
	options_clear(&o);
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		err.text[0] = '\0';
		if (load(wrong[i], &err) != -EINVAL || !*err.text)
			fail_msg("%s was taken", wrong[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manual_has_every_option),
		cmocka_unit_test(test_defaults_and_refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
