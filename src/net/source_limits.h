/* SPDX-License-Identifier: ISC */
/*
 * What one address may do to a server that answers strangers: requests in a time, the server's time that they
 * take, and failed attempts to prove who it is. An IPv6 /64 is one address, because its hosts take what
 * addresses they like. An address that failed too often is not listened to for the rest of its window.
 */
#pragma once

#include "base/address.h"
#include "base/clock.h"

struct source_limits_config {
	size_t sources_max; /* addresses that are remembered; one more is refused */
	int64_t request_us; /* an address may ask once in this time, over time, */
	int64_t burst_us;   /* and so much worth of requests at once */
	int share; /* what its requests cost the server counts so many times: 10 is a tenth of its time */
	unsigned failures_max;
	int64_t failures_ms; /* failures in this time */
};

struct source_limits;
struct source_limits *source_limits_new(const struct source_limits_config *config);
struct source_limits *source_limits_free(struct source_limits *l); /* NULL in, NULL out */
size_t source_limits_count(const struct source_limits *l);         /* addresses that are remembered */

/* Whether it may ask once more now; if so, that is counted. */
bool source_limits_may_ask(struct source_limits *l, const struct ip_address *address, time_ms now);
/* What a request took is added to what it has asked for. */
void source_limits_charge(
        struct source_limits *l, const struct ip_address *address, int64_t took_us, time_ms now);
/* Whether it may try to prove who it is; and that it tried in vain. */
bool source_limits_may_try(struct source_limits *l, const struct ip_address *address, time_ms now);
void source_limits_failed(struct source_limits *l, const struct ip_address *address, time_ms now);
