/* SPDX-License-Identifier: ISC */
/*
 * A stream: one connection, over TLS (net/tls.h) or a Unix socket (net/listener.h), with the same face.
 * Everything a peer can do to it is bounded: bytes that wait to be taken, bytes that wait to be sent, and the
 * time it may take to shake hands, to be silent and to leave what we send unread.
 *
 * Life: after on_close has returned the stream is gone, and on_close comes exactly once, unless stream_free()
 * came first. Callbacks may call any function here, on their own stream too.
 */
#pragma once

#include "base/address.h"
#include "base/clock.h"
#include "crypto/x509.h"
#include <event2/event.h>
#include <sys/types.h>

struct stream;

struct stream_limits {
	size_t read_max;  /* bytes that the handler leaves untaken; more closes the stream */
	size_t write_max; /* bytes that wait for a peer that does not read; more closes the stream */
	int handshake_ms; /* from the start until open */
	int idle_ms;      /* without a byte in either direction; 0: for ever */
	int stall_ms;     /* with bytes to send and none taken */
};
#define STREAM_READ_MAX (256u << 10)
#define STREAM_WRITE_MAX (4u << 20)
#define STREAM_HANDSHAKE_MS 10000
#define STREAM_STALL_MS 30000
#define STREAM_LIMITS_DEFAULT \
	((struct stream_limits){ STREAM_READ_MAX, STREAM_WRITE_MAX, STREAM_HANDSHAKE_MS, 0, STREAM_STALL_MS })

struct stream_handlers {
	/* Connected and the peer's certificate verified; peer is NULL on Unix sockets and for clients without
	 * a certificate where those are allowed. A TLS 1.3 client is open before the server has judged its
	 * certificate: a refusal comes by on_close, and no data before it. */
	void (*on_open)(struct stream *s, const struct identity *peer, void *user);
	/* Bytes, from the first that was not taken yet. Returns how many it took; the rest is offered again
	 * together with what comes next, or by stream_resume(). */
	size_t (*on_data)(struct stream *s, const uint8_t *data, size_t length, void *user);
	/* May be NULL. All that was written has gone to the kernel, after some of it had to wait. */
	void (*on_drain)(struct stream *s, void *user);
	/* reason: a sentence for a person. */
	void (*on_close)(struct stream *s, const char *reason, void *user);
};

/* Both may be changed at any time, by a listener's on_stream at the latest; handlers are kept by reference.
 */
void stream_set_handlers(struct stream *s, const struct stream_handlers *handlers, void *user);
void stream_set_limits(struct stream *s, const struct stream_limits *limits);

/* Queues bytes; they leave when the loop turns. -EPIPE once closing; -ENOBUFS above write_max, which also
 * closes the stream. */
int stream_write(struct stream *s, const void *data, size_t length);
/* The same, of bytes that are not copied: they stay as they are until done(user), which is called in any
 * case, and once. */
int stream_write_shared(
        struct stream *s, const void *data, size_t length, void (*done)(void *user), void *user);
/* Bytes that still wait. */
size_t stream_pending(const struct stream *s);
/* No on_data until stream_resume(), which offers again what was not taken. While paused, the peer's end is
 * not noticed either; a handler that wants that takes nothing instead, and calls stream_resume() when it can
 * go on. */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);

/* Sends what waits (for STREAM_DRAIN_MS at most), says goodbye, then on_close. No on_data any more. */
void stream_close(struct stream *s, const char *reason);
#define STREAM_DRAIN_MS 5000
#define STREAM_LINGER_MS 2000 /* for the peer's own goodbye, so that no RST overtakes our last bytes */
/* At once, and without on_close. NULL in, NULL out. */
struct stream *stream_free(struct stream *s);

bool stream_is_open(const struct stream *s);
/* The identity that the peer's certificate proved; NULL where there is none. */
const struct identity *stream_peer(const struct stream *s);
/* "[2001:db8::1]:443", "unix uid 0", for a person. */
const char *stream_peer_text(const struct stream *s);
/* -ENOTCONN for Unix sockets. ret_port and ret_scope (interface index of a link-local address, else 0) may be
 * NULL. */
int stream_peer_address(
        const struct stream *s, struct ip_address *ret, uint16_t *ret_port, unsigned *ret_scope);
int stream_local_address(
        const struct stream *s, struct ip_address *ret, uint16_t *ret_port, unsigned *ret_scope);
/* Who is at the other end of a Unix socket (SO_PEERCRED); -ENOTCONN for TLS. ret_pid may be NULL. */
int stream_peer_user(const struct stream *s, uid_t *ret_uid, pid_t *ret_pid);

/* A client's end of a Unix socket. on_open comes later, by the loop. */
int stream_connect_unix(struct event_base *base, const char *path, const struct stream_limits *limits,
        const struct stream_handlers *handlers, void *user, struct stream **ret, struct error *err);
