/* SPDX-License-Identifier: ISC */
/* What another VIS tells us: an event that reads must write to one that reads the same. The first byte says
 * its type; what follows is its data, and also tried as a position. */
#include "net/push_event.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct push_event *a, const struct push_event *b)
{
	if (a->is_index != b->is_index || a->path.n != b->path.n ||
	        strcmp(a->repository, b->repository) != 0 || tree_point_order(a->point, b->point) != 0 ||
	        a->n_files != b->n_files || a->index.length != b->index.length ||
	        (a->index.length && memcmp(a->index.bytes, b->index.bytes, a->index.length) != 0))
		abort();
	for (size_t i = 0; i < a->n_files; i++)
		if (a->files[i].length != b->files[i].length ||
		        memcmp(a->files[i].bytes, b->files[i].bytes, a->files[i].length) != 0)
			abort();
}

static void read_event(const struct sse_event *sse)
{
	struct push_event first, second;
	struct error err;
	struct writer w = wr_make(2 * SSE_EVENT_MAX);
	if (push_event_read(sse, &first, &err) < 0)
		return;
	struct sse_event written = { sse->type, "", "", 0 };
	if (push_event_write(&w, &first) != 0)
		abort();
	written.data = (const char *)w.data;
	written.length = w.length;
	if (push_event_read(&written, &second, &err) < 0)
		abort();
	compare(&first, &second);
	push_event_clear(&first);
	push_event_clear(&second);
	wr_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct push_positions p;
	char text[SSE_ID_MAX + 1];
	if (size == 0)
		return 0;
	char *copy = xstrndup((const char *)data + 1, size - 1);
	const size_t length = strcspn(copy, "\r"); /* neither NUL nor CR is among an event's data */
	copy[length] = '\0';
	const struct sse_event sse = { data[0] & 1 ? PUSH_TYPE_INDEX : PUSH_TYPE_PATH, "", copy, length };
	read_event(&sse);
	if (push_positions_parse(copy, &p) == 0)
		(void)push_positions_format(&p, text);
	free(copy);
	return 0;
}
