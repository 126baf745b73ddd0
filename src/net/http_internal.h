/* SPDX-License-Identifier: ISC */
/* What http_server.c and http_reply.c share: a connection with its one request. */
#pragma once

#include "net/http.h"
#include "net/stream_internal.h"

#define HTTP_ANSWER_MAX (64u << 20) /* bytes of one answer */
#define HTTP_REPLY_FIELDS_SIZE 1024

enum request_state { REQUEST_HEAD, REQUEST_BODY, REQUEST_ANSWERING };

struct http_parameter {
	const char *name; /* in the route */
	size_t name_length;
	char value[HTTP_PARAMETER_SIZE];
};

struct http_request {
	struct http_server *server;
	struct stream *stream;
	enum request_state state;
	struct http_head head;
	const struct http_route *route;
	void *route_user;
	struct http_parameter parameters[HTTP_PARAMETERS_MAX];
	size_t n_parameters;
	uint8_t *body;
	size_t body_length, body_have;
	time_ms started; /* first byte of the request; monotonic */
	bool close_after, streaming;
	char fields[HTTP_REPLY_FIELDS_SIZE]; /* more header fields for the answer */
	void (*on_gone)(void *user);
	void *on_gone_user;
	LIST_ENTRY(http_request) next;
};

/* The body of a failure, in the server's form. */
json_t *http_error_body(const struct http_server *h, int status, const char *text);
/* The answer is complete: on to the next request, or the end. */
void http_request_finish(struct http_request *r);
