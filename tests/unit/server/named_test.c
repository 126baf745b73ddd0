/* SPDX-License-Identifier: ISC */
/* Which URLs nodes name: counted, forgotten, and who makes room for whom; without an index. */
#include "server/named.h"
#include "tests/unit/test.h"

#include <stdio.h>

struct crowd {
	struct site site;
	struct site_node nodes[NAMED_MAX + 2];
};

static int setup(void **state)
{
	struct crowd *c = xcalloc(1, sizeof(*c));
	c->site.named = named_new();
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	struct crowd *c = *state;
	for (size_t i = 0; i < ARRAY_LENGTH(c->nodes); i++) {
		vuln_named_clear(&c->nodes[i].named);
		free(c->nodes[i].named_serials);
	}
	named_free(c->site.named);
	free(c);
	return 0;
}

/* The node names these URLs, up to a NULL. */
static void name(struct crowd *c, size_t node, const char *const *urls)
{
	struct vuln_named_list list = { 0 };
	for (; urls[list.n]; list.n++) {
		list.items = xrealloc_array(list.items, list.n + 1, sizeof(*list.items));
		list.items[list.n] = (struct vuln_named){ xstrdup(urls[list.n]), xstrdup("p 1"), 1 };
	}
	named_set(&c->site, &c->nodes[node], &list);
	assert_int_equal(list.n, 0);
}
#define NAME(c, node, ...) name(c, node, (const char *const[]){ __VA_ARGS__, NULL })

static size_t nodes_of(struct crowd *c, const char *url)
{
	struct named_url found = { 0 };
	return named_find(c->site.named, url, &found) ? found.nodes : 0;
}

static void fill(struct crowd *c, size_t n)
{
	char url[32];
	for (size_t i = 0; i < n; i++) {
		snprintf(url, sizeof(url), "https://u/%zu", i);
		NAME(c, i, url);
	}
}

static void urls_are_counted_and_forgotten(void **state)
{
	struct crowd *c = *state;
	NAME(c, 0, "https://a/", "https://b/");
	NAME(c, 1, "https://b/");
	assert_int_equal(nodes_of(c, "https://a/"), 1);
	assert_int_equal(nodes_of(c, "https://b/"), 2);
	const uint64_t changes = named_changes(c->site.named);
	NAME(c, 1, "https://b/"); /* as before: nobody is to be told */
	assert_int_equal(named_changes(c->site.named), changes);
	NAME(c, 0, "https://b/");
	assert_int_equal(named_count(c->site.named), 1);
	assert_true(named_changes(c->site.named) > changes);
	named_forget(&c->site, &c->nodes[0]);
	named_forget(&c->site, &c->nodes[0]); /* it counts for nothing any more */
	assert_int_equal(nodes_of(c, "https://b/"), 1);
	named_forget(&c->site, &c->nodes[1]);
	assert_int_equal(named_count(c->site.named), 0);
}

static void nobody_makes_room_before_he_was_answered(void **state)
{
	struct crowd *c = *state;
	fill(c, NAMED_MAX);
	NAME(c, NAMED_MAX, "https://late/");
	assert_int_equal(named_count(c->site.named), NAMED_MAX);
	assert_int_equal(nodes_of(c, "https://late/"), 0);
	assert_int_equal(named_refused(c->site.named), 1);
	assert_int_equal(c->site.counters.sources_refused, 1);
	named_forget(&c->site, &c->nodes[NAMED_MAX]);
	assert_int_equal(named_refused(c->site.named), 0);
}

static void what_nothing_comes_of_makes_room(void **state)
{
	struct crowd *c = *state;
	fill(c, NAMED_MAX);
	NAME(c, NAMED_MAX, "https://u/1"); /* two nodes name it */
	named_note_sent(c->site.named);
	named_begin_listed(c->site.named);
	named_set_listed(c->site.named, "https://u/0", "vendor");
	NAME(c, NAMED_MAX + 1, "https://late/");
	assert_int_equal(named_count(c->site.named), NAMED_MAX);
	assert_int_equal(nodes_of(c, "https://late/"), 1);
	assert_int_equal(nodes_of(c, "https://u/0"), 1); /* the oldest, but it is listed */
	assert_int_equal(nodes_of(c, "https://u/1"), 2);
	assert_int_equal(nodes_of(c, "https://u/2"), 0); /* the oldest of the others */
	/* Who named it leaves: nobody else's count changes, also where the URL is there again. */
	NAME(c, 3, "https://u/2");
	named_forget(&c->site, &c->nodes[2]);
	assert_int_equal(nodes_of(c, "https://u/2"), 1);
	assert_int_equal(named_refused(c->site.named), 0);
}

/* Its posture says the same each time: it is tried each time. */
static void who_found_no_room_comes_in_later(void **state)
{
	struct crowd *c = *state;
	fill(c, NAMED_MAX);
	NAME(c, NAMED_MAX, "https://late/");
	NAME(c, NAMED_MAX, "https://late/");
	assert_int_equal(nodes_of(c, "https://late/"), 0);
	assert_int_equal(named_refused(c->site.named), 1);
	named_forget(&c->site, &c->nodes[7]);
	const uint64_t changes = named_changes(c->site.named);
	NAME(c, NAMED_MAX, "https://late/");
	assert_int_equal(nodes_of(c, "https://late/"), 1);
	assert_int_equal(named_refused(c->site.named), 0);
	assert_true(named_changes(c->site.named) > changes);
	NAME(c, NAMED_MAX, "https://late/");
	assert_int_equal(nodes_of(c, "https://late/"), 1);
	/* So does who made room for another one. */
	named_note_sent(c->site.named);
	named_begin_listed(c->site.named);
	NAME(c, NAMED_MAX + 1, "https://later/");
	assert_int_equal(nodes_of(c, "https://u/0"), 0);
	assert_int_equal(named_refused(c->site.named), 1);
	named_forget(&c->site, &c->nodes[NAMED_MAX + 1]);
	NAME(c, 0, "https://u/0");
	assert_int_equal(nodes_of(c, "https://u/0"), 1);
	assert_int_equal(named_refused(c->site.named), 0);
}

static void an_answer_is_about_what_was_sent(void **state)
{
	struct crowd *c = *state;
	struct named_url url = { 0 };
	NAME(c, 0, "https://a/");
	named_note_sent(c->site.named);
	NAME(c, 1, "https://b/");
	named_begin_listed(c->site.named);
	named_set_listed(c->site.named, "https://a/", "vendor");
	named_set_listed(c->site.named, "https://nobody-names/", "vendor");
	assert_true(named_find(c->site.named, "https://a/", &url));
	assert_true(url.told);
	assert_string_equal(url.listed, "vendor");
	assert_true(named_find(c->site.named, "https://b/", &url));
	assert_false(url.told);
	assert_null(url.listed);
	assert_false(named_find(c->site.named, "https://nobody-names/", &url));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(urls_are_counted_and_forgotten),
		TEST(nobody_makes_room_before_he_was_answered),
		TEST(what_nothing_comes_of_makes_room),
		TEST(who_found_no_room_comes_in_later),
		TEST(an_answer_is_about_what_was_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
