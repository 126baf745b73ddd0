/* SPDX-License-Identifier: ISC */
/*
 * Long-lived answers of events (net/sse.h) to many subscribers. What waits for one that does not read is
 * bounded, and who lets it grow is cut off: he comes back and goes on from the last event that he has seen
 * (Last-Event-ID). Comments keep silent connections alive, and tell the other end that we are.
 */
#pragma once

#include "net/http.h"
#include "net/sse.h"

struct http_feed;
struct http_subscriber;

struct http_feed_config {
	size_t subscribers_max;
	size_t queue_max;  /* bytes that wait for one subscriber */
	size_t memory_max; /* and for all of them together; 0: no limit */
	int alive_ms;      /* a comment that often */
	/* May be NULL. The subscriber is gone after it: it left, was cut off, or was ended. */
	void (*on_leave)(void *of_subscriber, void *user);
	void *user;
};

struct http_feed_counters {
	size_t subscribers;      /* now */
	uint64_t refused, slow;  /* ever: over subscribers_max; cut off, for more waited than may */
	uint64_t events, octets; /* sent, ever */
};

int http_feed_new(struct event_base *base, const struct http_feed_config *config, struct http_feed **ret);
/* Its subscribers' answers end with their connections; on_leave comes for each. NULL in, NULL out. */
struct http_feed *http_feed_free(struct http_feed *f);
void http_feed_get_counters(const struct http_feed *f, struct http_feed_counters *ret);

/* Answers r with events from now on. NULL where there are too many: r is answered (503) and gone. */
struct http_subscriber *http_feed_join(struct http_feed *f, struct http_request *r, void *of_subscriber);
/* -EINVAL as sse_write() has it; one that is cut off is gone later, by the loop. */
int http_feed_send(struct http_subscriber *s, const struct sse_event *event);
/* Ends the answer in order. s is gone. */
void http_feed_end(struct http_subscriber *s);
/* The next behind s, the first for NULL; NULL after the last. s may be ended while walking. */
struct http_subscriber *http_feed_next(struct http_feed *f, struct http_subscriber *s);
void *http_feed_of(struct http_subscriber *s);
