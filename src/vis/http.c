/* SPDX-License-Identifier: ISC */
#include "vis/http.h"

#include "base/log.h"
#include "net/endpoint.h"
#include "net/openapi.h"
#include "net/source_limits.h"
#include "vis/kept.h"
#include "vis/push_files.h"

#include <errno.h>
#include <string.h>

#define SOCKET_MODE 0666 /* what is served is public, or for whoever may reach the socket's directory */
#define COUNT_MS 500     /* how often the listeners' own counters are taken over */
#define ADDRESSES_MAX 16 /* of one name */

static const struct openapi_schema schemas[] = {
#define SCHEMA(name, text, fields) { #name, text, fields },
#include "vis/schemas.def"
#undef SCHEMA
};

/* A route as the HTTP server has it, and the way back to who added it. */
struct vis_endpoint {
	struct http_route http;
	const struct vis_route *route;
	void *user;
	struct vis_http *of;
};

struct vis_http {
	const struct vis_http_config *config;
	struct vis_http_counters *counters;
	struct http_server *server;
	struct tls_context *tls;
	struct source_limits *limits;
	struct event *count_event;
	struct vis_endpoint **endpoints;
	size_t n_endpoints, capacity;
};

/* google.rpc.Code, which OSV.dev's API has in its failures. */
static int code_of_status(int status)
{
	switch (status) {
	case 400:
	case 413:
	case 415:
	case 431:
		return 3; /* INVALID_ARGUMENT */
	case 404:
		return 5; /* NOT_FOUND */
	case 401:
		return 16; /* UNAUTHENTICATED */
	case 403:
		return 7; /* PERMISSION_DENIED */
	case 429:
		return 8; /* RESOURCE_EXHAUSTED */
	case 405:
	case 501:
	case 505:
		return 12; /* UNIMPLEMENTED */
	case 408:
		return 4; /* DEADLINE_EXCEEDED */
	case 503:
		return 14; /* UNAVAILABLE */
	default:
		return 13; /* INTERNAL */
	}
}

static json_t *make_error(int status, const char *text)
{
	return json_pack("{s:i, s:s}", "code", code_of_status(status), "message", text);
}

/* ---- the gate ---- */

/* Who has proven who he is is trusted with our time. */
static bool is_limited(const struct http_request *r, struct ip_address *ret)
{
	return !http_request_peer(r) && http_request_address(r, ret) == 0;
}

static void dispatch(struct http_request *r, void *endpoint)
{
	const struct vis_endpoint *e = endpoint;
	struct vis_http *h = e->of;
	struct ip_address address;
	const bool limited = is_limited(r, &address);
	if (limited && !source_limits_may_ask(h->limits, &address, clock_monotonic_ms())) {
		h->counters->throttled++;
		http_reply_field(r, "Retry-After", "1");
		http_reply_error(r, 429, "too many requests from this address; ask more slowly");
		return;
	}
	const int64_t began = clock_monotonic_us();
	h->counters->requests++;
	e->route->http.handle(r, e->user);
	const int64_t took = clock_monotonic_us() - began;
	h->counters->busy_us += (uint64_t)took;
	if (limited)
		source_limits_charge(h->limits, &address, took, clock_monotonic_ms());
}

static unsigned roles_of(const struct vis_http *h, const struct http_route *route)
{
	if (!(route->tls_roles & HTTP_ANONYMOUS))
		return route->tls_roles;
	return h->config->public ? TLS_ROLES_ALL : route->tls_roles & ~HTTP_ANONYMOUS;
}

int vis_http_add_routes(struct vis_http *h, const struct vis_route *routes, size_t n, void *user)
{
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct vis_endpoint *e = xcalloc(1, sizeof(*e));
		*e = (struct vis_endpoint){
			.http = routes[i].http, .route = &routes[i], .user = user, .of = h
		};
		e->http.handle = dispatch;
		e->http.tls_roles = roles_of(h, &routes[i].http);
		ARRAY_RESERVE_ONE(h->endpoints, h->n_endpoints, h->capacity);
		h->endpoints[h->n_endpoints++] = e;
		r = http_server_add_routes(h->server, &e->http, 1, e);
	}
	return r;
}

json_t *vis_http_describe(const struct vis_http *h)
{
	const struct openapi_info info = { .title = "pratique-vis",
		.summary = "What is known about vulnerabilities",
		.schemas = schemas,
		.n_schemas = ARRAY_LENGTH(schemas),
		.failure = "Error",
		.security = json_pack("{s:{s:s}}", "certificate", "type", "mutualTLS") };
	json_t *document = openapi_begin(&info);
	for (size_t i = 0; i < h->n_endpoints; i++) {
		const struct vis_route *v = h->endpoints[i]->route;
		const struct openapi_route route = { .method = v->http.method,
			.path = v->http.path,
			.summary = v->summary,
			.role = v->http.tls_roles & HTTP_ANONYMOUS ? "reader" : "site",
			.description = v->http.tls_roles & HTTP_ANONYMOUS
			        ? "For who holds a certificate of the site; where pratique-vis is public, "
			          "for everybody."
			        : "For who holds a certificate of the site.",
			.query = v->query,
			.body = v->body,
			.status = 200,
			.answer = v->answer };
		openapi_add(document, &info, &route);
	}
	return document;
}

struct vis_http_counters *vis_http_counters(struct vis_http *h)
{
	return h->counters;
}

void vis_http_fill_metrics(const struct vis_http_counters *c, struct metrics *m)
{
#define COUNTER(name, text) metrics_count(m, "http_" #name, text, c->name);
#include "vis/http_counters.def"
#undef COUNTER
	metrics_gauge(m, "http_connections", "Connections of readers now", (double)c->connections);
	metrics_count(m, "http_accepted", "Connections of readers", c->accepted);
	metrics_count(m, "http_handshakes_failed", "Of these, without a handshake", c->handshakes_failed);
	metrics_count(m, "http_busy", "Requests refused while answers waited for readers", c->busy);
	metrics_count(m, "http_refused", "Connections over a limit", c->refused);
	metrics_gauge(
	        m, "http_subscribers", "Subscriptions of VISes and others now", (double)c->feed.subscribers);
	metrics_gauge(m, "http_subscribers_limit", "As many as there may be", PUSH_SUBSCRIBERS_MAX);
	metrics_count(
	        m, "http_subscribers_refused", "Subscriptions that there was no room for", c->feed.refused);
	metrics_count(
	        m, "http_subscribers_slow", "Subscriptions cut off, for more waited than may", c->feed.slow);
	metrics_count(m, "http_events", "Events sent to subscribers", c->feed.events);
	metrics_count(m, "http_events_octets", "Bytes of events and signs of life sent to subscribers",
	        c->feed.octets);
	metrics_gauge(m, "http_kept_bytes", "Bytes of answers that are kept to be sent again",
	        (double)c->kept_bytes);
	metrics_gauge(m, "http_kept_limit_bytes", "As many as there may be", KEPT_MAX);
}

/* ---- places ---- */

int vis_http_check(const struct vis_http_config *config, struct error *err)
{
	struct endpoint e;
	int r = 0;
	for (size_t i = 0; i < config->n_listen && r == 0; i++)
		r = endpoint_parse(config->listen[i], VIS_HTTP_PORT, &e, err);
	if (r < 0)
		return error_prefix(err, r, "listen");
	if (config->n_listen && !(config->ca && config->certificate && config->key))
		r = error_set(err, -EINVAL, "listen needs ca, certificate and key");
	return r;
}

static void on_reload(const struct error *failure, void *user)
{
	if (failure)
		log_error("certificates stay as they were: %s", failure->text);
	else
		log_notice("certificates read again");
}

static int open_tls(struct event_base *base, struct vis_http *h, struct error *err)
{
	const struct vis_http_config *c = h->config;
	const struct tls_config config = { .server = true,
		.ca_path = c->ca,
		.crl_path = c->crl && *c->crl ? c->crl : NULL,
		.certificate_path = c->certificate,
		.key_path = c->key,
		.peer_roles = c->public ? TLS_ROLES_ALL : VIS_HTTP_READERS & ~HTTP_ANONYMOUS,
		.peer_certificate_optional = c->public };
	int r = tls_context_new(&config, &h->tls, err);
	return r < 0 ? r : tls_context_watch(h->tls, base, TLS_WATCH_MS, on_reload, h);
}

static int listen_at(struct vis_http *h, const char *text, struct error *err)
{
	struct listener_config config = { .tls = h->tls,
		.connections_max =
		        h->config->connections_max ? h->config->connections_max : VIS_HTTP_CONNECTIONS,
		.source_max = h->config->connections_per_source ? h->config->connections_per_source
		                                                : VIS_HTTP_CONNECTIONS_PER_SOURCE,
		.limits = STREAM_LIMITS_DEFAULT };
	struct sockaddr_storage addresses[ADDRESSES_MAX];
	struct endpoint e;
	config.handshakes_max = config.connections_max;
	int r = endpoint_parse(text, VIS_HTTP_PORT, &e, err);
	if (r == 0)
		r = endpoint_resolve(&e, addresses, ADDRESSES_MAX, err);
	const int n = r;
	for (int i = 0; i < n && r >= 0; i++) {
		config.address = addresses[i];
		r = http_server_listen(h->server, &config, err);
	}
	return r < 0 ? error_prefix(err, r, "listen: %s", text) : 0;
}

static int listen_locally(struct vis_http *h, struct error *err)
{
	const struct listener_config config = { .path = h->config->socket,
		.mode = SOCKET_MODE,
		.connections_max = VIS_HTTP_CONNECTIONS,
		.handshakes_max = VIS_HTTP_CONNECTIONS,
		.limits = STREAM_LIMITS_DEFAULT };
	return http_server_listen(h->server, &config, err);
}

static void on_count(evutil_socket_t fd, short what, void *user)
{
	struct vis_http *h = user;
	struct listener_counters c, sum = { 0 };
	struct listener *l;
	for (size_t i = 0; (l = http_server_listener(h->server, i)); i++) {
		listener_get_counters(l, &c);
		sum.open += c.open;
		sum.accepted += c.accepted;
		sum.handshakes_failed += c.handshakes_failed;
		sum.refused_total += c.refused_total + c.refused_source + c.refused_handshakes;
	}
	h->counters->connections = sum.open;
	h->counters->accepted = sum.accepted;
	h->counters->handshakes_failed = sum.handshakes_failed;
	h->counters->refused = sum.refused_total;
	h->counters->busy = http_server_busy(h->server);
}

static struct source_limits *make_limits(const struct vis_http_config *config)
{
	const struct source_limits_config limits = { .sources_max = VIS_HTTP_SOURCES_MAX,
		.request_us = 1000000 / (int64_t)(config->rate ? config->rate : VIS_HTTP_RATE),
		.burst_us = VIS_HTTP_BURST_MS * 1000LL,
		.share = VIS_HTTP_SHARE };
	return source_limits_new(&limits);
}

int vis_http_open(struct event_base *base, const struct vis_http_config *config,
        struct vis_http_counters *counters, struct vis_http **ret, struct error *err)
{
	const struct timeval often = { 0, COUNT_MS * 1000 };
	int r = vis_http_check(config, err);
	if (r < 0)
		return r;
	struct vis_http *h = xcalloc(1, sizeof(*h));
	h->config = config;
	h->counters = counters;
	h->limits = make_limits(config);
	r = http_server_new(base, &h->server);
	if (r == 0) {
		http_server_set_error_form(h->server, make_error);
		http_server_set_memory(h->server, VIS_HTTP_MEMORY);
		h->count_event = event_new(base, -1, EV_PERSIST, on_count, h);
		event_add(h->count_event, &often);
	}
	if (r == 0 && config->n_listen)
		r = open_tls(base, h, err);
	for (size_t i = 0; i < config->n_listen && r == 0; i++)
		r = listen_at(h, config->listen[i], err);
	if (r == 0 && config->socket)
		r = listen_locally(h, err);
	if (r < 0) {
		vis_http_close(h);
		return r;
	}
	*ret = h;
	return 0;
}

struct vis_http *vis_http_close(struct vis_http *h)
{
	if (!h)
		return NULL;
	if (h->count_event)
		event_free(h->count_event);
	http_server_free(h->server);
	tls_context_free(h->tls);
	source_limits_free(h->limits);
	for (size_t i = 0; i < h->n_endpoints; i++)
		free(h->endpoints[i]);
	free(h->endpoints);
	free(h);
	return NULL;
}
