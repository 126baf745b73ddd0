/* SPDX-License-Identifier: ISC */
/*
 * Accepts streams on a TCP port (with TLS) or a Unix socket, within limits: connections altogether,
 * connections from one source (an IPv4 address, an IPv6 /64), connections that have not shaken hands yet.
 */
#pragma once

#include "net/stream.h"
#include "net/tls.h"
#include <sys/socket.h>

#define LISTENER_BATCH 64 /* connections that are accepted before others get their turn */
#define LISTENER_BACKLOG \
	4096 /* in the kernel (net.core.somaxconn is the same unless somebody changed it) \
	      */
#define LISTENER_WORK_MAX \
	64 /* works that wait for workers: until there are fewer, who comes waits in the kernel */
#define LISTENER_WORK_PAUSE_MS 5
#define LISTENER_PAUSE_MS 100 /* after descriptors have run out */

struct listener_config {
	struct tls_context *tls;         /* for TCP; NULL for a Unix socket */
	struct sockaddr_storage address; /* for TCP; port 0: any */
	const char *path;                /* of a Unix socket; one that nobody listens on is replaced */
	mode_t mode;                     /* of a Unix socket */
	size_t connections_max;
	size_t source_max;     /* of one source; not for Unix sockets */
	bool source_is_host;   /* each IPv6 address is a source: on one's own links a /64 is many hosts */
	size_t handshakes_max; /* of the connections, those not open yet; above it the oldest of them goes */
	struct stream_limits limits;
	struct workers *workers; /* who shake hands; NULL: the loop's own thread */
	/* A stream is open; sets its handlers or closes it. peer is NULL on Unix sockets, and on TLS where
	 * the certificate is optional. */
	void (*on_stream)(struct stream *s, const struct identity *peer, void *user);
	/* May be NULL. One that did not become a stream: who, and why. Not called for those over a limit,
	 * which are only counted. */
	void (*on_refused)(const char *peer_text, const char *reason, void *user);
	void *user;
};

struct listener_counters {
	size_t open, shaking_hands;                                 /* now */
	uint64_t accepted, handshakes_failed;                       /* ever */
	uint64_t refused_total, refused_source, refused_handshakes; /* over which limit */
	uint64_t accept_errors;
};

struct listener;
int listener_new(struct event_base *base, const struct listener_config *config, struct listener **ret,
        struct error *err);
/* Stops listening and frees the streams that are not open yet; open ones live on. NULL in, NULL out. */
struct listener *listener_free(struct listener *l);
/* What it is bound to. */
int listener_port(const struct listener *l, uint16_t *ret);
void listener_get_counters(const struct listener *l, struct listener_counters *ret);
