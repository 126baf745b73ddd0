/* SPDX-License-Identifier: ISC */
/* Runs a blocking call in a thread while the test's event loop turns, because the loop is the server that it
 * calls. */
#pragma once

#include "tests/unit/net/site.h"

#include <pthread.h>

struct thread_job {
	int (*run)(void *user, struct error *err);
	void *user;
	struct error err;
	int result;
	bool done;
};

static inline void *thread_main(void *arg)
{
	struct thread_job *job = arg;
	job->result = job->run(job->user, &job->err);
	__atomic_store_n(&job->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Returns what run() returned; its words are in job->err. */
static inline int thread_call(struct site *site, struct thread_job *job)
{
	pthread_t thread;
	job->done = false;
	assert_int_equal(pthread_create(&thread, NULL, thread_main, job), 0);
	for (int i = 0; i < 1000 && !__atomic_load_n(&job->done, __ATOMIC_ACQUIRE); i++)
		site_run_for(site, 10);
	assert_int_equal(pthread_join(thread, NULL), 0);
	return job->result;
}
