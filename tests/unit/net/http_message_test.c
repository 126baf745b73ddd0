/* SPDX-License-Identifier: ISC */
#include "net/http_message.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static ssize_t request(const char *text, struct http_head *h)
{
	struct error err;
	return http_request_parse((const uint8_t *)text, strlen(text), h, &err);
}

static void a_request_is_read(void **state)
{
	static const char text[] =
	        "POST /v1/nodes/a%20b?limit=5&x HTTP/1.1\r\nHost: srv\r\nContent-Length:  12 \r\n"
	        "Expect: 100-continue\r\nconnection: foo, Close\r\n\r\nbody";
	struct http_head h;
	assert_int_equal(request(text, &h), strlen(text) - 4);
	assert_string_equal(h.method, "POST");
	assert_string_equal(h.path, "/v1/nodes/a%20b");
	assert_string_equal(h.query, "limit=5&x");
	assert_int_equal(h.content_length, 12);
	assert_true(h.expect_continue && h.close && !h.chunked && !h.http_1_0);
	assert_string_equal(http_head_field(&h, "HOST"), "srv");
	assert_null(http_head_field(&h, "absent"));
	http_head_clear(&h);
	/* At every length short of the whole: not there yet. */
	for (size_t n = 0; n < strlen(text) - 4; n++)
		assert_int_equal(http_request_parse((const uint8_t *)text, n, &h, NULL), 0);
}

static void the_absolute_form_is_read(void **state)
{
	struct http_head h;
	assert_true(request("GET http://srv:80/a?b HTTP/1.1\r\nHost: srv\r\n\r\n", &h) > 0);
	assert_string_equal(h.path, "/a");
	assert_string_equal(h.query, "b");
	http_head_clear(&h);
	assert_true(request("GET / HTTP/1.0\r\n\r\n", &h) > 0);
	assert_true(h.http_1_0 && h.close);
	http_head_clear(&h);
}

static void malformed_requests_are_refused(void **state)
{
	static const struct {
		const char *text;
		int error, status;
	} bad[] = {
		{ "GET / HTTP/1.1\r\n\r\n", -EBADMSG, 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", -EBADMSG, 400 },
		{ "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", -EBADMSG, 400 },
		{ "GET /\r\n\r\n", -EBADMSG, 400 },
		{ " GET / HTTP/1.1\r\nHost: a\r\n\r\n", -EBADMSG, 400 },
		{ "GET a HTTP/1.1\r\nHost: a\r\n\r\n", -EBADMSG, 400 },
		{ "GET * HTTP/1.1\r\nHost: a\r\n\r\n", -EBADMSG, 400 },
		{ "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", -EBADMSG, 400 },
		{ "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", -EBADMSG, 400 },
		{ "GET / HTTP/2.0\r\nHost: a\r\n\r\n", -EPROTONOSUPPORT, 505 },
		{ "GET / http/1.1\r\nHost: a\r\n\r\n", -EBADMSG, 400 },
		{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", -EBADMSG, 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", -EBADMSG, 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n", -EBADMSG, 400 },
		{ "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", -EBADMSG, 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", -EBADMSG, 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", -EBADMSG, 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", -EBADMSG,
		        400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", -EBADMSG, 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", -EBADMSG, 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", -EBADMSG, 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", -EBADMSG, 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", -EBADMSG, 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", -EBADMSG,
		        400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		        -EBADMSG, 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", -ENOTSUP, 501 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", -ENOTSUP, 501 },
		{ "\x16\x03\x01 \r\n\r\n", -EBADMSG, 400 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		struct http_head h;
		int r = (int)request(bad[i].text, &h);
		if (r != bad[i].error || http_request_status(r) != bad[i].status)
			fail_msg("%s: %d", bad[i].text, r);
	}
	struct http_head h;
	static const char nul[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
	assert_int_equal(http_request_parse((const uint8_t *)nul, sizeof(nul) - 1, &h, NULL), -EBADMSG);
}

static void heads_are_bounded(void **state)
{
	char *many FREE_ON_EXIT = xstrdup("GET / HTTP/1.1\r\nHost: a\r\n");
	struct http_head h;
	for (int i = 0; i < HTTP_FIELDS_MAX; i++) {
		char *more = xasprintf("%sX: y\r\n", many);
		free(many);
		many = more;
	}
	char *whole FREE_ON_EXIT = xasprintf("%s\r\n", many);
	assert_int_equal(request(whole, &h), -EMSGSIZE);
	char *long_head FREE_ON_EXIT = xasprintf("GET / HTTP/1.1\r\nHost: %0*d", HTTP_HEAD_MAX, 1);
	assert_int_equal(request(long_head, &h), -EMSGSIZE);
	long_head[HTTP_HEAD_MAX - 1] = '\0';
	assert_int_equal(request(long_head, &h), 0);
	assert_int_equal(http_request_status(-EMSGSIZE), 431);
}

static void responses_are_read(void **state)
{
	static const char good[] = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n",
	                  *const bad[] = { "HTTP/1.1 4040 x\r\n\r\n", "HTTP/1.1 04 x\r\n\r\n",
		                  "HTTP/1.1\r\n\r\n", "HTTP/3 200 OK\r\n\r\n", "HTTP/1.1 099 x\r\n\r\n",
		                  "ICY 200 OK\r\n\r\n" };
	struct http_head h;
	assert_int_equal(http_response_parse((const uint8_t *)good, strlen(good), &h, NULL), strlen(good));
	assert_int_equal(h.status, 404);
	assert_true(h.chunked);
	http_head_clear(&h);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_true(http_response_parse((const uint8_t *)bad[i], strlen(bad[i]), &h, NULL) < 0);
}

static void percent_encoding_is_undone(void **state)
{
	char text[16];
	assert_int_equal(http_percent_decode("a%2Fb+c", 7, false, text, sizeof(text)), 0);
	assert_string_equal(text, "a/b+c");
	assert_int_equal(http_percent_decode("a+b", 3, true, text, sizeof(text)), 0);
	assert_string_equal(text, "a b");
	static const char *const bad[] = { "%", "%4", "%zz", "%00", "a%0ab", "%7f", "0123456789abcdef" };
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_int_equal(
		        http_percent_decode(bad[i], strlen(bad[i]), false, text, sizeof(text)), -EINVAL);
	assert_int_equal(http_percent_decode("%41", 2, false, text, sizeof(text)), -EINVAL);
}

/* Feeds text in pieces of `step` bytes; the content, or NULL where it is malformed or does not end. */
static char *unchunk(const char *text, size_t step)
{
	struct http_chunks c = { 0 };
	char *out = xcalloc(1, 256);
	size_t have = 0, length = strlen(text);
	bool end = false;
	for (size_t i = 0; i < length && !end;) {
		const uint8_t *content;
		size_t n;
		ssize_t used = http_chunks_read(
		        &c, (const uint8_t *)text + i, MIN(step, length - i), &content, &n, &end);
		if (used < 0)
			break;
		memcpy(out + have, content, n);
		have += n;
		i += (size_t)used;
	}
	if (end)
		return out;
	free(out);
	return NULL;
}

static void chunks_are_read_however_they_arrive(void **state)
{
	for (size_t step = 1; step < 40; step++) {
		char *out FREE_ON_EXIT = unchunk(
		        "5\r\nhello\r\n1;x=y\r\n,\r\n00A\r\n 234567890\r\n0\r\nT: v\r\n\r\nrest", step);
		assert_non_null(out);
		assert_string_equal(out, "hello, 234567890");
		char *none FREE_ON_EXIT = unchunk("0\r\n\r\n", step);
		assert_string_equal(none, "");
	}
	static const char *const bad[] = { "5\r\nhelloo\r\n0\r\n\r\n", "\r\n", "5\nhello\r\n0\r\n\r\n",
		"x\r\n", "-1\r\n", "5\r\nhello\n0\r\n\r\n", "ffffffffffffffffff\r\n", "5\r\nhello\r\n0\r\n",
		"; \r\n\r\n", "0\r\nT\n\r\n" };
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		for (size_t step = 1; step < 20; step++)
			assert_null(unchunk(bad[i], step));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_read),
		cmocka_unit_test(the_absolute_form_is_read),
		cmocka_unit_test(malformed_requests_are_refused),
		cmocka_unit_test(heads_are_bounded),
		cmocka_unit_test(responses_are_read),
		cmocka_unit_test(percent_encoding_is_undone),
		cmocka_unit_test(chunks_are_read_however_they_arrive),
	};
	return cmocka_run_group_tests_name("http_message", tests, NULL, NULL);
}
