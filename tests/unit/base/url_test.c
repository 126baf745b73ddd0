/* SPDX-License-Identifier: ISC */
#include "base/url.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static void one_url_has_one_form(void **state)
{
	static const struct {
		const char *text, *form;
	} rows[] = {
		{ "https://feeds.example/osv.zip", "https://feeds.example/osv.zip" },
		{ "HTTPS://Feeds.EXAMPLE/OSV.zip", "https://feeds.example/OSV.zip" },
		{ "https://feeds.example:443/a", "https://feeds.example/a" },
		{ "http://feeds.example:80", "http://feeds.example/" },
		{ "http://feeds.example:443/", "http://feeds.example:443/" },
		{ "https://feeds.example:80/", "https://feeds.example:80/" },
		{ "https://feeds.example?x=1", "https://feeds.example/?x=1" },
		{ "https://a-b.example/%7euser/%41%2fb%e2%82%ac",
		        "https://a-b.example/~user/A%2Fb%E2%82%AC" },
		{ "https://feeds.example/a?b=/c?d&e=%3d", "https://feeds.example/a?b=/c?d&e=%3D" },
		{ "http://192.0.2.1:8080/a", "http://192.0.2.1:8080/a" },
		{ "https://[2001:DB8:0::1]:443/a", "https://[2001:db8::1]/a" },
		{ "https://feeds.example//a//", "https://feeds.example//a//" },
		{ "https://feeds.example/...", "https://feeds.example/..." },
		{ "https://feeds.example/a?../b", "https://feeds.example/a?../b" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char form[URL_MAX + 1], again[URL_MAX + 1];
		struct error err = { "" };
		if (url_canonical(rows[i].text, form, &err) < 0)
			fail_msg("%s", err.text);
		assert_string_equal(form, rows[i].form);
		assert_int_equal(url_canonical(form, again, NULL), 0);
		assert_string_equal(form, again);
	}
}

/* What two programs may read as two different addresses, or what leads elsewhere than it seems. */
static void tricks_are_refused(void **state)
{
	static const struct {
		const char *text, *word;
	} rows[] = {
		{ "", "neither" },
		{ "ftp://feeds.example/", "neither" },
		{ "https:/feeds.example/", "neither" },
		{ " https://feeds.example/", "neither" },
		{ "javascript:https://feeds.example/", "neither" },
		{ "https://feeds.example@evil.example/", "user name" },
		{ "https://feeds.example:x@evil.example/", "user name" },
		{ "https://evil.example#feeds.example/", "fragment" },
		{ "https://feeds.example/#", "fragment" },
		{ "https:///a", "host" },
		{ "https://:443/a", "host" },
		{ "https://feeds.example./a", "host" },
		{ "https://feeds..example/a", "host" },
		{ "https://-feeds.example/a", "host" },
		{ "https://feeds%2eexample/a", "host" },
		{ "https://feeds.example\\@evil.example/", "user name" },
		{ "https://feeds.example\\.evil.example/", "host" },
		{ "https://f\xc3\xa9.example/", "host" },
		{ "https://feeds_x.example/", "host" },
		{ "https://0x7f000001/", "host" },
		{ "https://2130706433/", "host" },
		{ "https://127.1/", "host" },
		{ "https://127.0.0.01/", "host" },
		{ "https://[::ffff:192.0.2.1]/", "host" },
		{ "https://[fe80::1%25eth0]/", "host" },
		{ "https://[192.0.2.1]/", "host" },
		{ "https://[::1/", "host" },
		{ "https://[::1]x/", "host" },
		{ "https://feeds.example:/", "port" },
		{ "https://feeds.example:0443/", "port" },
		{ "https://feeds.example:65536/", "port" },
		{ "https://feeds.example:+80/", "port" },
		{ "https://feeds.example/../a", "dot" },
		{ "https://feeds.example/a/.", "dot" },
		{ "https://feeds.example/a/%2e%2E/b", "dot" },
		{ "https://feeds.example/%", "percent" },
		{ "https://feeds.example/%4", "percent" },
		{ "https://feeds.example/%zz", "percent" },
		{ "https://feeds.example/%00", "percent" },
		{ "https://feeds.example/%0d%0aHost:", "percent" },
		{ "https://feeds.example/a b", "character" },
		{ "https://feeds.example/a\nb", "character" },
		{ "https://feeds.example/a\\..\\b", "character" },
		{ "https://feeds.example/\xc3\xa9", "character" },
		{ "https://feeds.example/{a}", "character" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char form[URL_MAX + 1];
		struct error err = { "" };
		if (url_canonical(rows[i].text, form, &err) != -EINVAL)
			fail_msg("%s is taken for %s", rows[i].text, form);
		if (!strstr(err.text, rows[i].word))
			fail_msg("%s: not because of \"%s\"", err.text, rows[i].word);
	}
}

static void a_long_one_is_refused(void **state)
{
	char text[URL_MAX + 2] = "https://feeds.example/", form[URL_MAX + 1];
	struct error err;
	const size_t n = strlen(text);
	memset(text + n, 'a', URL_MAX - n);
	text[URL_MAX] = '\0';
	assert_int_equal(url_canonical(text, form, &err), 0);
	assert_string_equal(form, text);
	text[URL_MAX] = 'a';
	text[URL_MAX + 1] = '\0';
	assert_int_equal(url_canonical(text, form, &err), -EINVAL);
	assert_non_null(strstr(err.text, "too long"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_url_has_one_form),
		cmocka_unit_test(tricks_are_refused),
		cmocka_unit_test(a_long_one_is_refused),
	};
	return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
