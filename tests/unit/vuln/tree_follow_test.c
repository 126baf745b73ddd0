/* SPDX-License-Identifier: ISC */
/* A follower of an honest repository: snapshots, deltas, resuming, restarts, some shards only, pushes. */
#include "tests/unit/test.h"

#include "tests/unit/directory.h"
#include "tests/unit/vuln/tree_site.h"

#include <string.h>

#define EXPECT_RECORDS(child, text) \
	do { \
		char *records_ FREE_ON_EXIT = child_records(child); \
		assert_string_equal(records_, text); \
	} while (0)

static void expect_good(struct child *c, time_ms now)
{
	if (child_round(c, now))
		fail_msg("%s", c->err.text);
}

static struct tree_follow_status status_of(const struct child *c)
{
	struct tree_follow_status status;
	tree_follow_status(c->follow, &status);
	return status;
}

static void first_snapshots_then_deltas(void **state)
{
	struct site *s = *state;
	struct child *c = child_new(s, "child", NULL);
	site_put(s, "own", "A-1", "Debian:12", "1");
	site_put(s, "feed", "A-2", "Debian:12 npm", "2.0.0");
	struct tree_point first = site_commit(s, SITE_NOW).point;
	expect_good(c, SITE_NOW + 1);
	EXPECT_RECORDS(c, "A-1@up/own=1 A-2@up/feed=2.0.0");
	assert_true(tree_point_order(status_of(c).held, first) == 0);
	assert_int_equal(c->mirror.requests, 4); /* no newer root, the index, two snapshots */
	expect_good(c, SITE_NOW + 2);
	assert_int_equal(c->mirror.requests, 2);
	site_put(s, "own", "A-1", "Debian:12", "3");
	tree_publisher_remove(s->publisher, "feed", "A-2");
	site_commit(s, SITE_NOW + 1000);
	uint64_t before = status_of(c).bytes_fetched;
	expect_good(c, SITE_NOW + 1001);
	EXPECT_RECORDS(c, "A-1@up/own=3");
	assert_int_equal(c->mirror.requests, 3);
	assert_true(status_of(c).bytes_fetched > before);
	child_free(c);
}

static void records_that_leave_a_shard_stay_in_the_others(void **state)
{
	struct site *s = *state;
	struct child *c = child_new(s, "child", NULL);
	site_put(s, "own", "A-1", "npm Debian:12", "1.0.0");
	site_put(s, "own", "A-2", "npm", "1.0.0");
	site_commit(s, SITE_NOW);
	expect_good(c, SITE_NOW);
	site_put(s, "own", "A-1", "Debian:12", "2");
	site_commit(s, SITE_NOW + 1000);
	expect_good(c, SITE_NOW + 1000);
	EXPECT_RECORDS(c, "A-1@up/own=2 A-2@up/own=1.0.0");
	/* The last one of a shard. */
	tree_publisher_remove(s->publisher, "own", "A-2");
	site_commit(s, SITE_NOW + 2000);
	expect_good(c, SITE_NOW + 2000);
	EXPECT_RECORDS(c, "A-1@up/own=2");
	child_free(c);
}

static void a_follower_that_slept_takes_what_is_less(void **state)
{
	struct site *s = *state;
	struct child *c = child_new(s, "child", NULL);
	char id[32], version[32];
	for (int i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "A-%02d", i);
		site_put(s, "own", id, "Debian:12", "1");
	}
	site_commit(s, SITE_NOW);
	expect_good(c, SITE_NOW);
	for (int i = 0; i < 50; i++) {
		snprintf(version, sizeof(version), "2.%d", i);
		site_put(s, "own", "A-07", "Debian:12", version);
		site_commit(s, SITE_NOW + i * 1000);
	}
	expect_good(c, SITE_NOW + 60000);
	char *records FREE_ON_EXIT = child_records(c);
	assert_non_null(strstr(records, "A-07@up/own=2.49"));
	assert_non_null(strstr(records, "A-39@up/own=1"));
	struct child *fresh = child_new(s, "fresh", NULL);
	expect_good(fresh, SITE_NOW + 60000);
	EXPECT_RECORDS(fresh, records);
	child_free(fresh);
	child_free(c);
}

static void what_is_cut_is_resumed(void **state)
{
	struct site *s = *state;
	struct child *c = child_new(s, "child", NULL);
	char id[32];
	for (int i = 0; i < 2000; i++) {
		snprintf(id, sizeof(id), "A-%d", i * 7919);
		site_put(s, "own", id, "Debian:12", id + 2);
	}
	site_commit(s, SITE_NOW);
	/* The mirror breaks off after so many bytes of whatever it sends. */
	c->mirror.cut = 6000;
	assert_int_equal(child_round(c, SITE_NOW), TREE_CUT);
	child_restart(c);
	c->mirror.cut = 0;
	c->mirror.piece = 77;
	expect_good(c, SITE_NOW);
	const struct tree_shard *v = tree_index_find(tree_follow_index(c->follow), "Debian");
	assert_true(v->snapshot.length > 6000);
	size_t index_length;
	tree_follow_index_bytes(c->follow, &index_length);
	assert_true(status_of(c).bytes_fetched == v->snapshot.length - 6000 + index_length);
	child_free(c);
}

static void restarts_change_nothing(void **state)
{
	struct site *s = *state;
	struct child *c = child_new(s, "child", NULL);
	site_put(s, "own", "A-1", "Debian:12", "1");
	site_commit(s, SITE_NOW);
	assert_int_equal(mirror_round(&c->mirror, c->follow, SITE_NOW, &c->err), 0);
	/* Killed between the files and the index of vulnerabilities. */
	child_restart(c);
	assert_true(tree_follow_ready(c->follow));
	expect_good(c, SITE_NOW + 1000);
	EXPECT_RECORDS(c, "A-1@up/own=1");
	child_restart(c);
	assert_false(tree_follow_ready(c->follow));
	assert_true(tree_follow_stands(c->follow, c->update));
	site_put(s, "own", "A-2", "Debian:12", "1");
	site_commit(s, SITE_NOW + 2000);
	expect_good(c, SITE_NOW + 2000);
	EXPECT_RECORDS(c, "A-1@up/own=1 A-2@up/own=1");
	child_free(c);
}

/* The index of vulnerabilities is lost or another one: all is said anew, without fetching anything. */
static void a_lost_index_is_made_from_what_is_held(void **state)
{
	struct site *s = *state;
	struct child *c = child_new(s, "child", NULL);
	struct vuln_update_result result;
	site_put(s, "own", "A-1", "Debian:12", "1");
	site_commit(s, SITE_NOW);
	expect_good(c, SITE_NOW);
	site_put(s, "own", "A-2", "Debian:12", "1");
	site_commit(s, SITE_NOW + 1000);
	expect_good(c, SITE_NOW + 1000);
	c->update = vuln_update_close(c->update);
	directory_remove(xasprintf("%s/index", c->dir));
	child_restart(c);
	assert_false(tree_follow_stands(c->follow, c->update));
	assert_int_equal(tree_follow_apply(c->follow, c->update, &c->err), 0);
	assert_int_equal(vuln_update_commit(c->update, SITE_NOW, NULL, NULL, &result, &c->err), 0);
	assert_int_equal(tree_follow_applied(c->follow, &c->err), 0);
	EXPECT_RECORDS(c, "A-1@up/own=1 A-2@up/own=1");
	child_free(c);
}

static void some_shards_alone_are_held(void **state)
{
	struct site *s = *state;
	static const char *const shards[] = { "Debian:12", NULL };
	struct child *c = child_new(s, "child", shards);
	site_put(s, "own", "A-1", "Debian:11", "1");
	site_put(s, "own", "A-2", "npm", "1.0.0");
	/* What it says of npm must not make npm look known. */
	site_put(s, "own", "A-3", "npm Debian:12", "3");
	site_commit(s, SITE_NOW);
	expect_good(c, SITE_NOW);
	EXPECT_RECORDS(c, "A-1@up/own=1 A-3@up/own=3");
	assert_true(tree_follow_holds(c->follow, "Debian:11") && !tree_follow_holds(c->follow, "npm"));
	assert_false(tree_follow_hold(c->follow, "Debian:11"));
	assert_false(tree_follow_hold(c->follow, "PyPI"));
	assert_true(tree_follow_hold(c->follow, "npm"));
	expect_good(c, SITE_NOW);
	EXPECT_RECORDS(c, "A-1@up/own=1 A-2@up/own=1.0.0 A-3@up/own=3");
	child_free(c);
}

static struct tree_root with_new_index_key(struct site *s, size_t i)
{
	struct tree_root next = site_next_root(s);
	next.roles[TREE_ROLE_INDEX].n_keys = 0;
	next.epoch++;
	site_add_key(&next, TREE_ROLE_INDEX, s->index_keys[i]);
	return next;
}

static void put_rotated_root(struct site *s, size_t i)
{
	struct tree_root next = with_new_index_key(s, i);
	site_put_root(s, &next, (EVP_PKEY *const[]){ s->root_keys[0], s->root_keys[1], NULL });
	tree_root_clear(&next);
}

static void keys_are_rotated_while_it_runs(void **state)
{
	struct site *s = *state;
	struct child *c = child_new(s, "child", NULL);
	site_put(s, "own", "A-1", "Debian:12", "1");
	site_commit(s, SITE_NOW);
	expect_good(c, SITE_NOW);
	/* Twice: one root is never seen alone. */
	put_rotated_root(s, 1);
	put_rotated_root(s, 2);
	site_open(s, 3);
	site_put(s, "own", "A-1", "Debian:12", "2");
	struct tree_point point = site_commit(s, SITE_NOW + 1000).point;
	assert_true(point.epoch == 3);
	expect_good(c, SITE_NOW + 1000);
	EXPECT_RECORDS(c, "A-1@up/own=2");
	assert_true(tree_follow_root(c->follow)->version == 3);
	child_restart(c);
	assert_true(tree_follow_root(c->follow)->version == 3);
	assert_true(tree_point_order(status_of(c).seen, point) == 0);
	child_free(c);
}

/* Between the two the publisher has a new root and the old index. */
static void a_root_may_come_before_its_index(void **state)
{
	struct site *s = *state;
	struct child *c = child_new(s, "child", NULL);
	site_put(s, "own", "A-1", "Debian:12", "1");
	site_commit(s, SITE_NOW);
	expect_good(c, SITE_NOW);
	put_rotated_root(s, 1);
	assert_true(child_round(c, SITE_NOW + 1000) > 0);
	EXPECT_RECORDS(c, "A-1@up/own=1");
	site_open(s, 2);
	site_commit(s, SITE_NOW + 2000);
	expect_good(c, SITE_NOW + 2000);
	child_free(c);
}

static void pushed_indexes_and_files_spare_asking(void **state)
{
	struct site *s = *state;
	struct child *c = child_new(s, "child", NULL), *parent = child_new(s, "parent", NULL);
	struct vuln_update_result result;
	struct tree_request want;
	site_put(s, "own", "A-1", "Debian:12", "1");
	site_commit(s, SITE_NOW);
	expect_good(c, SITE_NOW);
	put_rotated_root(s, 1);
	site_open(s, 2);
	site_put(s, "own", "A-1", "Debian:12", "2");
	site_commit(s, SITE_NOW + 1000);
	expect_good(parent, SITE_NOW + 1000);
	size_t n;
	const char *bytes = tree_follow_index_bytes(parent->follow, &n);
	/* It needs a root that it has not: that alone is asked for. */
	assert_int_equal(tree_follow_push_index(c->follow, bytes, n, SITE_NOW + 1000, &c->err), 0);
	assert_true(tree_follow_next(c->follow, &want));
	assert_string_equal(want.path, "2.root.json");
	char *path FREE_ON_EXIT = site_root_path(s, 2);
	char *root FREE_ON_EXIT = NULL;
	size_t root_length;
	assert_int_equal(file_read(path, TREE_ROOT_MAX, &root, &root_length, NULL), 0);
	assert_int_equal(tree_follow_data(c->follow, root, root_length, &c->err), 0);
	assert_int_equal(tree_follow_end(c->follow, TREE_FETCHED, NULL, SITE_NOW + 1000, &c->err), 0);
	assert_true(tree_follow_next(c->follow, &want));
	assert_string_equal(want.path, "3.root.json");
	assert_int_equal(tree_follow_end(c->follow, TREE_ABSENT, NULL, SITE_NOW + 1000, &c->err), 0);
	/* And then a file, which comes by itself. */
	const struct tree_shard *v = tree_index_find(tree_follow_index(parent->follow), "Debian");
	char name[TREE_PATH_SIZE];
	const struct tree_file *files[] = { &v->snapshot, v->n_deltas ? &v->deltas[0].file : &v->snapshot };
	for (size_t i = 0; i < 2; i++) {
		char *from FREE_ON_EXIT = xasprintf("%s/%s", s->dir, tree_file_path(files[i], name));
		char *file FREE_ON_EXIT = NULL;
		assert_int_equal(file_read(from, TREE_INDEX_MAX, &file, &n, NULL), 0);
		assert_int_equal(tree_follow_push_file(c->follow, file, n, SITE_NOW + 1000, &c->err), 0);
	}
	assert_int_equal(tree_follow_push_file(c->follow, "noise", 5, SITE_NOW + 1000, &c->err), 0);
	assert_false(tree_follow_next(c->follow, &want));
	assert_true(tree_follow_ready(c->follow));
	assert_int_equal(tree_follow_apply(c->follow, c->update, &c->err), 0);
	assert_int_equal(vuln_update_commit(c->update, SITE_NOW, NULL, NULL, &result, &c->err), 0);
	assert_int_equal(tree_follow_applied(c->follow, &c->err), 0);
	EXPECT_RECORDS(c, "A-1@up/own=2");
	child_free(parent);
	child_free(c);
}

/* What a follower has is a repository for the next one. */
static void a_follower_may_be_followed(void **state)
{
	struct site *s = *state;
	struct child *middle = child_new(s, "middle", NULL), *last = child_new(s, "last", NULL);
	site_put(s, "own", "A-1", "Debian:12", "1");
	site_commit(s, SITE_NOW);
	put_rotated_root(s, 1);
	site_open(s, 2);
	site_commit(s, SITE_NOW);
	expect_good(middle, SITE_NOW);
	last->mirror.dir = tree_follow_served(middle->follow);
	expect_good(last, SITE_NOW);
	EXPECT_RECORDS(last, "A-1@up/own=1");
	child_free(last);
	child_free(middle);
}

static size_t count_files(const struct child *c)
{
	char *path FREE_ON_EXIT = xasprintf("%s/files", tree_follow_served(c->follow));
	return directory_count(path);
}

/* Who has just read the index of before finds what it names, whether or not we were started again. Time is
 * the disk's here. */
static void what_was_served_stays_for_a_while(void **state)
{
	struct site *s = *state;
	const time_ms now = clock_wall_ms();
	struct child *middle = child_new(s, "middle", NULL), *last = child_new(s, "last", NULL);
	struct tree_request want;
	site_put(s, "own", "A-1", "Debian:12", "1");
	site_put(s, "own", "A-2", "npm", "1.0.0");
	site_commit(s, now);
	expect_good(middle, now);
	assert_int_equal(count_files(middle), 2);
	/* It has read the index, and none of its files. */
	tree_follow_begin(last->follow);
	size_t length;
	const char *index = tree_follow_index_bytes(middle->follow, &length);
	assert_int_equal(tree_follow_push_index(last->follow, index, length, now, &last->err), 0);
	assert_true(tree_follow_next(last->follow, &want));
	/* A shard goes, and its files from the index. */
	tree_publisher_remove(s->publisher, "own", "A-2");
	site_commit(s, now + 1000);
	expect_good(middle, now + 1000);
	assert_int_equal(count_files(middle), 2);
	child_restart(middle);
	last->mirror.dir = tree_follow_served(middle->follow);
	site_put(s, "own", "A-3", "Debian:12", "1");
	site_commit(s, now + 2000);
	expect_good(middle, now + 2000);
	assert_int_equal(count_files(middle), 3);
	for (; tree_follow_next(last->follow, &want);) {
		char *path FREE_ON_EXIT = xasprintf("%s/%s", last->mirror.dir, want.path),
		           *bytes FREE_ON_EXIT = NULL;
		assert_int_equal(file_read(path, want.most, &bytes, &length, &last->err), 0);
		assert_int_equal(tree_follow_data(last->follow, bytes, length, &last->err), 0);
		assert_int_equal(
		        tree_follow_end(last->follow, TREE_FETCHED, NULL, now + 2000, &last->err), 0);
	}
	assert_true(tree_follow_ready(last->follow));
	/* But not for ever. */
	child_restart(middle);
	site_put(s, "own", "A-4", "Debian:12", "1");
	site_commit(s, now + TREE_GRACE_MS + 60000);
	expect_good(middle, now + TREE_GRACE_MS + 60000);
	assert_int_equal(count_files(middle), 3);
	EXPECT_RECORDS(middle, "A-1@up/own=1 A-3@up/own=1 A-4@up/own=1");
	child_free(last);
	child_free(middle);
}

/* With its last record a source is named no more, in the very index whose delta takes the record away. */
static void a_source_that_ends_takes_its_records_along(void **state)
{
	struct site *s = *state;
	struct child *c = child_new(s, "child", NULL), *late = child_new(s, "late", NULL);
	const struct tree_source own = { .name = "own", .trust = "none", .precedence = 100 };
	struct tree_publish_result result;
	site_put(s, "own", "A-1", "Debian:12", "1");
	site_commit(s, SITE_NOW);
	expect_good(c, SITE_NOW);
	site_put(s, "feed", "A-2", "Debian:12", "1");
	site_commit(s, SITE_NOW + 1000);
	expect_good(c, SITE_NOW + 1000);
	EXPECT_RECORDS(c, "A-1@up/own=1 A-2@up/feed=1");
	tree_publisher_remove(s->publisher, "feed", "A-2");
	assert_int_equal(tree_publisher_set_sources(s->publisher, &own, 1, NULL), 0);
	assert_int_equal(tree_publisher_commit(s->publisher, SITE_NOW + 2000, &result, NULL), 0);
	expect_good(c, SITE_NOW + 2000);
	EXPECT_RECORDS(c, "A-1@up/own=1");
	/* Who comes now reads both deltas. */
	expect_good(late, SITE_NOW + 3000);
	EXPECT_RECORDS(late, "A-1@up/own=1");
	child_free(late);
	child_free(c);
}

static int note_source(const struct vuln_source *source, void *context)
{
	char **text = context;
	char *more = xasprintf("%s%s %s %s %u %d\n", *text, source->name, source->kind,
	        vuln_trust_name(source->trust), (unsigned)source->precedence, source->loaded == SITE_NOW);
	free(*text);
	*text = more;
	return 0;
}

/* How fresh a source is, is when the publisher signed last, not when we looked. */
static void sources_say_what_they_are(void **state)
{
	struct site *s = *state;
	struct child *c = child_new(s, "child", NULL);
	struct vuln_index *index;
	site_put(s, "own", "A-1", "Debian:12", "1");
	site_commit(s, SITE_NOW);
	expect_good(c, SITE_NOW + 5000);
	c->update = vuln_update_close(c->update);
	char *path FREE_ON_EXIT = xasprintf("%s/index", c->dir);
	char *text FREE_ON_EXIT = xstrdup("");
	assert_int_equal(vuln_index_open(path, &index, NULL), 0);
	assert_int_equal(vuln_index_each_source(index, note_source, &text, NULL), 0);
	assert_string_equal(text,
	        "up repository signed 100 1\nup/feed repository none 0 1\nup/own repository signed 0 1\n");
	vuln_index_close(index);
	child_restart(c);
	assert_false(tree_follow_stale(c->follow, SITE_NOW + SITE_DAY + TREE_SKEW_MS));
	assert_true(tree_follow_stale(c->follow, SITE_NOW + SITE_DAY + TREE_SKEW_MS + 1));
	child_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_snapshots_then_deltas, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(
		        records_that_leave_a_shard_stay_in_the_others, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(
		        a_follower_that_slept_takes_what_is_less, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(what_is_cut_is_resumed, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(restarts_change_nothing, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(
		        a_lost_index_is_made_from_what_is_held, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(some_shards_alone_are_held, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(
		        keys_are_rotated_while_it_runs, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(
		        a_root_may_come_before_its_index, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(
		        pushed_indexes_and_files_spare_asking, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(a_follower_may_be_followed, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(
		        what_was_served_stays_for_a_while, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(
		        a_source_that_ends_takes_its_records_along, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(sources_say_what_they_are, site_setup_open, site_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
