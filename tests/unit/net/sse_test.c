/* SPDX-License-Identifier: ISC */
/* Server-sent events: the examples of the specification, every way to cut them, and the limits. */
#include "net/sse.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct heard {
	char text[4096];
	size_t n;
};

static int hear(const struct sse_event *e, void *user)
{
	struct heard *h = user;
	int n = snprintf(h->text + h->n, sizeof(h->text) - h->n, "[%s|%s|%s]", e->type, e->id, e->data);
	assert_true(n > 0 && (size_t)n < sizeof(h->text) - h->n);
	assert_int_equal(strlen(e->data), e->length);
	h->n += (size_t)n;
	return 0;
}

static void expect(const char *bytes, const char *events)
{
	for (size_t step = 1; step <= strlen(bytes); step++) {
		struct heard h = { "" };
		struct sse_reader *r = sse_reader_new();
		for (size_t at = 0; at < strlen(bytes); at += step)
			assert_int_equal(
			        sse_read(r, bytes + at, MIN(step, strlen(bytes) - at), hear, &h, NULL), 0);
		assert_string_equal(h.text, events);
		sse_reader_free(r);
	}
}

static void reads_what_the_specification_shows(void **state)
{
	expect("data: YHOO\ndata: +2\ndata: 10\n\n", "[||YHOO\n+2\n10]");
	expect(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
	        "[|1|first event][||second event]");
	expect("data\n\ndata\ndata\n\ndata:", "[||][||\n]");
	expect("data:test\n\ndata: test\n\n", "[||test][||test]");
	expect("event: a\ndata: x\n\ndata: y\n\n", "[a||x][||y]");
	expect("event: nothing\n\ndata: y\n\n", "[||y]");
}

static void ends_lines_in_three_ways(void **state)
{
	expect("data: a\r\ndata: b\rdata: c\n\r\ndata: d\r\r", "[||a\nb\nc][||d]");
	expect("\xef\xbb\xbf"
	       "data: marked\n\n\xef\xbb\xbf"
	       "data: other\n\n",
	        "[||marked]");
	expect("id: 7\ndata: a\n\ndata: b\n\n", "[|7|a][|7|b]");
	expect("retry: 1\nwhatever: x\ndata: a\n\n", "[||a]");
}

static void writes_what_it_reads(void **state)
{
	struct writer w = wr_make(1000);
	struct heard h = { "" };
	struct sse_reader *r = sse_reader_new();
	const struct sse_event events[] = { { "index", "central:5", "{\n}", 3 }, { "", "", "", 0 },
		{ "x", "", " y\n", 3 } };
	for (size_t i = 0; i < ARRAY_LENGTH(events); i++)
		assert_int_equal(sse_write(&w, &events[i]), 0);
	sse_write_comment(&w, "alive");
	assert_int_equal(sse_read(r, w.data, w.length, hear, &h, NULL), 0);
	assert_string_equal(h.text, "[index|central:5|{\n}][|central:5|][x|central:5| y\n]");
	sse_reader_free(r);
	wr_free(&w);
}

static void refuses_what_it_cannot_carry(void **state)
{
	static const struct sse_event bad[] = { { "a\nb", "", "x", 1 }, { "", "a\rb", "x", 1 },
		{ "", "", "a\rb", 3 }, { "", "", "a\0b", 3 } };
	struct writer w = wr_make(1000);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_int_equal(sse_write(&w, &bad[i]), -EINVAL);
	assert_int_equal(w.length, 0);
	wr_free(&w);
}

static void feed_until(const char *begin, const char *piece, int wanted)
{
	struct heard h = { "" };
	struct sse_reader *r = sse_reader_new();
	struct error err;
	int result = sse_read(r, begin, strlen(begin), hear, &h, &err);
	for (size_t n = 0; result == 0 && n < 2 * SSE_EVENT_MAX; n += strlen(piece))
		result = sse_read(r, piece, strlen(piece), hear, &h, &err);
	assert_int_equal(result, wanted);
	assert_string_equal(h.text, "");
	sse_reader_free(r);
}

static void limits_what_a_peer_makes_grow(void **state)
{
	char line[1025];
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	feed_until("data: ", line, -EMSGSIZE);
	feed_until("junk", line, -EMSGSIZE);
	memcpy(line, "data: ", 6);
	line[sizeof(line) - 2] = '\n';
	feed_until("", line, -EMSGSIZE);
	memcpy(line, "id: xx", 6);
	memcpy(line + 1000, "\n", 2);
	feed_until("event: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
	        line, -EMSGSIZE);
	struct sse_reader *r = sse_reader_new();
	assert_int_equal(sse_read(r, "a\0", 2, hear, NULL, NULL), -EBADMSG);
	sse_reader_free(r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_the_specification_shows),
		cmocka_unit_test(ends_lines_in_three_ways),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(refuses_what_it_cannot_carry),
		cmocka_unit_test(limits_what_a_peer_makes_grow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
