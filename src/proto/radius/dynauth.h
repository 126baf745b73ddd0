/* SPDX-License-Identifier: ISC */
/*
 * The NAS's half of dynamic authorization (RFC 5176): which CoA and Disconnect-Requests are to be believed,
 * and the answers. Sans-I/O.
 *
 * A request must come from a listed client, carry a right Request Authenticator, a right
 * Message-Authenticator and an Event-Timestamp not further from our clock than the window. Every request that
 * was answered is remembered for as long as its timestamp could pass: the same one again, from wherever, gets
 * the same answer and has no effect (section 2.3, 6.3). When that memory is full, requests are dropped rather
 * than the memory of others.
 */
#pragma once

#include "base/clock.h"
#include "proto/radius/radius.h"

#define RADIUS_DYNAUTH_CLIENTS_MAX 64
#define RADIUS_DYNAUTH_WINDOW_MS 300000 /* RFC 5176, 6.3 */
#define RADIUS_DYNAUTH_MEMORY_MAX 65536 /* requests */
#define RADIUS_DYNAUTH_MEMORY_BYTES_MAX (32u << 20)

struct radius_dynauth_client {
	struct ip_address address;
	struct radius_secret secret;
};

struct radius_dynauth_counters {
	uint64_t requests;       /* that were handed out */
	uint64_t repeated;       /* answered again */
	uint64_t unknown_client; /* dropped: who is that? */
	uint64_t malformed;      /* dropped */
	uint64_t forged;         /* dropped: an authenticator is wrong or missing */
	uint64_t stale;          /* dropped: no Event-Timestamp, or one outside of the window */
	uint64_t overflow;       /* dropped: memory is full */
};

struct radius_dynauth;
struct radius_dynauth *radius_dynauth_new(const struct radius_dynauth_client *clients, size_t n_clients);
struct radius_dynauth *radius_dynauth_free(struct radius_dynauth *d);
/* The same clients, in the same order, with other secrets. */
void radius_dynauth_set_clients(
        struct radius_dynauth *d, const struct radius_dynauth_client *clients, size_t n_clients);

struct radius_dynauth_request {
	struct radius_packet packet; /* in the bytes that were given */
	unsigned client;
	time_ms monotonic;
};

/* 1: a new request in *ret; answer it with radius_dynauth_answer() before the next call. 0: *ret_answer is to
 * be sent (again), valid until the next call. -EBADMSG: drop it; it was counted. */
int radius_dynauth_receive(struct radius_dynauth *d, const struct ip_address *source, const void *bytes,
        size_t length, time_ms wall, time_ms monotonic, struct radius_dynauth_request *ret,
        const uint8_t **ret_answer, size_t *ret_length);
/* ACK where error_cause is 0, else NAK with that Error-Cause (3.6). Proxy-State goes back (3.1). */
void radius_dynauth_answer(struct radius_dynauth *d, const struct radius_dynauth_request *request,
        uint32_t error_cause, const uint8_t **ret_answer, size_t *ret_length);

void radius_dynauth_get_counters(const struct radius_dynauth *d, struct radius_dynauth_counters *ret);
