/* SPDX-License-Identifier: ISC */
/*
 * Where pratique-vis answers strangers: HTTP/1.1 over TLS, and on a Unix socket. One gate before all routes:
 * who may ask at all (a certificate of the site, or everybody where the configuration says so), how much one
 * address may ask, what is counted. Failures have the form of OSV.dev's API: {"code": N, "message": "..."}.
 *
 * It runs in the process of front.h, never beside the index's writer and the signing keys.
 */
#pragma once

#include "net/http_feed.h"
#include "net/metrics.h"

#define VIS_HTTP_PORT 8446 /* where none is given */
#define VIS_LISTEN_MAX 16
#define VIS_HTTP_CONNECTIONS 1024
#define VIS_HTTP_CONNECTIONS_PER_SOURCE 64
#define VIS_HTTP_RATE 50 /* requests a second of one address without a certificate */
#define VIS_HTTP_RATE_MAX 1000000
#define VIS_HTTP_BURST_MS 20000      /* so much worth of them at once: a client begins with many */
#define VIS_HTTP_SHARE 4             /* and a quarter of our time, at most */
#define VIS_HTTP_MEMORY (256u << 20) /* bytes that all connections' bodies and answers may hold */
#define VIS_HTTP_SOURCES_MAX 16384   /* addresses that are remembered */

/* For http_route.tls_roles: who may read advisories. With HTTP_ANONYMOUS everybody may where the
 * configuration is `public`, else these roles. */
#define VIS_HTTP_READERS \
	(HTTP_ANONYMOUS | TLS_ROLE(ROLE_SERVER) | TLS_ROLE(ROLE_VIS) | TLS_ROLE(ROLE_MONITOR) | \
	        TLS_ROLE(ROLE_OPERATOR))

struct vis_http_config {
	const char *listen[VIS_LISTEN_MAX]; /* ADDRESS[:PORT] */
	size_t n_listen;
	const char *socket;                                   /* a Unix socket; NULL: none */
	const char *ca, *crl, *certificate, *key;             /* for listen; crl may be NULL */
	bool public;                                          /* readers need no certificate */
	size_t connections_max, connections_per_source, rate; /* 0: as above */
};

/* Written by the front process alone, in memory that it shares. */
struct vis_http_counters {
#define COUNTER(name, text) uint64_t name;
#include "vis/http_counters.def"
#undef COUNTER
	uint64_t connections, accepted, handshakes_failed, refused; /* of all listeners; connections: now */
	uint64_t busy;                                              /* requests over VIS_HTTP_MEMORY */
	uint64_t kept_bytes;            /* of answers that may be asked for again: now */
	struct http_feed_counters feed; /* of subscriptions */
};

struct vis_http;
/* Whether the configuration can be followed, as far as that can be told without doing it. */
int vis_http_check(const struct vis_http_config *config, struct error *err);
/* config, counters and what they point to stay. */
int vis_http_open(struct event_base *base, const struct vis_http_config *config,
        struct vis_http_counters *counters, struct vis_http **ret, struct error *err);
struct vis_http *vis_http_close(struct vis_http *h); /* NULL in, NULL out */
struct vis_http_counters *vis_http_counters(struct vis_http *h);
void vis_http_fill_metrics(const struct vis_http_counters *c, struct metrics *m);

/* A row says all of a route: who may use it, what it takes and what it answers. Names are those of
 * schemas.def. */
struct vis_route {
	struct http_route http; /* tls_roles as above; 0: the Unix socket only */
	const char *summary;    /* one line for people */
	const char *query;      /* "limit:integer"; NULL: no parameters */
	const char *body;       /* schema; "": text; NULL: none */
	const char *answer;     /* schema; "TYPE/TYPE": as it is */
};
/* Routes behind the gate, kept by reference. */
int vis_http_add_routes(struct vis_http *h, const struct vis_route *routes, size_t n, void *user);
/* The description of all of them (OpenAPI 3.1). */
json_t *vis_http_describe(const struct vis_http *h);
