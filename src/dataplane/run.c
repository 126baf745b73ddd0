/* SPDX-License-Identifier: ISC */
#include "dataplane/dataplane.h"

#include "dataplane/worker.h"

#include <errno.h>
#include <openssl/rand.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TICK_MS 100
#define LIFE_MS 1000
#define CONTROL_BUFFER (4 << 20)

bool plane_post(struct plane *p, const struct plane_event *e)
{
	pthread_mutex_lock(&p->event_lock);
	bool fits = p->n_events < PLANE_EVENTS_MAX;
	if (fits)
		p->events[p->n_events++] = *e;
	pthread_mutex_unlock(&p->event_lock);
	uint64_t one = 1;
	/* Its only failure is a counter that is full, and then main is awake already. */
	(void)!write(p->event_fd, &one, sizeof(one));
	return fits;
}

static void on_events(evutil_socket_t fd, short what, void *user)
{
	struct plane *p = user;
	struct plane_event *events = p->taken;
	uint64_t n_signals;
	(void)!read(fd, &n_signals, sizeof(n_signals));
	pthread_mutex_lock(&p->event_lock);
	unsigned n = p->n_events;
	memcpy(events, p->events, n * sizeof(events[0]));
	p->n_events = 0;
	pthread_mutex_unlock(&p->event_lock);
	time_ms now = clock_monotonic_ms();
	for (unsigned i = 0; i < n; i++) {
		if (events[i].kind == PLANE_MOVED)
			life_moved(p, &events[i]);
		else if (events[i].kind == PLANE_PATH_MTU)
			life_path_mtu(p, &events[i], now);
		else
			p->tun_gone = true;
	}
	if (p->tun_gone)
		event_base_loopbreak(p->base);
}

static void on_tick(evutil_socket_t fd, short what, void *user)
{
	struct plane *p = user;
	time_ms now = clock_monotonic_ms();
	if (now >= p->next_life) {
		p->next_life = now + LIFE_MS;
		life_check(p, now);
	}
	reclaim_now(&p->reclaim);
}

static void on_signal(evutil_socket_t fd, short what, void *user)
{
	event_base_loopbreak(((struct plane *)user)->base);
}

/* The socket of a kind and address that a worker sends on: its own, or, where it reads none, another's. */
static void choose_sockets(struct plane *p)
{
	const struct dataplane_config *c = p->config;
	memset(p->fds, 0xff, sizeof(p->fds));
	for (unsigned w = 0; w <= p->n_workers; w++) {
		for (uint32_t i = 0; i < c->n_sockets; i++) {
			const struct dataplane_socket *s = &c->sockets[i];
			int *fd = &p->fds[w][s->kind][s->address];
			if (*fd < 0 || s->worker == w)
				*fd = s->fd;
		}
	}
}

static int check_config(const struct dataplane_config *c, struct error *err)
{
	if (!c->n_workers || c->n_workers > DATAPLANE_WORKERS_MAX ||
	        c->n_addresses > DATAPLANE_ADDRESSES_MAX || c->n_sockets > DATAPLANE_SOCKETS_MAX ||
	        c->control < 0)
		return error_set(err, -EINVAL, "data plane: its configuration is not whole");
	for (uint32_t i = 0; i < c->n_sockets; i++) {
		const struct dataplane_socket *s = &c->sockets[i];
		if (s->fd < 0 || s->kind >= DATAPLANE_N_SOCKET_KINDS || s->worker >= c->n_workers ||
		        s->address >= c->n_addresses)
			return error_set(
			        err, -EINVAL, "data plane: socket %u of its configuration is wrong", i);
	}
	return 0;
}

static int init_tables(struct plane *p, struct error *err)
{
	uint64_t random[4];
	if (RAND_bytes((unsigned char *)random, sizeof(random)) != 1 ||
	        RAND_bytes((unsigned char *)p->hash_key, sizeof(p->hash_key)) != 1)
		return error_set(err, -EIO, "data plane: no random bytes");
	session_table_init(&p->sessions, &p->reclaim, p->n_workers + 1, random[0]);
	sa_table_init(&p->sas, &p->reclaim, random[1]);
	association_table_init(&p->associations, &p->sas, &p->sessions, &p->reclaim, random[2]);
	return 0;
}

static int start_workers(struct plane *p, struct error *err)
{
	int rc = 0;
	p->workers = xcalloc(p->n_workers + 1, sizeof(*p->workers));
	for (unsigned i = 0; i <= p->n_workers && !rc; i++)
		rc = worker_init(&p->workers[i], p, i, err);
	for (unsigned i = 0; i < p->n_workers && !rc; i++)
		rc = worker_start(&p->workers[i], err);
	return rc;
}

static void stop_workers(struct plane *p)
{
	atomic_store(&p->stop, true);
	for (unsigned i = 0; p->workers && i < p->n_workers; i++)
		worker_join(&p->workers[i]);
	for (unsigned i = 0; p->workers && i <= p->n_workers; i++)
		worker_clear(&p->workers[i]);
	free(p->workers);
	p->workers = NULL;
}

static int serve(struct plane *p, struct error *err)
{
	struct timeval tick = { .tv_usec = TICK_MS * 1000 };
	struct event *events[] = {
		event_new(p->base, p->event_fd, EV_READ | EV_PERSIST, on_events, p),
		event_new(p->base, -1, EV_PERSIST, on_tick, p),
		evsignal_new(p->base, SIGTERM, on_signal, p),
		evsignal_new(p->base, SIGINT, on_signal, p),
	};
	int rc = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(events) && !rc; i++) {
		if (!events[i] || event_add(events[i], i == 1 ? &tick : NULL) < 0)
			rc = error_set(err, -ENOMEM, "data plane: no events");
	}
	rc = rc ? rc : start_workers(p, err);
	rc = rc ? rc : control_open(p, err);
	rc = rc ? rc : charon_open(p, err);
	if (!rc && event_base_dispatch(p->base) < 0)
		rc = error_set(err, -EIO, "data plane: the event loop failed");
	if (!rc && p->tun_gone)
		rc = error_set(err, -ENODEV, "data plane: its TUN interface was deleted");
	stop_workers(p);
	for (size_t i = 0; i < ARRAY_LENGTH(events); i++) {
		if (events[i])
			event_free(events[i]);
	}
	return rc;
}

static void plane_clear(struct plane *p)
{
	charon_close(p);
	control_close(p);
	reclaim_clear(&p->reclaim);
	association_table_clear(&p->associations);
	sa_table_clear(&p->sas);
	session_table_clear(&p->sessions);
	if (p->base)
		event_base_free(p->base);
	if (p->event_fd >= 0)
		close(p->event_fd);
	pthread_mutex_destroy(&p->event_lock);
}

int dataplane_run(const struct dataplane_config *config, struct error *err)
{
	int rc = check_config(config, err);
	if (rc < 0)
		return rc;
	struct plane *p = xcalloc(1, sizeof(*p));
	p->config = config;
	p->n_workers = config->n_workers;
	p->punt_rate = config->l2tp_control_rate ? config->l2tp_control_rate : PLANE_PUNT_RATE;
	p->ike_rate = config->ike_rate ? config->ike_rate : PLANE_IKE_RATE;
	pthread_mutex_init(&p->event_lock, NULL);
	p->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->base = event_base_new();
	int buffer = CONTROL_BUFFER;
	/* As much as the system lets us have. */
	(void)setsockopt(config->control, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	choose_sockets(p);
	rc = p->event_fd < 0 || !p->base ? error_set(err, -ENOMEM, "data plane: no event loop")
	                                 : init_tables(p, err);
	rc = rc ? rc : tap_open(&p->tap, config->tap, config->tap_bytes_max, err);
	rc = rc ? rc : serve(p, err);
	plane_clear(p);
	free(p);
	return rc;
}
