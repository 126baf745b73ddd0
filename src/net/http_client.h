/* SPDX-License-Identifier: ISC */
/* A blocking HTTP client for the command line and for enrolment: one request, one connection, with a time
 * limit. */
#pragma once

#include "net/endpoint.h"
#include "net/tls.h"

#define HTTP_CLIENT_BODY_MAX (64u << 20)
#define HTTP_CLIENT_LINE_MAX (2u << 20)
#define HTTP_CLIENT_TIMEOUT_MS 30000
#define HTTP_CLIENT_ADDRESSES_MAX 8

struct http_call {
	/* Where: a Unix socket, or an endpoint with TLS. */
	const char *unix_path;
	const struct endpoint *endpoint;
	struct tls_context *tls;
	const char *expected_name; /* of the peer's certificate; NULL: the endpoint's host */
	/* What. */
	const char *method, *path;
	const char *content_type; /* NULL: no body */
	const void *body;
	size_t body_length;
	const char *fields; /* more header fields, each ending in CR LF; may be NULL */
	int timeout_ms;     /* for all of it; 0: HTTP_CLIENT_TIMEOUT_MS. A followed answer has it for its head
	                       only */
};

struct http_answer {
	int status;
	char content_type[128];
	char *body; /* NUL-terminated behind its last byte; caller frees by http_answer_clear() */
	size_t body_length;
};

/* 0 whatever the status says. -ETIMEDOUT, -EMSGSIZE, -EBADMSG, or the errno of a failed connection. */
int http_call(const struct http_call *call, struct http_answer *ret, struct error *err);
void http_answer_clear(struct http_answer *a);
/* Each line of the answer as it arrives, without its end (a last one that has none is dropped), until on_line
 * returns other than 0, which is then returned, or the answer ends (0). A status other than 200 is a failure
 * with the server's words. */
int http_follow(const struct http_call *call, int (*on_line)(const char *line, void *user), void *user,
        struct error *err);

/* As http_call(), and a status other than 2xx is a failure (-ENOENT for 404, else -EREMOTEIO) with the
 * server's words. Caller frees; ret_length may be NULL. */
int http_call_body(const struct http_call *call, char **ret_body, size_t *ret_length, struct error *err);
/* That to a daemon's socket, with a JSON body (NULL: none). */
int http_unix_call(const char *unix_path, const char *method, const char *path, const char *json,
        char **ret_body, size_t *ret_length, struct error *err);
