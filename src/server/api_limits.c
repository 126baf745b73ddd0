/* SPDX-License-Identifier: ISC */
/*
 * What one address may do to the API over the network (net/source_limits.h). Operators' certificates and the
 * Unix socket are not concerned.
 */
#include "server/api.h"

static struct source_limits *limits(struct server *s)
{
	static const struct source_limits_config config = { .sources_max = API_SOURCES_MAX,
		.request_us = API_REQUEST_COST_MS * 1000,
		.burst_us = API_BURST_MS * 1000,
		.share = API_SHARE,
		.failures_max = API_FAILURES_MAX,
		.failures_ms = API_FAILURES_MS };
	if (!s->api_sources)
		s->api_sources = source_limits_new(&config);
	return s->api_sources;
}

bool api_may_ask(struct server *s, const struct ip_address *address, time_ms now)
{
	return source_limits_may_ask(limits(s), address, now);
}

void api_charge(struct server *s, const struct ip_address *address, int64_t took_us, time_ms now)
{
	source_limits_charge(limits(s), address, took_us, now);
}

bool api_may_try(struct server *s, const struct ip_address *address, time_ms now)
{
	return source_limits_may_try(limits(s), address, now);
}

void api_has_failed(struct server *s, const struct ip_address *address, time_ms now)
{
	s->site->counters.api_unproven++;
	source_limits_failed(limits(s), address, now);
}

size_t api_source_count(const struct server *s)
{
	return s->api_sources ? source_limits_count(s->api_sources) : 0;
}

void api_limits_free(struct server *s)
{
	s->api_sources = source_limits_free(s->api_sources);
}
