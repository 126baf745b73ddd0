/* SPDX-License-Identifier: ISC */
#include "dataplane/worker.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <urcu/urcu-qsbr.h>

#define EVENTS_MAX 64
#define WAIT_MS 200 /* to see that the process ends */
#define TUN_TAG UINT32_MAX
#define FRAME_MAX (70u << 10)

static void write_tun(struct iovec *iov, int n, void *user)
{
	struct worker *w = user;
	enum worker_stage before = w->stage;
	worker_stage(w, STAGE_TUN_WRITE);
	ssize_t written = w->tun_write < 0 ? -1 : writev(w->tun_write, iov, n);
	worker_count(w, written < 0 ? STAT_tun_write_failed : STAT_tun_writes);
	worker_stage(w, before);
}

static int watch(struct worker *w, int fd, uint32_t tag, struct error *err)
{
	struct epoll_event e = { .events = EPOLLIN, .data = { .u32 = tag } };
	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		return error_set(err, -errno, "data plane: descriptor %d: %s", fd, strerror(errno));
	return 0;
}

static int watch_all(struct worker *w, struct error *err)
{
	const struct dataplane_config *c = w->plane->config;
	int rc = w->tun >= 0 ? watch(w, w->tun, TUN_TAG, err) : 0;
	for (uint32_t i = 0; i < c->n_sockets && !rc; i++) {
		if (c->sockets[i].worker == w->index)
			rc = watch(w, c->sockets[i].fd, i, err);
	}
	return rc;
}

static void make_buffers(struct worker *w)
{
	w->sender = xcalloc(1, sizeof(*w->sender));
	w->sender->arena = xmalloc(WORKER_ARENA);
	w->receiver = xcalloc(1, sizeof(*w->receiver));
	w->receiver->buffers = xmalloc(sizeof(*w->receiver->buffers) * WORKER_MESSAGES);
	w->receiver->coalescer = (struct coalescer){ .tcp = w->plane->config->has_offloads,
		.udp = w->plane->config->has_udp_offload,
		.write = write_tun,
		.user = w };
	w->tun_buffer = xmalloc(WORKER_BUFFER);
	w->scratch = xmalloc(WORKER_BUFFER);
}

int worker_init(struct worker *w, struct plane *p, unsigned index, struct error *err)
{
	bool is_main = index == p->n_workers;
	*w = (struct worker){ .plane = p,
		.index = index,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.tun = is_main ? -1 : p->config->workers[index].tun,
		.frame = wr_make(FRAME_MAX) };
	w->tun_write = w->tun;
	for (unsigned i = 0; i < p->n_workers && w->tun_write < 0; i++)
		w->tun_write = p->config->workers[i].tun;
	if (w->epoll < 0)
		return error_set(err, -errno, "data plane: epoll: %s", strerror(errno));
	make_buffers(w);
	int rc = esp_worker_new(index, ESP_BACKEND_AUTO, &w->esp, err);
	return rc < 0 || is_main ? rc : watch_all(w, err);
}

void worker_clear(struct worker *w)
{
	w->esp = esp_worker_free(w->esp);
	if (w->sender)
		free(w->sender->arena);
	if (w->receiver)
		free(w->receiver->buffers);
	free(w->sender);
	free(w->receiver);
	free(w->tun_buffer);
	free(w->scratch);
	wr_free(&w->frame);
	if (w->epoll >= 0)
		close(w->epoll);
	*w = (struct worker){ .epoll = -1 };
}

/* It has no loop of its own that tells it when its work begins. */
struct worker *worker_of_main(struct plane *p)
{
	struct worker *w = &p->workers[p->n_workers];
	worker_wake(w);
	return w;
}

static void serve(struct worker *w, const struct epoll_event *e)
{
	if (e->data.u32 == TUN_TAG && (e->events & (EPOLLERR | EPOLLHUP))) {
		struct plane_event gone = { .kind = PLANE_TUN_GONE };
		epoll_ctl(w->epoll, EPOLL_CTL_DEL, w->tun, NULL);
		plane_post(w->plane, &gone);
		return;
	}
	if (e->data.u32 == TUN_TAG) {
		transmit_tun(w);
		return;
	}
	const struct dataplane_socket *s = &w->plane->config->sockets[e->data.u32];
	if (e->events & EPOLLERR)
		receive_errors(w, s);
	if (e->events & EPOLLIN)
		receive_socket(w, s);
}

static void *run(void *user)
{
	struct worker *w = user;
	struct epoll_event events[EVENTS_MAX];
	urcu_qsbr_register_thread();
	while (!atomic_load_explicit(&w->plane->stop, memory_order_relaxed)) {
		urcu_qsbr_quiescent_state();
		int n = epoll_wait(w->epoll, events, EVENTS_MAX, 0);
		if (n <= 0) {
			/* Nothing there: whoever waits for readers need not wait for this one. */
			urcu_qsbr_thread_offline();
			n = epoll_wait(w->epoll, events, EVENTS_MAX, WAIT_MS);
			urcu_qsbr_thread_online();
		}
		struct timespec now;
		clock_gettime(CLOCK_MONOTONIC, &now);
		w->now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
		worker_wake(w);
		for (int i = 0; i < n; i++)
			serve(w, &events[i]);
	}
	urcu_qsbr_unregister_thread();
	return NULL;
}

int worker_start(struct worker *w, struct error *err)
{
	int rc = pthread_create(&w->thread, NULL, run, w);
	if (rc)
		return error_set(err, -rc, "data plane: a worker's thread: %s", strerror(rc));
	w->started = true;
	int cpu = w->plane->config->workers[w->index].cpu;
	cpu_set_t set;
	CPU_ZERO(&set);
	if (cpu >= 0) {
		CPU_SET((size_t)cpu, &set);
		/* A processor that is not there, or not ours: the scheduler places the thread. */
		(void)pthread_setaffinity_np(w->thread, sizeof(set), &set);
	}
	return 0;
}

void worker_join(struct worker *w)
{
	if (w->started)
		pthread_join(w->thread, NULL);
	w->started = false;
}
