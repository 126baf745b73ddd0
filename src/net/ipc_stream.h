/* SPDX-License-Identifier: ISC */
/*
 * src/ipc messages over a stream, Unix or TLS alike, and a client that comes back by itself. Life is as with
 * streams: on_close once, and the object is gone after it.
 */
#pragma once

#include "ipc/ipc.h"
#include "net/tls.h"

struct ipc_stream;

struct ipc_handlers {
	void (*on_open)(struct ipc_stream *s, const struct identity *peer,
	        void *user); /* clients only; may be NULL */
	/* m is cleared when this returns. */
	void (*on_message)(struct ipc_stream *s, const struct ipc_message *m, void *user);
	void (*on_close)(struct ipc_stream *s, const char *reason, void *user); /* may be NULL */
};

/* The largest frame a peer may send, and how much may wait to be sent to it. */
struct ipc_limits {
	size_t frame_max, write_max;
	int idle_ms; /* 0: for ever */
};
#define IPC_STREAM_LIMITS_DEFAULT ((struct ipc_limits){ 1u << 20, 8u << 20, 0 })

/* Whether the process at the other end of a Unix socket may talk to us: root, our own user, or `also`
 * ((uid_t)-1: nobody else). */
bool ipc_user_allowed(uid_t uid, uid_t also);

/* Takes over an open stream (from a listener's on_stream). Never fails. */
struct ipc_stream *ipc_stream_over(struct stream *stream, const struct ipc_limits *limits,
        const struct ipc_handlers *handlers, void *user);
/* -E2BIG where a field exceeds its limit; -EPIPE, -ENOBUFS as stream_write(). */
int ipc_stream_send(struct ipc_stream *s, enum ipc_number number, const void *body, struct error *err);
struct stream *ipc_stream_stream(struct ipc_stream *s);
void ipc_stream_close(struct ipc_stream *s, const char *reason);
/* At once, without on_close. NULL in, NULL out. */
struct ipc_stream *ipc_stream_free(struct ipc_stream *s);

/*
 * A client that connects, and connects again after backoff: from first_ms doubling to last_ms, each shortened
 * by up to a quarter at random, so that clients of a restarted server do not come all at once. A first
 * message resets it.
 */
struct ipc_client_config {
	const char *unix_path; /* or TLS: */
	struct tls_context *tls;
	struct tls_target target; /* its strings and `local` are kept by reference */
	uid_t also;               /* a Unix socket: who else than root and ourselves may be the server */
	struct ipc_limits limits;
	int first_ms, last_ms;               /* 0: the defaults below */
	const struct ipc_handlers *handlers; /* on_close also tells why an attempt failed, with stream NULL */
	void *user;
};
#define IPC_CLIENT_FIRST_MS 50
#define IPC_CLIENT_LAST_MS 2000

struct ipc_client;
/* unix_path is copied, the rest kept by reference. */
int ipc_client_new(struct event_base *base, const struct ipc_client_config *config, struct ipc_client **ret);
/* The open stream, or NULL. */
struct ipc_stream *ipc_client_stream(struct ipc_client *c);
struct ipc_client *ipc_client_free(struct ipc_client *c);
