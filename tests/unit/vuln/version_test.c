/* SPDX-License-Identifier: ISC */
/* Version orders: our own tables always; the tables of third parties where PRATIQUE_SHARED has them. */
#include "base/file.h"
#include "tests/unit/test.h"
#include "vuln/version.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#define TABLE_MAX (4u << 20)

struct row {
	enum version_ecosystem e;
	const char *a;
	char order;
	const char *b;
};

static const struct row rows[] = {
	{ VERSION_DPKG, "1.0", '=', "1.0-0" },
	{ VERSION_DPKG, "0:1.0", '=', "1.0" },
	{ VERSION_DPKG, "1.0~rc1", '<', "1.0" },
	{ VERSION_DPKG, "1.0~~", '<', "1.0~" },
	{ VERSION_DPKG, "1.0", '<', "1.0a" },
	{ VERSION_DPKG, "1.0a", '<', "1.0+" },
	{ VERSION_DPKG, "1.0-1+deb12u9", '<', "1.0-1+deb12u10" },
	{ VERSION_DPKG, "9.9", '<', "1:0.1" },
	{ VERSION_DPKG, "1.010", '=', "1.10" },
	{ VERSION_DPKG, "1-1-1", '>', "1-1" },
	{ VERSION_DPKG, "1.2-1~bpo1", '<', "1.2-1" },
	{ VERSION_DPKG, " 1.0 ", '=', "1.0" },
	{ VERSION_RPM, "1.0~rc1", '<', "1.0" },
	{ VERSION_RPM, "1.0^git1", '>', "1.0" },
	{ VERSION_RPM, "1.0^git1", '<', "1.0.1" },
	{ VERSION_RPM, "1.a", '<', "1.1" },
	{ VERSION_RPM, "1.0", '=', "1_0" },
	{ VERSION_RPM, "1-1", '>', "1" },
	{ VERSION_RPM, "1:1-1", '>', "2-1" },
	{ VERSION_RPM, "0:1-1", '=', "1-1" },
	{ VERSION_RPM, "4.18.0-193.el8", '<', "4.18.0-193.1.2.el8_2" },
	{ VERSION_APK, "1.2_rc1", '<', "1.2" },
	{ VERSION_APK, "1.2_p1", '>', "1.2" },
	{ VERSION_APK, "1.2-r9", '<', "1.2-r10" },
	{ VERSION_APK, "1.2-r9", '<', "1.2.0" },
	{ VERSION_APK, "1.10", '>', "1.9" },
	{ VERSION_APK, "1.05", '<', "1.1" },
	{ VERSION_APK, "8.2.0015", '<', "8.2.002" },
	{ VERSION_APK, "1.2b", '>', "1.2" },
	{ VERSION_APK, "1.2~abc-r0", '>', "1.2-r5" },
	{ VERSION_APK, "6.6.2p1", '<', "6.6.2p2" },
	{ VERSION_SEMVER, "1.0.0-alpha", '<', "1.0.0-alpha.1" },
	{ VERSION_SEMVER, "1.0.0-alpha.1", '<', "1.0.0-alpha.beta" },
	{ VERSION_SEMVER, "1.0.0-rc.1", '<', "1.0.0" },
	{ VERSION_SEMVER, "1.0.0-2", '<', "1.0.0-10" },
	{ VERSION_SEMVER, "1.0.0-10", '<', "1.0.0-a" },
	{ VERSION_SEMVER, "1.0.0+a", '=', "1.0.0+b" },
	{ VERSION_SEMVER, "v1.10.0", '>', "1.9.9" },
	{ VERSION_PYPI, "1.0", '=', "1.0.0" },
	{ VERSION_PYPI, "1.0.dev1", '<', "1.0a1" },
	{ VERSION_PYPI, "1.0a1.dev1", '<', "1.0a1" },
	{ VERSION_PYPI, "1.0c1", '=', "1.0rc1" },
	{ VERSION_PYPI, "1.0-1", '=', "1.0.post1" },
	{ VERSION_PYPI, "1.0.post1.dev1", '<', "1.0.post1" },
	{ VERSION_PYPI, "1!0", '>', "99" },
	{ VERSION_PYPI, "1.0+abc.5", '<', "1.0+abc.10" },
	{ VERSION_PYPI, "1.0+abc", '<', "1.0+5" },
	{ VERSION_PYPI, "V1.0-ALPHA_1", '=', "1a1" },
};

static const struct {
	enum version_ecosystem e;
	const char *version;
} invalid[] = {
	{ VERSION_DPKG, "" },
	{ VERSION_DPKG, "abc" },
	{ VERSION_DPKG, "1:" },
	{ VERSION_DPKG, ":1" },
	{ VERSION_DPKG, "1-" },
	{ VERSION_DPKG, "1_0" },
	{ VERSION_DPKG, "1 0" },
	{ VERSION_DPKG, "1-0_1" },
	{ VERSION_DPKG, "2147483648:1" },
	{ VERSION_DPKG, "-1:1" },
	{ VERSION_DPKG, "1:~1" },
	{ VERSION_RPM, "" },
	{ VERSION_RPM, "1 2" },
	{ VERSION_RPM, "1\t" },
	{ VERSION_APK, "" },
	{ VERSION_APK, "a" },
	{ VERSION_APK, "1..2" },
	{ VERSION_APK, "1.2_foo" },
	{ VERSION_APK, "1.2-r" },
	{ VERSION_APK, "1.2-1" },
	{ VERSION_APK, "1.0bc" },
	{ VERSION_APK, "1~" },
	{ VERSION_SEMVER, "" },
	{ VERSION_SEMVER, "1" },
	{ VERSION_SEMVER, "1.2" },
	{ VERSION_SEMVER, "1.2.3.4" },
	{ VERSION_SEMVER, "01.2.3" },
	{ VERSION_SEMVER, "1.2.3-" },
	{ VERSION_SEMVER, "1.2.3-01" },
	{ VERSION_SEMVER, "1.2.3-a..b" },
	{ VERSION_SEMVER, "9007199254740992.0.0" },
	{ VERSION_PYPI, "" },
	{ VERSION_PYPI, "abc" },
	{ VERSION_PYPI, "1.0." },
	{ VERSION_PYPI, "1.0+" },
	{ VERSION_PYPI, "1.0-foo" },
	{ VERSION_PYPI, "1!" },
	{ VERSION_PYPI, "1.0+a..b" },
};

static char order_sign(int order)
{
	return order < 0 ? '<' : order > 0 ? '>' : '=';
}

static void check_row(enum version_ecosystem e, const char *a, char expected, const char *b)
{
	struct error err;
	int order, back;
	if (version_compare(e, a, b, &order, &err) < 0 || version_compare(e, b, a, &back, &err) < 0)
		fail_msg("%s", err.text);
	if (order_sign(order) != expected)
		fail_msg("%s: %s %c %s expected, got %c", version_ecosystem_name(e), a, expected, b,
		        order_sign(order));
	assert_true((order < 0) == (back > 0) && (order == 0) == (back == 0));
}

static void orders_our_table(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check_row(rows[i].e, rows[i].a, rows[i].order, rows[i].b);
}

static void refuses_what_the_tool_refuses(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(invalid); i++) {
		struct error err = { "" };
		struct version_key key;
		if (version_key_make(invalid[i].e, invalid[i].version, &key, &err) != -EINVAL)
			fail_msg("%s: \"%s\" was taken", version_ecosystem_name(invalid[i].e),
			        invalid[i].version);
		assert_true(strlen(err.text) > 0);
	}
}

/* The longest version of the densest kinds fits its key; one byte more is refused. */
static void bounds_the_length(void **state)
{
	static const struct {
		enum version_ecosystem e;
		const char *unit;
	} dense[] = { { VERSION_DPKG, "1a" }, { VERSION_DPKG, "1" }, { VERSION_RPM, "1a" },
		{ VERSION_RPM, "1~" }, { VERSION_PYPI, "1." } };
	for (size_t i = 0; i < ARRAY_LENGTH(dense); i++) {
		char text[VERSION_MAX + 2];
		for (size_t at = 0; at <= VERSION_MAX; at++)
			text[at] = dense[i].unit[at % strlen(dense[i].unit)];
		text[VERSION_MAX + 1] = '\0';
		struct version_key key;
		assert_int_equal(version_key_make(dense[i].e, text, &key, NULL), -EINVAL);
		text[VERSION_MAX - 1] = '\0';
		assert_int_equal(version_key_make(dense[i].e, text, &key, NULL), 0);
		assert_true(key.length < VERSION_KEY_MAX);
	}
}

static char *shared_file(const char *name)
{
	const char *root = getenv("PRATIQUE_SHARED");
	char path[PATH_MAX]; /* skip() jumps out: nothing may be on the heap */
	snprintf(path, sizeof(path), "%s/advisories/versions/%s", root ? root : "../shared", name);
	char *data = NULL;
	size_t length;
	if (file_read(path, TABLE_MAX, &data, &length, NULL) < 0) {
		print_message("# skipped: %s is not there\n", path);
		skip();
	}
	return data;
}

/* Lines "A < B"; the most rows that are not valid in the ecosystem is given, so that a table cannot pass
 * unread. */
static void check_table(enum version_ecosystem e, const char *name, size_t rows_min, size_t invalid_max)
{
	char *data FREE_ON_EXIT = shared_file(name);
	size_t checked = 0, refused = 0;
	char *save = NULL;
	for (char *line = strtok_r(data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char a[256], sign, b[256];
		int order;
		if (line[0] == '#' || line[0] == '/' || sscanf(line, "%255s %c %255s", a, &sign, b) != 3)
			continue;
		if (version_compare(e, a, b, &order, NULL) < 0) {
			refused++;
			continue;
		}
		check_row(e, a, sign, b);
		checked++;
	}
	if (checked < rows_min || refused > invalid_max)
		fail_msg("%s: %zu rows checked, %zu not valid", name, checked, refused);
}

static void orders_debian(void **state)
{
	check_table(VERSION_DPKG, "osv-scalibr/debian-versions.txt", 25, 0);
	check_table(VERSION_DPKG, "osv-scalibr/debian-versions-generated.txt", 14000, 0);
}

static void orders_red_hat(void **state)
{
	check_table(VERSION_RPM, "osv-scalibr/redhat-versions.txt", 160, 0);
}

static void orders_alpine(void **state)
{
	check_table(VERSION_APK, "osv-scalibr/alpine-versions.txt", 740, 33);
	check_table(VERSION_APK, "osv-scalibr/alpine-versions-generated.txt", 13900, 0);
}

static void orders_semver(void **state)
{
	check_table(VERSION_SEMVER, "osv-scalibr/semver-versions.txt", 80, 3);
}

static void orders_pypi(void **state)
{
	check_table(VERSION_PYPI, "osv-scalibr/pypi-versions.txt", 25, 11);
	check_table(VERSION_PYPI, "osv-scalibr/pypi-versions-generated.txt", 12300, 69);
}

static json_t *shared_json(const char *name)
{
	char *data FREE_ON_EXIT = shared_file(name);
	json_t *json = json_loads(data, 0, NULL);
	assert_non_null(json);
	return json;
}

/* Rows [A, B, options]: those with options are npm's loose mode, which is not semver. */
static void check_npm(const char *name, char sign)
{
	json_t *table = shared_json(name), *row;
	size_t i, checked = 0;
	json_array_foreach(table, i, row) {
		if (json_is_true(json_array_get(row, 2)) ||
		        json_is_true(json_object_get(json_array_get(row, 2), "loose")))
			continue;
		check_row(VERSION_SEMVER, json_string_value(json_array_get(row, 0)), sign,
		        json_string_value(json_array_get(row, 1)));
		checked++;
	}
	assert_true(checked >= 3);
	json_decref(table);
}

static void agrees_with_npm(void **state)
{
	check_npm("node-semver/comparisons.json", '>');
	check_npm("node-semver/equality.json", '=');
	json_t *valid = shared_json("node-semver/valid-versions.json"), *row;
	struct version_key key;
	size_t i;
	json_array_foreach(valid, i, row)
		assert_int_equal(version_key_make(VERSION_SEMVER, json_string_value(json_array_get(row, 0)),
		                         &key, NULL),
		        0);
	json_decref(valid);
	json_t *bad = shared_json("node-semver/invalid-versions.json");
	json_array_foreach(bad, i, row) {
		const char *version = json_string_value(json_array_get(row, 0));
		if (version)
			assert_int_equal(version_key_make(VERSION_SEMVER, version, &key, NULL), -EINVAL);
	}
	json_decref(bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_our_table),
		cmocka_unit_test(refuses_what_the_tool_refuses),
		cmocka_unit_test(bounds_the_length),
		cmocka_unit_test(orders_debian),
		cmocka_unit_test(orders_red_hat),
		cmocka_unit_test(orders_alpine),
		cmocka_unit_test(orders_semver),
		cmocka_unit_test(orders_pypi),
		cmocka_unit_test(agrees_with_npm),
	};
	return cmocka_run_group_tests_name("version", tests, NULL, NULL);
}
