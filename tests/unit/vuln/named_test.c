/* SPDX-License-Identifier: ISC */
/* What of the sources that a node names is for something that it has; and the file of what was asked for. */
#include "tests/unit/test.h"
#include "vuln/asked.h"
#include "vuln/named.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct posture *node(void)
{
	static const struct posture_package packages[] = {
		{ "deb", "zlib1g", "1:1.2.13", "amd64", "zlib", "1:1.2.13" },
		{ "deb", "acme-agent", "1.0", "all", "acme", "1.0" },
		{ "npm", "@acme/tool", "2.0.0", NULL, "@acme/tool", "2.0.0" },
	};
	struct posture *p = posture_new();
	p->os_id = "debian";
	p->os_version = "12";
	for (size_t i = 0; i < ARRAY_LENGTH(packages); i++)
		(void)posture_add_package(p, &packages[i]);
	return p;
}

static void a_source_is_for_what_the_node_has(void **state)
{
	static const struct {
		const char *software, *package; /* NULL: for nothing of it */
		size_t n;
	} rows[] = {
		{ "pkg:deb/debian/acme-agent", "acme-agent 1.0", 1 },
		{ "pkg:deb/acme/acme-agent", "acme-agent 1.0", 1 },
		{ "pkg:deb/debian/acme", "acme-agent 1.0", 1 },
		{ "pkg:npm/%40acme/tool", "@acme/tool 2.0.0", 1 },
		{ "pkg:npm/tool", NULL, 0 },
		{ "pkg:rpm/debian/acme-agent", NULL, 0 },
		{ "Debian:12", "acme-agent 1.0", 2 },
		{ "Debian", "acme-agent 1.0", 2 },
		{ "Debian:13", NULL, 0 },
		{ "npm", "@acme/tool 2.0.0", 1 },
		{ "PyPI", NULL, 0 },
		{ "Plan9", NULL, 0 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct posture *p = node();
		struct vuln_named_list list = { 0 };
		assert_int_equal(posture_add_source(p, "https://a.example/", NULL), 0);
		assert_int_equal(posture_add_software(p, rows[i].software), 0);
		vuln_named_collect(p, &list);
		assert_int_equal(list.n, rows[i].package ? 1 : 0);
		if (rows[i].package) {
			assert_string_equal(list.items[0].url, "https://a.example/");
			assert_string_equal(list.items[0].package, rows[i].package);
			assert_int_equal(list.items[0].n_packages, rows[i].n);
		}
		vuln_named_clear(&list);
		posture_free(p);
	}
}

static void a_url_that_is_named_twice_is_one(void **state)
{
	static const char *const urls[] = { "https://a.example/", "https://b.example/",
		"https://a.example/" };
	static const char *const software[] = { "pkg:npm/%40acme/tool", "npm", "pkg:deb/debian/acme-agent" };
	struct posture *p = node();
	struct vuln_named_list list = { 0 };
	for (size_t i = 0; i < ARRAY_LENGTH(urls); i++) {
		assert_int_equal(posture_add_source(p, urls[i], NULL), 0);
		assert_int_equal(posture_add_software(p, software[i]), 0);
	}
	vuln_named_collect(p, &list);
	vuln_named_collect(p, &list); /* in place of what was there */
	assert_int_equal(list.n, 2);
	assert_string_equal(list.items[0].url, urls[0]);
	assert_int_equal(list.items[0].n_packages, 2);
	assert_string_equal(list.items[0].package, "@acme/tool 2.0.0");
	assert_string_equal(list.items[1].url, urls[1]);
	vuln_named_clear(&list);
	posture_free(p);
}

static void what_was_asked_for_is_read_back(void **state)
{
	char dir[] = "/tmp/pratique-test-XXXXXX", path[64];
	struct vuln_asked a = { 0 }, b = { 0 };
	struct error err;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/asked.json", dir);
	assert_int_equal(vuln_asked_read(dir, &b, &err), -ENOENT);
	assert_true(vuln_asked_add_source(&a, "acme"));
	assert_false(vuln_asked_add_source(&a, "acme"));
	assert_true(vuln_asked_add_url(&a, "https://b.example/", NULL, 1));
	assert_true(vuln_asked_add_url(&a, "https://a.example/", "acme", 2));
	assert_true(vuln_asked_add_url(&a, "https://b.example/", NULL, UINT32_MAX));
	a.refused = 7;
	assert_int_equal(vuln_asked_write(dir, &a, &err), 0);
	assert_int_equal(vuln_asked_read(dir, &b, &err), 0);
	assert_true(vuln_asked_has_source(&b, "acme"));
	assert_int_equal(b.n_urls, 2);
	assert_string_equal(b.urls[0].url, "https://a.example/");
	assert_string_equal(b.urls[0].source, "acme");
	assert_null(b.urls[1].source);
	assert_int_equal(b.urls[1].nodes, UINT32_MAX);
	assert_int_equal(b.refused, 7);
	vuln_asked_clear(&b);
	for (size_t i = a.n_urls; i < VULN_ASKED_URLS_MAX; i++) {
		char url[64];
		snprintf(url, sizeof(url), "https://%zu.example/", i);
		assert_true(vuln_asked_add_url(&a, url, NULL, 1));
	}
	assert_false(vuln_asked_add_url(&a, "https://c.example/", NULL, 1));
	vuln_asked_clear(&a);
	FILE *f = fopen(path, "w");
	fputs("{\"sources\":[1],\"named\":[]}", f);
	fclose(f);
	assert_int_equal(vuln_asked_read(dir, &b, &err), -EINVAL);
	assert_non_null(strstr(err.text, path));
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_is_for_what_the_node_has),
		cmocka_unit_test(a_url_that_is_named_twice_is_one),
		cmocka_unit_test(what_was_asked_for_is_read_back),
	};
	return cmocka_run_group_tests_name("named", tests, NULL, NULL);
}
