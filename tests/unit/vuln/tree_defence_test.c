/* SPDX-License-Identifier: ISC */
/* What else a mirror, a thief of keys, a careless publisher or a bad disk may do. */
#include "tests/unit/test.h"

#include "tests/unit/vuln/tree_attack.h"
#include "vuln/tree/lines.h"

#include <string.h>

static void an_index_of_tomorrow(void **state)
{
	struct attack *a = *state;
	site_commit(a->site, SITE_NOW + SITE_DAY / 2);
	expect_refused(a, SITE_NOW, TREE_AHEAD);
	assert_int_equal(child_round(a->child, SITE_NOW + SITE_DAY / 2 - TREE_SKEW_MS), 0);
}

static void two_indexes_of_one_generation(void **state)
{
	struct attack *a = *state;
	struct tree_index index = copy_index(a->site);
	index.shards[0].records = 7;
	site_write_index(a->site, &index, a->site->index_keys[0]);
	expect_refused(a, SITE_NOW + 1000, TREE_ALTERED);
	tree_index_clear(&index);
}

static char *root_maker_answer(struct mirror *m, const char *path, uint64_t offset, size_t *ret_length)
{
	struct attack *a = (void *)m->other;
	struct tree_root root;
	if (!strstr(path, "root.json"))
		return NULL;
	size_t n;
	char *first_path FREE_ON_EXIT = site_root_path(a->site, 1);
	char *first FREE_ON_EXIT = read_text(first_path, &n);
	assert_int_equal(tree_root_open(first, n, &root, NULL), 0);
	root.version = strtoull(path, NULL, 10);
	char *text =
	        site_sign(&root, (EVP_PKEY *const[]){ a->site->root_keys[0], a->site->root_keys[1], NULL });
	tree_root_clear(&root);
	*ret_length = strlen(text);
	return text;
}

static void roots_without_end(void **state)
{
	struct attack *a = *state;
	a->child->mirror.answer = root_maker_answer;
	a->child->mirror.other = (const char *)a;
	expect_refused(a, SITE_NOW + 1000, TREE_ENDLESS);
	assert_int_equal(a->child->mirror.requests, TREE_ROOT_CHAIN_MAX + 1);
}

/* A file that goes bad on our own disk is not applied, and is fetched anew. */
static void a_rotten_disk(void **state)
{
	struct attack *a = *state;
	char name[TREE_PATH_SIZE];
	site_put(a->site, "own", "A-2", "npm", "2.0.0");
	site_commit(a->site, SITE_NOW + 1000);
	assert_int_equal(
	        mirror_round(&a->child->mirror, a->child->follow, SITE_NOW + 1000, &a->child->err), 0);
	char *path FREE_ON_EXIT = xasprintf("%s/%s", tree_follow_served(a->child->follow),
	        tree_file_path(&tree_index_find(tree_follow_index(a->child->follow), "npm")->snapshot, name));
	size_t n;
	char *text FREE_ON_EXIT = read_text(path, &n);
	text[n - 1] ^= 1;
	write_text(path, text, n);
	assert_true(tree_follow_apply(a->child->follow, a->child->update, &a->child->err) > 0);
	vuln_update_forget(a->child->update);
	char *before FREE_ON_EXIT = child_records(a->child);
	assert_string_equal(before, KNOWN);
	assert_int_equal(child_round(a->child, SITE_NOW + 2000), 0);
	char *after FREE_ON_EXIT = child_records(a->child);
	assert_string_equal(after, KNOWN " A-2@up/own=2.0.0");
}

/* A state directory of one repository with the root of another. */
static void another_root_file(void **state)
{
	struct attack *a = *state;
	struct site *other = site_new(a->site->base, "example.net");
	char *dir FREE_ON_EXIT = xasprintf("%s/state", a->child->dir);
	char *root FREE_ON_EXIT = site_root_path(other, 1);
	const struct tree_follow_config config = { .name = "up", .dir = dir, .root_file = root };
	struct tree_follow *f;
	struct error err = { "" };
	assert_true(tree_follow_open(&config, &f, &err) < 0);
	assert_non_null(strstr(err.text, "example.org"));
	site_free(other);
}

/* A publisher's file that says more than the index announces: more bytes, more lines, longer lines. */
static void unpacks_to_more_than_announced(void **state)
{
	struct attack *a = *state;
	site_put(a->site, "own", "A-2", "npm", "2.0.0");
	site_commit(a->site, SITE_NOW + 1000);
	struct tree_index index = copy_index(a->site);
	const struct tree_file was = index.shards[1].snapshot;
	assert_string_equal(index.shards[1].name, "npm");
	index.point.generation++;
	index.shards[1].snapshot.unpacked = was.unpacked - 1;
	site_write_index(a->site, &index, a->site->index_keys[0]);
	expect_refused(a, SITE_NOW + 1000, TREE_ENDLESS);
	index.point.generation++;
	index.shards[1].snapshot.unpacked = was.unpacked;
	index.shards[1].snapshot.records = 0;
	site_write_index(a->site, &index, a->site->index_keys[0]);
	expect_refused(a, SITE_NOW + 1000, TREE_ENDLESS);
	index.point.generation++;
	index.shards[1].snapshot.records = 2;
	site_write_index(a->site, &index, a->site->index_keys[0]);
	expect_refused(a, SITE_NOW + 1000, TREE_CUT);
	tree_index_clear(&index);
}

/* An old index whose key is still good, after a compromise began a new epoch. */
static void an_index_of_an_older_epoch(void **state)
{
	struct attack *a = *state;
	struct tree_root next = site_next_root(a->site);
	struct tree_index index = copy_index(a->site);
	next.epoch++;
	site_put_root(
	        a->site, &next, (EVP_PKEY *const[]){ a->site->root_keys[0], a->site->root_keys[1], NULL });
	tree_root_clear(&next);
	index.point.generation += 100;
	site_write_index(a->site, &index, a->site->index_keys[0]);
	expect_refused(a, SITE_NOW + 1000, TREE_ROLLED_BACK);
	tree_index_clear(&index);
}

/* The floor counts from when an index was verified, whether or not its files could be had. */
static void rollback_to_before_what_was_only_seen(void **state)
{
	struct attack *a = *state;
	char *path FREE_ON_EXIT = path_in(a->site, "index.json");
	char *old FREE_ON_EXIT = path_in(a->site, "old.json");
	copy_file(path, old);
	site_put(a->site, "own", "A-9", "npm", "9.0.0");
	site_commit(a->site, SITE_NOW + 1000);
	a->child->mirror.answer = withholding_answer;
	a->child->mirror.path = "files/";
	expect_refused(a, SITE_NOW + 1000, TREE_MISSING);
	child_restart(a->child);
	a->child->mirror = (struct mirror){ .dir = a->site->dir, .path = "index.json", .other = old };
	expect_refused(a, SITE_NOW + 1000, TREE_ROLLED_BACK);
	tree_publisher_remove(a->site->publisher, "own", "A-9");
	a->child->mirror.path = NULL;
	expect_goes_on(a, SITE_NOW + 2000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, attack_setup, attack_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_index_of_tomorrow),
		TEST(two_indexes_of_one_generation),
		TEST(roots_without_end),
		TEST(a_rotten_disk),
		TEST(another_root_file),
		TEST(unpacks_to_more_than_announced),
		TEST(an_index_of_an_older_epoch),
		TEST(rollback_to_before_what_was_only_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
