/* SPDX-License-Identifier: ISC */
#include "agent/channel.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <string.h>
#include <unistd.h>

struct channel {
	struct bufferevent *stream;
	size_t frame_max;
	struct channel_handlers handlers;
	void *user;
	bool closed;
};

static void close_with(struct channel *c, const struct error *err)
{
	if (c->closed)
		return;
	c->closed = true;
	bufferevent_disable(c->stream, EV_READ | EV_WRITE);
	c->handlers.on_close(c, err, c->user);
}

/* One frame from the front of the input: 1, 0 where it is not whole yet, or negative. */
static int take_frame(struct channel *c, struct evbuffer *in, struct error *err)
{
	uint8_t head[IPC_HEADER_SIZE];
	size_t left = evbuffer_get_length(in), size;
	ev_ssize_t n = evbuffer_copyout(in, head, MIN(left, sizeof(head)));
	int r = ipc_frame_size(head, n < 0 ? 0 : (size_t)n, c->frame_max, &size);
	if (r < 0)
		return error_set(err, r, "a frame longer than %zu bytes", c->frame_max);
	if (r == 0 || left < size)
		return 0;
	struct ipc_message message;
	r = ipc_decode(evbuffer_pullup(in, (ev_ssize_t)size), size, &message, err);
	evbuffer_drain(in, size);
	if (r < 0)
		return r;
	c->handlers.on_message(c, &message, c->user);
	ipc_message_clear(&message);
	return 1;
}

static void on_read(struct bufferevent *stream, void *user)
{
	struct channel *c = user;
	struct error err;
	int r = 1;
	while (r > 0 && !c->closed)
		r = take_frame(c, bufferevent_get_input(stream), &err);
	if (r < 0)
		close_with(c, &err);
}

static void on_event(struct bufferevent *stream, short what, void *user)
{
	struct error err;
	(void)error_set(&err, 0, "%s", what & BEV_EVENT_ERROR ? strerror(errno) : "it has ended");
	close_with(user, &err);
}

struct channel *channel_new(struct event_base *base, int fd, size_t frame_max,
        const struct channel_handlers *handlers, void *user)
{
	struct channel *c = xcalloc(1, sizeof(*c));
	*c = (struct channel){ .frame_max = frame_max, .handlers = *handlers, .user = user };
	(void)evutil_make_socket_nonblocking(fd);
	c->stream = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->stream)
		abort(); /* as the x-allocators do */
	bufferevent_setcb(c->stream, on_read, NULL, on_event, c);
	bufferevent_enable(c->stream, EV_READ | EV_WRITE);
	return c;
}

void channel_set_handlers(struct channel *c, const struct channel_handlers *handlers, void *user)
{
	c->handlers = *handlers;
	c->user = user;
}

struct channel *channel_free(struct channel *c)
{
	if (c) {
		bufferevent_free(c->stream);
		free(c);
	}
	return NULL;
}

int channel_send(struct channel *c, enum ipc_number number, const void *body, struct error *err)
{
	struct writer w = wr_make(IPC_FRAME_MAX);
	int r = c->closed ? error_set(err, -EPIPE, "the other half is gone")
	                  : ipc_encode(&w, number, body, err);
	if (r == 0 && evbuffer_get_length(bufferevent_get_output(c->stream)) + w.length > CHANNEL_PENDING_MAX)
		r = error_set(err, -ENOBUFS, "the other half does not read");
	if (r == 0 && bufferevent_write(c->stream, w.data, w.length) < 0)
		r = error_set(err, -ENOMEM, "no memory for a message");
	wr_free(&w);
	return r;
}
