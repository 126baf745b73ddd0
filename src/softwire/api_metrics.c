/* SPDX-License-Identifier: ISC */
/* What GET /v1/status says in numbers, for a monitoring system: nothing there is labelled by session or user.
 */
#include "net/metrics.h"
#include "softwire/api.h"

#include <string.h>

/* What goes up and down among the counters. */
static const char *const levels[] = { "l2tp_half_open", "l2tp_tunnels" };

static void add_counters(struct metrics *m, const json_t *counters)
{
	json_t *up = json_copy((json_t *)(uintptr_t)counters), *both = json_object();
	for (size_t i = 0; i < ARRAY_LENGTH(levels); i++) {
		json_t *value = json_object_get(up, levels[i]);
		if (value)
			json_object_set(both, levels[i], value);
		json_object_del(up, levels[i]);
	}
	metrics_object(m, METRICS_COUNTER, "control", up);
	metrics_object(m, METRICS_GAUGE, "control", both);
	json_decref(both);
	json_decref(up);
}

static void add_pools(
        struct metrics *m, const json_t *pools, const char *name, const char *help, const char *key)
{
	size_t i;
	const json_t *p;
	metrics_family(m, METRICS_GAUGE, name, help);
	json_array_foreach(pools, i, p) {
		char *pool FREE_ON_EXIT = xasprintf("%s %s %s", json_string_value(json_object_get(p, "name")),
		        json_string_value(json_object_get(p, "kind")),
		        json_string_value(json_object_get(p, "range")));
		metrics_sample(m, "pool", pool, json_number_value(json_object_get(p, key)));
	}
}

static void add_servers(struct metrics *m, const json_t *servers, enum metrics_type type, const char *name,
        const char *help, const char *key)
{
	size_t i;
	const json_t *s;
	metrics_family(m, type, name, help);
	json_array_foreach(servers, i, s) {
		const json_t *value = json_object_get(s, key);
		metrics_sample(m, "server", json_string_value(json_object_get(s, "name")),
		        json_is_boolean(value) ? json_is_true(value) : json_number_value(value));
	}
}

char *api_metrics(const json_t *status)
{
	struct metrics *m = metrics_new("pratique_softwire_");
	const json_t *pools = json_object_get(status, "pools"), *aaa = json_object_get(status, "aaa");
	metrics_gauge(m, "sessions", "Sessions that there are",
	        json_number_value(json_object_get(status, "sessions")));
	metrics_gauge(m, "associations", "IPsec associations that there are",
	        json_number_value(json_object_get(status, "associations")));
	if (json_object_get(status, "enforcer"))
		metrics_gauge(m, "enforcer_connected", "Whether the enforcer is connected",
		        json_is_true(json_object_get(status, "enforcer")));
	add_counters(m, json_object_get(status, "counters"));
	metrics_object(m, METRICS_COUNTER, "dataplane", json_object_get(status, "dataplane"));
	metrics_object(m, METRICS_COUNTER, "filter", json_object_get(status, "filter"));
	if (pools) {
		add_pools(m, pools, "pool_capacity", "Addresses or prefixes of a pool", "capacity");
		add_pools(m, pools, "pool_in_use", "Of these, in use", "in_use");
	}
	if (aaa) {
		add_servers(m, aaa, METRICS_GAUGE, "radius_up", "Whether a RADIUS server answers", "up");
		add_servers(m, aaa, METRICS_COUNTER, "radius_requests", "Requests to a RADIUS server",
		        "requests");
		add_servers(
		        m, aaa, METRICS_COUNTER, "radius_replies", "Replies of a RADIUS server", "replies");
		add_servers(
		        m, aaa, METRICS_COUNTER, "radius_timeouts", "Requests without a reply", "timeouts");
	}
	metrics_process(m);
	return metrics_finish(m);
}
