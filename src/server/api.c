/* SPDX-License-Identifier: ISC */
/*
 * The HTTP API: its places, its tables of routes, and the one gate that every request passes: who asks, and
 * whether his role may. What is refused is counted and audited.
 */
#include "server/api.h"
#include "net/endpoint.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define API_PORT 8444 /* where none is given */

/* ---- JSON ---- */

json_t *api_time(time_ms t)
{
	char text[CLOCK_TEXT_SIZE];
	return t ? json_string(clock_format(t, text)) : json_null();
}

/* A text that is not UTF-8 (one that was cut inside a character) shows its ASCII. */
json_t *api_text(const char *s)
{
	if (!s || !*s)
		return json_null();
	json_t *text = json_string(s);
	if (text)
		return text;
	char *plain FREE_ON_EXIT = xstrdup(s);
	for (char *p = plain; *p; p++)
		if (*p & 0x80)
			*p = '?';
	return json_string(plain);
}

json_t *api_fingerprint(uint64_t fingerprint)
{
	char text[17];
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)fingerprint);
	return json_string(text);
}

/* ---- the server ---- */

const struct api_family *const api_families[] = { &api_site_family, &api_enrolment_family, &api_token_family,
	&api_node_family, &api_event_family, &api_audit_family, &api_metrics_family, &api_openapi_family,
	&api_brake_family, &api_simulate_family };
const size_t api_n_families = ARRAY_LENGTH(api_families);

/* A route as the HTTP server has it, and the way back to its row. */
struct api_endpoint {
	struct http_route http;
	const struct api_route *route;
	struct server *server;
};

static void refuse(struct api_endpoint *e, struct http_request *r, const struct api_caller *caller,
        int status, const char *why)
{
	char *action FREE_ON_EXIT = xasprintf("%s %s", e->route->method, e->route->path);
	e->server->site->counters.api_refused++;
	api_audit_refusal(e->server, caller, action, why);
	http_reply_error(r, status, "%s", why);
}

/* The gate. */
static void dispatch(struct http_request *r, void *endpoint)
{
	struct api_endpoint *e = endpoint;
	struct server *s = e->server;
	struct api_caller caller;
	struct error err = { "" };
	s->site->counters.api_requests++;
	int status = api_identify(s, r, &caller, &err);
	if (status == 0 && caller.role < e->route->role) {
		status = 403;
		error_set(&err, -EACCES, "needs the role %s; %s has the role %s",
		        api_role_name(e->route->role), caller.who, api_role_name(caller.role));
	}
	if (status) {
		refuse(e, r, &caller, status, err.text);
		return;
	}
	struct ip_address address;
	const bool remote = http_request_address(r, &address) == 0; /* r may be gone afterwards */
	const int64_t began = clock_monotonic_us();
	s->caller = &caller;
	e->route->handle(r, s);
	s->caller = NULL;
	if (remote)
		api_charge(s, &address, clock_monotonic_us() - began, clock_monotonic_ms());
}

static int add_family(struct server *s, const struct api_family *family)
{
	int code = 0;
	for (size_t i = 0; i < family->n && code == 0; i++) {
		const struct api_route *route = &family->routes[i];
		struct api_endpoint *e = &s->endpoints[s->n_endpoints++];
		*e = (struct api_endpoint){ .http = { .method = route->method,
			                            .path = route->path,
			                            .handle = dispatch,
			                            .tls_roles = HTTP_ANONYMOUS | TLS_ROLE(ROLE_OPERATOR),
			                            .body_max = route->body_max },
			.route = route,
			.server = s };
		code = http_server_add_routes(s->http, &e->http, 1, e);
	}
	return code;
}

static int add_routes(struct server *s)
{
	size_t n = 0;
	int code = 0;
	for (size_t i = 0; i < api_n_families; i++)
		n += api_families[i]->n;
	s->endpoints = xcalloc(n, sizeof(*s->endpoints));
	for (size_t i = 0; i < api_n_families && code == 0; i++)
		code = add_family(s, api_families[i]);
	return code;
}

/* The group of the socket is set while we may. */
static int give_socket(struct server *s, struct error *err)
{
	struct group *g = *s->options.socket_group ? getgrnam(s->options.socket_group) : NULL;
	struct passwd *p = geteuid() == 0 && *s->options.user ? getpwnam(s->options.user) : NULL;
	if (*s->options.socket_group && !g)
		return error_set(err, -EINVAL, "socket_group: there is no group %s", s->options.socket_group);
	if ((g || p) && chown(s->options.socket, p ? p->pw_uid : (uid_t)-1, g ? g->gr_gid : p->pw_gid) < 0)
		return error_set(err, -errno, "%s: cannot be given to its group: %s", s->options.socket,
		        strerror(errno));
	return 0;
}

int api_check_options(const struct server_options *o, struct error *err)
{
	struct sockaddr_storage address;
	struct endpoint e;
	enum api_role role;
	if (api_role_parse(o->socket_group_role, &role) < 0)
		return error_set(err, -EINVAL, "socket_group_role: viewer, operator or admin, not \"%s\"",
		        o->socket_group_role);
	if (o->api_listen.count > SERVER_PORTS_MAX)
		return error_set(err, -EINVAL, "api_listen: more than %d", SERVER_PORTS_MAX);
	for (size_t i = 0; i < o->api_listen.count; i++) {
		int code = endpoint_parse(o->api_listen.items[i], API_PORT, &e, err);
		if (code == 0)
			code = server_read_address(e.host, e.port, &address, err);
		if (code < 0)
			return error_prefix(err, code, "api_listen");
	}
	return 0;
}

static int listen_remotely(struct server *s, struct error *err)
{
	struct listener_config config = { .connections_max = (size_t)s->options.api_connections_max,
		.source_max = (size_t)s->options.api_connections_per_source,
		.handshakes_max = (size_t)s->options.api_connections_max,
		.limits = STREAM_LIMITS_DEFAULT };
	struct endpoint e;
	int code = 0;
	if (s->options.api_listen.count)
		code = server_open_tls(s, TLS_ROLE(ROLE_OPERATOR), true, &s->api_tls, err);
	config.tls = s->api_tls;
	for (size_t i = 0; i < s->options.api_listen.count && code == 0; i++) {
		const char *text = s->options.api_listen.items[i];
		code = endpoint_parse(text, API_PORT, &e, err);
		if (code == 0)
			code = server_read_address(e.host, e.port, &config.address, err);
		if (code == 0)
			code = http_server_listen(s->http, &config, err);
		if (code < 0)
			return error_prefix(err, code, "api_listen: %s", text);
	}
	return code;
}

int api_start(struct server *s, struct error *err)
{
	const struct listener_config config = { .path = s->options.socket,
		.mode = 0660,
		.connections_max = API_LOCAL_CONNECTIONS_MAX,
		.handshakes_max = API_LOCAL_CONNECTIONS_MAX,
		.limits = STREAM_LIMITS_DEFAULT };
	int code = api_check_options(&s->options, err);
	if (code == 0)
		code = http_server_new(s->base, &s->http);
	if (code < 0)
		return code;
	if (code == 0)
		code = add_routes(s);
	if (code < 0)
		return error_set(err, code, "the API cannot be set up");
	code = http_server_listen(s->http, &config, err);
	if (code == 0)
		code = give_socket(s, err);
	return code < 0 ? code : listen_remotely(s, err);
}

void api_stop(struct server *s)
{
	api_simulation_stop(s);
	api_drop_followers(s);
	s->http = http_server_free(s->http);
	free(TAKE_POINTER(s->endpoints));
	s->n_endpoints = 0;
	api_tokens_free(s);
	api_limits_free(s);
}
