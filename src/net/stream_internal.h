/* SPDX-License-Identifier: ISC */
/* What the files of this room know of a stream. */
#pragma once

#include "net/stream.h"
#include "net/tls.h"
#include "net/workers.h"
#include <event2/buffer.h>
#include <event2/event_struct.h>
#include <sys/queue.h>
#include <sys/un.h>

enum stream_state {
	STREAM_CONNECTING, /* TCP or Unix connect under way */
	STREAM_HANDSHAKE,
	STREAM_OPEN,
	STREAM_DRAINING, /* close was asked for; bytes remain */
	STREAM_LINGER,   /* goodbye said; the peer's is awaited */
	STREAM_DONE,     /* on_close is due */
};

struct stream {
	int fd;
	SSL *ssl; /* NULL for a Unix socket */
	enum stream_state state;
	struct event_base *base;
	struct event read_event, write_event, timer, wake;
	time_ms armed; /* when the timer fires; 0: it is not set */
	struct evbuffer *out;
	uint8_t *unread; /* what the handler has left */
	size_t unread_length, unread_capacity;
	struct stream_limits limits;
	const struct stream_handlers *handlers;
	void *user;
	time_ms started, last_activity, last_progress; /* monotonic */
	bool paused, redeliver, waited;
	bool refused;     /* TLS has failed: what still comes is not looked at */
	bool busy, freed; /* inside one of its events; gone, but for its memory */
	char peer_text[IP_TEXT_SIZE + 16];
	struct error reason;

	/* TLS */
	struct tls_context *tls;
	LIST_ENTRY(stream) of_tls;
	struct workers *workers;       /* who shake hands; NULL: the loop's own thread */
	struct tls_handshake *shaking; /* a worker is at it, and ssl and fd are its own meanwhile */
	struct identity peer;
	bool has_peer;

	/* Called when the stream is gone: its listener counts. */
	void (*on_gone)(struct stream *s, void *user);
	void *on_gone_user;
};

/* A stream over fd (owned from then on). ssl may be NULL. It starts connecting, shaking hands or open, on the
 * next turn of the loop. */
struct stream *stream_new(struct event_base *base, int fd, SSL *ssl, bool connecting,
        const struct stream_limits *limits, const struct stream_handlers *handlers, void *user);
/* Ends the stream with this reason; on_close comes from the loop. */
void stream_fail(struct stream *s, const char *format, ...) PRINTF_LIKE(2, 3);

/* Ends the stream after the handshake failed and the alert was written: lingers, so that the peer can read
 * why. */
void stream_refuse(struct stream *s, const char *reason);

/* TLS's part. 1: done, 0: wait (events are named in *ret_events), negative: failed, reason set. */
int tls_stream_handshake(struct stream *s, short *ret_events);
/* The same by one of s->workers. */
void tls_stream_handshake_elsewhere(struct stream *s);
/* What came of it, as tls_stream_handshake() says; the stream may have been freed meanwhile. */
void stream_hands_shaken(struct stream *s, int result, short events);
/* Takes it back from the workers; false: one is at it, and stream_hands_shaken() comes. */
bool tls_stream_recall(struct stream *s);
/* As read(2) and write(2) but -EAGAIN sets *ret_events; 0 from a read: the peer said goodbye. Other failures
 * set the reason. */
ssize_t tls_stream_read(struct stream *s, void *data, size_t size, short *ret_events);
ssize_t tls_stream_send(struct stream *s, const void *data, size_t length, short *ret_events);
void tls_stream_goodbye(struct stream *s);
/* Its context does not know it any more. */
void tls_stream_forget(struct stream *s);
void tls_stream_detach(struct stream *s);

/* -ENAMETOOLONG unless the path fits. */
int socket_unix_address(const char *path, struct sockaddr_un *ret, struct error *err);
/* A non-blocking, close-on-exec socket, connecting. -errno. */
int socket_connect(const struct sockaddr *address, socklen_t length, const struct sockaddr_storage *local,
        const char *interface, bool *ret_connecting, struct error *err);
/* What every TCP connection of ours is: without delay, and with probes. */
void socket_set_tcp(int fd);
socklen_t socket_address_length(const struct sockaddr_storage *address);
/* A BIO over a socket that sends without raising SIGPIPE. Does not own fd. */
BIO *socket_bio_new(int fd);
