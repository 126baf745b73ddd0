/* SPDX-License-Identifier: ISC */
#include "posture/rpm.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static void reads_packages(void **state)
{
	static const char list[] = "glibc\t(none)\t2.34\t83.el9\tx86_64\tglibc-2.34-83.el9.src.rpm\n"
	                           "openssl-libs\t1\t3.0.7\t25.el9\tx86_64\topenssl-3.0.7-25.el9.src.rpm\n"
	                           "bash\t0\t5.1.8\t6.el9\tx86_64\tbash-5.1.8-6.el9.src.rpm\n"
	                           "perl-Carp\t2\t1.50\t460.el9\tnoarch\tperl-5.32.1-480.el9.src.rpm\n"
	                           "perl-libs\t4\t5.32.1\t480.el9\tx86_64\tperl-5.32.1-480.el9.src.rpm\n"
	                           "gpg-pubkey\t(none)\t8483c65d\t5ccc5b19\t(none)\t(none)\n"
	                           "own\t(none)\t1\t1\tx86_64\t(none)\n";
	static const struct posture_package wanted[] = {
		{ "rpm", "glibc", "2.34-83.el9", "x86_64", "glibc", "2.34-83.el9" },
		{ "rpm", "openssl-libs", "1:3.0.7-25.el9", "x86_64", "openssl", "1:3.0.7-25.el9" },
		{ "rpm", "bash", "5.1.8-6.el9", "x86_64", "bash", "5.1.8-6.el9" },
		{ "rpm", "perl-Carp", "2:1.50-460.el9", "noarch", "perl", "4:5.32.1-480.el9" },
		{ "rpm", "perl-libs", "4:5.32.1-480.el9", "x86_64", "perl", "4:5.32.1-480.el9" },
		{ "rpm", "own", "1-1", "x86_64", "own", "1-1" },
	};
	struct posture *p = posture_new();
	assert_int_equal(rpm_read_list("list", list, strlen(list), p, NULL), 0);
	assert_int_equal(p->n_packages, ARRAY_LENGTH(wanted));
	assert_int_equal(p->n_unknowns, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++) {
		const struct posture_package *got = &p->packages[i];
		assert_string_equal(got->type, "rpm");
		assert_string_equal(got->name, wanted[i].name);
		assert_string_equal(got->version, wanted[i].version);
		assert_string_equal(got->architecture, wanted[i].architecture);
		assert_string_equal(got->source, wanted[i].source);
		assert_string_equal(got->source_version, wanted[i].source_version);
	}
	posture_free(p);
}

static void broken_lines(void **state)
{
	static const struct {
		const char *line, *reason;
	} rows[] = {
		{ "a\t(none)\t1\t1\tx86_64", "six fields" },
		{ "a\t(none)\t1\t1\tx86_64\t(none)\tx", "six fields" },
		{ "", "six fields" },
		{ "(none)\t(none)\t1\t1\tx86_64\t(none)", "name" },
		{ "a b\t(none)\t1\t1\tx86_64\t(none)", "name" },
		{ "a\t(none)\t\t1\tx86_64\t(none)", "version" },
		{ "a\t(none)\t1\t(none)\tx86_64\t(none)", "version" },
		{ "a\tx\t1\t1\tx86_64\t(none)", "version" },
		{ "a\t(none)\t1\t1\tx 86\t(none)", "architecture" },
		{ "a\t(none)\t1\t1\tx86_64\ta.src.rpm", "source" },
		{ "a\t(none)\t1\t1\tx86_64\ta-1-1.zip", "source" },
		{ "a\t(none)\t1\t1\tx86_64\ta-1-.src.rpm", "source" },
		{ "a\t(none)\t1\t1\tx86_64\t-1-1.src.rpm", "source" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct posture *p = posture_new();
		char *text FREE_ON_EXIT = xasprintf("x\t(none)\t1\t1\tx86_64\t(none)\n%s\n", rows[i].line);
		assert_int_equal(rpm_read_list("list", text, strlen(text), p, NULL), 0);
		assert_int_equal(p->n_packages, 1);
		assert_int_equal(p->n_unknowns, 1);
		assert_non_null(strstr(p->unknowns[0].reason, "number 2"));
		assert_non_null(strstr(p->unknowns[0].reason, rows[i].reason));
		posture_free(p);
	}
}

static void limits(void **state)
{
	static const char line[] = "a\t(none)\t1\t1\tx86_64\t(none)\n";
	size_t n = POSTURE_PACKAGES_MAX + 1, length = n * strlen(line);
	char *text FREE_ON_EXIT = xmalloc(length + 1);
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * strlen(line), line, sizeof(line));
	struct posture *p = posture_new();
	struct error err;
	assert_int_equal(rpm_read_list("list", text, length, p, &err), -E2BIG);
	posture_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_packages),
		cmocka_unit_test(broken_lines),
		cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests_name("rpm", tests, NULL, NULL);
}
