/* SPDX-License-Identifier: ISC */
#include "net/workers.h"
#include "tests/unit/test.h"

#include <pthread.h>

#define JOBS 64

struct job {
	struct work work;
	struct bed *bed;
	uint64_t n, sum;
	bool is_done;
	pthread_t by;
};

struct bed {
	struct event_base *base;
	struct workers *workers;
	struct job jobs[JOBS];
	pthread_mutex_t hold; /* while it is locked, no job ends */
	unsigned n_done, rounds;
};

static void run(struct work *work)
{
	struct job *j = (struct job *)work;
	pthread_mutex_lock(&j->bed->hold);
	pthread_mutex_unlock(&j->bed->hold);
	for (uint64_t i = 1; i <= j->n; i++)
		j->sum += i;
	j->by = pthread_self();
}

static void done(struct work *work)
{
	struct job *j = (struct job *)work;
	assert_int_equal(j->work.state, WORK_IDLE);
	assert_false(pthread_equal(j->by, pthread_self()));
	j->bed->n_done++;
	j->is_done = true;
	if (j->bed->rounds && j->bed->rounds--) {
		j->is_done = false;
		workers_submit(j->bed->workers, work); /* again, from its own end */
	}
}

static int setup(void **state)
{
	struct bed *b = xcalloc(1, sizeof(*b));
	struct error err;
	b->base = event_base_new();
	pthread_mutex_init(&b->hold, NULL);
	assert_int_equal(workers_new(b->base, &b->workers, &err), 0);
	for (unsigned i = 0; i < JOBS; i++)
		b->jobs[i] = (struct job){ .work = { .run = run, .done = done }, .bed = b, .n = i * 100 };
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;
	workers_free(b->workers);
	event_base_free(b->base);
	pthread_mutex_destroy(&b->hold);
	free(b);
	return 0;
}

static void what_is_done_comes_back_to_the_loop(void **state)
{
	struct bed *b = *state;
	struct error err;
	assert_int_equal(workers_start(b->workers, &err), 0);
	b->rounds = 3 * JOBS;
	for (unsigned i = 0; i < JOBS; i++)
		workers_submit(b->workers, &b->jobs[i].work);
	while (b->n_done < 4 * JOBS)
		event_base_loop(b->base, EVLOOP_ONCE);
	for (unsigned i = 0; i < JOBS; i++)
		assert_true(b->jobs[i].is_done && b->jobs[i].sum >= b->jobs[i].n * (b->jobs[i].n + 1) / 2);
}

/* What nobody has begun can be taken back, what is under way cannot: its end comes. */
static void queued_work_is_taken_back(void **state)
{
	struct bed *b = *state;
	struct error err;
	unsigned n_left = 0;
	for (unsigned i = 0; i < JOBS; i++)
		workers_submit(b->workers, &b->jobs[i].work);
	assert_true(workers_cancel(b->workers, &b->jobs[3].work));
	assert_false(workers_cancel(b->workers, &b->jobs[3].work));
	pthread_mutex_lock(&b->hold);
	assert_int_equal(workers_start(b->workers, &err), 0);
	for (unsigned i = 0; i < JOBS; i++)
		n_left += !workers_cancel(b->workers, &b->jobs[i].work);
	pthread_mutex_unlock(&b->hold);
	assert_in_range(n_left, 1, WORKERS_MAX + 1); /* 3 is not there any more */
	while (b->n_done < n_left - 1)
		event_base_loop(b->base, EVLOOP_ONCE);
	assert_false(b->jobs[3].is_done);
}

static void the_end_waits_for_what_is_queued(void **state)
{
	struct bed *b = *state;
	struct error err;
	assert_int_equal(workers_start(b->workers, &err), 0);
	for (unsigned i = 0; i < JOBS; i++)
		workers_submit(b->workers, &b->jobs[i].work);
	b->workers = workers_free(b->workers);
	assert_int_equal(b->n_done, JOBS);
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(what_is_done_comes_back_to_the_loop),
		bed_test(queued_work_is_taken_back),
		bed_test(the_end_waits_for_what_is_queued),
	};
	return cmocka_run_group_tests_name("workers", tests, NULL, NULL);
}
