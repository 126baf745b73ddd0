/* SPDX-License-Identifier: ISC */
/*
 * An HTTP client in an event loop: one GET, the answer handed on as it arrives, so that it may be as
 * long-lived as a stream of events. Each has a connection of its own, unless they share one in turn.
 * Everything that the server could make grow or last is bounded by the caller's limits.
 */
#pragma once

#include "net/http_message.h"
#include "net/stream.h"
#include "net/tls.h"

#define HTTP_FETCH_HEAD_MS 15000 /* to connect, to shake hands and for the head of the answer */

#define HTTP_KEEP_MS 10000 /* that a connection waits for the next request; servers wait longer */

struct http_fetch;

/* A connection that outlives the answer that came on it. Those who are given the same one use it in turn
 * where it leads to where they want to go; who finds it in use, or gone, makes another one. */
struct http_keep;
struct http_keep *http_keep_new(void);
struct http_keep *http_keep_free(struct http_keep *k); /* after its users; NULL in, NULL out */
/* What waits is closed: whoever is at its other end is not to be asked any more. */
void http_keep_drop(struct http_keep *k);

struct http_fetch_handlers {
	/* The head of the answer, whatever its status is. May be NULL. */
	void (*on_head)(struct http_fetch *f, const struct http_head *head, void *user);
	void (*on_content)(struct http_fetch *f, const uint8_t *content, size_t length, void *user);
	/* Once; reason is NULL when all of the answer is there, else a sentence. f is gone after it. */
	void (*on_end)(struct http_fetch *f, const char *reason, void *user);
};

struct http_fetch_config {
	const char *unix_path; /* or TLS: */
	struct tls_context *tls;
	struct sockaddr_storage address;
	const char *expected_name; /* of the server's certificate; NULL: any that the context allows */
	const char *host;          /* what the Host field says */
	const char *path;          /* with its query */
	const char *fields;        /* more header fields, each ending in CR LF; may be NULL */
	int idle_ms;               /* without a byte of the answer it is given up; 0: never */
	int total_ms;              /* for all of it; 0: for ever */
	uint64_t content_max;      /* bytes of the answer; 0: no limit */
	struct http_keep *keep;    /* TLS only; NULL: a connection for this one answer */
	const struct http_fetch_handlers *handlers; /* kept by reference */
	void *user;
};

/* All strings are copied. Callbacks come from the loop, also for a connection that cannot be made. */
int http_fetch_new(struct event_base *base, const struct http_fetch_config *config, struct http_fetch **ret,
        struct error *err);
/* At once, without on_end; from its own callbacks too. NULL in, NULL out. */
struct http_fetch *http_fetch_free(struct http_fetch *f);
