/* SPDX-License-Identifier: ISC */
/* Version ranges; the cases of third parties are in shared_vers_test.c. */
#include "tests/unit/test.h"
#include "vuln/npm_range.h"
#include "vuln/vers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void sorts_and_writes(void **state)
{
	static const struct {
		const char *text, *written;
	} rows[] = {
		{ "vers:npm/<2.0.0|>=1.0.0", "vers:npm/>=1.0.0|<2.0.0" },
		{ "vers:npm/ >= 1.0.0 || <2.0.0 |", "vers:npm/>=1.0.0|<2.0.0" },
		{ "vers:deb/=1:2.0%2B1", "vers:deb/1:2.0%2B1" },
		{ "vers:deb/1.10|1.9~rc1", "vers:deb/1.9~rc1|1.10" },
		{ "vers:pypi/>=2|<2", "vers:pypi/<2|>=2" },
		{ "vers:gentoo/!=1-r1", "vers:gentoo/!=1-r1" },
		{ "vers:maven/*", "vers:maven/*" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct vers *vers;
		assert_int_equal(vers_parse(rows[i].text, VERS_AS_WRITTEN, &vers, NULL), 0);
		char *written = vers_write(vers);
		assert_string_equal(written, rows[i].written);
		free(written);
		vers_free(vers);
	}
}

static void refuses_what_is_none(void **state)
{
	static const char *const rows[] = { "", "vers:", "vers:npm", "npm/1.0.0", "vers:/1", "vers:NPM/1.0.0",
		"vers:nobody-knows/1", "vers:npm/>=", "vers:npm/*|1.0.0", "vers:npm/1.0.0|x", "vers:npm/%zz",
		"vers:npm/%00", "vers:a-scheme-that-is-longer-than-any-may-be/1" };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct vers *vers;
		struct error err = { "" };
		if (vers_parse(rows[i], VERS_AS_WRITTEN, &vers, &err) == 0)
			fail_msg("%s was taken", rows[i]);
		assert_true(*err.text);
	}
	static const char *const not_canonical[] = { "vers:npm/", "vers:npm/=1.0.0", "vers:deb/1+1",
		"vers:deb/1%3A1", "vers:npm/<2.0.0|>=1.0.0" };
	for (size_t i = 0; i < ARRAY_LENGTH(not_canonical); i++) {
		struct vers *vers;
		assert_int_equal(vers_parse(not_canonical[i], VERS_CANONICAL, &vers, NULL), -EINVAL);
	}
}

static void contains_what_it_says(void **state)
{
	static const struct {
		const char *vers, *version;
		bool inside;
	} rows[] = {
		{ "vers:npm/>=1.0.0|<2.0.0", "1.0.0", true },
		{ "vers:npm/>=1.0.0|<2.0.0", "2.0.0", false },
		{ "vers:npm/>1.0.0|<=2.0.0", "1.0.0", false },
		{ "vers:npm/>1.0.0|<=2.0.0", "2.0.0", true },
		{ "vers:npm/<1.0.0|>=2.0.0|<3.0.0|>4.0.0", "0.1.0", true },
		{ "vers:npm/<1.0.0|>=2.0.0|<3.0.0|>4.0.0", "1.5.0", false },
		{ "vers:npm/<1.0.0|>=2.0.0|<3.0.0|>4.0.0", "2.5.0", true },
		{ "vers:npm/<1.0.0|>=2.0.0|<3.0.0|>4.0.0", "3.5.0", false },
		{ "vers:npm/<1.0.0|>=2.0.0|<3.0.0|>4.0.0", "4.0.0", false },
		{ "vers:npm/<1.0.0|>=2.0.0|<3.0.0|>4.0.0", "4.0.1", true },
		{ "vers:npm/>=1.0.0|>=1.5.0|<1.7.0|<2.0.0", "1.8.0", true },
		{ "vers:npm/!=1.0.0", "1.0.1", true },
		{ "vers:npm/!=1.0.0", "1.0.0", false },
		{ "vers:npm/1.0.0|3.0.0", "2.0.0", false },
		{ "vers:npm/1.0.0|>2.0.0", "1.0.0", true },
		{ "vers:deb/>=1.0|<1.0-2", "1.0-1", true },
		{ "vers:alpm/<=1.0", "1.0-3", true },
		{ "vers:conan/", "1", false },
		{ "vers:maven/>=1.0|<2-rc1", "1.9.9.Final", true },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct vers *vers;
		bool inside = !rows[i].inside;
		assert_int_equal(vers_parse(rows[i].vers, VERS_AS_WRITTEN, &vers, NULL), 0);
		assert_int_equal(vers_contains(vers, rows[i].version, &inside, NULL), 0);
		if (inside != rows[i].inside)
			fail_msg("%s: %s", rows[i].vers, rows[i].version);
		assert_int_equal(vers_contains(vers, "", &inside, NULL), -EINVAL);
		vers_free(vers);
	}
}

static void reads_native_notations(void **state)
{
	static const struct {
		const char *scheme, *range, *vers; /* NULL: refused */
	} rows[] = {
		{ "npm", "^0.2.3", "vers:npm/>=0.2.3|<0.3.0" },
		{ "npm", "1.2 - 3", "vers:npm/>=1.2.0|<4.0.0" },
		{ "npm", "~1.2.3-b", "vers:npm/>=1.2.3-b|>=1.2.3|<1.2.4|<1.3.0" },
		{ "npm", "x", "vers:npm/*" },
		{ "npm", "1.2.3.4", NULL },
		{ "npm", ">=1.0.0 junk", NULL },
		{ "pypi", "~=2.2.1, !=2.2.5", "vers:pypi/>=2.2.1|!=2.2.5|<2.3" },
		{ "pypi", "==1.4.*", "vers:pypi/>=1.4|<1.5" },
		{ "pypi", "!=1.4.*", NULL },
		{ "pypi", "", NULL },
		{ "gem", "~> 2", "vers:gem/>=2|<3" },
		{ "gem", ">= 1.0, < 2", "vers:gem/>=1.0|<2" },
		{ "gem", "~> x", NULL },
		{ "maven", "(,1.0],[1.2,)", "vers:maven/<=1.0|>=1.2" },
		{ "maven", "[1.5]", "vers:maven/1.5" },
		{ "maven", "1.5", "vers:maven/1.5" },
		{ "maven", "[1.0,2.0", NULL },
		{ "maven", "(1.0)", NULL },
		{ "maven", "[1,2,3]", NULL },
		{ "maven", "(,)", NULL },
		{ "nuget", "1.0", "vers:nuget/>=1.0" },
		{ "nuget", "(1.0,)", "vers:nuget/>1.0" },
		{ "conan", "^0.0.3", "vers:conan/>=0.0.3|<0.0.4-" },
		{ "conan", "~> 1", NULL },
		{ "nginx", "1.5.0+, 1.4.1+", "vers:nginx/>=1.4.1|<1.5.0|>=1.5.0" },
		{ "nginx", "1.2.3-1.3.0", "vers:nginx/>=1.2.3|<=1.3.0" },
		{ "nginx", "1+", NULL },
		{ "openssl", "3.0.0, 1.0.1b", "vers:openssl/1.0.1b|3.0.0" },
		{ "deb", "<< 1.0-1", "vers:deb/<1.0-1" },
		{ "deb", ">= not", NULL },
		{ "composer", "*", "vers:composer/*" },
		{ "nobody-knows", "1", NULL },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct vers *vers = NULL;
		struct error err = { "" };
		int r = vers_from_native(rows[i].scheme, rows[i].range, &vers, &err);
		char *written FREE_ON_EXIT = r == 0 ? vers_write(vers) : NULL;
		if (rows[i].vers ? !written || strcmp(written, rows[i].vers) != 0 : r == 0 || !*err.text)
			fail_msg("%s %s: %s", rows[i].scheme, rows[i].range, written ? written : err.text);
		vers_free(vers);
	}
}

static void limits_what_it_reads(void **state)
{
	static char text[VERS_TEXT_MAX + 2];
	struct vers *vers;
	size_t n = (size_t)sprintf(text, "vers:intdot/0");
	for (int i = 1; i <= VERS_CONSTRAINTS_MAX; i++)
		n += (size_t)sprintf(text + n, "|%d", i);
	assert_int_equal(vers_parse(text, VERS_AS_WRITTEN, &vers, NULL), -EINVAL);
	text[n - strlen("|1024")] = '\0';
	assert_int_equal(vers_parse(text, VERS_AS_WRITTEN, &vers, NULL), 0);
	assert_int_equal(vers->n_constraints, VERS_CONSTRAINTS_MAX);
	vers_free(vers);
	memset(text, '1', sizeof(text) - 1);
	memcpy(text, "vers:intdot/", 12);
	assert_int_equal(vers_parse(text, VERS_AS_WRITTEN, &vers, NULL), -EINVAL);
	assert_int_equal(vers_from_native("gem", text, &vers, NULL), -EINVAL);
	assert_int_equal(vers_from_native("npm", text, &vers, NULL), -EINVAL);
	n = 0;
	for (int i = 0; i <= NPM_TERMS_MAX; i++)
		n += (size_t)sprintf(text + n, "1 ");
	bool inside;
	assert_int_equal(npm_range_contains(text, "1.0.0", 0, &inside, NULL), -EINVAL);
}

/* What VERS cannot say, npm's own rules can: a pre-release has to be named. */
static void judges_by_npms_own_rules(void **state)
{
	static const struct {
		const char *range, *version;
		unsigned flags;
		bool inside;
	} rows[] = {
		{ ">=2.2.x", "3.0.0", 0, true },
		{ "^1.2.3", "1.3.0-beta", 0, false },
		{ "^1.2.3", "1.3.0-beta", NPM_PRERELEASES, true },
		{ "^1.2.3-alpha", "1.2.3-beta", 0, true },
		{ "~1.2.3beta", "1.2.9", NPM_LOOSE, true },
		{ "<1.0.0 || >=2.0.0", "1.5.0", 0, false },
		{ ">1", "1.9.0", 0, false },
		{ "", "9.9.9", 0, true },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		bool inside = !rows[i].inside;
		assert_int_equal(
		        npm_range_contains(rows[i].range, rows[i].version, rows[i].flags, &inside, NULL), 0);
		if (inside != rows[i].inside)
			fail_msg("%s: %s", rows[i].range, rows[i].version);
	}
	bool inside;
	assert_int_equal(npm_range_contains("~1.2.3beta", "1.2.9", 0, &inside, NULL), -EINVAL);
	assert_int_equal(npm_range_contains("1.x", "1.2", 0, &inside, NULL), -EINVAL);
	assert_int_equal(npm_range_contains("<=9007199254740992.x", "1.0.0", 0, &inside, NULL), -EINVAL);
	/* What node-semver refuses, so that nobody takes our answer for its. */
	static const char *const strict[] = { "01.x", ">=1.02.3", "1.2.3-01", "1.2.3-a..b", "1.2.3+",
		"^9007199254740991.0.0", "~1.9007199254740991", "1 - 9007199254740991" };
	for (size_t i = 0; i < ARRAY_LENGTH(strict); i++)
		if (npm_range_contains(strict[i], "1.0.0", 0, &inside, NULL) != -EINVAL)
			fail_msg("taken: %s", strict[i]);
	assert_int_equal(npm_range_contains("01.x", "1.0.0", NPM_LOOSE, &inside, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_and_writes),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(contains_what_it_says),
		cmocka_unit_test(reads_native_notations),
		cmocka_unit_test(limits_what_it_reads),
		cmocka_unit_test(judges_by_npms_own_rules),
	};
	return cmocka_run_group_tests_name("vers", tests, NULL, NULL);
}
