/* SPDX-License-Identifier: ISC */
/*
 * The HTTP server of our daemons: one router behind Unix sockets (for the command line) and TLS (for
 * operators, enrolment). A request is read whole, within its route's limit, before its handler sees it.
 * Answers are JSON unless the handler says otherwise; every failure is {"error": "..."}.
 */
#pragma once

#include "net/http_message.h"
#include "net/listener.h"
#include <jansson.h>

#define HTTP_PARAMETERS_MAX 4
#define HTTP_PARAMETER_SIZE 256
#define HTTP_REQUEST_MS 30000 /* for a request to arrive, from its first byte */
#define HTTP_IDLE_MS 60000    /* between requests */
#define HTTP_ROUTES_MAX 128
#define HTTP_MEMORY_SHARE 4 /* one client holds at most a quarter of what http_server_set_memory() allows */

/* For http_route.tls_roles: also clients without a certificate. */
#define HTTP_ANONYMOUS 1u

struct http_request;
/* Answers r, now or later. Who answers later calls http_request_on_gone() first. */
typedef void (*http_handler)(struct http_request *r, void *user);

struct http_route {
	const char *method; /* a row of its own for "HEAD", with GET's handler: its answers go without body */
	const char *path;   /* "/v1/nodes/{name}": a part in braces matches any one part */
	http_handler handle;
	unsigned tls_roles; /* TLS_ROLE()s that may use it over TLS; 0: Unix sockets only */
	size_t body_max;    /* 0: no body */
};

struct http_server;
int http_server_new(struct event_base *base, struct http_server **ret);
struct http_server *http_server_free(struct http_server *h);
/* routes are kept by reference. -E2BIG above HTTP_ROUTES_MAX. */
int http_server_add_routes(struct http_server *h, const struct http_route *routes, size_t n, void *user);
/* How failures are worded, for an API that has a form of its own; make's result is sent, and freed. Unless
 * set: {"error": text}. */
void http_server_set_error_form(struct http_server *h, json_t *(*make)(int status, const char *text));
/* Bodies that have not come whole and answers that have not been read hold memory, on all connections
 * together no more than this before further requests are answered 503, and those of one client, by its
 * certificate's name or else its address, no more than a share of it. 0, as it begins: each connection's
 * limits alone. */
void http_server_set_memory(struct http_server *h, size_t most);
/* Requests that were refused by that. */
uint64_t http_server_busy(const struct http_server *h);
/* One more place to listen. on_stream, user and the stream limits of config are set here; on_refused may be
 * given with its own user. */
int http_server_listen(struct http_server *h, const struct listener_config *config, struct error *err);
/* The listeners, in the order in which they were added; NULL after the last. */
struct listener *http_server_listener(struct http_server *h, size_t i);

/* The request. All strings live until it is answered. */
/* A part of the path by its name in the route, decoded; NULL if the route has none of that name. */
const char *http_request_parameter(const struct http_request *r, const char *name);
/* A parameter of the query, decoded into ret; -ENOENT, or -EINVAL where it is malformed or too long. */
int http_request_query(const struct http_request *r, const char *name, char *ret, size_t size);
/* All of the query, as it came; "" where there is none. */
const char *http_request_text(const struct http_request *r);
const char *http_request_field(const struct http_request *r, const char *name);
const uint8_t *http_request_body(const struct http_request *r, size_t *ret_length);
/* The body as a JSON object without duplicate names; on failure r is answered (400) and NULL returned. Caller
 * decrefs. */
json_t *http_request_json(struct http_request *r);
/* Who asks: a certificate's identity over TLS, else NULL; the user id on a Unix socket (-ENOTCONN over TLS).
 */
const struct identity *http_request_peer(const struct http_request *r);
int http_request_user(const struct http_request *r, uid_t *ret_uid);
/* Where from over TLS; -ENOTCONN on a Unix socket. */
int http_request_address(const struct http_request *r, struct ip_address *ret);
X509 *http_request_certificate(const struct http_request *r);

/* on_gone is called if the client goes away before the answer is complete; r is gone then. */
void http_request_on_gone(struct http_request *r, void (*on_gone)(void *user), void *user);

/* Answers. After each of them r is gone, unless it begins a stream. */
/* One more header field for the answer to come. Cache-Control is no-store unless it is given. */
void http_reply_field(struct http_request *r, const char *name, const char *value);
void http_reply(
        struct http_request *r, int status, const char *content_type, const void *body, size_t length);
/* The same, of bytes that stay as they are until release(user), which is called in any case. */
void http_reply_shared(struct http_request *r, int status, const char *content_type, const void *body,
        size_t length, void (*release)(void *user), void *user);
/* Takes the reference. */
void http_reply_json(struct http_request *r, int status, json_t *body);
void http_reply_error(struct http_request *r, int status, const char *format, ...) PRINTF_LIKE(3, 4);

/* An answer in pieces, each sent at once (chunked coding). -EPIPE or -ENOBUFS: the client is gone or does not
 * read; on_gone follows. */
void http_reply_begin(struct http_request *r, int status, const char *content_type);
int http_reply_write(struct http_request *r, const void *data, size_t length);
void http_reply_end(struct http_request *r);
/* No more than so many bytes of it may wait for the client, from the next piece on. */
void http_reply_limit(struct http_request *r, size_t bytes);
/* How many do. */
size_t http_reply_waiting(const struct http_request *r);
