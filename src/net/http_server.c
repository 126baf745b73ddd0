/* SPDX-License-Identifier: ISC */
/*
 * One request at a time on each connection: head, route and permission, body, handler, answer; then the next.
 * What comes in while a request is being answered stays untaken in the stream, within its limit.
 */
#include "net/http_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CONNECTION_READ_MAX (2 * HTTP_HEAD_MAX)

struct http_server {
	struct event_base *base;
	struct route_entry {
		const struct http_route *route;
		void *user;
	} routes[HTTP_ROUTES_MAX];
	size_t n_routes;
	json_t *(*make_error)(int status, const char *text); /* NULL: {"error": text} */
	size_t memory_max;                                   /* 0: no limit */
	uint64_t n_busy;
	struct place {
		struct http_server *server;
		struct listener *listener;
		void (*on_refused)(const char *peer_text, const char *reason, void *user);
		void *user;
	} * *places;
	size_t n_places, capacity;
	LIST_HEAD(, http_request) requests;
};

/* Routes. */

/* Whether path fits the pattern; the parts in braces are put into r. -1: a part is malformed. */
static int match_path(const char *pattern, const char *path, struct http_request *r)
{
	r->n_parameters = 0;
	while (*pattern == '/' && *path == '/') {
		size_t p = strcspn(++pattern, "/"), n = strcspn(++path, "/");
		if (*pattern == '{') {
			struct http_parameter *parameter = &r->parameters[r->n_parameters];
			if (n == 0 || r->n_parameters == HTTP_PARAMETERS_MAX)
				return 0;
			if (http_percent_decode(path, n, false, parameter->value, sizeof(parameter->value)) <
			                0 ||
			        strchr(parameter->value, '/'))
				return -1;
			parameter->name = pattern + 1;
			parameter->name_length = p - 2;
			r->n_parameters++;
		} else if (p != n || strncmp(pattern, path, n) != 0) {
			return 0;
		}
		pattern += p;
		path += n;
	}
	return *pattern == '\0' && *path == '\0';
}

static bool may_use(const struct http_route *route, const struct stream *s)
{
	if (!s->ssl)
		return true;
	const struct identity *peer = stream_peer(s);
	return peer ? (route->tls_roles & TLS_ROLE(peer->role)) != 0
	            : (route->tls_roles & HTTP_ANONYMOUS) != 0;
}

/* 0 with r->route set, or the status to answer. */
static int find_route(struct http_request *r)
{
	const struct http_server *h = r->server;
	bool path_known = false, forbidden = false;
	for (size_t i = 0; i < h->n_routes; i++) {
		const struct http_route *route = h->routes[i].route;
		int m = match_path(route->path, r->head.path, r);
		if (m < 0)
			return 400;
		if (m == 0)
			continue;
		if (!may_use(route, r->stream)) {
			forbidden = true;
			continue;
		}
		path_known = true;
		if (strcmp(route->method, r->head.method) != 0)
			continue;
		r->route = route;
		r->route_user = h->routes[i].user;
		return 0;
	}
	return path_known ? 405 : forbidden ? 403 : 404;
}

int http_server_add_routes(struct http_server *h, const struct http_route *routes, size_t n, void *user)
{
	if (n > HTTP_ROUTES_MAX - h->n_routes)
		return -E2BIG;
	for (size_t i = 0; i < n; i++)
		h->routes[h->n_routes++] = (struct route_entry){ &routes[i], user };
	return 0;
}

void http_server_set_error_form(struct http_server *h, json_t *(*make)(int status, const char *text))
{
	h->make_error = make;
}

void http_server_set_memory(struct http_server *h, size_t most)
{
	h->memory_max = most;
}

uint64_t http_server_busy(const struct http_server *h)
{
	return h->n_busy;
}

/* Whether both are of one client: of one proven name, or of one address (IPv6: /64) that has proven none. */
static bool is_same_client(const struct http_request *a, const struct http_request *b)
{
	const struct identity *x = http_request_peer(a), *y = http_request_peer(b);
	struct ip_address from_a, from_b;
	if (x || y)
		return x && y && x->role == y->role && strcmp(x->name, y->name) == 0;
	return http_request_address(a, &from_a) == 0 && http_request_address(b, &from_b) == 0 &&
	        memcmp(from_a.bytes, from_b.bytes, ip_is_v4(&from_a) ? sizeof(from_a.bytes) : 8) == 0;
}

/* What all connections hold, and what those of r's client do. Answers that go on for ever have limits of
 * their own (http_reply_limit()): they make nobody wait. */
static void count_memory(const struct http_request *r, size_t *ret_all, size_t *ret_client)
{
	const struct http_request *one;
	*ret_all = *ret_client = 0;
	LIST_FOREACH(one, &r->server->requests, next) {
		if (one->streaming)
			continue;
		const size_t n = one->body_length + stream_pending(one->stream);
		*ret_all += n;
		if (n > 0 && is_same_client(r, one))
			*ret_client += n;
	}
}

/* NULL, or why r must wait for what others, or its own client's other requests, hold. */
static const char *find_busy(const struct http_request *r, size_t more)
{
	struct http_server *h = r->server;
	size_t all, client;
	if (h->memory_max == 0)
		return NULL;
	count_memory(r, &all, &client);
	const bool greedy = client > 0 && client + more > h->memory_max / HTTP_MEMORY_SHARE;
	if (!greedy && all + more <= h->memory_max)
		return NULL;
	h->n_busy++;
	return greedy ? "read the answers that wait for you before you ask for more"
	              : "too many answers wait for their readers; try again later";
}

json_t *http_error_body(const struct http_server *h, int status, const char *text)
{
	return h->make_error ? h->make_error(status, text) : json_pack("{s:s}", "error", text);
}

/* Requests. */

static void refuse(struct http_request *r, int status, const char *text)
{
	/* The body was not read: what follows on this connection cannot be told from it. */
	r->close_after = true;
	http_reply_error(r, status, "%s", text);
}

/* RFC 9110 15.5.6: a 405 says which methods there are. */
static void allow_methods(struct http_request *r)
{
	char methods[128] = "";
	for (size_t i = 0, n = 0; i < r->server->n_routes && n < sizeof(methods); i++) {
		const struct http_route *route = r->server->routes[i].route;
		if (match_path(route->path, r->head.path, r) > 0 && may_use(route, r->stream))
			n += (size_t)snprintf(
			        methods + n, sizeof(methods) - n, "%s%s", n ? ", " : "", route->method);
	}
	http_reply_field(r, "Allow", methods);
}

static const char *refusal_text(int status)
{
	switch (status) {
	case 403:
		return "this certificate's role may not use this";
	case 405:
		return "this path does not know the method";
	case 404:
		return "there is nothing at this path";
	default:
		return "malformed path";
	}
}

static void handle(struct http_request *r)
{
	r->state = REQUEST_ANSWERING;
	/* A streaming answer may be silent for long. */
	struct stream_limits limits = r->stream->limits;
	limits.idle_ms = 0;
	stream_set_limits(r->stream, &limits);
	r->route->handle(r, r->route_user);
}

/* The head is there: decides what to do with the body. */
static void begin_body(struct http_request *r)
{
	int status = find_route(r);
	size_t length = r->head.content_length > 0 ? (size_t)r->head.content_length : 0;
	r->close_after = r->head.close;
	r->state = REQUEST_ANSWERING;
	if (status) {
		if (status == 405)
			allow_methods(r);
		refuse(r, status, refusal_text(status));
		return;
	}
	if (length > r->route->body_max) {
		refuse(r, 413, "the body is larger than this path allows");
		return;
	}
	const char *busy = find_busy(r, length);
	if (busy) {
		http_reply_field(r, "Retry-After", "5");
		refuse(r, 503, busy);
		return;
	}
	if (length == 0) {
		handle(r);
		return;
	}
	r->body = xmalloc(length + 1);
	r->body_length = length;
	r->body_have = 0;
	r->state = REQUEST_BODY;
	if (r->head.expect_continue)
		(void)stream_write(r->stream, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

static size_t read_head(struct http_request *r, const uint8_t *data, size_t length)
{
	struct error err;
	size_t skipped = 0;
	/* RFC 9112 2.2: an empty line before a request is let pass. */
	while (length - skipped >= 2 && memcmp(data + skipped, "\r\n", 2) == 0)
		skipped += 2;
	if (r->started == 0)
		r->started = clock_monotonic_ms();
	ssize_t n = http_request_parse(data + skipped, length - skipped, &r->head, &err);
	if (n == 0)
		return skipped;
	if (n < 0) {
		r->state = REQUEST_ANSWERING;
		refuse(r, http_request_status((int)n), err.text);
		return length;
	}
	begin_body(r);
	return skipped + (size_t)n;
}

static size_t read_body(struct http_request *r, const uint8_t *data, size_t length)
{
	size_t n = MIN(length, r->body_length - r->body_have);
	memcpy(r->body + r->body_have, data, n);
	r->body_have += n;
	if (r->body_have == r->body_length) {
		r->body[r->body_length] = '\0';
		handle(r);
	}
	return n;
}

static size_t on_data(struct stream *s, const uint8_t *data, size_t length, void *user)
{
	struct http_request *r = user;
	size_t taken = 0;
	while (taken < length && stream_is_open(s) && r->state != REQUEST_ANSWERING) {
		size_t n = r->state == REQUEST_HEAD ? read_head(r, data + taken, length - taken)
		                                    : read_body(r, data + taken, length - taken);
		taken += n;
		if (n == 0)
			break;
	}
	if (r->state != REQUEST_ANSWERING && r->started && stream_is_open(s) &&
	        clock_monotonic_ms() - r->started > HTTP_REQUEST_MS) {
		r->state = REQUEST_ANSWERING;
		refuse(r, 408, "the request took too long to arrive");
	}
	return taken;
}

static void clear(struct http_request *r)
{
	http_head_clear(&r->head);
	if (r->body)
		OPENSSL_cleanse(r->body, r->body_length);
	free(r->body);
	r->body = NULL;
	r->body_length = 0;
	r->fields[0] = '\0';
	r->started = 0;
	r->on_gone = NULL;
	r->n_parameters = 0;
	r->streaming = false;
	r->route = NULL;
}

void http_request_finish(struct http_request *r)
{
	struct stream *s = r->stream;
	bool close = r->close_after;
	clear(r);
	r->state = REQUEST_HEAD;
	if (close) {
		r->state = REQUEST_ANSWERING;
		stream_close(s, "answered");
		return;
	}
	struct stream_limits limits = s->limits;
	limits.idle_ms = HTTP_IDLE_MS;
	stream_set_limits(s, &limits);
	stream_resume(s);
}

static void on_close(struct stream *s, const char *reason, void *user)
{
	struct http_request *r = user;
	void (*on_gone)(void *) = r->on_gone;
	void *on_gone_user = r->on_gone_user;
	LIST_REMOVE(r, next);
	clear(r);
	free(r);
	if (on_gone)
		on_gone(on_gone_user);
}

static const struct stream_handlers handlers = { .on_data = on_data, .on_close = on_close };

/* Places. */

static void on_stream(struct stream *s, const struct identity *peer, void *user)
{
	struct place *place = user;
	struct http_request *r = xcalloc(1, sizeof(*r));
	r->server = place->server;
	r->stream = s;
	r->head.content_length = -1;
	LIST_INSERT_HEAD(&place->server->requests, r, next);
	stream_set_handlers(s, &handlers, r);
}

static void on_refused(const char *peer_text, const char *reason, void *user)
{
	struct place *place = user;
	if (place->on_refused)
		place->on_refused(peer_text, reason, place->user);
}

int http_server_listen(struct http_server *h, const struct listener_config *config, struct error *err)
{
	struct place *place = xcalloc(1, sizeof(*place));
	struct listener_config c = *config;
	*place = (struct place){ .server = h, .on_refused = config->on_refused, .user = config->user };
	c.limits = STREAM_LIMITS_DEFAULT;
	c.limits.idle_ms = HTTP_IDLE_MS;
	c.limits.read_max = CONNECTION_READ_MAX;
	c.limits.write_max = HTTP_ANSWER_MAX;
	c.on_stream = on_stream;
	c.on_refused = on_refused;
	c.user = place;
	int r = listener_new(h->base, &c, &place->listener, err);
	if (r < 0) {
		free(place);
		return r;
	}
	ARRAY_RESERVE_ONE(h->places, h->n_places, h->capacity);
	h->places[h->n_places++] = place;
	return 0;
}

struct listener *http_server_listener(struct http_server *h, size_t i)
{
	return i < h->n_places ? h->places[i]->listener : NULL;
}

int http_server_new(struct event_base *base, struct http_server **ret)
{
	struct http_server *h = xcalloc(1, sizeof(*h));
	h->base = base;
	LIST_INIT(&h->requests);
	*ret = h;
	return 0;
}

struct http_server *http_server_free(struct http_server *h)
{
	if (!h)
		return NULL;
	for (struct http_request *r = LIST_FIRST(&h->requests), *next; r; r = next) {
		struct stream *s = r->stream;
		next = LIST_NEXT(r, next);
		on_close(s, "", r);
		stream_free(s);
	}
	for (size_t i = 0; i < h->n_places; i++) {
		listener_free(h->places[i]->listener);
		free(h->places[i]);
	}
	free(h->places);
	free(h);
	return NULL;
}
