/* SPDX-License-Identifier: ISC */
/* The wire is a non-blocking descriptor with poll(2) around it, so that one deadline holds for connecting,
 * TLS and HTTP alike. */
#include "net/http_client.h"

#include "base/cursor.h"
#include "crypto/openssl.h"
#include "net/http_message.h"
#include "net/stream_internal.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIECE_SIZE 16384

struct wire {
	int fd;
	SSL *ssl;
	time_ms deadline; /* monotonic; INT64_MAX: none */
	char where[300];  /* for errors */
	char host[ENDPOINT_HOST_MAX +
	        1]; /* without its scope, of which certificates and Host fields know nothing */
	uint8_t data[PIECE_SIZE + HTTP_HEAD_MAX];
	size_t length; /* bytes of data that were read and not used yet */
};

static void wire_close(struct wire *w)
{
	if (w->ssl)
		(void)SSL_shutdown(w->ssl);
	SSL_free(w->ssl);
	openssl_forget_errors();
	if (w->fd >= 0)
		close(w->fd);
	OPENSSL_cleanse(w->data, sizeof(w->data));
}

static int wait_for(struct wire *w, short events, struct error *err)
{
	struct pollfd p = { .fd = w->fd, .events = events };
	for (;;) {
		time_ms left =
		        w->deadline == INT64_MAX ? -1 : MAX(w->deadline - clock_monotonic_ms(), (time_ms)0);
		int n = left == 0 ? 0 : poll(&p, 1, (int)left);
		if (n > 0)
			return 0;
		if (n == 0)
			return error_set(err, -ETIMEDOUT, "%s: no answer in time", w->where);
		if (errno != EINTR)
			return error_set(err, -errno, "%s: %s", w->where, strerror(errno));
	}
}

/* After an SSL call that returned r: 0 to try again, or the failure. */
static int wait_for_tls(struct wire *w, int r, int error_number, struct error *err)
{
	struct error reason;
	switch (SSL_get_error(w->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(w, POLLIN, err);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(w, POLLOUT, err);
	default:
		tls_failure_text(w->ssl, r, error_number, &reason);
		return error_set(err, -EPROTO, "%s: %s", w->where, reason.text);
	}
}

static ssize_t wire_read(struct wire *w, void *data, size_t size, struct error *err)
{
	for (;;) {
		int e;
		errno = 0;
		if (w->ssl) {
			ERR_clear_error();
			int r = SSL_read(w->ssl, data, (int)size);
			if (r > 0)
				return r;
			if (SSL_get_error(w->ssl, r) == SSL_ERROR_ZERO_RETURN)
				return 0;
			e = wait_for_tls(w, r, errno, err);
		} else {
			ssize_t r = recv(w->fd, data, size, 0);
			if (r >= 0)
				return r;
			e = errno == EAGAIN || errno == EINTR
			        ? wait_for(w, POLLIN, err)
			        : error_set(err, -errno, "%s: %s", w->where, strerror(errno));
		}
		if (e < 0)
			return e;
	}
}

static int wire_write(struct wire *w, const char *data, size_t length, struct error *err)
{
	while (length) {
		int e = 0;
		errno = 0;
		ssize_t n;
		if (w->ssl) {
			ERR_clear_error();
			n = SSL_write(w->ssl, data, (int)MIN(length, (size_t)PIECE_SIZE));
			if (n <= 0)
				e = wait_for_tls(w, (int)n, errno, err);
		} else {
			n = send(w->fd, data, length, MSG_NOSIGNAL);
			if (n < 0)
				e = errno == EAGAIN || errno == EINTR
				        ? wait_for(w, POLLOUT, err)
				        : error_set(err, -errno, "%s: %s", w->where, strerror(errno));
		}
		if (e < 0)
			return e;
		if (n > 0) {
			data += n;
			length -= (size_t)n;
		}
	}
	return 0;
}

/* Connecting. */

static int finish_connect(struct wire *w, struct error *err)
{
	int code = 0;
	socklen_t length = sizeof(code);
	int r = wait_for(w, POLLOUT, err);
	if (r < 0)
		return r;
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &code, &length) < 0)
		code = errno;
	return code ? error_set(err, -code, "%s: cannot connect: %s", w->where, strerror(code)) : 0;
}

static int connect_unix(struct wire *w, const char *path, struct error *err)
{
	struct sockaddr_un address;
	bool connecting;
	int r = socket_unix_address(path, &address, err);
	if (r < 0)
		return r;
	snprintf(w->where, sizeof(w->where), "%s", path);
	w->fd = socket_connect(
	        (const struct sockaddr *)&address, sizeof(address), NULL, NULL, &connecting, err);
	if (w->fd < 0)
		return error_prefix(err, w->fd, "%s", path);
	return finish_connect(w, err);
}

/* Each address in turn, until one takes us. */
static int connect_tcp(struct wire *w, const struct endpoint *e, struct error *err)
{
	struct sockaddr_storage addresses[HTTP_CLIENT_ADDRESSES_MAX];
	snprintf(w->where, sizeof(w->where), "%s port %u", e->host, e->port);
	int n = endpoint_resolve(e, addresses, ARRAY_LENGTH(addresses), err), r = n;
	for (int i = 0; i < n; i++) {
		bool connecting;
		w->fd = socket_connect((const struct sockaddr *)&addresses[i],
		        socket_address_length(&addresses[i]), NULL, NULL, &connecting, err);
		r = w->fd < 0 ? error_prefix(err, w->fd, "%s", w->where) : finish_connect(w, err);
		if (r == 0)
			return 0;
		if (w->fd >= 0)
			close(w->fd);
		w->fd = -1;
	}
	return r;
}

static int start_tls(struct wire *w, const struct http_call *call, struct error *err)
{
	BIO *bio = socket_bio_new(w->fd);
	w->ssl = tls_context_ssl(call->tls, call->expected_name ? call->expected_name : w->host);
	if (!w->ssl || !bio) {
		BIO_free(bio);
		return openssl_error(err, -ENOMEM, "TLS: cannot begin");
	}
	SSL_set_bio(w->ssl, bio, bio);
	for (;;) {
		ERR_clear_error();
		errno = 0;
		int r = SSL_do_handshake(w->ssl);
		if (r == 1)
			return 0;
		int e = wait_for_tls(w, r, errno, err);
		if (e < 0)
			return e;
	}
}

static int wire_open(struct wire *w, const struct http_call *call, struct error *err)
{
	int timeout = call->timeout_ms ? call->timeout_ms : HTTP_CLIENT_TIMEOUT_MS;
	*w = (struct wire){ .fd = -1, .deadline = clock_monotonic_ms() + timeout };
	if (call->unix_path) {
		snprintf(w->host, sizeof(w->host), "localhost");
		return connect_unix(w, call->unix_path, err);
	}
	if (!call->endpoint || !call->tls)
		return error_set(err, -EINVAL, "neither a socket nor an endpoint with TLS is given");
	snprintf(w->host, sizeof(w->host), "%.*s", (int)strcspn(call->endpoint->host, "%"),
	        call->endpoint->host);
	int r = connect_tcp(w, call->endpoint, err);
	return r < 0 ? r : start_tls(w, call, err);
}

static int send_request(struct wire *w, const struct http_call *call, struct error *err)
{
	char length[48] = "";
	if (call->content_type)
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n", call->body_length);
	const char *open = strchr(w->host, ':') ? "[" : "", *close = *open ? "]" : "";
	char *head FREE_ON_EXIT = xasprintf(
	        "%s %s HTTP/1.1\r\nHost: %s%s%s\r\nConnection: close\r\n%s%s%s%s%s\r\n", call->method,
	        call->path, open, w->host, close, call->content_type ? "Content-Type: " : "",
	        call->content_type ? call->content_type : "", call->content_type ? "\r\n" : "", length,
	        call->fields ? call->fields : "");
	int r = wire_write(w, head, strlen(head), err);
	OPENSSL_cleanse(head, strlen(head));
	return r < 0 || !call->body_length ? r : wire_write(w, call->body, call->body_length, err);
}

static void wire_drop(struct wire *w, size_t n)
{
	w->length -= n;
	memmove(w->data, w->data + n, w->length);
}

static int read_head(struct wire *w, struct http_head *head, struct error *err)
{
	for (;;) {
		ssize_t n = http_response_parse(w->data, w->length, head, err);
		if (n < 0)
			return error_prefix(err, -EBADMSG, "%s", w->where);
		if (n > 0)
			wire_drop(w, (size_t)n);
		/* RFC 9110 15.2: interim answers come before the real one. */
		if (n > 0 && head->status / 100 != 1)
			return 0;
		if (n > 0) {
			http_head_clear(head);
			continue;
		}
		n = wire_read(w, w->data + w->length, sizeof(w->data) - w->length, err);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return error_set(
			        err, -EBADMSG, "%s: the connection ended before the answer", w->where);
		w->length += (size_t)n;
	}
}

/* Body: content is handed to take() as it comes. */

typedef int (*take_function)(const uint8_t *content, size_t length, void *user, struct error *err);

struct body {
	const struct http_head *head;
	struct http_chunks chunks;
	uint64_t left; /* with a Content-Length */
};

/* Uses what the wire holds; *ret_end at the end of the body. */
static int use_data(
        struct wire *w, struct body *b, take_function take, void *user, bool *ret_end, struct error *err)
{
	while (w->length && !*ret_end) {
		const uint8_t *content = w->data;
		size_t length = w->length;
		ssize_t used;
		if (b->head->chunked) {
			used = http_chunks_read(&b->chunks, w->data, w->length, &content, &length, ret_end);
			if (used < 0)
				return error_set(err, -EBADMSG, "%s: malformed chunk", w->where);
		} else {
			if (b->head->content_length >= 0)
				length = (size_t)MIN((uint64_t)length, b->left);
			used = (ssize_t)length;
			b->left -= length;
			*ret_end = b->head->content_length >= 0 && b->left == 0;
		}
		int r = length ? take(content, length, user, err) : 0;
		if (r != 0)
			return r;
		wire_drop(w, (size_t)used);
	}
	return 0;
}

static int read_body(
        struct wire *w, const struct http_head *head, take_function take, void *user, struct error *err)
{
	struct body b = { .head = head,
		.left = head->content_length > 0 ? (uint64_t)head->content_length : UINT64_MAX };
	bool end = head->content_length == 0 || head->status == 204;
	while (!end) {
		int r = use_data(w, &b, take, user, &end, err);
		if (r != 0 || end)
			return r;
		ssize_t n = wire_read(w, w->data + w->length, sizeof(w->data) - w->length, err);
		if (n < 0)
			return (int)n;
		if (n == 0) {
			if (head->chunked || head->content_length > 0)
				return error_set(err, -EBADMSG, "%s: the answer was cut short", w->where);
			return 0;
		}
		w->length += (size_t)n;
	}
	return 0;
}

static int collect(const uint8_t *content, size_t length, void *user, struct error *err)
{
	struct writer *w = user;
	wr_bytes(w, content, length);
	return wr_failed(w)
	        ? error_set(err, -EMSGSIZE, "the answer is larger than %u bytes", HTTP_CLIENT_BODY_MAX)
	        : 0;
}

static int read_answer(
        struct wire *w, const struct http_head *head, struct http_answer *ret, struct error *err)
{
	struct writer body = wr_make(HTTP_CLIENT_BODY_MAX + 1);
	const char *type = http_head_field(head, "content-type");
	int r = read_body(w, head, collect, &body, err);
	wr_u8(&body, 0);
	if (r < 0 || wr_failed(&body)) {
		wr_free(&body);
		return r < 0 ? r
		             : error_set(err, -EMSGSIZE, "the answer is larger than %u bytes",
		                       HTTP_CLIENT_BODY_MAX);
	}
	*ret = (struct http_answer){ .status = head->status };
	snprintf(ret->content_type, sizeof(ret->content_type), "%s", type ? type : "");
	ret->body = (char *)wr_take(&body, &ret->body_length);
	ret->body_length--;
	return 0;
}

void http_answer_clear(struct http_answer *a)
{
	free(a->body);
	*a = (struct http_answer){ 0 };
}

int http_call(const struct http_call *call, struct http_answer *ret, struct error *err)
{
	struct wire *w = xmalloc(sizeof(*w));
	struct http_head head = { 0 };
	int r = wire_open(w, call, err);
	if (r == 0)
		r = send_request(w, call, err);
	if (r == 0)
		r = read_head(w, &head, err);
	if (r == 0)
		r = read_answer(w, &head, ret, err);
	http_head_clear(&head);
	wire_close(w);
	free(w);
	return r;
}

/* The server's words for a status that is not what was wanted. */
static int answer_failure(const char *where, const struct http_answer *a, struct error *err)
{
	json_t *json = a->body ? json_loadb(a->body, a->body_length, 0, NULL) : NULL;
	const char *words = json_string_value(json_object_get(json, "error"));
	int code = a->status == 404 ? -ENOENT : -EREMOTEIO;
	if (words)
		error_set(err, code, "%s", words);
	else
		error_set(err, code, "%s: answered with status %d", where, a->status);
	json_decref(json);
	return code;
}

/* Lines. */

struct lines {
	struct writer line;
	int (*on_line)(const char *line, void *user);
	void *user;
};

static int cut_lines(const uint8_t *content, size_t length, void *user, struct error *err)
{
	struct lines *l = user;
	while (length) {
		const uint8_t *end = memchr(content, '\n', length);
		size_t n = end ? (size_t)(end - content) : length;
		wr_bytes(&l->line, content, n);
		content += n + (end != NULL);
		length -= n + (end != NULL);
		if (end)
			wr_u8(&l->line, 0);
		if (wr_failed(&l->line))
			return error_set(err, -EMSGSIZE, "a line of the answer is longer than %u",
			        HTTP_CLIENT_LINE_MAX);
		if (!end)
			break;
		int r = l->on_line((const char *)l->line.data, l->user);
		wr_reset(&l->line);
		if (r != 0)
			return r;
	}
	return 0;
}

int http_follow(const struct http_call *call, int (*on_line)(const char *line, void *user), void *user,
        struct error *err)
{
	struct wire *w = xmalloc(sizeof(*w));
	struct http_head head = { 0 };
	struct http_answer answer = { 0 };
	struct lines lines = { .line = wr_make(HTTP_CLIENT_LINE_MAX), .on_line = on_line, .user = user };
	int r = wire_open(w, call, err);
	if (r == 0)
		r = send_request(w, call, err);
	if (r == 0)
		r = read_head(w, &head, err);
	if (r == 0 && head.status != 200) {
		r = read_answer(w, &head, &answer, err);
		if (r == 0)
			r = answer_failure(w->where, &answer, err);
	} else if (r == 0) {
		w->deadline = INT64_MAX;
		r = read_body(w, &head, cut_lines, &lines, err);
	}
	http_answer_clear(&answer);
	wr_free(&lines.line);
	http_head_clear(&head);
	wire_close(w);
	free(w);
	return r;
}

int http_call_body(const struct http_call *call, char **ret_body, size_t *ret_length, struct error *err)
{
	struct http_answer answer = { 0 };
	int r = http_call(call, &answer, err);
	if (r < 0)
		return r;
	if (answer.status / 100 != 2) {
		r = answer_failure(call->unix_path ? call->unix_path : call->endpoint->host, &answer, err);
		http_answer_clear(&answer);
		return r;
	}
	*ret_body = answer.body;
	if (ret_length)
		*ret_length = answer.body_length;
	return 0;
}

int http_unix_call(const char *unix_path, const char *method, const char *path, const char *json,
        char **ret_body, size_t *ret_length, struct error *err)
{
	const struct http_call call = { .unix_path = unix_path,
		.method = method,
		.path = path,
		.content_type = json ? "application/json" : NULL,
		.body = json,
		.body_length = json ? strlen(json) : 0 };
	return http_call_body(&call, ret_body, ret_length, err);
}
