/* SPDX-License-Identifier: ISC */
#include "net/sse.h"

#include <errno.h>
#include <string.h>

/* Lines end in CR LF, LF or CR; a CR at the end of the bytes may have its LF in the next ones. */
struct sse_reader {
	struct writer line, data;
	char type[SSE_TYPE_MAX + 1], id[SSE_ID_MAX + 1];
	bool after_cr, begun, has_data;
};

/* Writing. */

static void write_line(struct writer *w, const char *name, const char *value, size_t length)
{
	wr_bytes(w, name, strlen(name));
	wr_bytes(w, ": ", 2);
	wr_bytes(w, value, length);
	wr_u8(w, '\n');
}

int sse_write(struct writer *w, const struct sse_event *e)
{
	if (strpbrk(e->type, "\r\n") || strpbrk(e->id, "\r\n") || memchr(e->data, '\r', e->length) ||
	        memchr(e->data, '\0', e->length) || strlen(e->type) > SSE_TYPE_MAX ||
	        strlen(e->id) > SSE_ID_MAX)
		return -EINVAL;
	if (*e->id)
		write_line(w, "id", e->id, strlen(e->id));
	if (*e->type)
		write_line(w, "event", e->type, strlen(e->type));
	for (size_t at = 0;;) {
		const char *end = memchr(e->data + at, '\n', e->length - at);
		size_t n = end ? (size_t)(end - e->data) - at : e->length - at;
		write_line(w, "data", e->data + at, n);
		at += n + 1;
		if (!end)
			break;
	}
	wr_u8(w, '\n');
	return 0;
}

void sse_write_comment(struct writer *w, const char *text)
{
	wr_bytes(w, ": ", 2);
	wr_bytes(w, text, strcspn(text, "\r\n"));
	wr_bytes(w, "\n\n", 2);
}

/* Reading. */

struct sse_reader *sse_reader_new(void)
{
	struct sse_reader *r = xcalloc(1, sizeof(*r));
	r->line = wr_make(SSE_EVENT_MAX + 16);
	r->data = wr_make(SSE_EVENT_MAX + 1);
	return r;
}

struct sse_reader *sse_reader_free(struct sse_reader *r)
{
	if (!r)
		return NULL;
	wr_free(&r->line);
	wr_free(&r->data);
	free(r);
	return NULL;
}

static int too_large(struct error *err)
{
	return error_set(err, -EMSGSIZE, "an event is larger than its limits");
}

/* An empty line: the event is complete. One without data is none. */
static int dispatch(struct sse_reader *r, sse_event_fn fn, void *user, struct error *err)
{
	int result = 0;
	if (r->has_data) {
		wr_u8(&r->data, 0);
		if (wr_failed(&r->data))
			return too_large(err);
		const struct sse_event e = { r->type, r->id, (const char *)r->data.data, r->data.length - 1 };
		result = fn(&e, user);
	}
	wr_reset(&r->data);
	r->has_data = false;
	r->type[0] = '\0';
	return result;
}

static int keep(char *to, size_t max, const char *value, size_t length, struct error *err)
{
	if (length > max)
		return too_large(err);
	memcpy(to, value, length);
	to[length] = '\0';
	return 0;
}

static bool is_field(const char *name, size_t length, const char *wanted)
{
	return length == strlen(wanted) && memcmp(name, wanted, length) == 0;
}

/* A line with its end cut off; what no reader knows is passed over, "retry" among it: when to come back is
 * ours to say. */
static int take_line(
        struct sse_reader *r, const char *line, size_t length, sse_event_fn fn, void *user, struct error *err)
{
	if (length == 0)
		return dispatch(r, fn, user, err);
	const char *colon = memchr(line, ':', length);
	size_t n = colon ? (size_t)(colon - line) : length;
	const char *value = line + n + (colon != NULL);
	size_t left = length - (size_t)(value - line);
	if (left && *value == ' ') {
		value++;
		left--;
	}
	if (is_field(line, n, "data")) {
		if (r->has_data)
			wr_u8(&r->data, '\n');
		wr_bytes(&r->data, value, left);
		r->has_data = true;
		return wr_failed(&r->data) ? too_large(err) : 0;
	}
	if (is_field(line, n, "event"))
		return keep(r->type, SSE_TYPE_MAX, value, left, err);
	if (is_field(line, n, "id"))
		return keep(r->id, SSE_ID_MAX, value, left, err);
	return 0;
}

/* The line that is complete; the stream may begin with a byte order mark. */
static int end_line(struct sse_reader *r, sse_event_fn fn, void *user, struct error *err)
{
	static const uint8_t mark[] = { 0xef, 0xbb, 0xbf };
	const char *line = r->line.data ? (const char *)r->line.data : "";
	size_t length = r->line.length;
	if (!r->begun && length >= sizeof(mark) && memcmp(line, mark, sizeof(mark)) == 0) {
		line += sizeof(mark);
		length -= sizeof(mark);
	}
	r->begun = true;
	int result = take_line(r, line, length, fn, user, err);
	wr_reset(&r->line);
	return result;
}

/* How many bytes lie before the next line end. */
static size_t line_length(const char *bytes, size_t length)
{
	const char *lf = memchr(bytes, '\n', length);
	size_t n = lf ? (size_t)(lf - bytes) : length;
	const char *cr = memchr(bytes, '\r', n);
	return cr ? (size_t)(cr - bytes) : n;
}

int sse_read(struct sse_reader *r, const void *bytes, size_t length, sse_event_fn fn, void *user,
        struct error *err)
{
	const char *at = bytes;
	if (memchr(bytes, '\0', length))
		return error_set(err, -EBADMSG, "a NUL among events");
	while (length) {
		if (r->after_cr && *at == '\n') {
			at++;
			length--;
			r->after_cr = false;
			continue;
		}
		r->after_cr = false;
		size_t n = line_length(at, length);
		wr_bytes(&r->line, at, n);
		if (wr_failed(&r->line))
			return too_large(err);
		at += n;
		length -= n;
		if (length == 0)
			break;
		r->after_cr = *at == '\r';
		at++;
		length--;
		int result = end_line(r, fn, user, err);
		if (result != 0)
			return result;
	}
	return 0;
}
