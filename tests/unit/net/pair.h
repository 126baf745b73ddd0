/* SPDX-License-Identifier: ISC */
/* Both ends of a TLS stream over a socket pair in one event loop, and what happens to them. */
#pragma once

#include "tests/unit/net/site.h"

/* One end, and what happened to it. */
struct end {
	struct stream *stream;
	struct identity peer;
	bool open, has_peer, closed, drained;
	char reason[512], received[64];
	size_t n_received, take; /* take: bytes of on_data taken at a time; 0: all */
	bool refuse;             /* take nothing */
};

static inline void end_on_open(struct stream *s, const struct identity *peer, void *user)
{
	struct end *e = user;
	e->open = true;
	e->has_peer = peer;
	if (peer)
		e->peer = *peer;
}

static inline size_t end_on_data(struct stream *s, const uint8_t *data, size_t length, void *user)
{
	struct end *e = user;
	if (e->refuse)
		return 0;
	if (e->take)
		length = MIN(length, e->take);
	for (size_t i = 0; i < length; i++)
		e->received[(e->n_received + i) % sizeof(e->received)] = (char)data[i];
	e->n_received += length;
	return length;
}

static inline void end_on_drain(struct stream *s, void *user)
{
	((struct end *)user)->drained = true;
}

static inline void end_on_close(struct stream *s, const char *reason, void *user)
{
	struct end *e = user;
	e->closed = true;
	e->stream = NULL;
	snprintf(e->reason, sizeof(e->reason), "%s", reason);
}

static const struct stream_handlers end_handlers = { end_on_open, end_on_data, end_on_drain, end_on_close };

static inline int site_setup(void **state)
{
	*state = site_make();
	return 0;
}

static inline int site_teardown(void **state)
{
	site_free(*state);
	return 0;
}

struct pair {
	struct tls_context *server_context, *client_context;
	struct end server, client;
};

static inline void pair_connect_limits(
        struct site *site, struct pair *p, const char *expected_name, const struct stream_limits *limits)
{
	int fds[2];
	struct error err;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(tls_stream_over_socket(site->base, p->server_context, fds[0], NULL, limits,
	                         &end_handlers, &p->server, &p->server.stream, &err),
	        0);
	assert_int_equal(tls_stream_over_socket(site->base, p->client_context, fds[1], expected_name, limits,
	                         &end_handlers, &p->client, &p->client.stream, &err),
	        0);
	/* A client is open before the server has judged it: where one is refused, both end. */
	SITE_WAIT(site, (p->server.closed && p->client.closed) || (p->server.open && p->client.open));
}

static inline void pair_connect(struct site *site, struct pair *p, const char *expected_name)
{
	pair_connect_limits(site, p, expected_name, &STREAM_LIMITS_DEFAULT);
}

static inline void pair_free(struct pair *p)
{
	stream_free(p->server.stream);
	stream_free(p->client.stream);
	tls_context_free(p->server_context);
	tls_context_free(p->client_context);
}

#define site_test(f) cmocka_unit_test_setup_teardown(f, site_setup, site_teardown)
