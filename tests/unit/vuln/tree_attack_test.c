/* SPDX-License-Identifier: ISC */
/*
 * The attacks that The Update Framework lists (its specification, section 1.5.2), one test each. After each
 * of them the records are those of before, the reason is said and counted, and an honest round goes on.
 */
#include "tests/unit/test.h"

#include "tests/unit/vuln/tree_attack.h"
#include "vuln/tree/lines.h"

#include <string.h>
#include <unistd.h>

/* Anything at all in the place of what is asked for. */
static void arbitrary_installation(void **state)
{
	struct attack *a = *state;
	struct tree_index index = copy_index(a->site);
	index.point.generation += 5;
	site_write_index(a->site, &index, a->site->index_keys[3]);
	expect_refused(a, SITE_NOW + 1000, TREE_UNSIGNED);
	tree_index_clear(&index);
	char *path FREE_ON_EXIT = path_in(a->site, "index.json");
	write_text(path, "<html>404 page not found</html>", 31);
	expect_refused(a, SITE_NOW + 1000, TREE_MALFORMED);
	write_text(path, "", 0);
	expect_refused(a, SITE_NOW + 1000, TREE_MALFORMED);
	expect_goes_on(a, SITE_NOW + 2000);
}

static char *endless_answer(struct mirror *m, const char *path, uint64_t offset, size_t *ret_length)
{
	char *full FREE_ON_EXIT = xasprintf("%s/%s", m->dir, path);
	size_t n;
	char *bytes = NULL;
	bool chosen = strstr(path, m->path) != NULL;
	if (!chosen)
		return file_read(full, TREE_INDEX_MAX, &bytes, ret_length, NULL) < 0 ? NULL : bytes;
	/* Twice what anything of this kind may have. */
	if (file_read(full, TREE_INDEX_MAX, &bytes, &n, NULL) < 0)
		n = TREE_ROOT_MAX;
	size_t length = strcmp(path, "index.json") == 0 ? 2 * TREE_INDEX_MAX : 2 * n;
	bytes = xrealloc_array(bytes, length, 1);
	memset(bytes + MIN(n, length) / 2, ' ', length - MIN(n, length) / 2);
	*ret_length = length;
	return bytes;
}

static void endless_data(void **state)
{
	struct attack *a = *state;
	static const char *const kinds[] = { "root.json", "index.json", "files/" };
	site_put(a->site, "own", "A-2", "npm", "2.0.0");
	site_commit(a->site, SITE_NOW + 1000);
	a->child->mirror.answer = endless_answer;
	a->child->mirror.piece = 8192;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		a->child->mirror.path = kinds[i];
		expect_refused(a, SITE_NOW + 1000, TREE_ENDLESS);
	}
	a->child->mirror = (struct mirror){ .dir = a->site->dir };
	tree_publisher_remove(a->site->publisher, "own", "A-2");
	expect_goes_on(a, SITE_NOW + 2000);
}

/* Dependencies that nobody asked for: a shard that brings in records of others, or of sources that are not
 * named. */
static void extraneous_records(void **state)
{
	struct attack *a = *state;
	struct tree_index index = copy_index(a->site);
	struct line_writer *w;
	static const char other_shard[] =
	        "{\"id\":\"B-1\",\"affected\":[{\"package\":{\"ecosystem\":\"npm\",\"name\":\"x\"}}]}";
	static const char other_id[] =
	        "{\"id\":\"B-2\",\"affected\":[{\"package\":{\"ecosystem\":\"Debian:12\",\"name\":\"x\"}}]}";
	const struct line lines[] = {
		{ .source = "own", .id = "B-1", .record = other_shard, .length = strlen(other_shard) },
		{ .source = "own", .id = "A-1", .record = other_id, .length = strlen(other_id) },
		{ .source = "stranger", .id = "B-2", .record = other_id, .length = strlen(other_id) },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		struct tree_shard *v = &index.shards[0];
		assert_int_equal(line_writer_open(a->site->dir, &w, NULL), 0);
		assert_int_equal(line_writer_put(w, &lines[i], NULL), 0);
		index.point.generation++;
		v->n_deltas = 0;
		v->generation = v->snapshot_generation = index.point.generation;
		assert_int_equal(line_writer_finish(w, &v->snapshot, NULL), 0);
		site_write_index(a->site, &index, a->site->index_keys[0]);
		expect_refused(a, SITE_NOW + 1000, TREE_EXTRANEOUS);
	}
	tree_index_clear(&index);
}

/* A thief of the index key drives the generation up, so that the true publisher seems to roll back; the index
 * key is taken away, and everybody recovers. */
static void fast_forward(void **state)
{
	struct attack *a = *state;
	struct tree_index index = copy_index(a->site);
	index.point.generation = TREE_NUMBER_MAX - 1;
	index.time = SITE_NOW + 500;
	site_write_index(a->site, &index, a->site->index_keys[0]);
	assert_int_equal(child_round(a->child, SITE_NOW + 1000), 0);
	/* The publisher's own directory was not touched by the thief. */
	struct tree_index own = copy_index(a->site);
	own.point.generation = index.shards[0].generation;
	site_write_index(a->site, &own, a->site->index_keys[0]);
	site_open(a->site, 1);
	site_put(a->site, "own", "A-9", "Debian:12", "9");
	site_commit(a->site, SITE_NOW + 2000);
	expect_refused(a, SITE_NOW + 2000, TREE_ROLLED_BACK);
	put_rotated(a->site, 1);
	site_open(a->site, 2);
	tree_publisher_remove(a->site->publisher, "own", "A-9");
	expect_goes_on(a, SITE_NOW + 3000);
	assert_true(tree_follow_index(a->child->follow)->point.epoch == 2);
	tree_index_clear(&index);
	tree_index_clear(&own);
}

/* The same old files for ever. */
static void indefinite_freeze(void **state)
{
	struct attack *a = *state;
	const time_ms expires = SITE_NOW + SITE_DAY;
	assert_int_equal(child_round(a->child, expires + TREE_SKEW_MS), 0);
	assert_false(tree_follow_stale(a->child->follow, expires + TREE_SKEW_MS));
	expect_refused(a, expires + TREE_SKEW_MS + 1000, TREE_EXPIRED);
	assert_true(tree_follow_stale(a->child->follow, expires + TREE_SKEW_MS + 1000));
	expect_goes_on(a, expires + TREE_SKEW_MS + 2000);
	assert_false(tree_follow_stale(a->child->follow, expires + TREE_SKEW_MS + 2000));
}

static void indefinite_freeze_of_the_root(void **state)
{
	struct attack *a = *state;
	const time_ms late = SITE_NOW + 365 * SITE_DAY + TREE_SKEW_MS + 1000;
	site_commit(a->site, late);
	expect_refused(a, late, TREE_EXPIRED);
	assert_true(tree_follow_stale(a->child->follow, late));
	struct tree_root next = site_next_root(a->site);
	next.expires = late + 365 * SITE_DAY;
	site_put_root(
	        a->site, &next, (EVP_PKEY *const[]){ a->site->root_keys[1], a->site->root_keys[2], NULL });
	tree_root_clear(&next);
	expect_goes_on(a, late + 1000);
}

/* A mirror that withholds can do no more than that: what it withholds is told, and it shows. */
static void malicious_mirror_withholds(void **state)
{
	struct attack *a = *state;
	a->child->mirror.answer = withholding_answer;
	a->child->mirror.path = "index.json";
	expect_refused(a, SITE_NOW + 1000, TREE_MISSING);
	a->child->mirror.path = "files/";
	site_put(a->site, "own", "A-2", "npm", "2.0.0");
	site_commit(a->site, SITE_NOW + 2000);
	expect_refused(a, SITE_NOW + 2000, TREE_MISSING);
	/* A newer root: the index says that there is one. */
	a->child->mirror.path = "root.json";
	struct tree_root next = site_next_root(a->site);
	site_put_root(
	        a->site, &next, (EVP_PKEY *const[]){ a->site->root_keys[1], a->site->root_keys[2], NULL });
	tree_root_clear(&next);
	tree_publisher_remove(a->site->publisher, "own", "A-2");
	site_commit(a->site, SITE_NOW + 3000);
	expect_refused(a, SITE_NOW + 3000, TREE_SKIPPED);
	a->child->mirror.answer = NULL;
	a->child->mirror.path = NULL;
	expect_goes_on(a, SITE_NOW + 4000);
}

/* Files of different generations, or of different shards, that were never there together. */
static void mix_and_match(void **state)
{
	struct attack *a = *state;
	char name[TREE_PATH_SIZE], other[TREE_PATH_SIZE];
	site_put(a->site, "own", "A-2", "npm", "2.0.0");
	site_put(a->site, "own", "A-3", "PyPI", "2.0");
	site_commit(a->site, SITE_NOW + 1000);
	const struct tree_index *index = tree_publisher_index(a->site->publisher);
	tree_file_path(&tree_index_find(index, "npm")->snapshot, name);
	tree_file_path(&tree_index_find(index, "PyPI")->snapshot, other);
	char *path FREE_ON_EXIT = path_in(a->site, name);
	char *other_path FREE_ON_EXIT = path_in(a->site, other);
	a->child->mirror.path = name;
	a->child->mirror.other = other_path;
	int r = child_round(a->child, SITE_NOW + 1000);
	assert_true(r == TREE_ALTERED || r == TREE_CUT || r == TREE_ENDLESS);
	/* Of the same length, so that only the hash tells. */
	size_t n;
	char *text FREE_ON_EXIT = read_text(path, &n);
	char *swapped FREE_ON_EXIT = path_in(a->site, "swapped");
	text[n / 2] ^= 1;
	write_text(swapped, text, n);
	a->child->mirror.other = swapped;
	expect_refused(a, SITE_NOW + 1000, TREE_ALTERED);
	/* What was refused is not resumed. */
	a->child->mirror.path = NULL;
	tree_publisher_remove(a->site->publisher, "own", "A-2");
	tree_publisher_remove(a->site->publisher, "own", "A-3");
	expect_goes_on(a, SITE_NOW + 2000);
}

static void rollback_of_the_index(void **state)
{
	struct attack *a = *state;
	char *path FREE_ON_EXIT = path_in(a->site, "index.json");
	char *old FREE_ON_EXIT = path_in(a->site, "old.json");
	copy_file(path, old);
	site_put(a->site, "own", "A-1", "Debian:12", "0.5");
	site_commit(a->site, SITE_NOW + 1000);
	site_put(a->site, "own", "A-1", "Debian:12", "1");
	site_commit(a->site, SITE_NOW + 2000);
	assert_int_equal(child_round(a->child, SITE_NOW + 2000), 0);
	a->child->mirror.path = "index.json";
	a->child->mirror.other = old;
	expect_refused(a, SITE_NOW + 3000, TREE_ROLLED_BACK);
	child_restart(a->child);
	a->child->mirror.path = "index.json";
	a->child->mirror.other = old;
	expect_refused(a, SITE_NOW + 3000, TREE_ROLLED_BACK);
	a->child->mirror.path = NULL;
	expect_goes_on(a, SITE_NOW + 4000);
}

static void rollback_of_the_root(void **state)
{
	struct attack *a = *state;
	put_rotated(a->site, 1);
	site_open(a->site, 2);
	site_commit(a->site, SITE_NOW + 1000);
	assert_int_equal(child_round(a->child, SITE_NOW + 1000), 0);
	char *first FREE_ON_EXIT = site_root_path(a->site, 1);
	char *second FREE_ON_EXIT = site_root_path(a->site, 2);
	a->child->mirror.path = "3.root.json";
	a->child->mirror.other = first;
	expect_refused(a, SITE_NOW + 2000, TREE_ROLLED_BACK);
	a->child->mirror.other = second;
	expect_refused(a, SITE_NOW + 2000, TREE_ROLLED_BACK);
	/* A root that skips one. */
	struct tree_root next = site_next_root(a->site);
	next.version = 4;
	char *text FREE_ON_EXIT =
	        site_sign(&next, (EVP_PKEY *const[]){ a->site->root_keys[0], a->site->root_keys[1], NULL });
	char *fourth FREE_ON_EXIT = path_in(a->site, "fourth");
	write_text(fourth, text, strlen(text));
	tree_root_clear(&next);
	a->child->mirror.other = fourth;
	expect_refused(a, SITE_NOW + 2000, TREE_SKIPPED);
	a->child->mirror.path = NULL;
	expect_goes_on(a, SITE_NOW + 3000);
}

/* The clock of a stalled fetch is the I/O layer's; it says so, and the next round resumes. */
static void slow_retrieval(void **state)
{
	struct attack *a = *state;
	struct child *c = a->child;
	struct tree_request want;
	site_put(a->site, "own", "A-9", "Debian:12", "9");
	site_commit(a->site, SITE_NOW + 1000);
	tree_follow_begin(c->follow);
	assert_true(tree_follow_next(c->follow, &want));
	assert_int_equal(tree_follow_data(c->follow, "{", 1, &c->err), 0);
	assert_int_equal(tree_follow_end(c->follow, TREE_FAILED, "less than 100 bytes/s", SITE_NOW, &c->err),
	        TREE_UNREACHABLE);
	struct tree_follow_status status;
	tree_follow_status(c->follow, &status);
	assert_non_null(strstr(status.reason, "less than 100 bytes/s"));
	assert_int_equal(status.refused[TREE_UNREACHABLE], 1);
	assert_false(tree_follow_next(c->follow, &want));
	expect_goes_on(a, SITE_NOW + 2000);
}

/* Keys that were stolen: fewer than the threshold are worth nothing, and what was taken away is worth
 * nothing. */
static void key_compromise(void **state)
{
	struct attack *a = *state;
	struct tree_root next = rotated(a->site, 3);
	/* One root key of two that are needed, with the index key beside. */
	site_put_root(
	        a->site, &next, (EVP_PKEY *const[]){ a->site->root_keys[0], a->site->index_keys[0], NULL });
	expect_refused(a, SITE_NOW + 1000, TREE_UNSIGNED);
	tree_root_clear(&next);
	char *path FREE_ON_EXIT = site_root_path(a->site, 2);
	assert_int_equal(unlink(path), 0);
	/* The index key is revoked; the thief signs a later index with it, by the root that allowed it. */
	struct tree_index index = copy_index(a->site);
	put_rotated(a->site, 1);
	site_open(a->site, 2);
	site_commit(a->site, SITE_NOW + 1000);
	assert_int_equal(child_round(a->child, SITE_NOW + 1000), 0);
	index.point.generation += 100;
	char *payload FREE_ON_EXIT = tree_index_format(&index);
	char *text FREE_ON_EXIT = site_sign_payload(
	        TREE_ROLE_INDEX, "example.org", payload, (EVP_PKEY *const[]){ a->site->index_keys[0], NULL });
	char *forged FREE_ON_EXIT = path_in(a->site, "forged");
	write_text(forged, text, strlen(text));
	tree_index_clear(&index);
	a->child->mirror.path = "index.json";
	a->child->mirror.other = forged;
	expect_refused(a, SITE_NOW + 2000, TREE_UNSIGNED);
	a->child->mirror.path = NULL;
	expect_goes_on(a, SITE_NOW + 3000);
}

/* Wrong software: a good signature by good keys, but of something else. */
static void wrong_installation(void **state)
{
	struct attack *a = *state;
	struct site *other = site_new(a->site->base, "example.net");
	char *path FREE_ON_EXIT = path_in(other, "index.json");
	site_open(other, 1);
	site_put(other, "own", "A-1", "Debian:12", "666");
	site_commit(other, SITE_NOW + 1000);
	/* Cross-repository replay. */
	a->child->mirror.path = "index.json";
	a->child->mirror.other = path;
	expect_refused(a, SITE_NOW + 1000, TREE_FOREIGN);
	/* Also where the same keys serve both: the name is signed. */
	struct tree_index index = copy_index(a->site);
	snprintf(index.repository, sizeof(index.repository), "example.net");
	index.point.generation++;
	site_write_index(a->site, &index, a->site->index_keys[0]);
	a->child->mirror.path = NULL;
	expect_refused(a, SITE_NOW + 1000, TREE_FOREIGN);
	tree_index_clear(&index);
	/* Role confusion: a root where the index is asked for. */
	char *root FREE_ON_EXIT = site_root_path(a->site, 1);
	a->child->mirror.path = "index.json";
	a->child->mirror.other = root;
	expect_refused(a, SITE_NOW + 1000, TREE_FOREIGN);
	/* The other repository's root as our next. */
	char *foreign FREE_ON_EXIT = site_root_path(other, 1);
	a->child->mirror.path = "2.root.json";
	a->child->mirror.other = foreign;
	expect_refused(a, SITE_NOW + 1000, TREE_FOREIGN);
	site_free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, attack_setup, attack_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(arbitrary_installation),
		TEST(endless_data),
		TEST(extraneous_records),
		TEST(fast_forward),
		TEST(indefinite_freeze),
		TEST(indefinite_freeze_of_the_root),
		TEST(malicious_mirror_withholds),
		TEST(mix_and_match),
		TEST(rollback_of_the_index),
		TEST(rollback_of_the_root),
		TEST(slow_retrieval),
		TEST(key_compromise),
		TEST(wrong_installation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
