/* SPDX-License-Identifier: ISC */
/* What a publisher writes: snapshots, deltas, an index that rises; and what is left where it is killed. */
#include "tests/unit/test.h"

#include "tests/unit/directory.h"
#include "tests/unit/vuln/tree_site.h"
#include "vuln/tree/lines.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static const struct tree_shard *shard_of(const struct site *s, const char *name)
{
	const struct tree_shard *v = tree_index_find(tree_publisher_index(s->publisher), name);
	assert_non_null(v);
	return v;
}

struct counts {
	unsigned put, removed;
	char last[RECORD_ID_MAX];
};

static int count(const struct line *line, void *context, struct error *err)
{
	struct counts *c = context;
	if (line->record)
		c->put++;
	else
		c->removed++;
	memcpy(c->last, line->id, sizeof(c->last));
	return 0;
}

static struct counts count_file(const struct site *s, const struct tree_file *file)
{
	struct counts c = { 0 };
	struct error err = { "" };
	if (lines_read(s->dir, file, count, &c, &err))
		fail_msg("%s", err.text);
	return c;
}

/* The whole shard as a follower reads it. */
static struct counts count_shard(const struct site *s, const struct tree_shard *v)
{
	struct tree_file files[TREE_DELTAS_MAX + 1];
	struct counts c = { 0 };
	struct error err = { "" };
	size_t n = 0;
	files[n++] = v->snapshot;
	for (size_t i = 0; i < v->n_deltas; i++)
		if (v->deltas[i].from >= v->snapshot_generation)
			files[n++] = v->deltas[i].file;
	if (lines_read_chain(s->dir, files, n, count, &c, &err))
		fail_msg("%s", err.text);
	return c;
}

static void records_go_into_the_shards_of_their_ecosystems(void **state)
{
	struct site *s = *state;
	site_put(s, "own", "A-1", "Debian:11 Debian:12", "2");
	site_put(s, "own", "A-2", "Debian:12 Alpine:v3.20", "2");
	site_put(s, "feed", "A-2", "npm", "2.0.0");
	site_put(s, "own", "A-3", "", "2");
	struct tree_publish_result r = site_commit(s, SITE_NOW);
	const struct tree_index *index = tree_publisher_index(s->publisher);
	assert_int_equal(r.records_put, 5);
	assert_int_equal(index->n_shards, 4);
	assert_int_equal(shard_of(s, "Debian")->records, 2);
	assert_int_equal(shard_of(s, "Debian")->n_ecosystems, 2);
	assert_int_equal(shard_of(s, "Alpine")->records, 1);
	assert_int_equal(shard_of(s, "npm")->records, 1);
	assert_int_equal(shard_of(s, TREE_SHARD_OTHER)->records, 1);
	assert_true(tree_index_lists(index, "Debian:12") && tree_index_lists(index, "npm"));
	assert_false(tree_index_lists(index, "Debian:13") || tree_index_lists(index, "PyPI"));
	assert_int_equal(r.point.epoch, 1);
	assert_true(r.point.generation == (uint64_t)(SITE_NOW / 1000));
	assert_true(index->expires == SITE_NOW + SITE_DAY);
}

static void what_is_the_same_is_not_published_again(void **state)
{
	struct site *s = *state;
	site_put(s, "own", "A-1", "Debian:12", "2");
	struct tree_publish_result first = site_commit(s, SITE_NOW);
	site_put(s, "own", "A-1", "Debian:12", "2");
	struct tree_publish_result second = site_commit(s, SITE_NOW + 1000);
	assert_true(tree_point_order(first.point, second.point) == 0);
	assert_int_equal(second.shards_changed, 0);
	site_put(s, "own", "A-1", "Debian:12", "3");
	struct tree_publish_result third = site_commit(s, SITE_NOW + 2000);
	assert_true(third.point.generation == first.point.generation + 1);
	assert_int_equal(third.records_put, 1);
	const struct tree_shard *v = shard_of(s, "Debian");
	assert_int_equal(v->n_deltas, 1);
	assert_true(v->deltas[0].from == first.point.generation && v->deltas[0].to == third.point.generation);
	assert_int_equal(count_file(s, &v->deltas[0].file).put, 1);
	assert_int_equal(count_shard(s, v).put, 1);
}

static void records_leave_shards(void **state)
{
	struct site *s = *state;
	site_put(s, "own", "A-1", "Debian:12 Alpine:v3.20", "2");
	site_put(s, "own", "A-2", "Debian:12", "2");
	site_put(s, "own", "A-4", "Alpine:v3.20", "2");
	site_commit(s, SITE_NOW);
	site_put(s, "own", "A-1", "Debian:12", "3");
	tree_publisher_remove(s->publisher, "own", "A-2");
	struct tree_publish_result r = site_commit(s, SITE_NOW + 1000);
	assert_int_equal(r.records_removed, 2);
	assert_int_equal(shard_of(s, "Debian")->records, 1);
	assert_int_equal(count_shard(s, shard_of(s, "Debian")).removed, 1);
	struct counts alpine = count_file(s, &shard_of(s, "Alpine")->deltas[0].file);
	assert_true(alpine.put == 0 && alpine.removed == 1 && strcmp(alpine.last, "A-1") == 0);
	/* A shard without records is withdrawn, and comes back with a snapshot. */
	tree_publisher_remove(s->publisher, "own", "A-4");
	site_commit(s, SITE_NOW + 2000);
	assert_true(shard_of(s, "Alpine")->withdrawn);
	site_put(s, "own", "A-5", "Alpine:v3.20", "2");
	site_commit(s, SITE_NOW + 3000);
	assert_int_equal(shard_of(s, "Alpine")->n_deltas, 0);
	assert_int_equal(count_shard(s, shard_of(s, "Alpine")).put, 1);
}

static void replacing_all_removes_the_rest(void **state)
{
	struct site *s = *state;
	site_put(s, "own", "A-1", "Debian:12", "2");
	site_put(s, "own", "A-2", "Debian:12", "2");
	site_put(s, "own", "A-3", "Debian:12", "2");
	site_commit(s, SITE_NOW);
	tree_publisher_replace_all(s->publisher);
	site_put(s, "own", "A-1", "Debian:12", "2");
	struct tree_publish_result r = site_commit(s, SITE_NOW + 1000);
	assert_true(r.records_put == 0 && r.records_removed == 2);
	assert_int_equal(shard_of(s, "Debian")->records, 1);
}

static void stamps_spare_putting_again(void **state)
{
	struct site *s = *state;
	static const char text[] = "{\"id\":\"A-9\",\"affected\":[]}";
	assert_false(tree_publisher_keep(s->publisher, "own", "A-9", 77));
	assert_int_equal(tree_publisher_put(s->publisher, "own", text, strlen(text), 77, NULL), 0);
	site_commit(s, SITE_NOW);
	tree_publisher_replace_all(s->publisher);
	assert_false(tree_publisher_keep(s->publisher, "own", "A-9", 78));
	assert_true(tree_publisher_keep(s->publisher, "own", "A-9", 77));
	assert_int_equal(site_commit(s, SITE_NOW + 1000).records_removed, 0);
	tree_publisher_replace_all(s->publisher);
	assert_int_equal(site_commit(s, SITE_NOW + 2000).records_removed, 1);
	tree_publisher_replace_all(s->publisher);
	assert_false(tree_publisher_keep(s->publisher, "own", "A-9", 77));
}

static void an_index_is_signed_again_before_it_expires(void **state)
{
	struct site *s = *state;
	site_put(s, "own", "A-1", "Debian:12", "2");
	uint64_t first = site_commit(s, SITE_NOW).point.generation;
	assert_true(tree_publisher_due(s->publisher) == SITE_NOW + SITE_DAY / 3);
	assert_true(site_commit(s, SITE_NOW + SITE_DAY / 3 - 1000).point.generation == first);
	struct tree_publish_result r = site_commit(s, SITE_NOW + SITE_DAY / 3);
	assert_true(r.point.generation == first + 1);
	assert_true(tree_publisher_index(s->publisher)->expires == SITE_NOW + SITE_DAY / 3 + SITE_DAY);
	assert_true(shard_of(s, "Debian")->generation == first);
}

/* A publisher that is started again knows what it published, and goes on. */
static void state_is_read_back(void **state)
{
	struct site *s = *state;
	site_put(s, "own", "A-1", "Debian:12", "2");
	site_put(s, "own", "A-2", "Debian:12", "2");
	site_commit(s, SITE_NOW);
	site_put(s, "own", "A-2", "Debian:12", "3");
	uint64_t last = site_commit(s, SITE_NOW + 1000).point.generation;
	site_open(s, 1);
	tree_publisher_replace_all(s->publisher);
	site_put(s, "own", "A-1", "Debian:12", "2");
	site_put(s, "own", "A-2", "Debian:12", "3");
	assert_true(site_commit(s, SITE_NOW + 2000).point.generation == last);
	site_put(s, "own", "A-2", "Debian:12", "4");
	/* A clock that went back changes nothing. */
	assert_true(site_commit(s, SITE_NOW - SITE_DAY).point.generation == last + 1);
}

static size_t files_in(const struct site *s)
{
	char *path FREE_ON_EXIT = xasprintf("%s/files", s->dir);
	return directory_count(path);
}

static void many_deltas_become_few(void **state)
{
	struct site *s = *state;
	char id[32], version[32];
	for (int i = 0; i < 400; i++) {
		snprintf(id, sizeof(id), "A-%d", i);
		site_put(s, "own", id, "Debian:12", "1");
	}
	site_commit(s, SITE_NOW);
	for (int i = 0; i < 70; i++) {
		snprintf(id, sizeof(id), "A-%d", i % 50);
		snprintf(version, sizeof(version), "2.%d", i);
		site_put(s, "own", id, "Debian:12", version);
		site_commit(s, SITE_NOW + 1000 * i);
		const struct tree_shard *v = shard_of(s, "Debian");
		assert_true(v->n_deltas <= 32);
		assert_int_equal(count_shard(s, v).put, 400);
	}
	/* Who stands anywhere since the first snapshot finds a way on. */
	const struct tree_shard *v = shard_of(s, "Debian");
	assert_true(v->deltas[0].from == (uint64_t)(SITE_NOW / 1000));
	struct tree_file files[TREE_DELTAS_MAX];
	struct counts c = { 0 };
	for (size_t i = 0; i < v->n_deltas; i++)
		files[i] = v->deltas[i].file;
	assert_int_equal(lines_read_chain(s->dir, files, v->n_deltas, count, &c, NULL), 0);
	assert_int_equal(c.put, 50);
}

static void large_deltas_become_a_snapshot(void **state)
{
	struct site *s = *state;
	char id[32];
	char *noise = xmalloc(600001);
	uint64_t x = 88172645463325252;
	for (size_t i = 0; i < 600000; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		noise[i] = "abcdefghijklmnopqrstuvwxyz012345"[x & 31];
	}
	noise[600000] = '\0';
	site_put(s, "own", "A-0", "Debian:12", "1");
	uint64_t first = site_commit(s, SITE_NOW).point.generation;
	for (int i = 1; i < 4; i++) {
		snprintf(id, sizeof(id), "A-%d", i);
		char *text FREE_ON_EXIT = xasprintf(
		        "{\"id\":\"%s\",\"details\":\"%s\",\"affected\":[{\"package\":{\"ecosystem\":"
		        "\"Debian:12\",\"name\":\"x\"}}]}",
		        id, noise + i);
		assert_int_equal(tree_publisher_put(s->publisher, "own", text, strlen(text), 0, NULL), 0);
		site_commit(s, SITE_NOW + i * 1000);
	}
	const struct tree_shard *v = shard_of(s, "Debian");
	assert_true(v->snapshot_generation > first);
	assert_int_equal(count_shard(s, v).put, 4);
	free(noise);
}

static void what_nobody_needs_is_deleted_later(void **state)
{
	struct site *s = *state;
	site_put(s, "own", "A-1", "Debian:12", "2");
	site_put(s, "own", "B-1", "npm", "2.0.0");
	site_commit(s, clock_wall_ms());
	tree_publisher_remove(s->publisher, "own", "B-1");
	site_commit(s, clock_wall_ms());
	/* Somebody may still be fetching by the index of before. */
	assert_int_equal(files_in(s), 2);
	char *stray FREE_ON_EXIT = xasprintf("%s/files/.new-killed", s->dir);
	assert_int_equal(file_replace(stray, "x", 1, 0644, NULL), 0);
	site_put(s, "own", "A-1", "Debian:12", "3");
	site_commit(s, clock_wall_ms() + 2 * SITE_DAY + 60000);
	assert_int_equal(files_in(s), 2);
	assert_int_equal(access(stray, F_OK), -1);
}

/* Files of a shard that are gone or rotten: a snapshot takes their place. */
static void a_broken_directory_is_mended(void **state)
{
	struct site *s = *state;
	char name[TREE_PATH_SIZE];
	struct error err = { "" };
	struct tree_publish_result r;
	site_put(s, "own", "A-1", "Debian:12", "2");
	site_put(s, "own", "B-1", "npm", "2.0.0");
	uint64_t first = site_commit(s, SITE_NOW).point.generation;
	char *path FREE_ON_EXIT =
	        xasprintf("%s/%s", s->dir, tree_file_path(&shard_of(s, "Debian")->snapshot, name));
	assert_int_equal(file_replace(path, "rotten", 6, 0644, NULL), 0);
	site_open(s, 1);
	site_put(s, "own", "C-1", "npm", "2.0.0");
	assert_int_equal(tree_publisher_commit(s->publisher, SITE_NOW + 1000, &r, &err), -ESTALE);
	tree_publisher_replace_all(s->publisher);
	site_put(s, "own", "A-1", "Debian:12", "2");
	site_put(s, "own", "B-1", "npm", "2.0.0");
	site_put(s, "own", "C-1", "npm", "2.0.0");
	r = site_commit(s, SITE_NOW + 2000);
	assert_true(r.point.generation == first + 1);
	assert_int_equal(count_shard(s, shard_of(s, "Debian")).put, 1);
	assert_int_equal(count_shard(s, shard_of(s, "npm")).put, 2);
}

static void keys_must_be_those_of_the_root(void **state)
{
	struct site *s = *state;
	struct error err = { "" };
	struct tree_publish_result r;
	struct tree_publisher *p;
	struct tree_publish_config config = { .dir = s->dir, .keys = s->index_keys + 1, .n_keys = 1 };
	assert_int_equal(tree_publisher_open(&config, &p, &err), -EBUSY);
	/* The key is taken away while the publisher runs. */
	struct tree_root next = site_next_root(s);
	site_drop_key(&next, TREE_ROLE_INDEX, s->index_keys[0]);
	site_add_key(&next, TREE_ROLE_INDEX, s->index_keys[1]);
	next.epoch++;
	site_put(s, "own", "A-1", "Debian:12", "2");
	uint64_t first = site_commit(s, SITE_NOW).point.generation;
	site_put_root(s, &next, (EVP_PKEY *const[]){ s->root_keys[0], s->root_keys[1], NULL });
	tree_root_clear(&next);
	site_put(s, "own", "A-1", "Debian:12", "3");
	assert_int_equal(tree_publisher_commit(s->publisher, SITE_NOW + 1000, &r, &err), -EACCES);
	s->publisher = tree_publisher_close(s->publisher);
	/* The new one goes on where the old one was. */
	assert_int_equal(tree_publisher_open(&config, &s->publisher, &err), 0);
	tree_publisher_replace_all(s->publisher);
	site_put(s, "own", "A-1", "Debian:12", "3");
	r = site_commit(s, SITE_NOW + 2000);
	assert_true(r.point.epoch == 2 && r.point.generation == first + 1);
	assert_int_equal(r.records_put, 1);
}

static void a_directory_without_root_is_refused(void **state)
{
	struct site *s = *state;
	struct error err = { "" };
	struct tree_publisher *p;
	char *dir FREE_ON_EXIT = xasprintf("%s/empty", s->base);
	const struct tree_publish_config config = { .dir = dir, .keys = s->index_keys, .n_keys = 1 };
	assert_int_equal(tree_publisher_open(&config, &p, &err), -ENOENT);
	assert_non_null(strstr(err.text, "keys root"));
}

/* Killed at any moment, and started again: the index is whole, names whole files, and never goes back. */
static void killed_at_any_moment(void **state)
{
	struct site *s = *state;
	uint64_t last = 0;
	char *path FREE_ON_EXIT = xasprintf("%s/index.json", s->dir);
	s->publisher = tree_publisher_close(s->publisher);
	for (unsigned i = 0; i < 25; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			char version[32];
			site_open(s, 1);
			for (unsigned j = 0;; j++) {
				tree_publisher_replace_all(s->publisher);
				snprintf(version, sizeof(version), "%u.%u", i, j);
				site_put(s, "own", "A-1", "Debian:12", version);
				site_put(s, "own", "B-1", "npm", "2.0.0");
				site_commit(s, SITE_NOW + j);
			}
		}
		usleep(1000 + 5300 * (i % 13));
		while (i == 24 && access(path, F_OK) < 0)
			usleep(10000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		site_open(s, 1);
		const struct tree_index *index = tree_publisher_index(s->publisher);
		if (index) {
			assert_true(index->point.generation >= last);
			last = index->point.generation;
			assert_int_equal(count_shard(s, shard_of(s, "Debian")).put, 1);
			assert_int_equal(count_shard(s, shard_of(s, "npm")).put, 1);
		}
		s->publisher = tree_publisher_close(s->publisher);
	}
	assert_true(last > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		        records_go_into_the_shards_of_their_ecosystems, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(
		        what_is_the_same_is_not_published_again, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(records_leave_shards, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(
		        replacing_all_removes_the_rest, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(stamps_spare_putting_again, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(
		        an_index_is_signed_again_before_it_expires, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(state_is_read_back, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(many_deltas_become_few, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(
		        large_deltas_become_a_snapshot, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(
		        what_nobody_needs_is_deleted_later, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(a_broken_directory_is_mended, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(
		        keys_must_be_those_of_the_root, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(
		        a_directory_without_root_is_refused, site_setup_open, site_teardown),
		cmocka_unit_test_setup_teardown(killed_at_any_moment, site_setup_open, site_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
