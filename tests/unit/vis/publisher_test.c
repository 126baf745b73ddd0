/* SPDX-License-Identifier: ISC */
/* The process that publishes, and its end. */
#include "base/file.h"
#include "tests/unit/vis/publisher.h"
#include "vis/publisher.h"
#include "vuln/update.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

struct world {
	struct publishing repository;
	char *index, *key;
	struct publisher_config config;
};

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct vuln_update *u;
	publisher_begin(&w->repository, "central");
	w->repository.tree = tree_publisher_close(w->repository.tree); /* one publisher at a time */
	w->index = directory_make();
	assert_int_equal(vuln_update_open(w->index, &u, NULL), 0);
	vuln_update_close(u);
	w->key = xasprintf("%s/key", w->index);
	assert_int_equal(key_save(w->repository.key, w->key, NULL), 0);
	w->config = (struct publisher_config){
		.dir = w->repository.dir, .index = w->index, .keys = { w->key }, .n_keys = 1
	};
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	publisher_end(&w->repository);
	directory_remove(w->index);
	free(w->key);
	free(w);
	return 0;
}

static bool has_failed(const struct publisher *p)
{
	struct metrics *m = metrics_new("");
	publisher_fill_metrics(p, m);
	char *text FREE_ON_EXIT = metrics_finish(m);
	return strstr(text, "\npublished_failures_total 0\n") == NULL;
}

/* It does not wait for the next try, nor try on: its keeper is gone when it has stopped. */
static void one_that_fails_stops_at_once(void **state)
{
	struct world *w = *state;
	struct publisher *p;
	struct error err;
	if (publisher_start(&w->config, &p, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(unlink(w->key), 0);
	char *root FREE_ON_EXIT = xasprintf("%s/1.root.json", w->repository.dir);
	assert_int_equal(unlink(root), 0);
	publisher_tell(p);
	for (time_ms end = clock_monotonic_ms() + 30000; !has_failed(p) && clock_monotonic_ms() < end;)
		(void)usleep(1000);
	assert_true(has_failed(p));
	publisher_stop(p);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_that_fails_stops_at_once, setup, teardown),
	};
	return cmocka_run_group_tests_name("vis-publisher", tests, NULL, NULL);
}
