/* SPDX-License-Identifier: ISC */
/* Every conformance case of the purl specification, which PRATIQUE_SHARED names; without them all is skipped.
 */
#include "posture/purl_text.h"
#include "tests/unit/shared_table.h"

#include <dirent.h>
#include <stdbool.h>
#include <string.h>

#define CASES 586

static const char *text_of(const json_t *json, const char *field)
{
	const char *text = json_string_value(json_object_get(json, field));
	return text && *text ? text : NULL;
}

static bool same(const char *a, const char *b)
{
	return !a || !b ? a == b : strcmp(a, b) == 0;
}

static bool same_parts(const struct purl *purl, const json_t *expected)
{
	const json_t *value, *qualifiers = json_object_get(expected, "qualifiers");
	const char *key;
	bool all = same(purl->type, text_of(expected, "type")) &&
	        same(purl->namespace, text_of(expected, "namespace")) &&
	        same(purl->name, text_of(expected, "name")) &&
	        same(purl->version, text_of(expected, "version")) &&
	        same(purl->subpath, text_of(expected, "subpath")) &&
	        purl->n_qualifiers == json_object_size(qualifiers);
	json_object_foreach((json_t *)qualifiers, key, value)
		all = all && same(purl_find_qualifier(purl, key), json_string_value(value));
	return all;
}

static bool parse_holds(const json_t *test)
{
	char buffer[PURL_TEXT_MAX + 1];
	struct purl purl;
	const char *text = text_of(test, "input");
	int r = purl_read(text, strlen(text), PURL_STRICT, buffer, &purl, NULL);
	if (json_is_true(json_object_get(test, "expected_failure")))
		return r == -EINVAL;
	return r == 0 && same_parts(&purl, json_object_get(test, "expected_output"));
}

static bool text_holds(const json_t *test, char *text)
{
	bool failure = json_is_true(json_object_get(test, "expected_failure"));
	bool holds = failure ? text == NULL : same(text, text_of(test, "expected_output"));
	free(text);
	return holds;
}

static bool build_holds(const json_t *test)
{
	const json_t *input = json_object_get(test, "input"),
	             *qualifiers = json_object_get(input, "qualifiers"), *value;
	const char *key;
	struct purl purl = { .type = text_of(input, "type"),
		.namespace = text_of(input, "namespace"),
		.name = text_of(input, "name"),
		.version = text_of(input, "version"),
		.subpath = text_of(input, "subpath") };
	json_object_foreach((json_t *)qualifiers, key, value)
		purl.qualifiers[purl.n_qualifiers++] =
		        (struct purl_qualifier){ key, json_string_value(value) };
	return text_holds(test, purl_write(&purl, NULL));
}

static bool holds(const json_t *test)
{
	const char *type = text_of(test, "test_type");
	if (strcmp(type, "parse") == 0)
		return parse_holds(test);
	if (strcmp(type, "build") == 0)
		return build_holds(test);
	return strcmp(type, "validate") == 0 &&
	        text_holds(test, purl_canonical(text_of(test, "input"), NULL));
}

static size_t check_file(const char *file, size_t *wrong)
{
	char *name FREE_ON_EXIT = xasprintf("purl-spec/%s", file);
	json_t *json = shared_json(name), *test;
	size_t i, n;
	json_array_foreach(json_object_get(json, "tests"), i, test)
		if (!holds(test)) {
			char *text = json_dumps(test, 0);
			print_error("%s: %s\n", file, text);
			free(text);
			++*wrong;
		}
	n = i;
	json_decref(json);
	return n;
}

static void holds_every_case(void **state)
{
	char *folder FREE_ON_EXIT = shared_path("purl-spec");
	size_t cases = 0, wrong = 0;
	struct dirent *entry;
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (strstr(entry->d_name, "-test.json"))
			cases += check_file(entry->d_name, &wrong);
	closedir(dir);
	if (wrong || cases != CASES)
		fail_msg("%zu cases (%d expected), %zu wrong", cases, CASES, wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_every_case),
	};
	SKIP_WITHOUT_SHARED_TABLES();
	return cmocka_run_group_tests_name("shared_purl", tests, NULL, NULL);
}
