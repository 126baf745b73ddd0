/* SPDX-License-Identifier: ISC */
/*
 * The engine of a stream: one read event, one write event, one timer for all its deadlines, and `wake`, an
 * event without a descriptor that runs what must not happen inside a caller's own call: sending what was
 * queued, offering again what was left, on_close.
 */
#include "net/stream_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* One TLS record; with it a read leaves nothing inside OpenSSL that the descriptor would not tell of. */
#define READ_SIZE 16384
/* Reads and writes of one stream before the others get their turn. */
#define TURN_MAX 8
#define SEND_SIZE 262144 /* at once, where nothing has to be encrypted */
#define SEND_PIECES 8

static void release(struct stream *s)
{
	tls_stream_detach(s);
	close(s->fd);
	evbuffer_free(s->out);
	if (s->unread)
		OPENSSL_cleanse(s->unread, s->unread_capacity);
	free(s->unread);
	free(s);
}

/* Ends it without releasing the memory, nor the descriptor that a worker may be using. */
static void shut(struct stream *s)
{
	s->freed = true;
	s->state = STREAM_DONE;
	event_del(&s->read_event);
	event_del(&s->write_event);
	event_del(&s->timer);
	event_del(&s->wake);
	tls_stream_forget(s);
	if (s->on_gone)
		s->on_gone(s, s->on_gone_user);
	if (s->shaking)
		(void)tls_stream_recall(s);
}

/* Unless somebody is still using it, who then does this when ready. */
static void release_unused(struct stream *s)
{
	if (s->freed && !s->busy && !s->shaking)
		release(s);
}

struct stream *stream_free(struct stream *s)
{
	if (!s || s->freed)
		return NULL;
	shut(s);
	release_unused(s);
	return NULL;
}

/* Every event of a stream that can reach a callback runs between these two: whatever a callback frees, the
 * memory stays until the event is done with it. In between, after a callback, look at s->freed. */
static void enter(struct stream *s)
{
	s->busy = true;
}

static void leave(struct stream *s)
{
	s->busy = false;
	release_unused(s);
}

static void finish(struct stream *s, const char *format, va_list args)
{
	if (s->state == STREAM_DONE)
		return;
	if (!s->reason.text[0])
		vsnprintf(s->reason.text, sizeof(s->reason.text), format, args);
	s->state = STREAM_DONE;
	event_del(&s->read_event);
	event_del(&s->write_event);
	event_del(&s->timer);
	event_active(&s->wake, EV_TIMEOUT, 0);
}

void stream_fail(struct stream *s, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	finish(s, format, args);
	va_end(args);
}

/* Time. */

static time_ms deadline_of(const struct stream *s)
{
	time_ms d = INT64_MAX;
	switch (s->state) {
	case STREAM_CONNECTING:
	case STREAM_HANDSHAKE:
		return s->started + s->limits.handshake_ms;
	case STREAM_OPEN:
		if (s->limits.idle_ms)
			d = s->last_activity + s->limits.idle_ms;
		if (evbuffer_get_length(s->out) && s->limits.stall_ms)
			d = MIN(d, s->last_progress + s->limits.stall_ms);
		return d;
	case STREAM_DRAINING:
		return s->started + STREAM_DRAIN_MS;
	case STREAM_LINGER:
		return s->started + STREAM_LINGER_MS;
	case STREAM_DONE:
		break;
	}
	return d;
}

static void arm_timer(struct stream *s)
{
	time_ms d = deadline_of(s);
	/* One that fires too early looks again: deadlines move with each byte, the timer does not. */
	if (d == INT64_MAX || (s->armed && s->armed <= d))
		return;
	time_ms now = clock_monotonic_ms(), wait = MAX(d - now, 1);
	s->armed = now + wait;
	struct timeval tv = { wait / 1000, wait % 1000 * 1000 };
	event_add(&s->timer, &tv);
}

static void set_state(struct stream *s, enum stream_state state)
{
	s->state = state;
	if (state != STREAM_OPEN)
		s->started = clock_monotonic_ms();
	else
		s->last_activity = s->last_progress = clock_monotonic_ms();
	arm_timer(s);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	s->armed = 0;
	if (clock_monotonic_ms() < deadline_of(s)) {
		arm_timer(s);
		return;
	}
	switch (s->state) {
	case STREAM_CONNECTING:
		stream_fail(s, "no answer to the connection attempt within %d ms", s->limits.handshake_ms);
		break;
	case STREAM_HANDSHAKE:
		stream_fail(s, "TLS handshake not finished within %d ms", s->limits.handshake_ms);
		break;
	case STREAM_OPEN:
		if (evbuffer_get_length(s->out))
			stream_fail(s, "the peer does not read: nothing taken for %d ms", s->limits.stall_ms);
		else
			stream_fail(s, "silent for %d ms", s->limits.idle_ms);
		break;
	case STREAM_DRAINING:
	case STREAM_LINGER:
	case STREAM_DONE:
		stream_fail(s, "closed");
		break;
	}
}

/* Sending. */

static void say_goodbye(struct stream *s)
{
	if (s->ssl)
		tls_stream_goodbye(s);
	(void)shutdown(s->fd, SHUT_WR);
	set_state(s, STREAM_LINGER);
	event_add(&s->read_event, NULL);
}

void stream_refuse(struct stream *s, const char *reason)
{
	snprintf(s->reason.text, sizeof(s->reason.text), "%s", reason);
	s->refused = true;
	(void)shutdown(s->fd, SHUT_WR);
	event_del(&s->write_event);
	set_state(s, STREAM_LINGER);
	event_add(&s->read_event, NULL);
}

/* As many pieces as there are, as they lie. */
static ssize_t send_plain(struct stream *s)
{
	struct evbuffer_iovec pieces[SEND_PIECES];
	const int n = evbuffer_peek(s->out, SEND_SIZE, NULL, pieces, SEND_PIECES);
	const struct msghdr m = { .msg_iov = pieces, .msg_iovlen = (size_t)MIN(n, SEND_PIECES) };
	return sendmsg(s->fd, &m, MSG_NOSIGNAL);
}

static ssize_t send_some(struct stream *s, short *events)
{
	if (s->ssl) {
		/* Never across chains: 16 KB at once is one record. */
		const size_t n = MIN(evbuffer_get_length(s->out), (size_t)READ_SIZE);
		return tls_stream_send(s, evbuffer_pullup(s->out, (ssize_t)n), n, events);
	}
	ssize_t sent = send_plain(s);
	if (sent >= 0 || errno == EINTR)
		return MAX(sent, (ssize_t)0);
	*events = EV_WRITE;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return -EAGAIN;
	stream_fail(s, "%s", strerror(errno));
	return -errno;
}

static void drained(struct stream *s)
{
	if (s->state == STREAM_DRAINING) {
		say_goodbye(s);
	} else if (s->waited && s->handlers->on_drain) {
		s->waited = false;
		s->handlers->on_drain(s, s->user);
	}
}

static void flush_out(struct stream *s)
{
	short events = 0;
	for (int i = 0; evbuffer_get_length(s->out); i++) {
		ssize_t n = i < TURN_MAX ? send_some(s, &events) : -EAGAIN;
		if (n < 0 && n != -EAGAIN)
			return;
		if (n < 0) {
			s->waited = true;
			if (!events || (events & EV_WRITE))
				event_add(&s->write_event, NULL);
			arm_timer(s);
			return;
		}
		evbuffer_drain(s->out, (size_t)n);
		s->last_activity = s->last_progress = clock_monotonic_ms();
	}
	drained(s);
}

/* Receiving. */

/* Keeps what the handler did not take. */
static void keep_unread(struct stream *s, const uint8_t *data, size_t length)
{
	if (s->unread_length + length > s->unread_capacity) {
		s->unread_capacity =
		        MAX(s->unread_length + length, MIN(s->unread_capacity * 2, s->limits.read_max));
		s->unread = xrealloc_array(s->unread, s->unread_capacity, 1);
	}
	memcpy(s->unread + s->unread_length, data, length);
	s->unread_length += length;
}

static void drop_unread(struct stream *s, size_t n)
{
	s->unread_length -= n;
	memmove(s->unread, s->unread + n, s->unread_length);
	if (s->unread_length == 0) {
		OPENSSL_cleanse(s->unread, s->unread_capacity);
		free(s->unread);
		s->unread = NULL;
		s->unread_capacity = 0;
	}
}

/* Offers bytes to the handler; false: the stream has gone. */
static bool offer(struct stream *s, const uint8_t *data, size_t length, size_t *ret_taken)
{
	*ret_taken = s->handlers->on_data(s, data, length, s->user);
	return !s->freed;
}

static bool deliver(struct stream *s, const uint8_t *data, size_t length)
{
	size_t taken = 0;
	if (s->unread_length || s->paused) {
		keep_unread(s, data, length);
		if (!s->paused && !offer(s, s->unread, s->unread_length, &taken))
			return false;
		if (taken)
			drop_unread(s, MIN(taken, s->unread_length));
	} else {
		if (!offer(s, data, length, &taken))
			return false;
		if (taken < length && s->state == STREAM_OPEN)
			keep_unread(s, data + taken, length - taken);
	}
	if (s->unread_length > s->limits.read_max && s->state == STREAM_OPEN)
		stream_fail(s, "the peer's message is larger than %zu bytes", s->limits.read_max);
	return true;
}

static ssize_t receive_some(struct stream *s, uint8_t *data, size_t size, short *events)
{
	if (s->ssl && !s->refused)
		return tls_stream_read(s, data, size, events);
	ssize_t n = recv(s->fd, data, size, 0);
	if (n >= 0)
		return n;
	*events = EV_READ;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return -EAGAIN;
	stream_fail(s, "%s", strerror(errno));
	return -errno;
}

static void on_readable(struct stream *s)
{
	uint8_t data[READ_SIZE];
	for (int i = 0; i < TURN_MAX; i++) {
		if (s->state != STREAM_OPEN && s->state != STREAM_DRAINING && s->state != STREAM_LINGER)
			break;
		if (s->state == STREAM_OPEN && s->paused)
			break;
		short events = 0;
		ssize_t n = receive_some(s, data, sizeof(data), &events);
		if (n == -EAGAIN) {
			if (events & EV_WRITE)
				event_add(&s->write_event, NULL);
			break;
		}
		if (n < 0)
			break;
		if (n == 0) {
			stream_fail(s, s->state == STREAM_OPEN ? "closed by the peer" : "closed");
			break;
		}
		s->last_activity = clock_monotonic_ms();
		if (s->state == STREAM_OPEN && !deliver(s, data, (size_t)n))
			return;
		/* That was all; what comes meanwhile is told of. */
		if ((size_t)n < sizeof(data) && !(s->ssl && SSL_has_pending(s->ssl)))
			break;
	}
}

void stream_pause(struct stream *s)
{
	s->paused = true;
	if (s->state == STREAM_OPEN)
		event_del(&s->read_event);
}

void stream_resume(struct stream *s)
{
	bool was_paused = s->paused;
	s->paused = false;
	if (s->state != STREAM_OPEN)
		return;
	if (was_paused)
		event_add(&s->read_event, NULL);
	s->redeliver = s->unread_length > 0;
	if (s->redeliver)
		event_active(&s->wake, EV_TIMEOUT, 0);
}

/* The course of a stream. */

static void open_stream(struct stream *s)
{
	set_state(s, STREAM_OPEN);
	if (!s->paused)
		event_add(&s->read_event, NULL);
	s->handlers->on_open(s, s->has_peer ? &s->peer : NULL, s->user);
	if (!s->freed && s->state == STREAM_OPEN && evbuffer_get_length(s->out))
		event_active(&s->wake, EV_TIMEOUT, 0);
}

static void take_handshake(struct stream *s, int result, short events)
{
	if (s->state != STREAM_HANDSHAKE)
		return; /* it failed */
	event_del(&s->read_event);
	event_del(&s->write_event);
	if (result > 0) {
		open_stream(s);
	} else if (result == 0) {
		if (events & EV_READ)
			event_add(&s->read_event, NULL);
		if (events & EV_WRITE)
			event_add(&s->write_event, NULL);
	}
}

void stream_hands_shaken(struct stream *s, int result, short events)
{
	if (s->freed) {
		release_unused(s);
		return;
	}
	enter(s);
	take_handshake(s, result, events);
	leave(s);
}

static void shake_hands(struct stream *s)
{
	short events = 0;
	if (s->shaking)
		return;
	if (s->ssl && s->workers) {
		event_del(&s->read_event);
		event_del(&s->write_event);
		tls_stream_handshake_elsewhere(s);
	} else {
		int result = s->ssl ? tls_stream_handshake(s, &events) : 1;
		take_handshake(s, result, events);
	}
}

static void connected(struct stream *s)
{
	int code = 0;
	socklen_t length = sizeof(code);
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &code, &length) < 0)
		code = errno;
	if (code) {
		stream_fail(s, "cannot connect: %s", strerror(code));
		return;
	}
	time_ms started = s->started;
	set_state(s, STREAM_HANDSHAKE);
	s->started = started;
	shake_hands(s);
}

static void on_io(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	enter(s);
	if (s->state == STREAM_CONNECTING) {
		if (what & EV_WRITE)
			connected(s);
	} else if (s->state == STREAM_HANDSHAKE) {
		shake_hands(s);
	} else {
		/* A TLS read may have waited for writing (a key update to be answered), and the other way
		 * round. */
		if ((what & EV_READ) || s->ssl)
			on_readable(s);
		if (s->state == STREAM_OPEN || s->state == STREAM_DRAINING)
			flush_out(s);
	}
	leave(s);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	enter(s);
	if (s->state == STREAM_CONNECTING)
		event_add(&s->write_event, NULL);
	else if (s->state == STREAM_HANDSHAKE)
		shake_hands(s);
	if (s->redeliver && !s->paused && s->state == STREAM_OPEN) {
		size_t taken = 0;
		s->redeliver = false;
		if (offer(s, s->unread, s->unread_length, &taken) && taken)
			drop_unread(s, MIN(taken, s->unread_length));
	}
	if (s->state == STREAM_OPEN || s->state == STREAM_DRAINING)
		flush_out(s);
	if (s->state == STREAM_DONE && !s->freed) {
		s->handlers->on_close(s, s->reason.text, s->user);
		if (!s->freed)
			shut(s);
	}
	leave(s);
}

void stream_close(struct stream *s, const char *reason)
{
	if (s->state >= STREAM_DRAINING)
		return;
	snprintf(s->reason.text, sizeof(s->reason.text), "%s", reason);
	if (s->state != STREAM_OPEN) {
		stream_fail(s, "closed");
		return;
	}
	event_del(&s->read_event);
	set_state(s, STREAM_DRAINING);
	event_active(&s->wake, EV_TIMEOUT, 0);
}

struct stream *stream_new(struct event_base *base, int fd, SSL *ssl, bool connecting,
        const struct stream_limits *limits, const struct stream_handlers *handlers, void *user)
{
	struct stream *s = xcalloc(1, sizeof(*s));
	s->fd = fd;
	s->ssl = ssl;
	s->base = base;
	s->limits = *limits;
	s->handlers = handlers;
	s->user = user;
	s->out = evbuffer_new();
	if (!s->out)
		abort();
	event_assign(&s->read_event, base, fd, EV_READ | EV_PERSIST, on_io, s);
	event_assign(&s->write_event, base, fd, EV_WRITE, on_io, s);
	event_assign(&s->timer, base, -1, 0, on_timer, s);
	event_assign(&s->wake, base, -1, 0, on_wake, s);
	set_state(s, connecting ? STREAM_CONNECTING : STREAM_HANDSHAKE);
	event_active(&s->wake, EV_TIMEOUT, 0);
	return s;
}

/* What others may ask. */

void stream_set_handlers(struct stream *s, const struct stream_handlers *handlers, void *user)
{
	s->handlers = handlers;
	s->user = user;
}

void stream_set_limits(struct stream *s, const struct stream_limits *limits)
{
	s->limits = *limits;
	arm_timer(s);
}

bool stream_is_open(const struct stream *s)
{
	return s->state == STREAM_OPEN;
}

const struct identity *stream_peer(const struct stream *s)
{
	return s->has_peer ? &s->peer : NULL;
}

const char *stream_peer_text(const struct stream *s)
{
	return s->peer_text;
}
