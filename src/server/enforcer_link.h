/* SPDX-License-Identifier: ISC */
/* One enforcer's connection, for the files that speak with enforcers. */
#pragma once

#include "crypto/renewal.h"
#include "net/ipc_stream.h"
#include "server/server.h"

/* An enforcer says something every ten seconds (COUNTERS); one that was silent for so long has lost its
 * connection. */
#define ENFORCER_SILENCE_MS 15000

LIST_HEAD(applied_waits, applied_wait);

struct enforcer_link {
	LIST_ENTRY(enforcer_link) entry;
	struct server *server;
	struct ipc_stream *stream;
	char name[256];
	uint64_t life;     /* of its process */
	bool greeted;      /* and served: one of a name at a time */
	bool owed;         /* all placements, when those that a start wants judged were */
	bool dismissed;    /* it was told why not */
	time_ms heard;     /* from it, last */
	time_ms contested; /* when an event told of another one that wants its name */
	bool listing;      /* a whole list of its attachments is under way */
	time_ms connected;
	struct renewal_life certificate; /* that it showed */
	int warned;                      /* of its end: days left, 0 = not yet */
	struct ipc_placement *queued;    /* owns its ports */
	size_t n_queued, queued_capacity;
	uint64_t sent, acknowledged; /* generations of PLACE */
	struct applied_waits waits;
	uint32_t latencies[SERVER_LATENCY_SAMPLES]; /* microseconds, a ring */
	uint64_t n_latencies;
	uint32_t elements;
	struct ipc_segment_counter *counters;
	size_t n_counters;
	struct ipc_statistic *values; /* that it counts itself; owns the names */
	size_t n_values;
	time_ms events_second;
	unsigned events_now;
	uint64_t events_dropped;
};

/* The one that is served. */
struct enforcer_link *enforcer_find(struct server *s, const char *name);
int enforcer_send(struct enforcer_link *l, enum ipc_number number, const void *body);
/* Takes in what an enforcer says of one of its attachments; NULL where it is not kept. */
struct site_attachment *enforcer_take_attachment(struct enforcer_link *l, const struct ipc_attachment *m);

/* place.c */
void place_take_identity(struct enforcer_link *l, const struct ipc_identity *m);
/* It may be asked from now on. */
void place_join(struct enforcer_link *l);
/* Tells those whose generation is acknowledged; tells all that it will not be. */
void applied_check(struct enforcer_link *l);
void applied_abandon(struct enforcer_link *l);
