/* SPDX-License-Identifier: ISC */
#include "base/file.h"
#include "softwire/binding.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static struct binding *make(enum softwire_bind rule, const char *text)
{
	struct binding *b = NULL;
	struct error err = { "" };
	char directory[] = "/tmp/binding.XXXXXX";
	assert_non_null(mkdtemp(directory));
	char *path = xasprintf("%s/map", directory);
	if (text)
		assert_int_equal(file_replace(path, text, strlen(text), 0600, &err), 0);
	int r = binding_new(rule, text ? path : NULL, &b, &err);
	if (r < 0) {
		assert_int_equal(r, -EINVAL);
		assert_non_null(strstr(err.text, path));
	}
	(void)remove(path);
	(void)remove(directory);
	free(path);
	return b;
}

static bool allows(const struct binding *b, const char *machine, const char *user)
{
	struct error err = { "" };
	bool ok = binding_allows(b, machine, user, &err);
	assert_int_equal(ok, *err.text == '\0');
	return ok;
}

static void any_user(void **state)
{
	struct binding *b = make(SOFTWIRE_BIND_ANY, NULL);
	assert_true(allows(b, "CN=alice", "bob"));
	assert_true(allows(b, "", "bob"));
	binding_free(b);
}

static void the_same_name(void **state)
{
	struct binding *b = make(SOFTWIRE_BIND_SAME_NAME, NULL);
	assert_true(allows(b, "C=CH, O=example, CN=alice", "alice"));
	assert_true(allows(b, "C=CH, O=example, CN=alice", "alice@home.example"));
	assert_true(allows(b, "CN=alice, O=example", "alice"));
	assert_true(allows(b, "alice.example", "alice.example"));
	assert_false(allows(b, "C=CH, O=example, CN=bob", "alice"));
	assert_false(allows(b, "C=CH, O=example, CN=alic", "alice"));
	assert_false(allows(b, "C=CH, O=example, CN=alice", "alice2"));
	assert_false(allows(b, "C=CH, O=example, CN=alice", "Alice"));
	assert_false(allows(b, "C=CH, O=CN=alice, CN=bob", "alice"));
	assert_false(allows(b, "", "alice"));
	assert_false(allows(b, "CN=", "alice"));
	binding_free(b);
}

static void a_map(void **state)
{
	struct binding *b = make(SOFTWIRE_BIND_MAP,
	        "# whose laptops\n\n\"C=CH, CN=one\" alice bob # both\n  CN=kiosk *\r\nCN=two\talice\n");
	assert_non_null(b);
	assert_true(allows(b, "C=CH, CN=one", "alice"));
	assert_true(allows(b, "C=CH, CN=one", "bob"));
	assert_false(allows(b, "C=CH, CN=one", "both"));
	assert_false(allows(b, "C=CH, CN=one", "*"));
	assert_true(allows(b, "CN=kiosk", "carol"));
	assert_true(allows(b, "CN=two", "alice"));
	assert_false(allows(b, "CN=two", "bob"));
	assert_false(allows(b, "CN=three", "alice"));
	assert_false(allows(b, "", "alice"));
	binding_free(b);
}

static void maps_that_are_wrong(void **state)
{
	static const char *const texts[] = { "CN=one\n", "\"CN=one alice\n", "\"CN=one\"alice\n",
		"CN=one alice\nCN=one bob\n" };
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		assert_null(make(SOFTWIRE_BIND_MAP, texts[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_user),
		cmocka_unit_test(the_same_name),
		cmocka_unit_test(a_map),
		cmocka_unit_test(maps_that_are_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
