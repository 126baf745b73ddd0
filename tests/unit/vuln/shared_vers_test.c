/* SPDX-License-Identifier: ISC */
/* Every case of vers-spec about ranges, and of node-semver about npm's; without them all is skipped. */
#include "tests/unit/shared_table.h"
#include "vuln/npm_range.h"
#include "vuln/vers.h"

#include <string.h>

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static bool text_holds(struct vers *vers, const json_t *expected)
{
	char *text FREE_ON_EXIT = vers_write(vers);
	bool holds = same(text, json_string_value(expected));
	if (!holds)
		print_error("got %s\n", text);
	vers_free(vers);
	return holds;
}

static bool native_holds(const json_t *input, const json_t *expected)
{
	struct vers *vers;
	struct error err;
	if (vers_from_native(json_string_value(json_object_get(input, "scheme")),
	            json_string_value(json_object_get(input, "native_range")), &vers, &err) == 0)
		return text_holds(vers, expected);
	print_error("%s\n", err.text);
	return false;
}

static bool containment_holds(const json_t *input, const json_t *expected)
{
	struct vers *vers;
	bool contains = !json_is_true(expected);
	if (vers_parse(json_string_value(json_object_get(input, "vers")), VERS_AS_WRITTEN, &vers, NULL) < 0)
		return false;
	int r = vers_contains(vers, json_string_value(json_object_get(input, "version")), &contains, NULL);
	vers_free(vers);
	return r == 0 && contains == json_is_true(expected);
}

static bool parse_holds(const json_t *test, const json_t *expected)
{
	static const char *const signs[] = { "=", "!=", "<", "<=", ">", ">=" };
	const json_t *constraints = json_object_get(expected, "version_constraints");
	struct vers *vers;
	struct error err;
	int r = vers_parse(json_string_value(json_object_get(test, "input")), VERS_CANONICAL, &vers, &err);
	if (json_is_true(json_object_get(test, "expected_failure")))
		return r == -EINVAL &&
		        same(err.text, json_string_value(json_object_get(test, "expected_message")));
	if (r < 0)
		return false;
	bool holds = same(vers->scheme, json_string_value(json_object_get(expected, "scheme"))) &&
	        vers->n_constraints == json_array_size(constraints);
	for (size_t i = 0; holds && i < vers->n_constraints; i++) {
		const json_t *one = json_array_get(constraints, i);
		holds = same(signs[vers->constraints[i].comparator],
		                json_string_value(json_array_get(one, 0))) &&
		        same(vers->constraints[i].version, json_string_value(json_array_get(one, 1)));
	}
	vers_free(vers);
	return holds;
}

static bool case_holds(const json_t *test)
{
	const char *type = json_string_value(json_object_get(test, "test_type"));
	const json_t *input = json_object_get(test, "input"),
	             *expected = json_object_get(test, "expected_output");
	struct vers *vers;
	if (same(type, "from_native"))
		return native_holds(input, expected);
	if (same(type, "containment"))
		return containment_holds(input, expected);
	if (same(type, "parse"))
		return parse_holds(test, expected);
	return same(type, "validate") &&
	        vers_parse(json_string_value(input), VERS_AS_WRITTEN, &vers, NULL) == 0 &&
	        text_holds(vers, expected);
}

static void holds_vers_spec(void **state)
{
	static const struct {
		const char *name;
		size_t tests;
	} tables[] = {
		{ "conan_range_from_native_basic", 20 },
		{ "conan_range_from_native", 209 },
		{ "gem_range_from_native", 1 },
		{ "nginx_range_from_native", 4 },
		{ "npm_range_containment", 1 },
		{ "npm_range_from_native", 491 },
		{ "nuget_range_from_native", 1 },
		{ "openssl_range_from_native", 8 },
		{ "pypi_range_containment", 10 },
		{ "pypi_range_from_native", 3 },
		{ "pypi_range_validate", 19 },
		{ "vers_canonical_parse", 12 },
	};
	size_t wrong = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		char *name FREE_ON_EXIT = xasprintf("vers-spec/%s_test.json", tables[i].name);
		json_t *json = shared_json(name), *test;
		size_t at;
		json_array_foreach(json_object_get(json, "tests"), at, test)
			if (!case_holds(test)) {
				char *text = json_dumps(test, 0);
				print_error("%s: %s\n", name, text);
				free(text);
				wrong++;
			}
		if (at != tables[i].tests)
			fail_msg("%s: %zu cases (%zu expected)", name, at, tables[i].tests);
		json_decref(json);
	}
	if (wrong)
		fail_msg("%zu wrong", wrong);
}

static bool is_set(const json_t *options, const char *name)
{
	const json_t *value = json_object_get(options, name);
	return json_is_true(value) || (json_is_integer(value) && json_integer_value(value));
}

static void check_ranges(const char *name, bool expected, size_t rows)
{
	json_t *table = shared_json(name), *row;
	size_t i, wrong = 0;
	json_array_foreach(table, i, row) {
		const json_t *options = json_array_get(row, 2);
		const char *range = json_string_value(json_array_get(row, 0)),
		           *version = json_string_value(json_array_get(row, 1));
		unsigned flags = json_is_true(options) || is_set(options, "loose") ? NPM_LOOSE : 0;
		flags |= is_set(options, "includePrerelease") ? NPM_PRERELEASES : 0;
		bool contains = false; /* what is no version, or none at all, is in no range */
		if (version && npm_range_contains(range, version, flags, &contains, NULL) < 0)
			contains = false;
		if (contains != expected) {
			print_error("%s: \"%s\" %s\n", name, range, version);
			wrong++;
		}
	}
	json_decref(table);
	if (wrong || i != rows)
		fail_msg("%s: %zu rows (%zu expected), %zu wrong", name, i, rows, wrong);
}

static void holds_node_semver(void **state)
{
	check_ranges("node-semver/range-include.json", true, 126);
	check_ranges("node-semver/range-exclude.json", false, 98);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_vers_spec),
		cmocka_unit_test(holds_node_semver),
	};
	SKIP_WITHOUT_SHARED_TABLES();
	return cmocka_run_group_tests_name("shared_vers", tests, NULL, NULL);
}
