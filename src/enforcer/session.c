/* SPDX-License-Identifier: ISC */
#include "enforcer/session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct session {
	struct event_base *base;
	struct session_config config;
	struct event *retry;
	struct stream *stream; /* connecting or open */
	bool open;
	size_t next; /* server to try */
	int delay_ms;
};

static const struct stream_limits limits = { SESSION_FRAME_MAX, STREAM_WRITE_MAX * 4, STREAM_HANDSHAKE_MS, 0,
	STREAM_STALL_MS };

static void later(struct session *s)
{
	struct timeval tv = { s->delay_ms / 1000, s->delay_ms % 1000 * 1000L };
	s->delay_ms = MIN(s->delay_ms * 2, SESSION_RETRY_MAX_MS);
	evtimer_add(s->retry, &tv);
}

static void opened(struct stream *stream, const struct identity *peer, void *user)
{
	struct session *s = user;
	s->open = true;
	s->config.on_open(s->config.context, stream_peer_text(stream));
}

static size_t received(struct stream *stream, const uint8_t *data, size_t length, void *user)
{
	struct session *s = user;
	struct error err = { { 0 } };
	size_t taken = 0, size;
	int r;
	while ((r = ipc_frame_size(data + taken, length - taken, SESSION_FRAME_MAX, &size)) > 0 &&
	        size <= length - taken) {
		struct ipc_message m;
		r = ipc_decode(data + taken, size, &m, &err);
		if (r == 0) {
			r = s->config.on_message(s->config.context, &m, &err);
			ipc_message_clear(&m);
		}
		taken += size;
		if (r < 0)
			break;
		s->delay_ms = SESSION_RETRY_MIN_MS; /* it talks our language */
	}
	if (r == -EMSGSIZE && !*err.text)
		error_set(&err, r, "the server announces a message of more than %u bytes", SESSION_FRAME_MAX);
	if (r < 0) {
		stream_close(stream, err.text);
		return length;
	}
	return taken;
}

static void closed(struct stream *stream, const char *reason, void *user)
{
	struct session *s = user;
	s->stream = NULL;
	s->open = false;
	s->config.on_close(s->config.context, reason);
	later(s);
}

static const struct stream_handlers handlers = { .on_open = opened, .on_data = received, .on_close = closed };

/* "ADDRESS:PORT"; addresses only, because a name could only be resolved by what we would have to let through
 * first. */
static int parse_address(const char *text, struct sockaddr_storage *ret, struct error *err)
{
	char host[IP_TEXT_SIZE];
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	char *end = NULL;
	unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	*ret = (struct sockaddr_storage){ 0 };
	if (n == 0 || n >= sizeof(host) || port == 0 || port > 65535 || *end)
		return error_set(err, -EINVAL, "server: \"%s\" is not ADDRESS:PORT or unix:PATH", text);
	bool brackets = text[0] == '[' && text[n - 1] == ']';
	snprintf(host, sizeof(host), "%.*s", (int)(n - 2 * brackets), text + brackets);
	if (brackets && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		return 0;
	}
	if (!brackets && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		return 0;
	}
	return error_set(err, -EINVAL, "server: \"%s\" has no numeric address (IPv6 in brackets)", text);
}

static int check_server(const struct session_config *c, const char *text, struct error *err)
{
	struct sockaddr_storage address;
	if (strncmp(text, "unix:/", 6) == 0)
		return 0;
	int r = parse_address(text, &address, err);
	if (r == 0 && !c->tls)
		return error_set(err, -EINVAL, "server: \"%s\" needs `ca`, `certificate` and `key`", text);
	return r;
}

static void attempt(evutil_socket_t fd, short events, void *user)
{
	struct session *s = user;
	const char *text = s->config.servers[s->next++ % s->config.n_servers];
	struct error err;
	int r;
	if (strncmp(text, "unix:", 5) == 0) {
		r = stream_connect_unix(s->base, text + 5, &limits, &handlers, s, &s->stream, &err);
	} else {
		struct tls_target target = { .expected_name = s->config.server_name };
		r = parse_address(text, &target.address, &err);
		if (r == 0)
			r = tls_connect(
			        s->base, s->config.tls, &target, &limits, &handlers, s, &s->stream, &err);
	}
	if (r < 0) {
		s->config.on_close(s->config.context, err.text);
		later(s);
	}
}

int session_check_servers(const struct session_config *config, struct error *err)
{
	for (size_t i = 0; i < config->n_servers; i++) {
		int r = check_server(config, config->servers[i], err);
		if (r < 0)
			return r;
	}
	if (config->n_servers == 0)
		return error_set(err, -EINVAL, "server: at least one must be given");
	return 0;
}

int session_new(
        struct event_base *base, const struct session_config *config, struct session **ret, struct error *err)
{
	int r = session_check_servers(config, err);
	if (r < 0)
		return r;
	struct session *s = xcalloc(1, sizeof(*s));
	*s = (struct session){ .base = base, .config = *config, .delay_ms = SESSION_RETRY_MIN_MS };
	s->retry = evtimer_new(base, attempt, s);
	event_active(s->retry, EV_TIMEOUT, 0);
	*ret = s;
	return 0;
}

struct session *session_free(struct session *s)
{
	if (s) {
		stream_free(s->stream);
		event_free(s->retry);
		free(s);
	}
	return NULL;
}

bool session_is_open(const struct session *s)
{
	return s->open;
}

void session_renew(struct session *s, const char *reason)
{
	if (s->open)
		stream_close(s->stream, reason);
}

void session_hold_off(struct session *s)
{
	s->delay_ms = SESSION_RETRY_MAX_MS;
}

int session_send(struct session *s, enum ipc_number number, const void *body, struct error *err)
{
	struct writer w = wr_make(SESSION_FRAME_MAX);
	if (!s->open)
		return error_set(err, -ENOTCONN, "there is no connection to the server");
	int r = ipc_encode(&w, number, body, err);
	if (r == 0 && (r = stream_write(s->stream, w.data, w.length)) < 0)
		error_set(err, r, "the connection to the server is closing");
	wr_free(&w);
	return r;
}
