/* SPDX-License-Identifier: ISC */
#include "net/ipc_stream.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct ipc_stream {
	struct stream *stream; /* NULL once gone */
	struct ipc_limits limits;
	const struct ipc_handlers *handlers;
	void *user;
	unsigned callbacks;
	bool freed;
};

bool ipc_user_allowed(uid_t uid, uid_t also)
{
	return uid == 0 || uid == geteuid() || (also != (uid_t)-1 && uid == also);
}

static void release(struct ipc_stream *s)
{
	if (s->freed && s->callbacks == 0)
		free(s);
}

struct ipc_stream *ipc_stream_free(struct ipc_stream *s)
{
	if (!s || s->freed)
		return NULL;
	s->freed = true;
	stream_free(s->stream);
	s->stream = NULL;
	release(s);
	return NULL;
}

/* Hands one frame over. Returns false if the stream is not to be read on. */
static bool take_frame(struct ipc_stream *s, const uint8_t *frame, size_t size)
{
	struct ipc_message m;
	struct error err;
	char reason[300];
	if (ipc_decode(frame, size, &m, &err) < 0) {
		snprintf(reason, sizeof(reason), "malformed message: %.250s", err.text);
		stream_close(s->stream, reason);
		return false;
	}
	s->handlers->on_message(s, &m, s->user);
	ipc_message_clear(&m);
	return !s->freed && stream_is_open(s->stream);
}

static size_t on_data(struct stream *stream, const uint8_t *data, size_t length, void *user)
{
	struct ipc_stream *s = user;
	size_t taken = 0, size = 0;
	bool go_on = true;
	s->callbacks++;
	while (go_on) {
		int r = ipc_frame_size(data + taken, length - taken, s->limits.frame_max, &size);
		if (r < 0)
			stream_close(stream, "the peer announced a larger message than is allowed");
		if (r <= 0 || size > length - taken)
			break;
		go_on = take_frame(s, data + taken, size);
		taken += size;
	}
	s->callbacks--;
	release(s);
	return taken;
}

static void on_close(struct stream *stream, const char *reason, void *user)
{
	struct ipc_stream *s = user;
	s->callbacks++;
	if (s->handlers->on_close)
		s->handlers->on_close(s, reason, s->user);
	s->callbacks--;
	/* The stream goes by itself after this. */
	s->stream = NULL;
	s->freed = true;
	release(s);
}

static void on_open(struct stream *stream, const struct identity *peer, void *user)
{
	struct ipc_stream *s = user;
	if (s->handlers->on_open)
		s->handlers->on_open(s, peer, s->user);
}

static const struct stream_handlers stream_handlers = {
	.on_open = on_open, .on_data = on_data, .on_close = on_close
};

static struct stream_limits limits_of(const struct ipc_limits *limits)
{
	struct stream_limits l = STREAM_LIMITS_DEFAULT;
	l.read_max = limits->frame_max + IPC_HEADER_SIZE;
	l.write_max = limits->write_max;
	l.idle_ms = limits->idle_ms;
	return l;
}

struct ipc_stream *ipc_stream_over(struct stream *stream, const struct ipc_limits *limits,
        const struct ipc_handlers *handlers, void *user)
{
	struct ipc_stream *s = xcalloc(1, sizeof(*s));
	struct stream_limits l = limits_of(limits);
	*s = (struct ipc_stream){ .stream = stream, .limits = *limits, .handlers = handlers, .user = user };
	stream_set_limits(stream, &l);
	stream_set_handlers(stream, &stream_handlers, s);
	return s;
}

int ipc_stream_send(struct ipc_stream *s, enum ipc_number number, const void *body, struct error *err)
{
	struct writer w = wr_make(IPC_FRAME_MAX);
	if (!s->stream)
		return error_set(err, -EPIPE, "the connection has ended");
	int r = ipc_encode(&w, number, body, err);
	if (r == 0) {
		r = stream_write(s->stream, w.data, w.length);
		if (r < 0)
			error_set(err, r, "%s: %s", ipc_name(number),
			        r == -EPIPE ? "the connection has ended" : "the peer does not read");
	}
	wr_free(&w);
	return r;
}

struct stream *ipc_stream_stream(struct ipc_stream *s)
{
	return s->stream;
}

void ipc_stream_close(struct ipc_stream *s, const char *reason)
{
	if (s->stream)
		stream_close(s->stream, reason);
}

/* The client. */

struct ipc_client {
	struct ipc_client_config config; /* unix_path owned */
	struct event_base *base;
	struct event *retry;
	struct ipc_stream *stream; /* while there is an attempt or a connection */
	bool open;
	int wait_ms; /* before the next attempt */
};

static void attempt_later(struct ipc_client *c)
{
	uint16_t random = 0;
	(void)RAND_bytes((unsigned char *)&random, sizeof(random));
	int ms = c->wait_ms - (int)((int64_t)c->wait_ms * random / (4 * UINT16_MAX));
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	event_add(c->retry, &tv);
	c->wait_ms = MIN(c->wait_ms * 2, c->config.last_ms);
}

static void client_open(struct ipc_stream *s, const struct identity *peer, void *user)
{
	struct ipc_client *c = user;
	uid_t uid;
	if (c->config.unix_path &&
	        (stream_peer_user(s->stream, &uid, NULL) < 0 || !ipc_user_allowed(uid, c->config.also))) {
		stream_close(s->stream, "the socket is served by another user, who is not trusted");
		return;
	}
	c->open = true;
	if (c->config.handlers->on_open)
		c->config.handlers->on_open(s, peer, c->config.user);
}

static void client_message(struct ipc_stream *s, const struct ipc_message *m, void *user)
{
	struct ipc_client *c = user;
	c->wait_ms = c->config.first_ms;
	if (c->open)
		c->config.handlers->on_message(s, m, c->config.user);
}

static void client_close(struct ipc_stream *s, const char *reason, void *user)
{
	struct ipc_client *c = user;
	bool was_open = c->open;
	c->stream = NULL;
	c->open = false;
	attempt_later(c);
	/* Last: the client may be freed in it. */
	if (c->config.handlers->on_close)
		c->config.handlers->on_close(was_open ? s : NULL, reason, c->config.user);
}

static const struct ipc_handlers client_handlers = { client_open, client_message, client_close };

static void on_attempt(evutil_socket_t fd, short what, void *arg)
{
	struct ipc_client *c = arg;
	const struct ipc_client_config *config = &c->config;
	struct stream_limits l = limits_of(&config->limits);
	struct error err;
	struct ipc_stream *s = xcalloc(1, sizeof(*s));
	*s = (struct ipc_stream){ .limits = config->limits, .handlers = &client_handlers, .user = c };
	int r = config->unix_path
	        ? stream_connect_unix(c->base, config->unix_path, &l, &stream_handlers, s, &s->stream, &err)
	        : tls_connect(
	                  c->base, config->tls, &config->target, &l, &stream_handlers, s, &s->stream, &err);
	if (r < 0) {
		free(s);
		attempt_later(c);
		if (config->handlers->on_close)
			config->handlers->on_close(NULL, err.text, config->user);
		return;
	}
	c->stream = s;
}

int ipc_client_new(struct event_base *base, const struct ipc_client_config *config, struct ipc_client **ret)
{
	struct ipc_client *c = xcalloc(1, sizeof(*c));
	c->config = *config;
	c->config.unix_path = xstrdup(config->unix_path);
	c->config.first_ms = config->first_ms ? config->first_ms : IPC_CLIENT_FIRST_MS;
	c->config.last_ms = config->last_ms ? config->last_ms : IPC_CLIENT_LAST_MS;
	c->base = base;
	c->wait_ms = c->config.first_ms;
	c->retry = event_new(base, -1, 0, on_attempt, c);
	if (!c->retry)
		abort();
	event_active(c->retry, EV_TIMEOUT, 0);
	*ret = c;
	return 0;
}

struct ipc_stream *ipc_client_stream(struct ipc_client *c)
{
	return c->open ? c->stream : NULL;
}

struct ipc_client *ipc_client_free(struct ipc_client *c)
{
	if (!c)
		return NULL;
	ipc_stream_free(c->stream);
	event_free(c->retry);
	free((char *)c->config.unix_path);
	free(c);
	return NULL;
}
