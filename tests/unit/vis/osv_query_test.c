/* SPDX-License-Identifier: ISC */
/* Queries of OSV.dev's API: what they mean, and in which words they are refused. */
#include "tests/unit/test.h"
#include "vis/osv_query.h"

#include <errno.h>
#include <string.h>

static int read_text(const char *text, struct osv_query *ret, struct error *err)
{
	json_t *json = json_loads(text, 0, NULL);
	assert_non_null(json);
	int r = osv_query_read(json, ret, err);
	json_decref(json);
	return r;
}

static void meaning(void **state)
{
	static const struct {
		const char *json, *ecosystem, *package, *binary, *version;
		bool all_releases;
	} rows[] = {
		{ "{'package':{'name':'openssl','ecosystem':'Debian:12'},'version':'3.0.9-1'}", "Debian:12",
		        "openssl", "", "3.0.9-1", false },
		{ "{'package':{'name':'openssl','ecosystem':'Debian'}}", "Debian", "openssl", "", "", true },
		{ "{'package':{'name':'openssl','ecosystem':'Ubuntu:22.04:LTS'}}", "Ubuntu:22.04", "openssl",
		        "", "", false },
		{ "{'package':{'name':'Zope.Interface','ecosystem':'PyPI'},'version':'1'}", "PyPI",
		        "zope-interface", "", "1", true },
		{ "{'package':{'name':'django'},'version':'4.2'}", "", "django", "", "4.2", false },
		{ "{'package':{'purl':'pkg:deb/debian/openssl@3.0.9-1?arch=source&distro=bookworm'}}",
		        "Debian:12", "openssl", "openssl", "3.0.9-1", false },
		{ "{'package':{'purl':'pkg:deb/debian/openssl@3.0.9-1'}}", "Debian", "openssl", "openssl",
		        "3.0.9-1", true },
		{ "{'package':{'purl':'pkg:deb/debian/libssl3?upstream=openssl&distro=debian-12'},"
		  "'version':'3.0.9-1'}",
		        "Debian:12", "openssl", "libssl3", "3.0.9-1", false },
		{ "{'package':{'purl':'pkg:npm/%40angular/core'}}", "npm", "@angular/core", "", "", true },
		{ "{'package':{'purl':'pkg:npm/%40angular/core@1.2.3'}}", "npm", "@angular/core", "", "1.2.3",
		        true },
		{ "{'package':{'purl':'pkg:rpm/redhat/bash@5.1-2?distro=rhel-9.2'}}",
		        "Red Hat:enterprise_linux:9", "bash", "", "5.1-2", false },
		{ "{'package':{'purl':null,'name':'a','ecosystem':'npm'},'version':''}", "npm", "a", "", "",
		        true },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct osv_query q;
		struct error err = { "" };
		char text[512];
		snprintf(text, sizeof(text), "%s", rows[i].json);
		for (char *c = text; *c; c++)
			if (*c == '\'')
				*c = '"';
		if (read_text(text, &q, &err) < 0)
			fail_msg("%s: %s", text, err.text);
		if (q.unjudged)
			fail_msg("%s: %s", text, q.unjudged);
		assert_string_equal(q.ecosystem, rows[i].ecosystem);
		assert_string_equal(q.package, rows[i].package);
		assert_string_equal(q.binary, rows[i].binary);
		assert_string_equal(q.version, rows[i].version);
		if (*q.ecosystem)
			assert_int_equal(q.all_releases, rows[i].all_releases);
	}
}

static void refused(void **state)
{
	static const struct {
		const char *json, *words;
	} rows[] = {
		{ "{}", "Invalid query." },
		{ "[]", "a query is not an object" },
		{ "{'package':{'name':'a'}}", "Invalid query." },
		{ "{'package':{'ecosystem':'npm'}}", "Invalid query." },
		{ "{'package':{'name':'a','ecosystem':'Bogus'}}", "Invalid ecosystem." },
		{ "{'package':{'name':'a','ecosystem':'npm\\u0007'}}", "Invalid ecosystem." },
		{ "{'package':{'purl':'pkg:npm/a','name':'a'}}", "name specified in a PURL query" },
		{ "{'package':{'purl':'pkg:npm/a','ecosystem':'npm'}}",
		        "ecosystem specified in a PURL query" },
		{ "{'package':{'purl':'pkg:npm/a@1'},'version':'1'}",
		        "version specified in params and PURL query" },
		{ "{'package':{'purl':'npm/a'}}", "Invalid Package URL" },
		{ "{'package':{'purl':'pkg:npm/'}}", "Invalid Package URL" },
		{ "{'package':{'purl':'pkg:npm/%zz@1'}}", "Invalid Package URL" },
		{ "{'package':'openssl'}", "package is not an object" },
		{ "{'package':{'name':7}}", "name is not a text" },
		{ "{'package':{'name':'a','ecosystem':'npm'},'versoin':'1'}", "no member \"versoin\"" },
		{ "{'commit':'xyz'}", "Invalid hash." },
		{ "{'commit':'abc'}", "Invalid hash." },
		{ "{'commit':'abcd','version':'1'}", "version and commit" },
		{ "{'package':{'name':'a','ecosystem':'npm'},'page_token':'!'}", "Invalid page token." },
		{ "{'package':{'name':'a','ecosystem':'npm'},'page_token':'MQ'}", "Invalid page token." },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct osv_query q;
		struct error err = { "" };
		char text[512];
		snprintf(text, sizeof(text), "%s", rows[i].json);
		for (char *c = text; *c; c++)
			if (*c == '\'')
				*c = '"';
		assert_int_equal(read_text(text, &q, &err), -EINVAL);
		if (!strstr(err.text, rows[i].words))
			fail_msg("%s: %s", text, err.text);
	}
}

static void unjudged(void **state)
{
	struct osv_query q;
	struct error err;
	assert_int_equal(read_text("{\"commit\":\"60e572db\"}", &q, &err), 0);
	assert_non_null(q.unjudged);
	assert_int_equal(read_text("{\"package\":{\"purl\":\"pkg:yeet/a@1\"}}", &q, &err), 0);
	assert_non_null(q.unjudged);
	char *name FREE_ON_EXIT =
	        xasprintf("{\"package\":{\"name\":\"%0*d\",\"ecosystem\":\"npm\"}}", PACKAGE_NAME_MAX, 1);
	assert_int_equal(read_text(name, &q, &err), 0);
	assert_non_null(q.unjudged);
	char *version FREE_ON_EXIT =
	        xasprintf("{\"package\":{\"name\":\"a\",\"ecosystem\":\"npm\"},\"version\":\"%0*d\"}",
	                OSV_VERSION_SIZE, 1);
	assert_int_equal(read_text(version, &q, &err), 0);
	assert_non_null(q.unjudged);
}

static void tokens(void **state)
{
	char token[OSV_TOKEN_SIZE], after[RECORD_ID_MAX], id[RECORD_ID_MAX];
	memset(id, 'A', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	osv_token_make("CVE-2021-3711", token);
	assert_int_equal(osv_token_read(token, after), 0);
	assert_string_equal(after, "CVE-2021-3711");
	osv_token_make(id, token);
	assert_true(strlen(token) < sizeof(token));
	assert_int_equal(osv_token_read(token, after), 0);
	assert_string_equal(after, id);
	char longer[OSV_TOKEN_SIZE + 8];
	snprintf(longer, sizeof(longer), "%sAAAA", token);
	assert_int_equal(osv_token_read(longer, after), -EINVAL);
	assert_int_equal(osv_token_read("", after), -EINVAL);
	assert_int_equal(osv_token_read("Mg", after), -EINVAL);
	osv_token_make("a b", token);
	assert_int_equal(osv_token_read(token, after), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meaning),
		cmocka_unit_test(refused),
		cmocka_unit_test(unjudged),
		cmocka_unit_test(tokens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
