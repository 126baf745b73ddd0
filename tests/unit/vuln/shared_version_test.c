/* SPDX-License-Identifier: ISC */
/*
 * Version orders against the tables of third parties, which PRATIQUE_SHARED names; without them all is
 * skipped. Every row of every table holds, those too whose versions the ecosystem does not allow: these in
 * the loose order. The counts are those of the tables, so that none passes unread.
 */
#include "tests/unit/shared_table.h"
#include "tests/unit/vuln/version_row.h"

#include <stdbool.h>

struct tally {
	size_t rows, strict, wrong;
};

static void check(struct tally *tally, const char *table, enum version_ecosystem e, const char *a, char sign,
        const char *b, bool strict_only)
{
	int order = 0, back = 0, loose = 0;
	struct error err = { "" };
	bool valid = version_compare(e, a, b, &order, NULL) == 0;
	int r = version_compare_loosely(e, a, b, &loose, &err);
	tally->rows++;
	tally->strict += valid;
	if (strict_only && !valid)
		r = version_compare(e, a, b, &order, &err);
	if (r < 0) {
		print_error("%s: %s %c %s: %s\n", table, a, sign, b, err.text);
		tally->wrong++;
		return;
	}
	version_compare_loosely(e, b, a, &back, NULL);
	bool whole = (loose < 0) == (back > 0) && (loose == 0) == (back == 0) &&
	        (!valid || order_sign(order) == order_sign(loose));
	if (order_sign(loose) != sign || !whole) {
		print_error("%s: %s %c %s expected, got %c%s\n", table, a, sign, b, order_sign(loose),
		        whole ? "" : ", and another order back or in the strict order");
		tally->wrong++;
	}
}

/* Lines "A < B"; how many rows there are, and how many of them are of valid versions. */
static void check_lines(enum version_ecosystem e, const char *name, size_t rows, size_t strict)
{
	char *data FREE_ON_EXIT = shared_file(name);
	struct tally tally = { 0, 0, 0 };
	char *save = NULL;
	for (char *line = strtok_r(data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char a[256], sign, b[256];
		if (line[0] == '#' || line[0] == '/' || sscanf(line, "%255s %c %255s", a, &sign, b) != 3)
			continue;
		check(&tally, name, e, a, sign, b, false);
	}
	if (tally.wrong || tally.rows != rows || tally.strict != strict)
		fail_msg("%s: %zu rows (%zu expected), %zu of valid versions (%zu), %zu wrong", name,
		        tally.rows, rows, tally.strict, strict, tally.wrong);
}

static void holds_osv_scalibr(void **state)
{
	static const struct {
		enum version_ecosystem e;
		const char *name;
		size_t rows, strict;
	} tables[] = {
		{ VERSION_APK, "osv-scalibr/alpine-versions.txt", 778, 745 },
		{ VERSION_APK, "osv-scalibr/alpine-versions-generated.txt", 13979, 13979 },
		{ VERSION_CRAN, "osv-scalibr/cran-versions.txt", 21, 21 },
		{ VERSION_CRAN, "osv-scalibr/cran-versions-generated.txt", 57, 57 },
		{ VERSION_DPKG, "osv-scalibr/debian-versions.txt", 30, 30 },
		{ VERSION_DPKG, "osv-scalibr/debian-versions-generated.txt", 14442, 14442 },
		{ VERSION_HACKAGE, "osv-scalibr/hackage-versions.txt", 11, 11 },
		{ VERSION_MAVEN, "osv-scalibr/maven-versions.txt", 102, 102 },
		{ VERSION_MAVEN, "osv-scalibr/maven-versions-generated.txt", 14752, 14752 },
		{ VERSION_NUGET, "osv-scalibr/nuget-versions.txt", 35, 35 },
		{ VERSION_PACKAGIST, "osv-scalibr/packagist-versions.txt", 95, 89 },
		{ VERSION_PACKAGIST, "osv-scalibr/packagist-versions-generated.txt", 10630, 10630 },
		{ VERSION_PACKAGIST, "osv.dev/packagist_test_cases.txt", 85, 79 },
		{ VERSION_PUB, "osv-scalibr/pub-versions.txt", 100, 98 },
		{ VERSION_PYPI, "osv-scalibr/pypi-versions.txt", 37, 26 },
		{ VERSION_PYPI, "osv-scalibr/pypi-versions-generated.txt", 12375, 12306 },
		{ VERSION_RPM, "osv-scalibr/redhat-versions.txt", 165, 165 },
		{ VERSION_GEM, "osv-scalibr/rubygems-versions.txt", 25, 25 },
		{ VERSION_GEM, "osv-scalibr/rubygems-versions-generated.txt", 4098, 4098 },
		{ VERSION_SEMVER, "osv-scalibr/semver-versions.txt", 86, 83 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++)
		check_lines(tables[i].e, tables[i].name, tables[i].rows, tables[i].strict);
}

/* A "comparison" gives versions and their order, an "equality" two and whether they are equal. Those of a
 * comparison may come back in another spelling, and equal neighbours in any order. */
static void check_vers_case(
        struct tally *tally, const char *table, enum version_ecosystem e, const json_t *test)
{
	const json_t *expected = json_object_get(test, "expected_output");
	const json_t *versions = json_object_get(json_object_get(test, "input"), "versions");
	if (json_is_array(expected)) {
		for (size_t i = 0; i + 1 < json_array_size(expected); i++) {
			const char *a = json_string_value(json_array_get(expected, i)),
			           *b = json_string_value(json_array_get(expected, i + 1));
			check(tally, table, e, a, strcmp(a, b) == 0 ? '=' : '<', b, true);
		}
		return;
	}
	const char *a = json_string_value(json_array_get(versions, 0)),
	           *b = json_string_value(json_array_get(versions, 1));
	int order;
	if (json_is_true(expected)) {
		check(tally, table, e, a, '=', b, true);
		return;
	}
	tally->rows++;
	tally->strict++;
	tally->wrong += version_compare(e, a, b, &order, NULL) < 0 || order == 0;
}

static void holds_vers_spec(void **state)
{
	static const struct {
		enum version_ecosystem e;
		const char *name;
		size_t tests;
	} tables[] = {
		{ VERSION_APK, "vers-spec/alpine_version_cmp_test.json", 716 },
		{ VERSION_ALPM, "vers-spec/alpm_version_cmp_test.json", 42 },
		{ VERSION_CONAN, "vers-spec/conan_version_cmp_test.json", 47 },
		{ VERSION_DATETIME, "vers-spec/datetime_version_cmp_test.json", 7 },
		{ VERSION_GENTOO, "vers-spec/gentoo_version_cmp_test.json", 48 },
		{ VERSION_LEXICOGRAPHIC, "vers-spec/lexicographic-test.json", 8 },
		{ VERSION_MAVEN, "vers-spec/maven_version_cmp_test.json", 977 },
		{ VERSION_NUGET, "vers-spec/nuget_version_cmp_test.json", 33 },
		{ VERSION_OPENSSL, "vers-spec/openssl_version_cmp_test.json", 44 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		json_t *json = shared_json(tables[i].name), *tests = json_object_get(json, "tests"), *test;
		struct tally tally = { 0, 0, 0 };
		size_t at;
		json_array_foreach(tests, at, test)
			check_vers_case(&tally, tables[i].name, tables[i].e, test);
		if (tally.wrong || at != tables[i].tests)
			fail_msg("%s: %zu cases (%zu expected), %zu rows, %zu wrong", tables[i].name, at,
			        tables[i].tests, tally.rows, tally.wrong);
		json_decref(json);
	}
}

static bool is_loose(const json_t *row)
{
	const json_t *options = json_array_get(row, 2), *loose = json_object_get(options, "loose");
	return json_is_true(options) || json_is_true(loose) ||
	        (json_is_integer(loose) && json_integer_value(loose));
}

static void check_npm(const char *name, char sign, size_t rows)
{
	json_t *table = shared_json(name), *row;
	struct tally tally = { 0, 0, 0 };
	size_t i;
	json_array_foreach(table, i, row)
		check(&tally, name, VERSION_SEMVER, json_string_value(json_array_get(row, 0)), sign,
		        json_string_value(json_array_get(row, 1)), !is_loose(row));
	if (tally.wrong || tally.rows != rows)
		fail_msg("%s: %zu rows (%zu expected), %zu wrong", name, tally.rows, rows, tally.wrong);
	json_decref(table);
}

static void agrees_with_npm(void **state)
{
	check_npm("node-semver/comparisons.json", '>', 31);
	check_npm("node-semver/equality.json", '=', 37);
	json_t *valid = shared_json("node-semver/valid-versions.json"), *row;
	struct version_key key;
	size_t i;
	json_array_foreach(valid, i, row)
		assert_int_equal(version_key_make(VERSION_SEMVER, json_string_value(json_array_get(row, 0)),
		                         &key, NULL),
		        0);
	assert_true(i > 10);
	json_decref(valid);
	/* What is no text has no place here: three rows of JavaScript's objects are texts in JSON, and no
	 * versions. */
	json_t *bad = shared_json("node-semver/invalid-versions.json");
	json_array_foreach(bad, i, row) {
		const char *version = json_string_value(json_array_get(row, 0));
		if (!version)
			continue;
		int r = is_loose(row) ? version_key_make_loosely(VERSION_SEMVER, version, &key, NULL)
		                      : version_key_make(VERSION_SEMVER, version, &key, NULL);
		if (r != -EINVAL)
			fail_msg("invalid-versions: \"%s\" was taken", version);
	}
	assert_int_equal(i, 10);
	json_decref(bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_osv_scalibr),
		cmocka_unit_test(holds_vers_spec),
		cmocka_unit_test(agrees_with_npm),
	};
	SKIP_WITHOUT_SHARED_TABLES();
	return cmocka_run_group_tests_name("shared_version", tests, NULL, NULL);
}
