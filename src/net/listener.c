/* SPDX-License-Identifier: ISC */
#include "net/listener.h"

#include "base/table.h"
#include "net/stream_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct listener {
	struct listener_config config; /* path owned */
	struct event_base *base;
	int fd;
	struct event *event, *resume;
	struct table *sources; /* ip_prefix -> struct source */
	struct listener_counters counters;
	LIST_HEAD(, accepted) accepted;
	TAILQ_HEAD(, accepted) shaking; /* of them, those that have not shaken hands; the oldest first */
	bool freed;                     /* open streams still count here */
};

struct source {
	size_t n;
};

/* One stream that came from here; lives as long as the stream. */
struct accepted {
	struct listener *listener;
	struct stream *stream;
	struct ip_prefix source;
	bool shaking_hands;
	LIST_ENTRY(accepted) next;
	TAILQ_ENTRY(accepted) turn;
};

static void listener_release(struct listener *l)
{
	table_free(l->sources, free);
	free((char *)l->config.path);
	free(l);
}

/* Sources. */

static struct ip_prefix source_of(const struct listener *l, const struct ip_address *address)
{
	struct ip_prefix p = { *address, 128 };
	if (!ip_is_v4(address) && !l->config.source_is_host) {
		p.length = 64;
		memset(p.address.bytes + 8, 0, 8);
	}
	return p;
}

static bool source_take(struct listener *l, const struct ip_prefix *p)
{
	struct source *s = table_get(l->sources, p, sizeof(*p));
	if (l->config.source_max == 0)
		return false;
	if (!s) {
		s = xcalloc(1, sizeof(*s));
		(void)table_set(l->sources, p, sizeof(*p), s);
	}
	if (s->n >= l->config.source_max)
		return false;
	s->n++;
	return true;
}

static void source_give_back(struct listener *l, const struct ip_prefix *p)
{
	struct source *s = table_get(l->sources, p, sizeof(*p));
	if (s && --s->n == 0)
		free(table_remove(l->sources, p, sizeof(*p)));
}

/* Streams that have not been handed over yet. */

static void hands_shaken(struct accepted *a)
{
	if (!a->shaking_hands)
		return;
	a->listener->counters.shaking_hands--;
	TAILQ_REMOVE(&a->listener->shaking, a, turn);
	a->shaking_hands = false;
}

static void on_gone(struct stream *stream, void *user)
{
	struct accepted *a = user;
	struct listener *l = a->listener;
	hands_shaken(a);
	l->counters.open--;
	if (l->config.tls)
		source_give_back(l, &a->source);
	LIST_REMOVE(a, next);
	free(a);
	if (l->freed && LIST_EMPTY(&l->accepted))
		listener_release(l);
}

static void closed_by_nobody(struct stream *s, const char *reason, void *user)
{
}

static size_t data_for_nobody(struct stream *s, const uint8_t *data, size_t length, void *user)
{
	return length;
}

/* For a stream that on_stream closed instead of giving it handlers. */
static const struct stream_handlers nobody = { .on_data = data_for_nobody, .on_close = closed_by_nobody };

static void on_open(struct stream *s, const struct identity *peer, void *user)
{
	struct accepted *a = user;
	struct listener *l = a->listener;
	hands_shaken(a);
	stream_set_handlers(s, &nobody, NULL);
	l->config.on_stream(s, peer, l->config.user);
}

static void on_failed(struct stream *s, const char *reason, void *user)
{
	struct accepted *a = user;
	struct listener *l = a->listener;
	l->counters.handshakes_failed++;
	if (l->config.on_refused)
		l->config.on_refused(stream_peer_text(s), reason, l->config.user);
}

static const struct stream_handlers shaking = {
	.on_open = on_open, .on_data = data_for_nobody, .on_close = on_failed
};

static bool within_limits(struct listener *l, const struct ip_prefix *source)
{
	struct listener_counters *c = &l->counters;
	if (c->open >= l->config.connections_max)
		c->refused_total++;
	else if (l->config.handshakes_max == 0)
		c->refused_handshakes++;
	else if (l->config.tls && !source_take(l, source))
		c->refused_source++;
	else
		return true;
	return false;
}

/* Whoever means it has shaken hands in no time: those who have been at it for longest make room, so that
 * silent connections do not keep the others out. */
static void make_room(struct listener *l)
{
	while (l->counters.shaking_hands >= l->config.handshakes_max) {
		l->counters.refused_handshakes++;
		stream_free(TAILQ_FIRST(&l->shaking)->stream);
	}
}

static int start_stream(struct listener *l, int fd, struct accepted *a)
{
	if (l->config.tls) {
		socket_set_tcp(fd);
		int r = tls_stream_over_socket(
		        l->base, l->config.tls, fd, NULL, &l->config.limits, &shaking, a, &a->stream, NULL);
		if (r == 0)
			a->stream->workers = l->config.workers;
		return r;
	}
	a->stream = stream_new(l->base, fd, NULL, false, &l->config.limits, &shaking, a);
	uid_t uid = (uid_t)-1;
	(void)stream_peer_user(a->stream, &uid, NULL);
	snprintf(a->stream->peer_text, sizeof(a->stream->peer_text), "unix uid %u", uid);
	return 0;
}

static void take_connection(struct listener *l, int fd, const struct sockaddr_storage *from)
{
	struct ip_address address = { { 0 } };
	if (l->config.tls)
		(void)ip_from_sockaddr((const struct sockaddr *)from, &address, NULL);
	const struct ip_prefix source = source_of(l, &address);
	if (!within_limits(l, &source)) {
		close(fd);
		return;
	}
	make_room(l);
	struct accepted *a = xcalloc(1, sizeof(*a));
	*a = (struct accepted){ .listener = l, .source = source, .shaking_hands = true };
	if (start_stream(l, fd, a) < 0) {
		l->counters.accept_errors++;
		if (l->config.tls)
			source_give_back(l, &source);
		free(a);
		return;
	}
	l->counters.accepted++;
	l->counters.open++;
	l->counters.shaking_hands++;
	a->stream->on_gone = on_gone;
	a->stream->on_gone_user = a;
	LIST_INSERT_HEAD(&l->accepted, a, next);
	TAILQ_INSERT_TAIL(&l->shaking, a, turn);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	event_add(l->event, NULL);
}

static void pause_for(struct listener *l, int ms)
{
	const struct timeval pause = { 0, ms * 1000 };
	event_del(l->event);
	event_add(l->resume, &pause);
}

/* When all of a site comes at once, each is served as soon as it is accepted; its own patience counts from
 * then on, and the others' connections cost nothing. */
static bool are_workers_busy(const struct listener *l)
{
	return l->config.workers && workers_waiting(l->config.workers) >= LISTENER_WORK_MAX;
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	if (are_workers_busy(l)) {
		pause_for(l, LISTENER_WORK_PAUSE_MS);
		return;
	}
	for (int i = 0; i < LISTENER_BATCH; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t length = sizeof(from);
		int new = accept4(l->fd, (struct sockaddr *)&from, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (new >= 0) {
			take_connection(l, new, &from);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		l->counters.accept_errors++;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* It would be reported again at once, for ever. */
			pause_for(l, LISTENER_PAUSE_MS);
			return;
		}
	}
}

/* Listening. */

static int bind_tcp(int fd, const struct sockaddr_storage *address, struct error *err)
{
	int on = 1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->ss_family == AF_INET6) {
		/* "::" listens to both families, whatever the sysctl says. */
		int off = 0;
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	}
	if (bind(fd, (const struct sockaddr *)address, socket_address_length(address)) < 0)
		return error_set(err, -errno, "cannot listen: %s", strerror(errno));
	return 0;
}

/* A socket that somebody answers on is not taken away from them. */
static int remove_stale(const char *path, const struct sockaddr_un *address, struct error *err)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, -EEXIST, "%s: there is something else than a socket", path);
	int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = probe < 0                                                                ? -errno
	        : connect(probe, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno
	                                                                                 : 0;
	if (probe >= 0)
		close(probe);
	if (r != -ECONNREFUSED)
		return error_set(err, -EADDRINUSE, "%s: another program listens there", path);
	return unlink(path) < 0 ? error_set(err, -errno, "%s: %s", path, strerror(errno)) : 0;
}

static int bind_unix(int fd, const char *path, mode_t mode, struct error *err)
{
	struct sockaddr_un address;
	int r = socket_unix_address(path, &address, err);
	if (r == 0)
		r = remove_stale(path, &address, err);
	if (r < 0)
		return r;
	/* The mode is right from the first moment. */
	mode_t before = umask(0777 & ~mode);
	r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(before);
	return r < 0 ? error_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

int listener_new(struct event_base *base, const struct listener_config *config, struct listener **ret,
        struct error *err)
{
	int family = config->tls ? config->address.ss_family : AF_UNIX;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "socket: %s", strerror(errno));
	int r = config->tls ? bind_tcp(fd, &config->address, err)
	                    : bind_unix(fd, config->path, config->mode, err);
	if (r == 0 && listen(fd, LISTENER_BACKLOG) < 0)
		r = error_set(err, -errno, "cannot listen: %s", strerror(errno));
	if (r < 0) {
		close(fd);
		return r;
	}
	struct listener *l = xcalloc(1, sizeof(*l));
	l->config = *config;
	l->config.path = config->tls ? NULL : xstrdup(config->path);
	l->base = base;
	l->fd = fd;
	l->sources = table_new();
	LIST_INIT(&l->accepted);
	TAILQ_INIT(&l->shaking);
	l->event = event_new(base, fd, EV_READ | EV_PERSIST, on_acceptable, l);
	l->resume = event_new(base, -1, 0, on_resume, l);
	if (!l->event || !l->resume || event_add(l->event, NULL) < 0)
		abort();
	*ret = l;
	return 0;
}

struct listener *listener_free(struct listener *l)
{
	if (!l)
		return NULL;
	event_free(l->event);
	event_free(l->resume);
	close(l->fd);
	if (l->config.path)
		(void)unlink(l->config.path);
	struct accepted *a, *next;
	for (a = LIST_FIRST(&l->accepted); a; a = next) {
		next = LIST_NEXT(a, next);
		if (a->shaking_hands)
			stream_free(a->stream);
	}
	/* From here on the last stream that goes takes the listener with it. */
	l->freed = true;
	if (LIST_EMPTY(&l->accepted))
		listener_release(l);
	return NULL;
}

int listener_port(const struct listener *l, uint16_t *ret)
{
	struct sockaddr_storage address;
	struct ip_address ip;
	socklen_t length = sizeof(address);
	if (getsockname(l->fd, (struct sockaddr *)&address, &length) < 0)
		return -errno;
	return ip_from_sockaddr((struct sockaddr *)&address, &ip, ret);
}

void listener_get_counters(const struct listener *l, struct listener_counters *ret)
{
	*ret = l->counters;
}
