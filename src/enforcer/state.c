/* SPDX-License-Identifier: ISC */
#include "enforcer/state.h"
#include "base/file.h"
#include "enforcer/segments.h"

#include <errno.h>
#include <string.h>

#define PLACE_BATCH 4096 /* of one PLACE, ipc/messages.def */

void state_clear(struct state *s)
{
	ipc_body_clear(IPC_SEGMENTS, &s->segments);
	ipc_body_clear(IPC_PLACE, &s->place);
	*s = (struct state){ 0 };
}

static void append_placements(struct ipc_place *to, struct ipc_place *from)
{
	size_t n = from->n_placements;
	if (n == 0)
		return;
	to->placements = xrealloc_array(to->placements, to->n_placements + n, sizeof(*to->placements));
	memcpy(to->placements + to->n_placements, from->placements, n * sizeof(*to->placements));
	to->n_placements += n;
	/* The strings are ours now. */
	free(from->placements);
	from->placements = NULL;
	from->n_placements = 0;
}

static int take_frame(struct state *s, const uint8_t *frame, size_t length, struct error *err)
{
	struct ipc_message m;
	int r = ipc_decode(frame, length, &m, err);
	if (r < 0)
		return r;
	if (m.number == IPC_HELLO) {
		s->generation = ((struct ipc_hello *)m.body)->generation;
	} else if (m.number == IPC_SEGMENTS && s->segments.n_segments == 0) {
		r = segments_check(m.body, err);
		if (r == 0)
			segments_copy(m.body, &s->segments);
	} else if (m.number == IPC_PLACE) {
		append_placements(&s->place, m.body);
	} else {
		r = error_set(err, -EBADMSG, "a %s does not belong there", ipc_name(m.number));
	}
	ipc_message_clear(&m);
	return r;
}

int state_load(const char *path, struct state *ret, struct error *err)
{
	char *data FREE_ON_EXIT = NULL;
	size_t length, at = 0;
	struct state s = { 0 };
	int r = file_read(path, 2 * (size_t)IPC_FRAME_MAX, &data, &length, err);
	if (r < 0)
		return r;
	while (r == 0 && at < length) {
		const uint8_t *frame = (const uint8_t *)data + at;
		size_t size = 0;
		if (ipc_frame_size(frame, length - at, IPC_FRAME_MAX, &size) <= 0 || size > length - at)
			r = error_set(err, -EBADMSG, "cut short");
		else
			r = take_frame(&s, frame, size, err);
		at += size;
	}
	if (r < 0) {
		state_clear(&s);
		return error_prefix(err, r, "%s", path);
	}
	s.place.generation = s.generation;
	s.place.full = true;
	*ret = s;
	return 0;
}

int state_save(const char *path, const struct state *s, struct error *err)
{
	struct writer w = wr_make(2 * (size_t)IPC_FRAME_MAX);
	struct ipc_hello hello = { .version = IPC_VERSION, .generation = s->generation };
	int r = ipc_encode(&w, IPC_HELLO, &hello, err);
	if (r == 0)
		r = ipc_encode(&w, IPC_SEGMENTS, &s->segments, err);
	for (size_t i = 0; r == 0 && i < s->place.n_placements; i += PLACE_BATCH) {
		struct ipc_place part = s->place;
		part.placements += i;
		part.n_placements = MIN(s->place.n_placements - i, (size_t)PLACE_BATCH);
		r = ipc_encode(&w, IPC_PLACE, &part, err);
	}
	if (r == 0)
		r = file_replace(path, w.data, w.length, 0600, err);
	wr_free(&w);
	return r;
}
