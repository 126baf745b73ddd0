/* SPDX-License-Identifier: ISC */
/* A repository in a directory, and what somebody lacks who stands at an earlier point of it. */
#include "tests/unit/vis/publisher.h"
#include "vis/served.h"

struct world {
	struct publishing publisher;
	struct served *served;
};

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	publisher_begin(&w->publisher, "central");
	w->served = served_new("central", w->publisher.dir);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	served_free(w->served);
	publisher_end(&w->publisher);
	free(w);
	return 0;
}

static int load(struct world *w)
{
	struct error err = { "" };
	int r = served_load(w->served, &err);
	if (r < 0)
		fail_msg("%s", err.text);
	return r;
}

static size_t files_since(const struct world *w, struct tree_point from)
{
	struct push_event e;
	served_event(w->served, from, &e);
	size_t n = e.n_files;
	assert_int_equal(e.index.length, w->served->length);
	for (size_t i = 0; i < n; i++)
		assert_true(e.files[i].length > 0);
	push_event_clear(&e);
	return n;
}

static void deltas_travel_with_the_index(void **state)
{
	struct world *w = *state;
	assert_int_equal(load(w), 0); /* nothing yet */
	struct tree_point first = publisher_put(&w->publisher, "DSA-1", "Debian:12", "1.0");
	assert_int_equal(load(w), 1);
	assert_int_equal(load(w), 0);
	assert_int_equal(tree_point_order(w->served->index.point, first), 0);
	struct tree_point second = publisher_put(&w->publisher, "DSA-2", "Debian:12", "1.1");
	(void)publisher_put(&w->publisher, "ALPINE-1", "Alpine:v3.18", "1.1-r0");
	(void)publisher_put(&w->publisher, "DSA-3", "Debian:12", "1.2");
	assert_int_equal(load(w), 1);
	/* Debian's two deltas; Alpine's shard is new. */
	assert_true(files_since(w, first) >= 2);
	assert_true(files_since(w, second) < files_since(w, first));
	assert_int_equal(files_since(w, w->served->index.point), 0);
	/* From nothing: two snapshots, and what came after them. */
	assert_true(files_since(w, (struct tree_point){ 0, 0 }) >= 2);
	assert_int_equal(files_since(w, (struct tree_point){ first.epoch + 1, UINT64_MAX }),
	        files_since(w, (struct tree_point){ 0, 0 }));
}

static void files_are_told_by_their_names(void **state)
{
	struct world *w = *state;
	char path[TREE_PATH_SIZE];
	(void)publisher_put(&w->publisher, "DSA-1", "Debian:12", "1.0");
	assert_int_equal(load(w), 1);
	assert_int_equal(w->served->index.n_shards, 1);
	const struct tree_shard *shard = &w->served->index.shards[0];
	const char *file = tree_file_path(&shard->snapshot, path) + strlen("files/");
	assert_true(served_names(w->served, file));
	assert_false(served_names(w->served, "index.json"));
}

static void what_is_not_signed_is_not_told(void **state)
{
	struct world *w = *state;
	char *path FREE_ON_EXIT = xasprintf("%s/index.json", w->publisher.dir);
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	struct error err;
	(void)publisher_put(&w->publisher, "DSA-1", "Debian:12", "1.0");
	assert_int_equal(load(w), 1);
	assert_int_equal(file_read(path, TREE_INDEX_MAX, &text, &length, NULL), 0);
	char *payload = strstr(text, "\"payload\"");
	assert_non_null(payload);
	payload[20] = payload[20] == 'A' ? 'B' : 'A';
	assert_int_equal(file_replace(path, text, length, 0644, NULL), 0);
	assert_true(served_load(w->served, &err) < 0);
	assert_int_equal(w->served->index.n_shards, 1); /* as it was */
}

int main(void)
{
#define served_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		served_test(deltas_travel_with_the_index),
		served_test(files_are_told_by_their_names),
		served_test(what_is_not_signed_is_not_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
