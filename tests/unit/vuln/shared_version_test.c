/* SPDX-License-Identifier: ISC */
/* Version orders against the tables of third parties, which PRATIQUE_SHARED names; without them all is
 * skipped. */
#include "base/file.h"
#include "tests/unit/vuln/version_row.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define TABLE_MAX (4u << 20)

static char *shared_file(const char *name)
{
	const char *root = getenv("PRATIQUE_SHARED");
	char *path FREE_ON_EXIT = xasprintf("%s/advisories/versions/%s", root ? root : SHARED_DEFAULT, name);
	char *data = NULL;
	size_t length;
	struct error err;
	if (file_read(path, TABLE_MAX, &data, &length, &err) < 0)
		fail_msg("%s", err.text);
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
		cmocka_unit_test(orders_debian),
		cmocka_unit_test(orders_red_hat),
		cmocka_unit_test(orders_alpine),
		cmocka_unit_test(orders_semver),
		cmocka_unit_test(orders_pypi),
		cmocka_unit_test(agrees_with_npm),
	};
	const char *root = getenv("PRATIQUE_SHARED");
	char *folder FREE_ON_EXIT = xasprintf("%s/advisories/versions", root ? root : SHARED_DEFAULT);
	if (access(folder, R_OK) < 0) {
		printf("1..0 # SKIP there are no tables of third parties in %s\n", folder);
		return 0;
	}
	return cmocka_run_group_tests_name("shared_version", tests, NULL, NULL);
}
