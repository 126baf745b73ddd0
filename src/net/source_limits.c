/* SPDX-License-Identifier: ISC */
#include "net/source_limits.h"

#include "base/table.h"

#include <string.h>

struct source {
	int64_t busy_until_us; /* what it has asked for is worth the time until then */
	time_ms failed_since;  /* the first failure of this window */
	unsigned failures;
};

struct source_limits {
	struct source_limits_config config;
	struct table *sources;
};

struct source_limits *source_limits_new(const struct source_limits_config *config)
{
	struct source_limits *l = xcalloc(1, sizeof(*l));
	l->config = *config;
	l->sources = table_new();
	return l;
}

struct source_limits *source_limits_free(struct source_limits *l)
{
	if (!l)
		return NULL;
	table_free(l->sources, free);
	free(l);
	return NULL;
}

size_t source_limits_count(const struct source_limits *l)
{
	return table_count(l->sources);
}

static struct ip_prefix prefix_of(const struct ip_address *a)
{
	struct ip_prefix p = { .address = *a, .length = 128 };
	if (!ip_is_v4(a)) {
		memset(p.address.bytes + 8, 0, 8);
		p.length = 64;
	}
	return p;
}

static void forget_idle(struct source_limits *l, time_ms now)
{
	TABLE_FOREACH(it, l->sources) {
		struct source *s = it.value;
		if (s->busy_until_us <= now * 1000 && s->failed_since + l->config.failures_ms <= now)
			free(table_remove(l->sources, it.key, it.key_length));
	}
}

/* NULL where there are too many to remember. */
static struct source *see(struct source_limits *l, const struct ip_address *address, time_ms now)
{
	const struct ip_prefix p = prefix_of(address);
	struct source *s = table_get(l->sources, &p, sizeof(p));
	if (s)
		return s;
	if (table_count(l->sources) >= l->config.sources_max)
		forget_idle(l, now);
	if (table_count(l->sources) >= l->config.sources_max)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->failed_since = now - l->config.failures_ms;
	table_set(l->sources, &p, sizeof(p), s);
	return s;
}

bool source_limits_may_ask(struct source_limits *l, const struct ip_address *address, time_ms now)
{
	struct source *s = see(l, address, now);
	const int64_t now_us = now * 1000;
	if (!s)
		return false;
	if (s->busy_until_us < now_us)
		s->busy_until_us = now_us;
	if (s->busy_until_us - now_us >= l->config.burst_us)
		return false;
	s->busy_until_us += l->config.request_us;
	return true;
}

void source_limits_charge(
        struct source_limits *l, const struct ip_address *address, int64_t took_us, time_ms now)
{
	struct source *s = see(l, address, now);
	if (s)
		s->busy_until_us = MAX(s->busy_until_us, now * 1000) + took_us * l->config.share;
}

bool source_limits_may_try(struct source_limits *l, const struct ip_address *address, time_ms now)
{
	const struct source *s = see(l, address, now);
	return s && (s->failures < l->config.failures_max || s->failed_since + l->config.failures_ms <= now);
}

void source_limits_failed(struct source_limits *l, const struct ip_address *address, time_ms now)
{
	struct source *s = see(l, address, now);
	if (!s)
		return;
	if (s->failed_since + l->config.failures_ms <= now) {
		s->failed_since = now;
		s->failures = 0;
	}
	s->failures++;
}
