/* SPDX-License-Identifier: ISC */
/* Package URLs as text; the specification's own cases are in shared_purl_test.c. */
#include "posture/purl_text.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void writes_the_canonical_form(void **state)
{
	static const struct {
		const char *text, *canonical;
	} rows[] = {
		{ "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie", NULL },
		{ "PKG:/Deb/Debian/Curl@1?Distro=jessie&arch=i386",
		        "pkg:deb/debian/curl@1?arch=i386&distro=jessie" },
		{ "pkg:npm/@scope/name@1", "pkg:npm/%40scope/name@1" },
		{ "pkg:npm/%40scope/name", NULL },
		{ "pkg:npm/a@b@1", "pkg:npm/a%40b@1" },
		{ "pkg:pypi/Zope.Interface__x@1.0RC1", "pkg:pypi/zope-interface-x@1.0rc1" },
		{ "pkg:golang/github.com//Azure/go@v1#/a/./../b/", "pkg:golang/github.com/azure/go@v1#a/b" },
		{ "pkg:generic/a@1?x=&b=%2F&a=:", "pkg:generic/a@1?a=:&b=%2F" },
		{ "pkg:generic/a@1?k=1&K=2&bad=%zz", "pkg:generic/a@1?k=1" },
		{ "pkg:generic/a?x", "pkg:generic/a" },
		{ "pkg:git/example.org/a/b@1", NULL },
		{ "pkg:generic/a b@1+2~3", "pkg:generic/a%20b@1%2B2~3" },
		{ "pkg:mlflow/Model@1?repository_url=x.databricks.com",
		        "pkg:mlflow/model@1?repository_url=x.databricks.com" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct error err = { "" };
		char *got = purl_canonical(rows[i].text, &err);
		const char *expected = rows[i].canonical ? rows[i].canonical : rows[i].text;
		if (!got || strcmp(got, expected) != 0)
			fail_msg("%s: %s", rows[i].text, got ? got : err.text);
		free(got);
	}
}

static void refuses_what_is_none(void **state)
{
	static const char *const rows[] = { "", "pkg:", "pkg:a", "pkg:a/", "pkg:a/@1", "pkg:a/b/@1",
		"pkg:1a/b", "pkg:a+b/c", "pkg:a/%zz", "pkg:a/b@%00", "pkg:a/b@1%2", "pkg%3Aa/b",
		"pkg:swift/a@1", "pkg:cargo/a/b@1", "pkg:julia/a@1", "pkg:cpan/A::B@1",
		"pkg:chrome-extension/a@1" };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct error err = { "" };
		char *got = purl_canonical(rows[i], &err);
		if (got || !*err.text)
			fail_msg("%s was taken", rows[i]);
		free(got);
	}
}

static void strict_refuses_more(void **state)
{
	static const char *const rows[] = { "pkg:a/b?K=1", "pkg:a/b?k=1&k=2", "pkg:a/b?k", "pkg:a/b?k=%zz",
		"pkg:a/b?k%20=1", "pkg:cargo/a/b" };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char buffer[PURL_TEXT_MAX + 1];
		struct purl purl;
		size_t n = strlen(rows[i]);
		assert_int_equal(purl_read(rows[i], n, PURL_AS_WRITTEN, buffer, &purl, NULL), 0);
		assert_int_equal(purl_read(rows[i], n, PURL_STRICT, buffer, &purl, NULL), -EINVAL);
	}
}

static void limits_what_it_reads(void **state)
{
	char text[PURL_TEXT_MAX + 2], buffer[PURL_TEXT_MAX + 1];
	struct purl purl;
	memset(text, 'a', sizeof(text));
	memcpy(text, "pkg:a/", 6);
	assert_int_equal(purl_read(text, PURL_TEXT_MAX + 1, PURL_AS_WRITTEN, buffer, &purl, NULL), -EINVAL);
	assert_int_equal(purl_read(text, PURL_TEXT_MAX, PURL_AS_WRITTEN, buffer, &purl, NULL), 0);
	assert_int_equal(strlen(purl.name), PURL_TEXT_MAX - 6);
	size_t n = (size_t)sprintf(text, "pkg:a/b?");
	for (int i = 0; i <= PURL_QUALIFIERS_MAX; i++)
		n += (size_t)sprintf(text + n, "k%d=v&", i);
	assert_int_equal(purl_read(text, n, PURL_AS_WRITTEN, buffer, &purl, NULL), -EINVAL);
}

static void builds_only_what_reads_back(void **state)
{
	struct purl purl = { .type = "npm", .name = "a", .version = "1" };
	char *text = purl_write(&purl, NULL);
	assert_string_equal(text, "pkg:npm/a@1");
	free(text);
	purl.type = "NPM";
	assert_null(purl_write(&purl, NULL));
	purl.type = "npm";
	purl.qualifiers[purl.n_qualifiers++] = (struct purl_qualifier){ "In Use", "1" };
	assert_null(purl_write(&purl, NULL));
	purl.qualifiers[0] = (struct purl_qualifier){ "key", "" };
	assert_null(purl_write(&purl, NULL));
	purl.n_qualifiers = 0;
	purl.name = NULL;
	assert_null(purl_write(&purl, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_the_canonical_form),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(strict_refuses_more),
		cmocka_unit_test(limits_what_it_reads),
		cmocka_unit_test(builds_only_what_reads_back),
	};
	return cmocka_run_group_tests_name("purl_text", tests, NULL, NULL);
}
