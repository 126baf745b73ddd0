/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "charon/link.h"

#include <daemon.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <threading/mutex.h>
#include <threading/thread.h>
#include <time.h>
#include <unistd.h>

#define LINK_FRAME_MAX (65535 + 256)
#define LINK_LINGER_MS 200

struct frame {
	struct frame *next;
	size_t length;
	uint8_t bytes[];
};

struct link {
	char *path;
	struct link_handler handler;
	thread_t *thread;
	int wake;            /* eventfd */
	uint64_t generation; /* of this charon's life */
	mutex_t *mutex;      /* of what follows */
	int fd;              /* -1: not connected */
	bool connected_once, stop;
	struct writer frame; /* being encoded; never grows, so that no copy of a key stays behind */
	struct frame *first, **end;
	size_t queued;    /* bytes */
	uint64_t dropped; /* IKE messages */
};

/* Cancellation is never enabled in link_main, so that plain locking is enough. */

static void forget_queue(struct link *l)
{
	struct frame *f = l->first;
	while (f) {
		struct frame *next = f->next;
		memwipe(f->bytes, f->length);
		free(f);
		f = next;
	}
	l->first = NULL;
	l->end = &l->first;
	l->queued = 0;
}

static void wake_thread(struct link *l)
{
	(void)eventfd_write(l->wake, 1);
}

/* ---- sending ---- */

/* The thread notices, and connects again. */
static bool give_up(struct link *l, const char *why)
{
	DBG1(DBG_NET, "connection to the data plane given up: %s", why);
	(void)shutdown(l->fd, SHUT_RDWR);
	forget_queue(l);
	return false;
}

static bool queue_frame(struct link *l)
{
	if (l->queued + l->frame.length > LINK_QUEUE_MAX)
		return give_up(l, "it does not read");
	struct frame *f = xmalloc(sizeof(*f) + l->frame.length);
	f->next = NULL;
	f->length = l->frame.length;
	memcpy(f->bytes, l->frame.data, f->length);
	*l->end = f;
	l->end = &f->next;
	l->queued += f->length;
	wake_thread(l);
	return true;
}

/* Earlier ones first: a droppable message does not overtake the SAs that it may be about. */
static bool send_frame(struct link *l, bool droppable)
{
	bool full = l->first;
	if (!full && send(l->fd, l->frame.data, l->frame.length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		full = errno == EAGAIN || errno == ENOBUFS;
		if (!full)
			return give_up(l, strerror(errno));
	} else if (!full) {
		return true;
	}
	if (!droppable)
		return queue_frame(l);
	l->dropped++;
	return false;
}

bool link_send(struct link *l, enum ipc_number number, const void *body, bool droppable)
{
	struct error err = { "" };
	bool sent = false;
	l->mutex->lock(l->mutex);
	if (l->fd >= 0) {
		if (ipc_encode(&l->frame, number, body, &err) < 0)
			DBG1(DBG_NET, "to the data plane: %s", err.text);
		else
			sent = send_frame(l, droppable);
		memwipe(l->frame.data, l->frame.length);
		wr_reset(&l->frame);
	}
	l->mutex->unlock(l->mutex);
	return sent;
}

/* ---- the thread ---- */

static int open_connection(const struct link *l)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	/* The longest path was checked in link_new(). */
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", l->path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool stopping(struct link *l)
{
	l->mutex->lock(l->mutex);
	bool stop = l->stop;
	l->mutex->unlock(l->mutex);
	return stop;
}

static void become_connected(struct link *l, int fd)
{
	char version[] = PRATIQUE_VERSION, role[] = "ike";
	struct ipc_hello hello = {
		.role = role, .name = version, .version = IPC_VERSION, .generation = l->generation
	};
	l->mutex->lock(l->mutex);
	l->fd = fd;
	forget_queue(l);
	bool again = l->connected_once;
	l->connected_once = true;
	l->mutex->unlock(l->mutex);
	DBG1(DBG_NET, "connected to the data plane at %s", l->path);
	(void)link_send(l, IPC_HELLO, &hello, false);
	l->handler.connected(l->handler.user, again);
}

static void lose_connection(struct link *l)
{
	l->mutex->lock(l->mutex);
	close(l->fd);
	l->fd = -1;
	forget_queue(l);
	DBG1(DBG_NET, "no connection to the data plane (%llu IKE messages were dropped so far)",
	        (unsigned long long)l->dropped);
	l->mutex->unlock(l->mutex);
}

/* One packet; false: the connection is over. */
static bool receive_frame(struct link *l, int fd, uint8_t *buffer)
{
	struct ipc_message m;
	struct error err = { "" };
	ssize_t n = recv(fd, buffer, LINK_FRAME_MAX, MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	if (ipc_decode(buffer, (size_t)n, &m, &err) < 0) {
		DBG1(DBG_NET, "from the data plane: %s", err.text);
		return false;
	}
	l->handler.message(l->handler.user, &m);
	ipc_message_clear(&m);
	return true;
}

static bool flush_queue(struct link *l)
{
	bool good = true;
	l->mutex->lock(l->mutex);
	while (good && l->first) {
		struct frame *f = l->first;
		if (send(l->fd, f->bytes, f->length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			good = errno == EAGAIN || errno == ENOBUFS || errno == EINTR;
			break;
		}
		l->first = f->next;
		if (!l->first)
			l->end = &l->first;
		l->queued -= f->length;
		memwipe(f->bytes, f->length);
		free(f);
	}
	l->mutex->unlock(l->mutex);
	return good;
}

static short wanted_events(struct link *l)
{
	l->mutex->lock(l->mutex);
	short events = l->first ? POLLIN | POLLOUT : POLLIN;
	l->mutex->unlock(l->mutex);
	return events;
}

/* Until the connection ends or the link does. */
static void serve(struct link *l, int fd, uint8_t *buffer)
{
	bool good = true;
	while (good && !stopping(l)) {
		struct pollfd fds[] = { { fd, wanted_events(l), 0 }, { l->wake, POLLIN, 0 } };
		if (poll(fds, 2, -1) < 0)
			continue;
		eventfd_t ignored;
		if (fds[1].revents)
			(void)eventfd_read(l->wake, &ignored);
		if (fds[0].revents & POLLOUT)
			good = flush_queue(l);
		if (good && fds[0].revents & (POLLIN | POLLHUP | POLLERR))
			good = receive_frame(l, fd, buffer);
	}
}

static void wait_before_retry(struct link *l)
{
	struct pollfd wake = { l->wake, POLLIN, 0 };
	eventfd_t ignored;
	if (poll(&wake, 1, LINK_RETRY_MS) > 0)
		(void)eventfd_read(l->wake, &ignored);
}

static void linger(struct link *l, int fd)
{
	struct pollfd out = { fd, POLLOUT, 0 };
	for (int left = LINK_LINGER_MS; left > 0 && wanted_events(l) & POLLOUT; left -= 10)
		if (poll(&out, 1, 10) < 0 || !flush_queue(l))
			break;
}

static void *link_main(struct link *l)
{
	uint8_t *buffer = xmalloc(LINK_FRAME_MAX);
	while (!stopping(l)) {
		int fd = open_connection(l);
		if (fd < 0) {
			wait_before_retry(l);
			continue;
		}
		become_connected(l, fd);
		serve(l, fd, buffer);
		if (stopping(l))
			linger(l, fd);
		lose_connection(l);
	}
	free(buffer);
	return NULL;
}

struct link *link_new(const char *path)
{
	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return NULL;
	struct link *l = xcalloc(1, sizeof(*l));
	l->path = xstrdup(path);
	l->fd = -1;
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->mutex = mutex_create(MUTEX_TYPE_DEFAULT);
	l->end = &l->first;
	l->generation = ((uint64_t)time(NULL) << 22) + (uint64_t)getpid();
	l->frame = (struct writer){
		.data = xmalloc(LINK_FRAME_MAX), .capacity = LINK_FRAME_MAX, .limit = LINK_FRAME_MAX
	};
	return l;
}

void link_run(struct link *l, const struct link_handler *handler)
{
	l->handler = *handler;
	l->thread = thread_create((void *)link_main, l);
}

struct link *link_free(struct link *l)
{
	if (!l)
		return NULL;
	l->mutex->lock(l->mutex);
	l->stop = true;
	l->mutex->unlock(l->mutex);
	wake_thread(l);
	if (l->thread)
		l->thread->join(l->thread);
	forget_queue(l);
	l->mutex->destroy(l->mutex);
	close(l->wake);
	wr_free(&l->frame);
	free(l->path);
	free(l);
	return NULL;
}
