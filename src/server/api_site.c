/* SPDX-License-Identifier: ISC */
/* The API about the server itself: its status with every counter, and its policy. */
#include "posture/catalogue.h"
#include "server/api.h"
#include "server/named.h"

#include <errno.h>

#define SOURCES_MAX 256 /* of the vulnerability information, that the status lists */

/* ---- listeners ---- */

static void add_up(struct listener_counters *total, const struct listener *l)
{
	struct listener_counters one;
	listener_get_counters(l, &one);
	total->open += one.open;
	total->shaking_hands += one.shaking_hands;
	total->refused_total += one.refused_total + one.refused_handshakes;
	total->refused_source += one.refused_source;
	total->handshakes_failed += one.handshakes_failed;
	total->accept_errors += one.accept_errors;
}

static struct listener_counters sum(struct listener *const *listeners, size_t n)
{
	struct listener_counters total = { 0 };
	for (size_t i = 0; i < n; i++)
		add_up(&total, listeners[i]);
	return total;
}

/* Of the API's: the first one is the Unix socket. */
static struct listener_counters sum_api(struct http_server *h, size_t first, size_t most)
{
	struct listener_counters total = { 0 };
	for (size_t i = first; i < most && http_server_listener(h, i); i++)
		add_up(&total, http_server_listener(h, i));
	return total;
}

/* Zeroes where nobody enrols here. */
static struct listener_counters sum_enrolment(const struct server *s)
{
	return s->enrolment_http ? sum_api(s->enrolment_http, 0, SIZE_MAX) : (struct listener_counters){ 0 };
}

static void put_refused(json_t *j, const char *prefix, const struct listener_counters *c)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = { { "connections_refused_full", c->refused_total },
		{ "connections_refused_source", c->refused_source },
		{ "handshakes_failed", c->handshakes_failed }, { "connections_failed", c->accept_errors } };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *name FREE_ON_EXIT = xasprintf("%s%s", prefix, rows[i].name);
		json_object_set_new(j, name, json_integer((json_int_t)rows[i].value));
	}
}

static json_t *counters_to_json(struct server *s)
{
	const struct listener_counters nodes = sum(s->node_listeners, s->n_node_listeners),
	                               enforcers = sum(s->enforcer_listeners, s->n_enforcer_listeners),
	                               api = sum_api(s->http, 0, SIZE_MAX), enrolment = sum_enrolment(s);
	json_t *j = json_object();
#define COUNTER(name, text) json_object_set_new(j, #name, json_integer((json_int_t)s->site->counters.name));
#include "server/counters.def"
#undef COUNTER
	put_refused(j, "", &nodes);
	put_refused(j, "enforcer_", &enforcers);
	put_refused(j, "enrolment_", &enrolment);
	put_refused(j, "api_", &api);
	return j;
}

/* ---- limits ---- */

static void add_limit(json_t *list, const char *name, size_t used, int64_t limit)
{
	json_array_append_new(list,
	        json_pack("{s:s, s:I, s:I}", "name", name, "used", (json_int_t)used, "limit",
	                (json_int_t)limit));
}

/* Every limit that a peer could reach, with what is used of it. Of several listeners each has the limit. */
static json_t *limits_to_json(struct server *s)
{
	const struct server_options *o = &s->options;
	const struct listener_counters nodes = sum(s->node_listeners, s->n_node_listeners),
	                               enforcers = sum(s->enforcer_listeners, s->n_enforcer_listeners);
	const struct listener_counters local = sum_api(s->http, 0, 1), remote = sum_api(s->http, 1, SIZE_MAX);
	json_t *list = json_array();
	add_limit(list, "node_connections", nodes.open, o->connections_max * (int64_t)s->n_node_listeners);
	add_limit(list, "node_handshakes", nodes.shaking_hands,
	        o->handshakes_max * (int64_t)s->n_node_listeners);
	add_limit(list, "enforcer_connections", enforcers.open,
	        o->enforcers_max * (int64_t)s->n_enforcer_listeners);
	add_limit(list, "enrolment_connections", sum_enrolment(s).open, ENROLMENT_CONNECTIONS_MAX);
	add_limit(list, "api_connections_local", local.open, API_LOCAL_CONNECTIONS_MAX);
	add_limit(
	        list, "api_connections", remote.open, o->api_connections_max * (int64_t)o->api_listen.count);
	add_limit(list, "api_sources", api_source_count(s), API_SOURCES_MAX);
	add_limit(list, "api_tokens", api_token_count(s), API_TOKENS_MAX);
	add_limit(list, "event_followers", s->n_followers, SERVER_FOLLOWERS_MAX);
	const struct catalogue_size packages = catalogue_size(s->site->catalogue);
	add_limit(list, "nodes", table_count(s->site->nodes), SITE_NODES_MAX);
	add_limit(list, "packages", packages.packages, CATALOGUE_PACKAGES_MAX);
	add_limit(list, "packages_bytes", packages.bytes, CATALOGUE_BYTES_MAX);
	add_limit(list, "named_sources", named_count(s->site->named), NAMED_MAX);
	add_limit(list, "attachments", table_count(s->site->attachments), SITE_ATTACHMENTS_MAX);
	return list;
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

struct source_list {
	json_t *list;
	time_ms now;
};

static int add_source(const struct vuln_source *source, void *context)
{
	struct source_list *l = context;
	json_t *j = json_object();
	const bool is_stale = source->loaded == 0 ||
	        (source->freshness_ms && l->now - source->loaded > source->freshness_ms);
	json_object_set_new(j, "name", api_text(source->name));
	json_object_set_new(j, "required", json_boolean(source->required));
	json_object_set_new(j, "partial", json_boolean(source->partial));
	json_object_set_new(j, "trust", json_string(vuln_trust_name(source->trust)));
	json_object_set_new(j, "precedence", json_integer(source->precedence));
	json_object_set_new(j, "loaded", api_time(source->loaded));
	json_object_set_new(j, "stale", json_boolean(is_stale));
	json_object_set_new(j, "records", json_integer((json_int_t)source->records));
	json_array_append_new(l->list, j);
	return json_array_size(l->list) < SOURCES_MAX ? 0 : -E2BIG;
}

static json_t *sources_to_json(struct vuln_index *index)
{
	struct source_list l = { json_array(), clock_wall_ms() };
	(void)vuln_index_each_source(index, add_source, &l, NULL);
	return l.list;
}

static json_t *advisories_to_json(struct server *s)
{
	struct vuln_index *index = s->site->index;
	struct vuln_freshness fresh = { 0 };
	json_t *j = json_object();
	json_object_set_new(j, "available", json_boolean(index != NULL));
	json_object_set_new(j, "vis_connected", json_boolean(vis_is_connected(s)));
	if (index) {
		json_object_set_new(j, "generation", json_integer((json_int_t)vuln_index_generation(index)));
		json_object_set_new(j, "updated", api_time(vuln_index_updated(index)));
		json_object_set_new(j, "count", json_integer((json_int_t)vuln_index_count(index)));
		(void)vuln_index_freshness(index, clock_wall_ms(), &fresh);
		json_object_set_new(j, "as_of", api_time(fresh.oldest));
		json_object_set_new(j, "stale_sources", json_integer((json_int_t)fresh.n_stale));
		json_object_set_new(j, "sources", sources_to_json(index));
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
	const struct policy_segment *watched = policy_monitor_segment(s->site->policy, NULL);
	json_object_set_new(j, "monitor", api_text(watched ? watched->name : NULL));
	json_object_set_new(j, "waivers", api_waivers(s, clock_wall_ms()));
	json_object_set_new(j, "reloads", json_integer((json_int_t)s->reloads));
	json_object_set_new(j, "reloads_failed", json_integer((json_int_t)s->reloads_failed));
	return j;
}

json_t *api_status(struct server *s)
{
	const time_ms now = clock_wall_ms();
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
	json_object_set_new(j, "retries_waiting", json_integer((json_int_t)site_retries_waiting(s->site)));
	json_object_set_new(j, "held", json_integer((json_int_t)site_held(s->site)));
	json_object_set_new(j, "enrolment", json_boolean(s->est != NULL));
	json_object_set_new(j, "counters", counters_to_json(s));
	json_object_set_new(j, "limits", limits_to_json(s));
	json_object_set_new(j, "certificates", expiry_to_json(s, now));
	return j;
}

static void handle_status(struct http_request *r, void *user)
{
	http_reply_json(r, 200, api_status(user));
}

static void handle_reload(struct http_request *r, void *user)
{
	struct server *s = user;
	struct error err = { "" };
	if (server_reload_policy(s, &err) < 0)
		http_reply_error(r, 422, "the old policy stays in force: %s", err.text);
	else
		http_reply_json(r, 200, site_policy_to_json(s));
}

static const struct api_route routes[] = {
	{ "GET", "/v1/status", handle_status, API_VIEWER, 0,
	        "Versions, generations, enforcers, attachments by segment, and every counter", NULL, NULL,
	        200, "Status" },
	{ "POST", "/v1/reload", handle_reload, API_OPERATOR, 0,
	        "Reads the policy again; one with errors changes nothing (422)", NULL, NULL, 200, "Policy" },
};
const struct api_family api_site_family = { routes, ARRAY_LENGTH(routes) };
