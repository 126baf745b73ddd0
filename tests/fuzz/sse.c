/* SPDX-License-Identifier: ISC */
/* Server-sent events: however the bytes are cut, the same events come out, and what we write reads back. */
#include "net/sse.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
	uint64_t value;
	unsigned n;
};

static void add(struct sum *s, const char *bytes, size_t length)
{
	for (size_t i = 0; i <= length; i++)
		s->value = s->value * 31 + (i == length ? 257u : (uint8_t)bytes[i]);
}

static int write_back(const struct sse_event *e, void *user)
{
	struct sum *s = user;
	add(s, e->type, strlen(e->type));
	add(s, e->id, strlen(e->id));
	add(s, e->data, e->length);
	s->n++;
	return 0;
}

static int compare(const struct sse_event *e, void *user)
{
	const struct sse_event *old = user;
	if (strcmp(e->type, old->type) != 0 || strcmp(e->id, old->id) != 0 || e->length != old->length ||
	        memcmp(e->data, old->data, e->length) != 0)
		abort();
	return 7;
}

static int again(const struct sse_event *e, void *user)
{
	struct writer w = wr_make(2 * SSE_EVENT_MAX);
	struct sse_reader *r = sse_reader_new();
	struct error err;
	if (sse_write(&w, e) != 0 || sse_read(r, w.data, w.length, compare, (void *)e, &err) != 7)
		abort();
	sse_reader_free(r);
	wr_free(&w);
	return write_back(e, user);
}

static int64_t read_all(const uint8_t *data, size_t size, size_t step, sse_event_fn fn)
{
	struct sse_reader *r = sse_reader_new();
	struct sum s = { 0 };
	struct error err;
	int result = 0;
	for (size_t i = 0; i < size && result == 0; i += step)
		result = sse_read(r, data + i, size - i < step ? size - i : step, fn, &s, &err);
	sse_reader_free(r);
	return result < 0 ? -1 : (int64_t)((s.value ^ s.n) >> 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t whole = read_all(data, size, size ? size : 1, again);
	if (read_all(data, size, 1, write_back) != whole || read_all(data, size, 5, write_back) != whole)
		abort();
	return 0;
}
