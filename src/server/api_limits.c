/* SPDX-License-Identifier: ISC */
/*
 * What one address may do to the API over the network: requests in a time, the server's time that they take,
 * and failed attempts to prove who it is. An address that failed too often is not listened to any more for
 * the rest of its minute, whatever token it presents; operators' certificates and the Unix socket are not
 * concerned.
 */
#include "server/api.h"

#include <errno.h>
#include <string.h>

struct api_source {
	time_ms busy_until;   /* what it has asked for is worth the time until then */
	time_ms failed_since; /* the first failure of this window */
	unsigned failures;
};

/* An IPv6 network is one source: its hosts take what addresses they like. */
static struct ip_prefix source_of(const struct ip_address *a)
{
	struct ip_prefix p = { .address = *a, .length = 128 };
	if (!ip_is_v4(a)) {
		memset(p.address.bytes + 8, 0, 8);
		p.length = 64;
	}
	return p;
}

static void forget_idle(struct server *s, time_ms now)
{
	TABLE_FOREACH(it, s->api_sources) {
		struct api_source *a = it.value;
		if (a->busy_until <= now && a->failed_since + API_FAILURES_MS <= now)
			free(table_remove(s->api_sources, it.key, it.key_length));
	}
}

/* NULL where there are too many to remember. */
static struct api_source *see(struct server *s, const struct ip_address *address, time_ms now)
{
	const struct ip_prefix p = source_of(address);
	if (!s->api_sources)
		s->api_sources = table_new();
	struct api_source *a = table_get(s->api_sources, &p, sizeof(p));
	if (a)
		return a;
	if (table_count(s->api_sources) >= API_SOURCES_MAX)
		forget_idle(s, now);
	if (table_count(s->api_sources) >= API_SOURCES_MAX)
		return NULL;
	a = xcalloc(1, sizeof(*a));
	a->failed_since = now - API_FAILURES_MS;
	table_set(s->api_sources, &p, sizeof(p), a);
	return a;
}

bool api_may_ask(struct server *s, const struct ip_address *address, time_ms now)
{
	struct api_source *a = see(s, address, now);
	if (!a)
		return false;
	if (a->busy_until < now)
		a->busy_until = now;
	if (a->busy_until - now >= API_BURST_MS)
		return false;
	a->busy_until += API_REQUEST_COST_MS;
	return true;
}

void api_charge(struct server *s, const struct ip_address *address, int64_t took_us, time_ms now)
{
	struct api_source *a = see(s, address, now);
	if (a)
		a->busy_until = MAX(a->busy_until, now) + took_us * API_SHARE / 1000;
}

bool api_may_try(struct server *s, const struct ip_address *address, time_ms now)
{
	struct api_source *a = see(s, address, now);
	return a && (a->failures < API_FAILURES_MAX || a->failed_since + API_FAILURES_MS <= now);
}

void api_has_failed(struct server *s, const struct ip_address *address, time_ms now)
{
	struct api_source *a = see(s, address, now);
	s->site->counters.api_unproven++;
	if (!a)
		return;
	if (a->failed_since + API_FAILURES_MS <= now) {
		a->failed_since = now;
		a->failures = 0;
	}
	a->failures++;
}

size_t api_source_count(const struct server *s)
{
	return s->api_sources ? table_count(s->api_sources) : 0;
}

void api_limits_free(struct server *s)
{
	s->api_sources = table_free(s->api_sources, free);
}
