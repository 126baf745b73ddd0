/* SPDX-License-Identifier: ISC */
/* What a handler sees of its request, and how it answers. */
#include "net/http_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define HEAD_REST_SIZE 512 /* of the head of an answer besides the fields that its handler adds */

static const struct {
	int status;
	const char *words;
} status_words[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 206, "Partial Content" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
};

const char *http_request_parameter(const struct http_request *r, const char *name)
{
	for (size_t i = 0; i < r->n_parameters; i++)
		if (strlen(name) == r->parameters[i].name_length &&
		        strncmp(name, r->parameters[i].name, r->parameters[i].name_length) == 0)
			return r->parameters[i].value;
	return NULL;
}

int http_request_query(const struct http_request *r, const char *name, char *ret, size_t size)
{
	size_t length = strlen(name);
	for (const char *p = r->head.query; *p;) {
		size_t n = strcspn(p, "&");
		if (n >= length && strncmp(p, name, length) == 0 && (n == length || p[length] == '=')) {
			const char *value = n == length ? p + n : p + length + 1;
			return http_percent_decode(value, (size_t)(p + n - value), true, ret, size);
		}
		p += n + (p[n] == '&');
	}
	return -ENOENT;
}

const char *http_request_text(const struct http_request *r)
{
	return r->head.query;
}

const char *http_request_field(const struct http_request *r, const char *name)
{
	return http_head_field(&r->head, name);
}

const uint8_t *http_request_body(const struct http_request *r, size_t *ret_length)
{
	*ret_length = r->body_length;
	return r->body;
}

json_t *http_request_json(struct http_request *r)
{
	const char *coding = http_request_field(r, "content-encoding");
	json_error_t reason;
	if (coding && strcasecmp(coding, "identity") != 0) {
		http_reply_error(r, 415, "a body with a Content-Encoding; send it as it is");
		return NULL;
	}
	if (r->body_length == 0) {
		http_reply_error(r, 400, "the body is not a JSON object: it is empty");
		return NULL;
	}
	json_t *json = json_loadb((const char *)r->body, r->body_length, JSON_REJECT_DUPLICATES, &reason);
	if (json_is_object(json))
		return json;
	http_reply_error(
	        r, 400, "the body is not a JSON object: %s", json ? "another kind of value" : reason.text);
	json_decref(json);
	return NULL;
}

const struct identity *http_request_peer(const struct http_request *r)
{
	return stream_peer(r->stream);
}

int http_request_user(const struct http_request *r, uid_t *ret_uid)
{
	return stream_peer_user(r->stream, ret_uid, NULL);
}

int http_request_address(const struct http_request *r, struct ip_address *ret)
{
	return stream_peer_address(r->stream, ret, NULL, NULL);
}

X509 *http_request_certificate(const struct http_request *r)
{
	return tls_stream_peer_certificate(r->stream);
}

void http_request_on_gone(struct http_request *r, void (*on_gone)(void *user), void *user)
{
	r->on_gone = on_gone;
	r->on_gone_user = user;
}

void http_reply_field(struct http_request *r, const char *name, const char *value)
{
	size_t n = strlen(r->fields);
	/* A value with a line end would be a field of its own. */
	if (strpbrk(value, "\r\n"))
		return;
	int more = snprintf(r->fields + n, sizeof(r->fields) - n, "%s: %s\r\n", name, value);
	if (more < 0 || (size_t)more >= sizeof(r->fields) - n)
		r->fields[n] = '\0';
}

static const char *words_of(int status)
{
	for (size_t i = 0; i < ARRAY_LENGTH(status_words); i++)
		if (status_words[i].status == status)
			return status_words[i].words;
	return "Status";
}

/* RFC 9110 6.6.1. Made once a second. */
static const char *date_text(void)
{
	static _Thread_local char text[40];
	static _Thread_local time_t made;
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;
	if (now != made &&
	        (!gmtime_r(&now, &tm) || strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0))
		text[0] = '\0';
	made = now;
	return text;
}

/* RFC 9110 9.3.2: fields as for GET, and no content. */
static bool is_head(const struct http_request *r)
{
	return r->head.method && strcmp(r->head.method, "HEAD") == 0;
}

/* framing: "Content-Length: N\r\n", "Transfer-Encoding: chunked\r\n" or "". */
static int write_head(struct http_request *r, int status, const char *content_type, const char *framing)
{
	char head[HTTP_REPLY_FIELDS_SIZE + HEAD_REST_SIZE];
	int n = snprintf(head, sizeof(head),
	        "HTTP/1.1 %d %s\r\nDate: %s\r\n%s%s%s%s%s%s%sX-Content-Type-Options: nosniff\r\n\r\n", status,
	        words_of(status), date_text(), content_type ? "Content-Type: " : "",
	        content_type ? content_type : "", content_type ? "\r\n" : "", framing, r->fields,
	        r->close_after ? "Connection: close\r\n" : "",
	        strstr(r->fields, "Cache-Control: ") ? "" : "Cache-Control: no-store\r\n");
	if (n < 0 || (size_t)n >= sizeof(head)) {
		stream_close(r->stream, "the head of an answer is too large");
		return -E2BIG;
	}
	return stream_write(r->stream, head, (size_t)n);
}

/* The head of an answer that is there whole. False: nothing follows it. */
static bool begin_whole(struct http_request *r, int status, const char *content_type, size_t length)
{
	char framing[48] = "";
	/* RFC 9110 8.6: none with 204; that of the whole answer, which 304 does not make. */
	if (status != 204 && status != 304)
		snprintf(framing, sizeof(framing), "Content-Length: %zu\r\n", length);
	return write_head(r, status, content_type, framing) == 0 && length && !is_head(r);
}

static bool is_too_large(struct http_request *r, size_t length)
{
	if (length <= HTTP_ANSWER_MAX / 2)
		return false;
	http_reply_error(r, 500, "the answer is larger than %u bytes", HTTP_ANSWER_MAX / 2);
	return true;
}

void http_reply(struct http_request *r, int status, const char *content_type, const void *body, size_t length)
{
	if (is_too_large(r, length))
		return;
	/* A failure closes the stream, and that is all that can be done. */
	if (begin_whole(r, status, content_type, length))
		(void)stream_write(r->stream, body, length);
	http_request_finish(r);
}

void http_reply_shared(struct http_request *r, int status, const char *content_type, const void *body,
        size_t length, void (*release)(void *user), void *user)
{
	const bool refused = is_too_large(r, length);
	if (!refused && begin_whole(r, status, content_type, length))
		(void)stream_write_shared(r->stream, body, length, release, user);
	else
		release(user);
	if (!refused)
		http_request_finish(r);
}

void http_reply_json(struct http_request *r, int status, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	json_decref(body);
	if (!text) {
		static const char failed[] = "{\"error\":\"cannot write the answer\"}";
		http_reply(r, 500, "application/json", failed, sizeof(failed) - 1);
		return;
	}
	http_reply(r, status, "application/json", text, strlen(text));
	free(text);
}

void http_reply_error(struct http_request *r, int status, const char *format, ...)
{
	char text[sizeof(struct error)];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_t *body = http_error_body(r->server, status, text);
	/* Not UTF-8, from somewhere outside. */
	http_reply_json(r, status, body ? body : http_error_body(r->server, status, words_of(status)));
}

void http_reply_begin(struct http_request *r, int status, const char *content_type)
{
	r->streaming = true;
	/* RFC 9112 6.1: an HTTP/1.0 client does not know chunks; the end of the connection ends its answer.
	 */
	if (r->head.http_1_0)
		r->close_after = true;
	(void)write_head(r, status, content_type, r->head.http_1_0 ? "" : "Transfer-Encoding: chunked\r\n");
}

int http_reply_write(struct http_request *r, const void *data, size_t length)
{
	char size[24];
	if (length == 0)
		return 0; /* would be the last chunk */
	if (r->head.http_1_0)
		return stream_write(r->stream, data, length);
	int n = snprintf(size, sizeof(size), "%zx\r\n", length);
	int e = stream_write(r->stream, size, (size_t)n);
	if (e == 0)
		e = stream_write(r->stream, data, length);
	if (e == 0)
		e = stream_write(r->stream, "\r\n", 2);
	return e;
}

void http_reply_end(struct http_request *r)
{
	if (!r->head.http_1_0)
		(void)stream_write(r->stream, "0\r\n\r\n", 5);
	http_request_finish(r);
}

void http_reply_limit(struct http_request *r, size_t bytes)
{
	struct stream_limits limits = r->stream->limits;
	limits.write_max = bytes;
	stream_set_limits(r->stream, &limits);
	/* Such an answer is the connection's last: the limit is not for others. */
	r->close_after = true;
}

size_t http_reply_waiting(const struct http_request *r)
{
	return stream_pending(r->stream);
}
