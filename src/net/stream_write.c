/* SPDX-License-Identifier: ISC */
/* What waits to be sent: copied, or referred to where it lies. */
#include "net/stream_internal.h"

#include <errno.h>

#define SHARED_WORTH 2048 /* bytes; fewer are copied sooner than they are referred to */

/* Whether so many bytes more may wait. */
static int make_room(struct stream *s, size_t length)
{
	if (s->state >= STREAM_DRAINING)
		return -EPIPE;
	size_t waiting = evbuffer_get_length(s->out);
	if (length > s->limits.write_max || waiting > s->limits.write_max - length) {
		stream_fail(s, "the peer does not read: %zu bytes wait for it", waiting + length);
		return -ENOBUFS;
	}
	if (waiting == 0)
		s->last_progress = clock_monotonic_ms();
	return 0;
}

static int queued(struct stream *s)
{
	if (s->state == STREAM_OPEN)
		event_active(&s->wake, EV_TIMEOUT, 0);
	return 0;
}

int stream_write(struct stream *s, const void *data, size_t length)
{
	int r = make_room(s, length);
	if (r < 0)
		return r;
	return evbuffer_add(s->out, data, length) < 0 ? -ENOMEM : queued(s);
}

struct shared {
	void (*done)(void *user);
	void *user;
};

static void release_shared(const void *data, size_t length, void *shared_)
{
	struct shared *shared = shared_;
	shared->done(shared->user);
	free(shared);
}

int stream_write_shared(
        struct stream *s, const void *data, size_t length, void (*done)(void *user), void *user)
{
	int r = length < SHARED_WORTH ? stream_write(s, data, length) : make_room(s, length);
	if (r < 0 || length < SHARED_WORTH) {
		done(user);
		return r;
	}
	struct shared *shared = xmalloc(sizeof(*shared));
	*shared = (struct shared){ done, user };
	if (evbuffer_add_reference(s->out, data, length, release_shared, shared) == 0)
		return queued(s);
	release_shared(data, length, shared);
	return -ENOMEM;
}

size_t stream_pending(const struct stream *s)
{
	return evbuffer_get_length(s->out);
}
