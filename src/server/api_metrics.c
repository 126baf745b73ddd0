/* SPDX-License-Identifier: ISC */
/* GET /metrics: what GET /v1/status says in numbers, for a monitoring system. */
#include "net/metrics.h"
#include "server/api.h"

#include <string.h>

static const struct {
	const char *name, *help;
} counters[] = {
#define COUNTER(name, text) { #name, text },
#include "server/counters.def"
#undef COUNTER
	{ "handshakes_failed", "node connections that did not shake hands" },
	{ "connections_failed", "node connections that waited: no file descriptor or memory was left" },
	{ "enforcer_connections_refused_full", "enforcers' connections refused: too many in all" },
	{ "enforcer_connections_refused_source",
	        "enforcers' connections refused: too many from one address" },
	{ "enforcer_handshakes_failed", "enforcers' connections that did not shake hands" },
	{ "enforcer_connections_failed", "enforcers' connections that waited: no file descriptor was left" },
	{ "enrolment_connections_refused_full", "enrolment connections refused: too many in all" },
	{ "enrolment_connections_refused_source",
	        "enrolment connections refused: too many from one address" },
	{ "enrolment_handshakes_failed", "enrolment connections that did not shake hands" },
	{ "enrolment_connections_failed", "enrolment connections that waited: no file descriptor was left" },
	{ "api_connections_refused_full", "API connections refused: too many in all" },
	{ "api_connections_refused_source", "API connections refused: too many from one address" },
	{ "api_handshakes_failed", "API connections that did not shake hands" },
	{ "api_connections_failed", "API connections that waited: no file descriptor was left" },
};

static void add_counters(struct metrics *m, const json_t *values)
{
	for (size_t i = 0; i < ARRAY_LENGTH(counters); i++)
		metrics_count(m, counters[i].name, counters[i].help,
		        (uint64_t)json_integer_value(json_object_get(values, counters[i].name)));
}

/* The same number of every object in a list, under the name that label_key has there. */
static void add_list(struct metrics *m, enum metrics_type type, const char *name, const char *help,
        const json_t *list, const char *label, const char *label_key, const char *key, double scale)
{
	size_t i;
	const json_t *j;
	metrics_family(m, type, name, help);
	json_array_foreach(list, i, j) {
		const json_t *value = json_object_get(j, key);
		const char *name_of = json_string_value(json_object_get(j, label_key));
		if (value && name_of)
			metrics_sample(m, label, name_of,
			        (json_is_boolean(value) ? json_is_true(value) : json_number_value(value)) *
			                scale);
	}
}

/* Packets by segment, of all enforcers together. */
static void add_traffic(
        struct metrics *m, const json_t *enforcers, const char *name, const char *help, const char *key)
{
	json_t *sums = json_object();
	size_t i, k;
	const json_t *e, *one;
	const char *segment;
	json_t *sum;
	json_array_foreach(enforcers, i, e)
		json_array_foreach(json_object_get(e, "segments"), k, one) {
			segment = json_string_value(json_object_get(one, "segment"));
			json_int_t before = json_integer_value(json_object_get(sums, segment));
			json_object_set_new(sums, segment,
			        json_integer(before + json_integer_value(json_object_get(one, key))));
		}
	metrics_family(m, METRICS_COUNTER, name, help);
	json_object_foreach(sums, segment, sum)
		metrics_sample(m, "segment", segment, json_number_value(sum));
	json_decref(sums);
}

/* By role the one that ends first. */
static void add_certificates(struct metrics *m, const json_t *certificates)
{
	json_t *least = json_object();
	size_t i;
	const json_t *c;
	const char *role;
	json_t *value;
	json_array_foreach(certificates, i, c) {
		role = json_string_value(json_object_get(c, "role"));
		const json_t *before = json_object_get(least, role);
		json_t *left = json_object_get(c, "seconds_left");
		if (!before || json_integer_value(left) < json_integer_value(before))
			json_object_set(least, role, left);
	}
	metrics_family(m, METRICS_GAUGE, "certificate_seconds_left",
	        "Until the first certificate of a role ends; nodes: of those that have not renewed in time");
	json_object_foreach(least, role, value)
		metrics_sample(m, "role", role, json_number_value(value));
	json_decref(least);
}

/* What enforcers count themselves: of these, what goes up and down. */
static bool is_level(const char *name)
{
	static const char *const levels[] = { "generation", "attachments", "addresses", "placements",
		"proofs_open", "questions", "ways", "ways_failed" };
	for (size_t i = 0; i < ARRAY_LENGTH(levels); i++)
		if (strcmp(name, levels[i]) == 0)
			return true;
	return false;
}

static bool has_key_before(const json_t *enforcers, size_t i, const char *key)
{
	for (size_t k = 0; k < i; k++)
		if (json_object_get(json_object_get(json_array_get(enforcers, k), "counters"), key))
			return true;
	return false;
}

static void add_own_counter(struct metrics *m, const json_t *enforcers, const char *key)
{
	char *name FREE_ON_EXIT = xasprintf("enforcer_%s", key);
	char *help FREE_ON_EXIT = xasprintf("As an enforcer counts it: %s", key);
	size_t i;
	const json_t *e;
	metrics_family(m, is_level(key) ? METRICS_GAUGE : METRICS_COUNTER, name, help);
	json_array_foreach(enforcers, i, e) {
		const json_t *value = json_object_get(json_object_get(e, "counters"), key);
		if (value)
			metrics_sample(m, "enforcer", json_string_value(json_object_get(e, "name")),
			        json_number_value(value));
	}
}

static void add_own_counters(struct metrics *m, const json_t *enforcers)
{
	const char *key;
	size_t i;
	json_t *value;
	const json_t *e;
	json_array_foreach(enforcers, i, e)
		json_object_foreach(json_object_get(e, "counters"), key, value)
			if (!has_key_before(enforcers, i, key))
				add_own_counter(m, enforcers, key);
}

static void add_enforcers(struct metrics *m, const json_t *enforcers)
{
	add_own_counters(m, enforcers);
	add_list(m, METRICS_GAUGE, "enforcer_connected", "Enforcers that are connected", enforcers,
	        "enforcer", "name", "greeted", 1);
	add_list(m, METRICS_GAUGE, "enforcer_elements", "Nodes' addresses that the enforcement point holds",
	        enforcers, "enforcer", "name", "elements", 1);
	add_list(m, METRICS_GAUGE, "enforcer_latency_p50_seconds",
	        "From a decision to its enforcement, the middle of the last ones", enforcers, "enforcer",
	        "name", "latency_us_p50", 1e-6);
	add_list(m, METRICS_GAUGE, "enforcer_latency_p99_seconds",
	        "From a decision to its enforcement, the slowest of a hundred", enforcers, "enforcer", "name",
	        "latency_us_p99", 1e-6);
	add_traffic(m, enforcers, "segment_passed_packets", "Packets that were let pass", "passed_packets");
	add_traffic(m, enforcers, "segment_passed_bytes", "Bytes that were let pass", "passed_bytes");
	add_traffic(m, enforcers, "segment_refused_packets", "Packets that were refused", "refused_packets");
	add_traffic(m, enforcers, "segment_refused_bytes", "Bytes that were refused", "refused_bytes");
	add_traffic(m, enforcers, "segment_limited_packets", "Packets that were dropped above a rate",
	        "limited_packets");
	add_traffic(m, enforcers, "segment_limited_bytes", "Bytes that were dropped above a rate",
	        "limited_bytes");
}

static void add_site(struct metrics *m, struct server *s)
{
	struct vuln_index *index = s->site->index;
	metrics_gauge(m, "nodes", "Nodes that are known", (double)table_count(s->site->nodes));
	metrics_gauge(m, "nodes_connected", "Nodes that are connected", (double)node_count(s));
	metrics_gauge(
	        m, "judgements_waiting", "Nodes that wait to be judged again", (double)site_waiting(s->site));
	metrics_gauge(m, "retries_waiting",
	        "Nodes that will be asked to come again at the pace of the policy",
	        (double)site_retries_waiting(s->site));
	metrics_gauge(m, "held", "Demotions that the brake holds", (double)site_held(s->site));
	metrics_gauge(m, "monitor", "1 while decisions are recorded only",
	        policy_monitor_segment(s->site->policy, NULL) != NULL);
	metrics_gauge(
	        m, "generation", "The last generation that was given", (double)store_generation(s->store));
	metrics_gauge(m, "policy_loaded_timestamp_seconds", "When the policy in force was read, since 1970",
	        (double)s->policy_loaded / 1000);
	metrics_count(m, "policy_reloads", "Policies that were read again", s->reloads);
	metrics_count(m, "policy_reloads_failed", "Policies that were refused", s->reloads_failed);
	metrics_gauge(m, "vis_connected", "Whether pratique-vis is connected", vis_is_connected(s));
	metrics_gauge(
	        m, "advisories", "Advisories in the index", index ? (double)vuln_index_count(index) : 0);
	struct vuln_freshness fresh = { 0 };
	if (index)
		(void)vuln_index_freshness(index, clock_wall_ms(), &fresh);
	metrics_gauge(m, "advisories_as_of_timestamp_seconds",
	        "When the required source that was loaded longest ago was, since 1970; 0: not known",
	        (double)fresh.oldest / 1000);
	metrics_gauge(m, "advisories_stale_sources", "Sources of advisories that are older than they may be",
	        (double)fresh.n_stale);
	metrics_gauge(m, "advisories_updated_timestamp_seconds",
	        "When the index was made, since 1970; 0: there is none",
	        index ? (double)vuln_index_updated(index) / 1000 : 0);
}

static void handle_metrics(struct http_request *r, void *user)
{
	struct server *s = user;
	struct metrics *m = metrics_new("pratique_server_");
	json_t *status = api_status(s);
	const json_t *limits = json_object_get(status, "limits"),
	             *certificates = json_object_get(status, "certificates");
	add_counters(m, json_object_get(status, "counters"));
	add_site(m, s);
	add_list(m, METRICS_GAUGE, "attachments", "Attachments by the segment that they are in",
	        json_object_get(status, "segments"), "segment", "name", "attachments", 1);
	add_enforcers(m, json_object_get(status, "enforcers"));
	add_list(m, METRICS_GAUGE, "limit_used", "What is used of a limit", limits, "limit", "name", "used",
	        1);
	add_certificates(m, certificates);
	add_list(m, METRICS_GAUGE, "limit", "The limit", limits, "limit", "name", "limit", 1);
	metrics_process(m);
	char *text FREE_ON_EXIT = metrics_finish(m);
	json_decref(status);
	http_reply(r, 200, METRICS_CONTENT_TYPE, text, strlen(text));
}

static const struct api_route routes[] = {
	{ "GET", "/metrics", handle_metrics, API_VIEWER, 0, "Counters and gauges in Prometheus' text format",
	        NULL, NULL, 200, "" },
};
const struct api_family api_metrics_family = { routes, ARRAY_LENGTH(routes) };
