/* SPDX-License-Identifier: ISC */
/*
 * HTTP/1.1 messages (RFC 9110, RFC 9112) as bytes: heads of requests and responses, and the chunked coding.
 * No sockets here. Stricter than the RFC allows in places where leniency has let one side see another message
 * than the other: no bare LF, no line folding, no space before a colon, one Content-Length, no
 * Transfer-Encoding in requests.
 */
#pragma once

#include "base/error.h"
#include <stdbool.h>
#include <sys/types.h>

#define HTTP_HEAD_MAX 16384
#define HTTP_FIELDS_MAX 64
#define HTTP_METHOD_MAX 16

struct http_field {
	const char *name, *value; /* inside text */
};

struct http_head {
	char *text; /* owned: the bytes of the head, cut up */
	const char *method, *path,
	        *query; /* of a request; path and query as they came, query "" if there is none */
	int status;     /* of a response */
	struct http_field fields[HTTP_FIELDS_MAX];
	size_t n_fields;
	bool http_1_0, close, chunked, expect_continue;
	int64_t content_length; /* -1: not given */
};

/* How a malformed request is to be answered: 400, 411, 431, 501 or 505. */
int http_request_status(int error);

/* Reads a head from the front of bytes. Returns its length; 0: not there yet; -EBADMSG malformed, -EMSGSIZE
 * larger than the limits, -ENOTSUP a transfer coding, -EPROTONOSUPPORT another version. */
ssize_t http_request_parse(const uint8_t *bytes, size_t length, struct http_head *ret, struct error *err);
ssize_t http_response_parse(const uint8_t *bytes, size_t length, struct http_head *ret, struct error *err);
void http_head_clear(struct http_head *h);
/* The value of the only field with that name (case does not matter); NULL if there is none, or several. */
const char *http_head_field(const struct http_head *h, const char *name);

/* Undoes percent-encoding (RFC 3986 2.1) in a part of a path or query. -EINVAL for malformed or control
 * characters, a NUL, or more than size. plus: '+' is a space, as in queries of forms. */
int http_percent_decode(const char *text, size_t length, bool plus, char *ret, size_t size);

/* The chunked coding (RFC 9112 7.1), a piece at a time. Zeroed to begin. */
struct http_chunks {
	int state;
	uint64_t left;
	size_t line; /* bytes of the current size or trailer line */
	bool digits;
};
/* Takes bytes from the front of data: *ret_content tells where content lies in them and how long it is
 * (possibly nothing). Returns how many bytes were taken; -EBADMSG malformed. *ret_end: that was the last. */
ssize_t http_chunks_read(struct http_chunks *c, const uint8_t *data, size_t length,
        const uint8_t **ret_content, size_t *ret_content_length, bool *ret_end);
