/* SPDX-License-Identifier: ISC */
#include "net/ipc_packet.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

struct frame {
	STAILQ_ENTRY(frame) next;
	size_t length;
	uint8_t bytes[];
};

struct ipc_packet {
	int fd;
	struct event *readable, *writable;
	const struct ipc_packet_handlers *handlers;
	void *user;
	struct writer scratch;
	STAILQ_HEAD(, frame) waiting;
	size_t n_waiting;
	struct ipc_packet_counters counters;
	uint8_t *buffer;
	bool closed;
};

static void close_with(struct ipc_packet *p, const char *reason)
{
	if (p->closed)
		return;
	p->closed = true;
	event_del(p->readable);
	event_del(p->writable);
	if (p->handlers->on_close)
		p->handlers->on_close(p, reason, p->user);
}

static void take(struct ipc_packet *p, size_t length)
{
	struct ipc_message m;
	size_t size = 0;
	if (ipc_frame_size(p->buffer, length, IPC_PACKET_FRAME_MAX, &size) != 1 || size != length ||
	        ipc_decode(p->buffer, length, &m, NULL) < 0) {
		p->counters.malformed++;
		return;
	}
	p->counters.received++;
	p->handlers->on_message(p, &m, p->user);
	ipc_message_clear(&m);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ipc_packet *p = arg;
	for (int i = 0; i < IPC_PACKET_BATCH && !p->closed; i++) {
		ssize_t n = recv(fd, p->buffer, IPC_PACKET_FRAME_MAX, MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			close_with(p, n < 0 ? strerror(errno) : "closed by the other side");
		else if ((size_t)n > IPC_PACKET_FRAME_MAX)
			p->counters.malformed++;
		else
			take(p, (size_t)n);
	}
}

/* 0 sent, -EAGAIN, or a failure that ends the connection. */
static int push(struct ipc_packet *p, const uint8_t *bytes, size_t length)
{
	ssize_t n = send(p->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0) {
		p->counters.sent++;
		return 0;
	}
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? -EAGAIN : -errno;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct ipc_packet *p = arg;
	struct frame *f;
	while ((f = STAILQ_FIRST(&p->waiting))) {
		int r = push(p, f->bytes, f->length);
		if (r == -EAGAIN) {
			event_add(p->writable, NULL);
			return;
		}
		STAILQ_REMOVE_HEAD(&p->waiting, next);
		p->n_waiting--;
		OPENSSL_cleanse(f->bytes, f->length);
		free(f);
		if (r < 0 && r != -EMSGSIZE) {
			close_with(p, strerror(-r));
			return;
		}
	}
}

static int queue(struct ipc_packet *p)
{
	if (p->n_waiting >= IPC_PACKET_QUEUE_MAX)
		return -ENOBUFS;
	struct frame *f = xmalloc(sizeof(*f) + p->scratch.length);
	f->length = p->scratch.length;
	memcpy(f->bytes, p->scratch.data, f->length);
	STAILQ_INSERT_TAIL(&p->waiting, f, next);
	if (p->n_waiting++ == 0)
		event_add(p->writable, NULL);
	return 0;
}

static int encode_and_push(struct ipc_packet *p, enum ipc_number number, const void *body, struct error *err)
{
	if (p->closed)
		return error_set(err, -EPIPE, "the other side is gone");
	wr_reset(&p->scratch);
	int r = ipc_encode(&p->scratch, number, body, err);
	if (r < 0)
		return r;
	r = p->n_waiting ? -EAGAIN : push(p, p->scratch.data, p->scratch.length);
	return r < 0 && r != -EAGAIN ? error_set(err, r, "%s: %s", ipc_name(number), strerror(-r)) : r;
}

int ipc_packet_send(struct ipc_packet *p, enum ipc_number number, const void *body, struct error *err)
{
	int r = encode_and_push(p, number, body, err);
	if (r == -EAGAIN)
		r = queue(p);
	if (r == -ENOBUFS)
		error_set(err, r, "%s: %zu messages wait already", ipc_name(number), p->n_waiting);
	return r;
}

int ipc_packet_offer(struct ipc_packet *p, enum ipc_number number, const void *body, struct error *err)
{
	int r = encode_and_push(p, number, body, err);
	if (r == -EAGAIN) {
		p->counters.dropped++;
		error_set(err, r, "%s: the socket is full", ipc_name(number));
	}
	return r;
}

size_t ipc_packet_waiting(const struct ipc_packet *p)
{
	return p->n_waiting;
}

void ipc_packet_get_counters(const struct ipc_packet *p, struct ipc_packet_counters *ret)
{
	*ret = p->counters;
}

struct ipc_packet *ipc_packet_new(
        struct event_base *base, int fd, const struct ipc_packet_handlers *handlers, void *user)
{
	struct ipc_packet *p = xcalloc(1, sizeof(*p));
	*p = (struct ipc_packet){ .fd = fd,
		.handlers = handlers,
		.user = user,
		.scratch = wr_make(IPC_PACKET_FRAME_MAX),
		.buffer = xmalloc(IPC_PACKET_FRAME_MAX) };
	STAILQ_INIT(&p->waiting);
	(void)evutil_make_socket_nonblocking(fd);
	p->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, p);
	p->writable = event_new(base, fd, EV_WRITE, on_writable, p);
	if (!p->readable || !p->writable || event_add(p->readable, NULL) < 0)
		return ipc_packet_free(p);
	return p;
}

struct ipc_packet *ipc_packet_free(struct ipc_packet *p)
{
	struct frame *f;
	if (!p)
		return NULL;
	while ((f = STAILQ_FIRST(&p->waiting))) {
		STAILQ_REMOVE_HEAD(&p->waiting, next);
		OPENSSL_cleanse(f->bytes, f->length);
		free(f);
	}
	if (p->readable)
		event_free(p->readable);
	if (p->writable)
		event_free(p->writable);
	close(p->fd);
	if (p->scratch.data)
		OPENSSL_cleanse(p->scratch.data, p->scratch.capacity);
	wr_free(&p->scratch);
	OPENSSL_cleanse(p->buffer, IPC_PACKET_FRAME_MAX);
	free(p->buffer);
	free(p);
	return NULL;
}
