/* SPDX-License-Identifier: ISC */
/* Datagrams and the timer. See radius_servers.h. */
#include "softwire/radius_servers.h"

#include "softwire/radius_servers_private.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECEIVE_BATCH 64 /* datagrams before others get their turn */

void radius_servers_notice(struct radius_servers *s, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (s->on_notice)
		s->on_notice(text, s->user);
}

void radius_servers_rearm(struct radius_servers *s)
{
	time_ms at = radius_client_deadline(s->client);
	if (at == RADIUS_NEVER) {
		event_del(s->timer);
		return;
	}
	int64_t ms = MAX(at - clock_monotonic_ms(), 0);
	const struct timeval pause = { ms / 1000, ms % 1000 * 1000 };
	event_add(s->timer, &pause);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
	struct radius_servers *s = user;
	radius_client_tick(s->client, clock_monotonic_ms());
	radius_servers_rearm(s);
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
	struct radius_socket *k = user;
	struct radius_servers *s = k->port->servers;
	uint8_t bytes[RADIUS_PACKET_MAX];
	for (int i = 0; i < RECEIVE_BATCH; i++) {
		/* Connected: the kernel drops what comes from elsewhere. An ICMP error is a lost packet. */
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n >= 0)
			(void)radius_client_receive(
			        s->client, k->port->index, k->path, bytes, (size_t)n, clock_monotonic_ms());
	}
	radius_servers_rearm(s);
}

/* On first use: at start there may be no route yet. */
static bool open_socket(struct radius_socket *k)
{
	const int buffer = RADIUS_SOCKET_BUFFER;
	const struct sockaddr *to = (const struct sockaddr *)&k->port->address;
	socklen_t length =
	        to->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	if (connect(fd, to, length) < 0) {
		close(fd);
		return false;
	}
	k->readable = event_new(k->port->servers->base, fd, EV_READ | EV_PERSIST, on_readable, k);
	event_add(k->readable, NULL);
	k->fd = fd;
	return true;
}

static void client_send(void *user, unsigned server, unsigned path, const uint8_t *bytes, size_t length)
{
	struct radius_servers *s = user;
	struct radius_socket *k = &s->ports[server].sockets[path];
	if (s->ports[server].config.radius.is_stream)
		radius_stream_send(k, bytes, length);
	else if (k->fd >= 0 || open_socket(k))
		/* What cannot be sent now is as good as lost, and will be repeated. */
		(void)send(k->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void client_random(void *user, void *bytes, size_t length)
{
	if (RAND_bytes(bytes, (int)length) != 1)
		abort();
}

static void client_server(void *user, unsigned server, bool is_up)
{
	struct radius_servers *s = user;
	const struct aaa_server *c = &s->ports[server].config;
	const char *what = c->radius.services == RADIUS_ACCOUNTING ? "accounting server" : "server";
	if (is_up)
		radius_servers_notice(s, "RADIUS %s %s is back", what, c->text);
	else
		radius_servers_notice(s, "RADIUS %s %s does not answer", what, c->text);
	for (unsigned i = 0; !is_up && c->radius.is_stream && i < c->radius.n_paths; i++)
		radius_stream_renew(&s->ports[server].sockets[i]);
}

static void client_unprotected(void *user, unsigned server)
{
	struct radius_servers *s = user;
	radius_servers_notice(s,
	        "RADIUS server %s: a reply without Message-Authenticator is ignored, as anybody on the path "
	        "could have "
	        "made it (CVE-2024-3596). Let the server send it, or say message-authenticator=no if the "
	        "path is "
	        "protected otherwise",
	        s->ports[server].config.text);
}

static const struct radius_client_callbacks callbacks = { client_send, client_random, client_server,
	client_unprotected };

static int resolve(struct radius_port *p, struct error *err)
{
	int n = endpoint_resolve(&p->config.at, &p->address, 1, err);
	return n < 0 ? n : n == 0 ? error_set(err, -ENOENT, "%s: it has no address", p->config.text) : 0;
}

static void init_port(struct radius_servers *s, unsigned index, const struct aaa_server *server)
{
	struct radius_port *p = &s->ports[index];
	p->servers = s;
	p->index = index;
	p->config = *server;
	for (unsigned i = 0; i < server->radius.n_paths; i++)
		p->sockets[i] = (struct radius_socket){ .port = p, .path = i, .fd = -1 };
}

static int start_client(struct radius_servers *s)
{
	struct radius_server_config configs[RADIUS_SERVERS_MAX];
	for (size_t i = 0; i < s->n_ports; i++)
		configs[i] = s->ports[i].config.radius;
	s->client = radius_client_new(configs, s->n_ports, &callbacks, s);
	s->timer = event_new(s->base, -1, 0, on_timer, s);
	OPENSSL_cleanse(configs, sizeof(configs));
	for (size_t i = 0; i < s->n_ports; i++)
		for (unsigned k = 0;
		        s->ports[i].config.radius.is_stream && k < s->ports[i].config.radius.n_paths; k++)
			radius_stream_start(&s->ports[i].sockets[k]);
	return s->timer ? 0 : -ENOMEM;
}

int radius_servers_new(struct event_base *base, const struct aaa_server *servers, size_t n_servers,
        const struct aaa_options *tls, void (*on_notice)(const char *text, void *user), void *user,
        struct radius_servers **ret, struct error *err)
{
	struct radius_servers *s = xcalloc(1, sizeof(*s));
	int r = 0;
	bool streams = false;
	s->base = base;
	s->on_notice = on_notice;
	s->user = user;
	s->n_ports = n_servers;
	s->ports = xcalloc(n_servers, sizeof(*s->ports));
	for (unsigned i = 0; i < n_servers; i++)
		init_port(s, i, &servers[i]);
	for (size_t i = 0; r == 0 && i < n_servers; i++) {
		r = resolve(&s->ports[i], err);
		streams |= servers[i].radius.is_stream;
	}
	if (r == 0 && streams)
		r = radius_stream_init(s, tls, err);
	if (r == 0 && start_client(s) < 0)
		r = error_set(err, -ENOMEM, "RADIUS: no memory for a timer");
	if (r < 0) {
		radius_servers_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct radius_servers *radius_servers_free(struct radius_servers *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->n_ports; i++) {
		struct radius_port *p = &s->ports[i];
		for (unsigned k = 0; k < p->config.radius.n_paths; k++) {
			radius_stream_stop(&p->sockets[k]);
			if (p->sockets[k].readable)
				event_free(p->sockets[k].readable);
			if (p->sockets[k].fd >= 0)
				close(p->sockets[k].fd);
		}
		OPENSSL_cleanse(&p->config.radius.secret, sizeof(p->config.radius.secret));
	}
	radius_client_free(s->client);
	if (s->timer)
		event_free(s->timer);
	tls_context_free(s->tls);
	free(s->ports);
	free(s);
	return NULL;
}

int radius_servers_call(struct radius_servers *s, const struct radius_request *request,
        radius_answer_fn *on_answer, void *user, struct radius_call **ret)
{
	int r = radius_client_call(s->client, request, on_answer, user, clock_monotonic_ms(), ret);
	if (r == 0)
		radius_servers_rearm(s);
	return r;
}

void radius_servers_cancel(struct radius_servers *s, struct radius_call *call)
{
	(void)radius_client_cancel(s->client, call);
}

int radius_servers_reload(struct radius_servers *s, struct error *err)
{
	return s->tls ? tls_context_reload(s->tls, err) : 0;
}

struct radius_client *radius_servers_client(struct radius_servers *s)
{
	return s->client;
}
