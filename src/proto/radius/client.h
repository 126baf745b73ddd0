/* SPDX-License-Identifier: ISC */
/*
 * The client's half of RADIUS: calls to one of several servers, over datagrams (RFC 2865, 5080) or streams
 * (RFC 6613, 6614). Sans-I/O: datagrams, states of connections and the monotonic time go in; packets and
 * answers come out by callbacks.
 *
 * A call goes to the first server that lives; datagrams are repeated with doubling intervals, a server that
 * has not answered all of its tries is left for the next one, and is dead if nothing at all came from it
 * meanwhile. The dead are asked by Status-Server (RFC 5997) or, where they do not know that, tried again
 * after a while. What claims to be a reply and does not verify is counted and ignored, so that nobody can end
 * a call but a server that knows the secret.
 */
#pragma once

#include "base/clock.h"
#include "proto/radius/radius.h"

#define RADIUS_SERVERS_MAX 16
#define RADIUS_PATHS_MAX 16
#define RADIUS_CALLS_MAX 20000 /* under way or waiting, all servers together */
#define RADIUS_TIMEOUT_MS \
	1000 /* RFC 5080, 2.2.1: IRT; shorter than its 2 s, because PPP's peer is waiting \
	      */
#define RADIUS_TRIES 3
#define RADIUS_TRIES_MAX 10
#define RADIUS_LIFE_MS 30000 /* of a call, all servers together: MRD */
#define RADIUS_DEAD_MS 60000 /* a dead server without Status-Server */
#define RADIUS_PROBE_MS 5000 /* between two Status-Servers */
#define RADIUS_DELAYED UINT32_MAX
#define RADIUS_NEVER INT64_MAX

enum radius_service { RADIUS_AUTHENTICATION = 1, RADIUS_ACCOUNTING = 2 };

struct radius_server_config {
	struct radius_secret secret;
	unsigned services; /* set of enum radius_service */
	unsigned n_paths;  /* sockets or connections: 256 calls at a time on each */
	unsigned timeout_ms, tries, dead_ms;
	bool is_stream; /* paths are connections, which come and go; nothing is repeated on them */
	bool status_server;
	/* Replies to Access-Requests must have a Message-Authenticator (CVE-2024-3596). Only where something
	 * else protects the path may this be false. */
	bool message_authenticator;
};

struct radius_server_status {
	bool is_up;
	size_t outstanding;
	uint64_t requests, replies, retransmissions, timeouts;
	uint64_t malformed, unmatched, forged;
	uint64_t unprotected; /* of those that look right, but lack a Message-Authenticator: a part of forged
	                       */
};

/* None of them may call back into the client. */
struct radius_client_callbacks {
	void (*send)(void *user, unsigned server, unsigned path, const uint8_t *bytes, size_t length);
	void (*random)(void *user, void *bytes, size_t length);
	void (*on_server)(void *user, unsigned server, bool is_up); /* may be NULL */
	/* The first reply without the Message-Authenticator that it must have; may be NULL. */
	void (*on_unprotected)(void *user, unsigned server);
};

/* answer NULL: no server answered in time. Otherwise a verified reply of the right kind, valid during the
 * callback, which may begin and cancel other calls. */
typedef void radius_answer_fn(void *user, const struct radius_packet *answer, unsigned server);

struct radius_request {
	uint8_t code;              /* RADIUS_ACCESS_REQUEST or RADIUS_ACCOUNTING_REQUEST */
	const uint8_t *attributes; /* as they are sent; copied. Without those below */
	size_t length;
	const uint8_t *password; /* User-Password in clear, hidden for whom it is sent to; NULL: none */
	size_t password_length;
	uint32_t delay_s; /* accounting: seconds that the event is old already; the rest is added */
	int server;       /* try this one first (it made the State that goes back); -1: any */
	unsigned life_ms; /* 0: RADIUS_LIFE_MS */
};

struct radius_client;
struct radius_call;

struct radius_client *radius_client_new(const struct radius_server_config *servers, size_t n_servers,
        const struct radius_client_callbacks *callbacks, void *user);
/* Calls under way end without a callback. NULL in, NULL out. */
struct radius_client *radius_client_free(struct radius_client *c);

/* -EAGAIN at RADIUS_CALLS_MAX, -ENOENT where no server has that service, -EMSGSIZE where the packet would be
 * too long. ret may be NULL. The answer never comes before this returns. */
int radius_client_call(struct radius_client *c, const struct radius_request *request,
        radius_answer_fn *on_answer, void *user, time_ms now, struct radius_call **ret);
/* No answer any more. NULL in, NULL out. */
struct radius_call *radius_client_cancel(struct radius_client *c, struct radius_call *call);

/* A datagram from that server on that path, or a whole packet of a stream. -EINVAL where it is no packet at
 * all: a stream cannot go on after that. */
int radius_client_receive(struct radius_client *c, unsigned server, unsigned path, const void *bytes,
        size_t length, time_ms now);
/* Streams begin down. Calls that waited on a path that went down go elsewhere at once. */
void radius_client_path(struct radius_client *c, unsigned server, unsigned path, bool is_up, time_ms now);

/* When radius_client_tick() wants to be called; RADIUS_NEVER. */
time_ms radius_client_deadline(const struct radius_client *c);
void radius_client_tick(struct radius_client *c, time_ms now);

/* Secrets may be exchanged while running: calls that begin from now on have the new one. */
void radius_client_set_secret(struct radius_client *c, unsigned server, const struct radius_secret *secret);
bool radius_client_is_alive(const struct radius_client *c, enum radius_service service);
void radius_client_get_status(
        const struct radius_client *c, unsigned server, struct radius_server_status *ret);
size_t radius_client_count(const struct radius_client *c); /* calls under way */
