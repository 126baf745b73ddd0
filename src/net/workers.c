/* SPDX-License-Identifier: ISC */
#include "net/workers.h"
#include "base/defs.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

TAILQ_HEAD(work_queue, work);

struct workers {
	struct event *event; /* something is finished */
	int wake;            /* eventfd(2) */
	pthread_t threads[WORKERS_MAX];
	unsigned n_threads;
	/* What follows is under the lock, and so is every work's state. */
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	struct work_queue queue, finished;
	size_t n_queued;
	bool stopping;
};

static void tell_loop(const struct workers *w)
{
	const uint64_t one = 1;
	ssize_t n = write(w->wake, &one, sizeof(one));
	if (n < 0 && errno != EAGAIN) /* EAGAIN: it has been told very often already */
		abort();
}

static void *work_on(void *arg)
{
	struct workers *w = arg;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct work *work = TAILQ_FIRST(&w->queue);
		if (!work && w->stopping)
			break;
		if (!work) {
			pthread_cond_wait(&w->wanted, &w->lock);
			continue;
		}
		TAILQ_REMOVE(&w->queue, work, entry);
		w->n_queued--;
		work->state = WORK_UNDER_WAY;
		pthread_mutex_unlock(&w->lock);
		work->run(work);
		pthread_mutex_lock(&w->lock);
		bool is_first = TAILQ_EMPTY(&w->finished);
		TAILQ_INSERT_TAIL(&w->finished, work, entry);
		if (is_first)
			tell_loop(w);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void deliver(struct workers *w)
{
	struct work_queue finished = TAILQ_HEAD_INITIALIZER(finished);
	pthread_mutex_lock(&w->lock);
	TAILQ_CONCAT(&finished, &w->finished, entry);
	pthread_mutex_unlock(&w->lock);
	for (struct work *work; (work = TAILQ_FIRST(&finished));) {
		TAILQ_REMOVE(&finished, work, entry);
		work->state = WORK_IDLE;
		work->done(work);
	}
}

static void on_finished(evutil_socket_t fd, short what, void *arg)
{
	uint64_t times;
	if (read(fd, &times, sizeof(times)) > 0)
		deliver(arg);
}

int workers_new(struct event_base *base, struct workers **ret, struct error *err)
{
	int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake < 0)
		return error_set(err, -errno, "eventfd: %s", strerror(errno));
	struct workers *w = xcalloc(1, sizeof(*w));
	w->wake = wake;
	TAILQ_INIT(&w->queue);
	TAILQ_INIT(&w->finished);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wanted, NULL);
	w->event = event_new(base, wake, EV_READ | EV_PERSIST, on_finished, w);
	if (!w->event || event_add(w->event, NULL) < 0)
		abort();
	*ret = w;
	return 0;
}

static unsigned count_cores(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return MIN((unsigned)CPU_COUNT(&set), (unsigned)WORKERS_MAX);
}

int workers_start(struct workers *w, struct error *err)
{
	sigset_t all, before;
	int code = 0;
	sigfillset(&all); /* signals are the loop's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned n = count_cores(); w->n_threads < n && code == 0;) {
		code = pthread_create(&w->threads[w->n_threads], NULL, work_on, w);
		w->n_threads += code == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code == 0 ? 0 : error_set(err, -code, "no thread can be started: %s", strerror(code));
}

struct workers *workers_free(struct workers *w)
{
	if (!w)
		return NULL;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->wanted);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->n_threads; i++)
		pthread_join(w->threads[i], NULL);
	deliver(w);
	event_free(w->event);
	close(w->wake);
	pthread_cond_destroy(&w->wanted);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

size_t workers_waiting(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	size_t n = w->n_queued;
	pthread_mutex_unlock(&w->lock);
	return n;
}

void workers_submit(struct workers *w, struct work *work)
{
	pthread_mutex_lock(&w->lock);
	work->state = WORK_QUEUED;
	TAILQ_INSERT_TAIL(&w->queue, work, entry);
	w->n_queued++;
	pthread_cond_signal(&w->wanted);
	pthread_mutex_unlock(&w->lock);
}

bool workers_cancel(struct workers *w, struct work *work)
{
	pthread_mutex_lock(&w->lock);
	bool is_queued = work->state == WORK_QUEUED;
	if (is_queued) {
		TAILQ_REMOVE(&w->queue, work, entry);
		w->n_queued--;
		work->state = WORK_IDLE;
	}
	pthread_mutex_unlock(&w->lock);
	return is_queued;
}
