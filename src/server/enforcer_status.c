/* SPDX-License-Identifier: ISC */
/* Enforcers as `pratique status` shows them: what they were told and have done, and what they count
 * themselves. */
#include "server/enforcer_link.h"

#include <stdio.h>
#include <string.h>

#define LIMIT_SUFFIX "_max"

static int compare_latencies(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void add_latencies(const struct enforcer_link *l, json_t *j)
{
	uint32_t sorted[SERVER_LATENCY_SAMPLES];
	size_t n = MIN(l->n_latencies, (uint64_t)SERVER_LATENCY_SAMPLES);
	if (n == 0)
		return;
	memcpy(sorted, l->latencies, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_latencies);
	json_object_set_new(j, "latency_us_p50", json_integer(sorted[n / 2]));
	json_object_set_new(j, "latency_us_p99", json_integer(sorted[n - 1 - n / 100]));
	json_object_set_new(j, "latency_samples", json_integer((json_int_t)l->n_latencies));
}

static json_t *counters_to_json(const struct enforcer_link *l)
{
	size_t n;
	const struct policy_segment *segments = policy_segments(l->server->site->policy, &n);
	json_t *list = json_array();
	for (size_t i = 0; i < l->n_counters; i++) {
		const struct ipc_segment_counter *c = &l->counters[i];
		const char *name = c->mark >= 1 && c->mark <= n ? segments[c->mark - 1].name : "?";
		json_array_append_new(list,
		        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "segment", name, "passed_packets",
		                (json_int_t)c->passed_packets, "passed_bytes", (json_int_t)c->passed_bytes,
		                "refused_packets", (json_int_t)c->refused_packets, "refused_bytes",
		                (json_int_t)c->refused_bytes, "limited_packets",
		                (json_int_t)c->limited_packets, "limited_bytes",
		                (json_int_t)c->limited_bytes));
	}
	return list;
}

/* What NAME is of NAME_max, which the enforcer says beside it. */
static void add_limit(const struct enforcer_link *l, const char *name, uint64_t limit, json_t *limits)
{
	size_t n = strlen(name) - strlen(LIMIT_SUFFIX);
	for (size_t i = 0; i < l->n_values; i++)
		if (strlen(l->values[i].name) == n && strncmp(l->values[i].name, name, n) == 0)
			json_array_append_new(limits,
			        json_pack("{s:s, s:I, s:I}", "name", l->values[i].name, "used",
			                (json_int_t)l->values[i].value, "limit", (json_int_t)limit));
}

static bool is_limit(const char *name)
{
	size_t n = strlen(name), suffix = strlen(LIMIT_SUFFIX);
	return n > suffix && strcmp(name + n - suffix, LIMIT_SUFFIX) == 0;
}

static void add_values(const struct enforcer_link *l, json_t *j)
{
	json_t *counters = json_object(), *limits = json_array();
	for (size_t i = 0; i < l->n_values; i++)
		if (is_limit(l->values[i].name))
			add_limit(l, l->values[i].name, l->values[i].value, limits);
		else
			json_object_set_new(
			        counters, l->values[i].name, json_integer((json_int_t)l->values[i].value));
	json_object_set_new(j, "counters", counters);
	json_object_set_new(j, "limits", limits);
}

json_t *enforcer_status(struct server *s)
{
	struct enforcer_link *l;
	char text[CLOCK_TEXT_SIZE];
	json_t *list = json_array();
	LIST_FOREACH(l, &s->enforcers, entry) {
		json_t *j = json_pack("{s:s, s:b, s:s, s:I, s:I, s:I, s:I, s:o}", "name", l->name, "greeted",
		        l->greeted, "connected", clock_format(l->connected, text), "sent",
		        (json_int_t)l->sent, "acknowledged", (json_int_t)l->acknowledged, "elements",
		        (json_int_t)l->elements, "events_dropped", (json_int_t)l->events_dropped, "segments",
		        counters_to_json(l));
		add_latencies(l, j);
		add_values(l, j);
		json_array_append_new(list, j);
	}
	return list;
}
