/* SPDX-License-Identifier: ISC */
/* Sockets as streams want them: addresses of both ends, connecting from a chosen place, and OpenSSL without
 * SIGPIPE. */
#include "net/stream_internal.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define KEEPALIVE_IDLE_S 15
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_PROBES 3

socklen_t socket_address_length(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

void socket_set_tcp(int fd)
{
	const int on = 1, idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_INTERVAL_S, probes = KEEPALIVE_PROBES;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* A connection that stays open and silent must notice that its peer's host is gone. */
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

static int prepare(
        int fd, int family, const struct sockaddr_storage *local, const char *interface, struct error *err)
{
	if (family != AF_UNIX)
		socket_set_tcp(fd);
	if (interface &&
	        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) < 0)
		return error_set(err, -errno, "interface %s: %s", interface, strerror(errno));
	if (local && bind(fd, (const struct sockaddr *)local, socket_address_length(local)) < 0)
		return error_set(err, -errno, "local address: %s", strerror(errno));
	return 0;
}

int socket_connect(const struct sockaddr *address, socklen_t length, const struct sockaddr_storage *local,
        const char *interface, bool *ret_connecting, struct error *err)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "socket: %s", strerror(errno));
	int r = prepare(fd, address->sa_family, local, interface, err);
	if (r == 0 && connect(fd, address, length) < 0 && errno != EINPROGRESS)
		r = error_set(err, -errno, "cannot connect: %s", strerror(errno));
	else if (r == 0)
		*ret_connecting = true; /* being writable tells in either case */
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static int address_of(const struct stream *s, int (*get)(int, struct sockaddr *, socklen_t *),
        struct ip_address *ret, uint16_t *ret_port, unsigned *ret_scope)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof(address);
	if (s->fd < 0 || get(s->fd, (struct sockaddr *)&address, &length) < 0 ||
	        ip_from_sockaddr((struct sockaddr *)&address, ret, ret_port) < 0)
		return -ENOTCONN;
	if (ret_scope)
		*ret_scope =
		        address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_scope_id : 0;
	return 0;
}

static int get_peer(int fd, struct sockaddr *address, socklen_t *length)
{
	return getpeername(fd, address, length);
}

static int get_local(int fd, struct sockaddr *address, socklen_t *length)
{
	return getsockname(fd, address, length);
}

int stream_peer_address(
        const struct stream *s, struct ip_address *ret, uint16_t *ret_port, unsigned *ret_scope)
{
	return s->ssl ? address_of(s, get_peer, ret, ret_port, ret_scope) : -ENOTCONN;
}

int stream_local_address(
        const struct stream *s, struct ip_address *ret, uint16_t *ret_port, unsigned *ret_scope)
{
	return s->ssl ? address_of(s, get_local, ret, ret_port, ret_scope) : -ENOTCONN;
}

int stream_peer_user(const struct stream *s, uid_t *ret_uid, pid_t *ret_pid)
{
	struct ucred who;
	socklen_t length = sizeof(who);
	if (s->ssl || s->fd < 0 || getsockopt(s->fd, SOL_SOCKET, SO_PEERCRED, &who, &length) < 0)
		return -ENOTCONN;
	*ret_uid = who.uid;
	if (ret_pid)
		*ret_pid = who.pid;
	return 0;
}

int socket_unix_address(const char *path, struct sockaddr_un *ret, struct error *err)
{
	size_t length = strlen(path);
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (length == 0 || length >= sizeof(ret->sun_path))
		return error_set(err, -ENAMETOOLONG, "%s: the path of a socket has 1 to %zu bytes", path,
		        sizeof(ret->sun_path) - 1);
	memcpy(ret->sun_path, path, length);
	return 0;
}

int stream_connect_unix(struct event_base *base, const char *path, const struct stream_limits *limits,
        const struct stream_handlers *handlers, void *user, struct stream **ret, struct error *err)
{
	struct sockaddr_un address;
	bool connecting = false;
	int fd = socket_unix_address(path, &address, err);
	if (fd == 0)
		fd = socket_connect(
		        (const struct sockaddr *)&address, sizeof(address), NULL, NULL, &connecting, err);
	if (fd < 0)
		return error_prefix(err, fd, "%s", path);
	struct stream *s = stream_new(base, fd, NULL, connecting, limits, handlers, user);
	snprintf(s->peer_text, sizeof(s->peer_text), "unix");
	*ret = s;
	return 0;
}

/* OpenSSL's own socket BIO calls write(2), which raises SIGPIPE in whatever program we are linked into. */

static int bio_write(BIO *bio, const char *data, int length)
{
	int fd = (int)(intptr_t)BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	ssize_t n = send(fd, data, (size_t)length, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)n;
}

static int bio_read(BIO *bio, char *data, int size)
{
	int fd = (int)(intptr_t)BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	ssize_t n = recv(fd, data, (size_t)size, 0);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		BIO_set_retry_read(bio);
	if (n == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return (int)n;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_EOF:
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	default:
		return 0;
	}
}

static BIO_METHOD *bio_method; /* one for the life of the program, as OpenSSL's own are */

static void make_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
	if (!m || BIO_meth_set_write(m, bio_write) != 1 || BIO_meth_set_read(m, bio_read) != 1 ||
	        BIO_meth_set_ctrl(m, bio_control) != 1)
		abort();
	bio_method = m;
}

BIO *socket_bio_new(int fd)
{
	static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
	if (CRYPTO_THREAD_run_once(&once, make_bio_method) != 1)
		return NULL;
	BIO *bio = BIO_new(bio_method);
	if (!bio)
		return NULL;
	BIO_set_data(bio, (void *)(intptr_t)fd);
	BIO_set_init(bio, 1);
	return bio;
}
