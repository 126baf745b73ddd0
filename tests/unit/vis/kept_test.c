/* SPDX-License-Identifier: ISC */
/* What is kept is what was put, as long as it fits and the generation lasts. */
#include "tests/unit/test.h"
#include "vis/kept.h"
#include <stdio.h>
#include <string.h>

static void name(struct kept *k, char kind, const char *a, const char *b)
{
	kept_key(k, kind, a, strlen(a), b, strlen(b));
}

static const struct kept_text *put(struct kept *k, const char *key, const char *text)
{
	name(k, 'q', key, "");
	return kept_put(k, &(struct kept_text){ .bytes = text, .length = strlen(text), .n_records = 3 });
}

static bool has(struct kept *k, const char *key, const char *text)
{
	name(k, 'q', key, "");
	const struct kept_text *t = kept_find(k);
	return t && t->length == strlen(text) && memcmp(t->bytes, text, t->length) == 0;
}

static void finds_what_was_put(void **state)
{
	struct kept *k = kept_new(KEPT_MAX);
	kept_begin(k, 1);
	assert_false(has(k, "a", "one"));
	assert_non_null(put(k, "a", "one"));
	assert_non_null(put(k, "b", ""));
	assert_true(has(k, "a", "one"));
	assert_true(has(k, "b", ""));
	assert_int_equal(kept_find(k)->n_records, 3);
	assert_non_null(put(k, "a", "two"));
	assert_true(has(k, "a", "two"));
	kept_free(k);
}

/* Where one part of a key ends is part of it. */
static void keys_are_told_apart(void **state)
{
	struct kept *k = kept_new(KEPT_MAX);
	kept_begin(k, 1);
	assert_non_null(put(k, "ab", "one"));
	name(k, 'q', "a", "b");
	assert_null(kept_find(k));
	name(k, 'r', "ab", "");
	assert_null(kept_find(k));
	name(k, 'q', "", "ab");
	assert_null(kept_find(k));
	kept_free(k);
}

static void another_generation_begins_anew(void **state)
{
	struct kept *k = kept_new(KEPT_MAX);
	kept_begin(k, 1);
	assert_non_null(put(k, "a", "one"));
	kept_begin(k, 1);
	assert_true(has(k, "a", "one"));
	kept_begin(k, 2);
	assert_false(has(k, "a", "one"));
	assert_int_equal(kept_bytes(k), 0);
	kept_free(k);
}

static void the_least_used_goes_first(void **state)
{
	struct kept *k = kept_new(20000);
	char key[16], text[1024];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	kept_begin(k, 1);
	assert_non_null(put(k, "0", text));
	for (int i = 1; i < 100; i++) {
		snprintf(key, sizeof(key), "%d", i);
		assert_non_null(put(k, key, text));
		assert_true(has(k, "0", text)); /* is asked for again and again */
		assert_true(kept_bytes(k) <= 20000);
	}
	assert_true(has(k, "99", text));
	assert_false(has(k, "1", text));
	kept_free(k);
}

static void a_text_that_is_sent_stays(void **state)
{
	struct kept *k = kept_new(4096);
	kept_begin(k, 1);
	const struct kept_text *t = kept_hold(put(k, "a", "being sent"));
	kept_begin(k, 2);
	assert_false(has(k, "a", "being sent"));
	kept_free(k);
	assert_memory_equal(t->bytes, "being sent", t->length);
	kept_release((void *)t);
}

static void what_is_too_large_is_not_kept(void **state)
{
	struct kept *k = kept_new(KEPT_MAX), *small = kept_new(1000);
	char *large = xcalloc(1, KEPT_ONE_MAX + 1);
	memset(large, 'x', KEPT_ONE_MAX);
	kept_begin(k, 1);
	kept_begin(small, 1);
	assert_non_null(put(k, "a", large));
	name(k, 'q', "b", "");
	assert_null(kept_put(k, &(struct kept_text){ .bytes = large, .length = KEPT_ONE_MAX + 1 }));
	kept_key(k, 'q', large, KEPT_KEY_MAX + 1, NULL, 0);
	assert_null(kept_put(k, &(struct kept_text){ .bytes = "x", .length = 1 }));
	assert_null(kept_find(k));
	assert_non_null(put(small, "a", "fits"));
	large[900] = '\0';
	assert_null(put(small, "b", large));
	assert_true(has(small, "a", "fits"));
	free(large);
	kept_free(k);
	kept_free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_put),
		cmocka_unit_test(keys_are_told_apart),
		cmocka_unit_test(another_generation_begins_anew),
		cmocka_unit_test(the_least_used_goes_first),
		cmocka_unit_test(a_text_that_is_sent_stays),
		cmocka_unit_test(what_is_too_large_is_not_kept),
	};
	return cmocka_run_group_tests_name("vis-kept", tests, NULL, NULL);
}
