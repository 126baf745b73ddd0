/* SPDX-License-Identifier: ISC */
/*
 * The HTTP API on the Unix socket: whoever may open the socket (root, or its group) and is root or of that
 * group may ask and order. Everything that the server refuses is counted, and the counters are here.
 */
#include "server/api.h"
#include "base/log.h"
#include "crypto/base64.h"

#include <errno.h>
#include <grp.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define API_CONNECTIONS_MAX 256
#define API_BODY_MAX 65536
#define TOKEN_BYTES 20 /* of randomness in an enrolment token */
#define TOKEN_TTL_DEFAULT_MS 3600000LL
#define TOKEN_TTL_MAX_MS (30 * 86400000LL)

/* ---- who may ask ---- */

static bool is_in_group(uid_t uid, const char *group)
{
	struct group *g = *group ? getgrnam(group) : NULL;
	struct passwd *p = g ? getpwuid(uid) : NULL;
	if (!p)
		return false;
	if (p->pw_gid == g->gr_gid)
		return true;
	for (char **m = g->gr_mem; *m; m++)
		if (strcmp(*m, p->pw_name) == 0)
			return true;
	return false;
}

bool api_allows(struct server *s, struct http_request *r)
{
	uid_t uid;
	s->site->counters.api_requests++;
	if (http_request_user(r, &uid) == 0 &&
	        (uid == 0 || uid == geteuid() || is_in_group(uid, s->options.socket_group)))
		return true;
	s->site->counters.api_refused++;
	http_reply_error(r, 403, "only root and the group of the socket may use this");
	return false;
}

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

static json_t *counters_to_json(struct server *s)
{
	json_t *j = json_object();
#define COUNTER(name, text) json_object_set_new(j, #name, json_integer((json_int_t)s->site->counters.name));
#include "server/counters.def"
#undef COUNTER
	struct listener_counters total = { 0 }, one;
	for (size_t i = 0; i < s->n_node_listeners; i++) {
		listener_get_counters(s->node_listeners[i], &one);
		total.refused_total += one.refused_total + one.refused_handshakes;
		total.refused_source += one.refused_source;
		total.handshakes_failed += one.handshakes_failed;
	}
	json_object_set_new(j, "connections_refused_full", json_integer((json_int_t)total.refused_total));
	json_object_set_new(j, "connections_refused_source", json_integer((json_int_t)total.refused_source));
	json_object_set_new(j, "handshakes_failed", json_integer((json_int_t)total.handshakes_failed));
	return j;
}

/* Attachments by the segment that they are in now. */
static json_t *segments_to_json(struct server *s, time_ms now)
{
	size_t n;
	const struct policy_segment *segments = policy_segments(s->site->policy, &n);
	json_int_t counts[256] = { 0 };
	json_t *list = json_array();
	TABLE_FOREACH(it, s->site->attachments) {
		const struct site_attachment *a = it.value;
		if (a->present)
			counts[site_segment(s->site, &a->handed, now)->mark]++;
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
		        json_pack("{s:s, s:i, s:b, s:I}", "name", segments[i].name, "level",
		                segments[i].level, "default", segments[i].is_default, "attachments",
		                counts[segments[i].mark]));
	return list;
}

static json_t *advisories_to_json(struct server *s)
{
	struct vuln_index *index = s->site->index;
	json_t *j = json_object();
	json_object_set_new(j, "available", json_boolean(index != NULL));
	json_object_set_new(j, "vis_connected", json_boolean(vis_is_connected(s)));
	if (index) {
		json_object_set_new(j, "generation", json_integer((json_int_t)vuln_index_generation(index)));
		json_object_set_new(j, "updated", api_time(vuln_index_updated(index)));
		json_object_set_new(j, "count", json_integer((json_int_t)vuln_index_count(index)));
	}
	return j;
}

static json_t *site_policy_to_json(struct server *s)
{
	json_t *j = json_object();
	json_object_set_new(j, "fingerprint", api_fingerprint(policy_fingerprint(s->site->policy)));
	json_object_set_new(j, "file", api_text(s->options.policy));
	json_object_set_new(j, "loaded", api_time(s->policy_loaded));
	json_object_set_new(j, "inspect_every_ms", json_integer(policy_inspect_interval_ms(s->site->policy)));
	json_object_set_new(
	        j, "certificate_lifetime_ms", json_integer(policy_certificate_lifetime_ms(s->site->policy)));
	json_object_set_new(j, "reloads", json_integer((json_int_t)s->reloads));
	json_object_set_new(j, "reloads_failed", json_integer((json_int_t)s->reloads_failed));
	return j;
}

static void handle_status(struct http_request *r, void *user)
{
	struct server *s = user;
	const time_ms now = clock_wall_ms();
	if (!api_allows(s, r))
		return;
	json_t *j = json_object();
	json_object_set_new(j, "version", json_string(PRATIQUE_VERSION));
	json_object_set_new(j, "name", api_text(s->identity.name));
	json_object_set_new(j, "started", api_time(s->started));
	json_object_set_new(j, "now", api_time(now));
	json_object_set_new(j, "generation", json_integer((json_int_t)store_generation(s->store)));
	json_object_set_new(j, "policy", site_policy_to_json(s));
	json_object_set_new(j, "advisories", advisories_to_json(s));
	json_object_set_new(j, "nodes",
	        json_pack("{s:I, s:I}", "known", (json_int_t)table_count(s->site->nodes), "connected",
	                (json_int_t)node_count(s)));
	json_object_set_new(j, "segments", segments_to_json(s, now));
	json_object_set_new(j, "enforcers", enforcer_status(s));
	json_object_set_new(j, "judgements_waiting", json_integer((json_int_t)site_waiting(s->site)));
	json_object_set_new(j, "enrolment", json_boolean(s->ca != NULL));
	json_object_set_new(j, "counters", counters_to_json(s));
	http_reply_json(r, 200, j);
}

static void handle_reload(struct http_request *r, void *user)
{
	struct server *s = user;
	struct error err = { "" };
	if (!api_allows(s, r))
		return;
	if (server_reload_policy(s, &err) < 0)
		http_reply_error(r, 422, "the old policy stays in force: %s", err.text);
	else
		http_reply_json(r, 200, site_policy_to_json(s));
}

/* ---- enrolment tokens ---- */

/* Answered when the token is durable: until then it is nobody's. */
struct token_reply {
	struct server *server;
	struct http_request *request; /* NULL: the client is gone */
	char token[BASE64_SIZE(TOKEN_BYTES)];
	char name[256], role[32];
	time_ms expires;
};

static void token_is_durable(int result, void *context)
{
	struct token_reply *t = context;
	if (t->request && result == 0) {
		json_t *j = json_pack("{s:s, s:s, s:s}", "name", t->name, "role", t->role, "token", t->token);
		json_object_set_new(j, "expires", api_time(t->expires));
		http_reply_json(t->request, 201, j);
	} else if (t->request) {
		http_reply_error(t->request, 503, "the token could not be stored");
	}
	OPENSSL_cleanse(t->token, sizeof(t->token));
	free(t);
}

static void token_client_gone(void *context)
{
	struct token_reply *t = context;
	t->request = NULL;
}

static int make_token(struct server *s, struct token_reply *t, time_ms ttl, struct error *err)
{
	const time_ms now = clock_wall_ms();
	uint8_t bytes[TOKEN_BYTES];
	struct store_token record = {
		.name = t->name, .role = t->role, .created = now, .expires = now + ttl
	};
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return error_set(err, -EIO, "no random numbers");
	base64url_encode(bytes, sizeof(bytes), t->token);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	sha256_bytes(t->token, strlen(t->token), record.hash);
	t->expires = record.expires;
	return store_put_token(s->store, &record, now, err);
}

static const char *read_token_request(json_t *body, struct token_reply *t, time_ms *ret_ttl)
{
	const char *name = json_string_value(json_object_get(body, "name"));
	const char *role = json_string_value(json_object_get(body, "role"));
	const json_t *ttl = json_object_get(body, "ttl_ms");
	enum identity_role parsed;
	static struct error err;
	*ret_ttl = ttl ? json_integer_value(ttl) : TOKEN_TTL_DEFAULT_MS;
	if (!name || identity_check_name(name, &err) < 0)
		return name ? err.text : "name is missing";
	if (!role)
		role = "node";
	if (identity_role_parse(role, &parsed) < 0)
		return "role is node, server, enforcer, vis, monitor, concentrator or operator";
	if (*ret_ttl < 1000 || *ret_ttl > TOKEN_TTL_MAX_MS)
		return "ttl_ms is between one second and 30 days";
	snprintf(t->name, sizeof(t->name), "%s", name);
	snprintf(t->role, sizeof(t->role), "%s", role);
	return NULL;
}

static void handle_tokens(struct http_request *r, void *user)
{
	struct server *s = user;
	struct error err = { "" };
	time_ms ttl;
	json_t *body = api_allows(s, r) ? http_request_json(r) : NULL;
	if (!body)
		return;
	struct token_reply *t = xcalloc(1, sizeof(*t));
	const char *wrong = read_token_request(body, t, &ttl);
	json_decref(body);
	if (!s->ca)
		wrong = "this server does not enrol: it has no ca_directory";
	if (wrong || make_token(s, t, ttl, &err) < 0) {
		http_reply_error(r, wrong ? 400 : 503, "%s", wrong ? wrong : err.text);
		free(t);
		return;
	}
	t->server = s;
	t->request = r;
	http_request_on_gone(r, token_client_gone, t);
	site_note(s->site, clock_wall_ms(), "token", site_find_node(s->site, t->name), NULL,
	        "an enrolment token for %s (%s) was made", t->name, t->role);
	store_when_durable(s->store, token_is_durable, t);
}

/* ---- the server ---- */

static const struct http_route routes[] = {
	{ "GET", "/v1/status", handle_status, 0, 0 },
	{ "POST", "/v1/reload", handle_reload, 0, 0 },
	{ "POST", "/v1/tokens", handle_tokens, 0, API_BODY_MAX },
};

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

int api_start(struct server *s, struct error *err)
{
	const struct listener_config config = { .path = s->options.socket,
		.mode = 0660,
		.connections_max = API_CONNECTIONS_MAX,
		.handshakes_max = API_CONNECTIONS_MAX,
		.limits = STREAM_LIMITS_DEFAULT };
	int code = http_server_new(s->base, &s->http);
	if (code == 0)
		code = http_server_add_routes(s->http, routes, ARRAY_LENGTH(routes), s);
	if (code == 0)
		code = http_server_add_routes(s->http, api_node_routes, api_n_node_routes, s);
	if (code == 0)
		code = http_server_add_routes(s->http, api_event_routes, api_n_event_routes, s);
	if (code < 0)
		return error_set(err, code, "the API cannot be set up");
	code = http_server_listen(s->http, &config, err);
	return code < 0 ? code : give_socket(s, err);
}

void api_stop(struct server *s)
{
	api_drop_followers(s);
	s->http = http_server_free(s->http);
}
