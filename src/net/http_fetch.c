/* SPDX-License-Identifier: ISC */
#include "net/http_fetch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_MAX 16384
#define READ_MAX (2 * HTTP_HEAD_MAX)
#define WRITE_MAX (2 * REQUEST_MAX)

/* Where a connection leads. */
struct way {
	struct tls_context *tls;
	struct sockaddr_storage address;
	char *name; /* NULL: any */
};

struct http_keep {
	struct stream *stream; /* that waits; NULL: none does */
	struct way way;
};

struct http_fetch {
	struct event_base *base;
	struct way way; /* tls NULL: a Unix socket */
	struct http_keep *keep;
	bool is_kept; /* its connection had another answer before: the server may have had enough of it */
	const struct http_fetch_handlers *handlers;
	void *user;
	struct stream *stream;
	struct event *timer;
	char *request;
	struct http_head head;
	bool has_head, ended;
	int idle_ms;
	uint64_t left, content_left; /* of a Content-Length; of what the caller allows */
	struct http_chunks chunks;
	bool busy; /* a callback is under way: until it returns what was freed keeps its memory */
	bool freed;
};

static struct stream_limits limits_for(int idle_ms)
{
	struct stream_limits l = STREAM_LIMITS_DEFAULT;
	l.read_max = READ_MAX;
	l.write_max = WRITE_MAX;
	l.idle_ms = idle_ms;
	return l;
}

/* ---- a connection that stays ---- */

static void way_clear(struct way *w)
{
	free(w->name);
	memset(w, 0, sizeof(*w));
}

static bool way_is_same(const struct way *a, const struct way *b)
{
	return a->tls == b->tls && memcmp(&a->address, &b->address, sizeof(a->address)) == 0 &&
	        strcmp(a->name ? a->name : "", b->name ? b->name : "") == 0;
}

void http_keep_drop(struct http_keep *k)
{
	k->stream = stream_free(k->stream);
	way_clear(&k->way);
}

/* Nobody has asked for anything. */
static size_t on_kept_data(struct stream *s, const uint8_t *data, size_t length, void *user)
{
	http_keep_drop(user);
	return length;
}

static void on_kept_close(struct stream *s, const char *reason, void *user)
{
	struct http_keep *k = user;
	k->stream = NULL;
	way_clear(&k->way);
}

static const struct stream_handlers kept_handlers = { .on_data = on_kept_data, .on_close = on_kept_close };

struct http_keep *http_keep_new(void)
{
	return xcalloc(1, sizeof(struct http_keep));
}

struct http_keep *http_keep_free(struct http_keep *k)
{
	if (!k)
		return NULL;
	http_keep_drop(k);
	free(k);
	return NULL;
}

/* The whole answer is there, and nothing behind it. */
static void keep_stream(struct http_fetch *f)
{
	struct http_keep *k = f->keep;
	const bool has_end = f->head.chunked || f->head.content_length >= 0 || f->head.status == 204 ||
	        f->head.status == 304;
	if (!k || k->stream || f->head.close || f->head.http_1_0 || !has_end)
		return;
	struct stream_limits limits = limits_for(HTTP_KEEP_MS);
	stream_set_handlers(f->stream, &kept_handlers, k);
	stream_set_limits(f->stream, &limits);
	k->stream = TAKE_POINTER(f->stream);
	k->way = f->way;
	memset(&f->way, 0, sizeof(f->way));
}

/* ---- one answer ---- */

/* All but its memory. */
static void give_up(struct http_fetch *f)
{
	if (f->freed)
		return;
	f->freed = true;
	way_clear(&f->way);
	if (f->timer)
		event_free(f->timer);
	stream_free(f->stream);
	http_head_clear(&f->head);
	free(f->request);
}

struct http_fetch *http_fetch_free(struct http_fetch *f)
{
	if (!f || f->freed)
		return NULL;
	give_up(f);
	if (!f->busy)
		free(f);
	return NULL;
}

/* For who is busy with f, whose memory is its own to free. */
static void end_within(struct http_fetch *f, const char *reason)
{
	/* The reason may lie in what is about to be freed. */
	char *text FREE_ON_EXIT = xstrdup(reason);
	if (f->ended)
		return;
	f->ended = true;
	f->handlers->on_end(f, text, f->user);
	give_up(f);
}

static void end(struct http_fetch *f, const char *reason)
{
	const bool within = f->busy;
	f->busy = true;
	end_within(f, reason);
	f->busy = within;
	if (!within && f->freed)
		free(f);
}

/* The head, when it is there. Returns bytes taken. */
static size_t take_head(struct http_fetch *f, const uint8_t *data, size_t length)
{
	struct error err;
	ssize_t n = http_response_parse(data, length, &f->head, &err);
	if (n < 0) {
		end_within(f, err.text);
		return length;
	}
	if (n == 0)
		return 0;
	/* RFC 9110 15.2: interim answers come before the real one. */
	if (f->head.status / 100 == 1) {
		http_head_clear(&f->head);
		return (size_t)n;
	}
	const struct stream_limits limits = limits_for(f->idle_ms);
	stream_set_limits(f->stream, &limits);
	f->has_head = true;
	f->left = f->head.content_length >= 0 ? (uint64_t)f->head.content_length : UINT64_MAX;
	if (f->handlers->on_head)
		f->handlers->on_head(f, &f->head, f->user);
	return (size_t)n;
}

/* Some of the body; *ret_end at its end. Returns bytes taken, negative where it is malformed or too long. */
static ssize_t take_content(
        struct http_fetch *f, const uint8_t *data, size_t length, bool *ret_end, struct error *err)
{
	const uint8_t *content = data;
	size_t n = length;
	ssize_t used;
	if (f->head.chunked) {
		used = http_chunks_read(&f->chunks, data, length, &content, &n, ret_end);
		if (used < 0)
			return error_set(err, -EBADMSG, "the answer has a malformed chunk");
	} else {
		n = (size_t)MIN((uint64_t)length, f->left);
		used = (ssize_t)n;
		f->left -= n;
		*ret_end = f->left == 0;
	}
	if (n > f->content_left)
		return error_set(err, -EMSGSIZE, "the answer is longer than was to be expected");
	f->content_left -= n;
	if (n)
		f->handlers->on_content(f, content, n, f->user);
	return used;
}

static bool has_no_body(const struct http_fetch *f)
{
	return f->head.status == 204 || f->head.status == 304 || f->head.content_length == 0;
}

static size_t on_data(struct stream *s, const uint8_t *data, size_t length, void *user)
{
	struct http_fetch *f = user;
	struct error err;
	size_t taken = 0;
	bool complete = false;
	f->busy = true;
	while (!f->freed && taken < length && !complete) {
		if (!f->has_head) {
			size_t n = take_head(f, data + taken, length - taken);
			taken += n;
			if (n == 0)
				break;
			complete = !f->freed && f->has_head && has_no_body(f);
			continue;
		}
		ssize_t n = take_content(f, data + taken, length - taken, &complete, &err);
		if (n < 0 && !f->freed)
			end_within(f, err.text);
		taken += n > 0 ? (size_t)n : length - taken;
	}
	if (!f->freed && complete && taken == length)
		keep_stream(f);
	if (!f->freed && complete)
		end_within(f, NULL);
	f->busy = false;
	if (f->freed)
		free(f);
	return taken;
}

static void on_open(struct stream *s, const struct identity *peer, void *user)
{
	struct http_fetch *f = user;
	(void)stream_write(s, f->request, strlen(f->request));
}

static int connect_to(struct http_fetch *f, struct error *err);

static void on_close(struct stream *s, const char *reason, void *user)
{
	struct http_fetch *f = user;
	struct error err;
	f->stream = NULL;
	/* RFC 9112 9.3.1: it may have been closed while we asked. To ask again is no harm. */
	if (f->is_kept && !f->has_head) {
		f->is_kept = false;
		if (connect_to(f, &err) == 0)
			return;
	}
	/* RFC 9112 6.3: without any length the end of the connection is that of the body. */
	bool complete = f->has_head && !f->head.chunked && f->head.content_length < 0;
	end(f, complete ? NULL : reason);
}

static const struct stream_handlers handlers = {
	.on_open = on_open, .on_data = on_data, .on_close = on_close
};

static void on_timer(evutil_socket_t fd, short what, void *user)
{
	end(user, "the answer took too long to arrive");
}

static int connect_to(struct http_fetch *f, struct error *err)
{
	const struct stream_limits limits = limits_for(HTTP_FETCH_HEAD_MS);
	const struct tls_target target = { .address = f->way.address, .expected_name = f->way.name };
	return tls_connect(f->base, f->way.tls, &target, &limits, &handlers, f, &f->stream, err);
}

/* The connection that waits, where it leads there. */
static bool take_kept(struct http_fetch *f)
{
	const struct stream_limits limits = limits_for(HTTP_FETCH_HEAD_MS);
	struct http_keep *k = f->keep;
	if (!k || !k->stream || !way_is_same(&k->way, &f->way))
		return false;
	f->stream = TAKE_POINTER(k->stream);
	way_clear(&k->way);
	f->is_kept = true;
	stream_set_handlers(f->stream, &handlers, f);
	stream_set_limits(f->stream, &limits);
	on_open(f->stream, NULL, f);
	return true;
}

static int begin(const struct http_fetch_config *c, struct http_fetch *f, struct error *err)
{
	const struct stream_limits limits = limits_for(HTTP_FETCH_HEAD_MS);
	if (c->unix_path)
		return stream_connect_unix(f->base, c->unix_path, &limits, &handlers, f, &f->stream, err);
	f->way = (struct way){ c->tls, c->address, c->expected_name ? xstrdup(c->expected_name) : NULL };
	return take_kept(f) ? 0 : connect_to(f, err);
}

int http_fetch_new(struct event_base *base, const struct http_fetch_config *c, struct http_fetch **ret,
        struct error *err)
{
	struct http_fetch *f = xcalloc(1, sizeof(*f));
	*f = (struct http_fetch){ .base = base,
		.keep = c->unix_path ? NULL : c->keep,
		.handlers = c->handlers,
		.user = c->user,
		.idle_ms = c->idle_ms,
		.content_left = c->content_max ? c->content_max : UINT64_MAX,
		.head.content_length = -1 };
	f->request =
	        xasprintf("GET %s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n", c->path, c->host ? c->host : "localhost",
	                f->keep ? "" : "Connection: close\r\n", c->fields ? c->fields : "");
	int r = strlen(f->request) > REQUEST_MAX ? error_set(err, -EMSGSIZE, "the request is too long")
	                                         : begin(c, f, err);
	if (r < 0) {
		http_fetch_free(f);
		return r;
	}
	if (c->total_ms) {
		const struct timeval tv = { c->total_ms / 1000, c->total_ms % 1000 * 1000 };
		f->timer = event_new(base, -1, 0, on_timer, f);
		event_add(f->timer, &tv);
	}
	*ret = f;
	return 0;
}
