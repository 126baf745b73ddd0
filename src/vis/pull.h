/* SPDX-License-Identifier: ISC */
/*
 * One file of a signed repository from the VIS above, in as many pieces as it takes. What comes is handed on
 * and judged by whoever asked.
 */
#pragma once

#include "net/http_fetch.h"
#include "vuln/tree/follow.h"

#define PULL_PIECE (4u << 20) /* bytes that are asked for at a time */
#define PULL_IDLE_MS 15000    /* without a byte of what was asked for */
#define PULL_TOTAL_MS 120000  /* for one piece */
#define PULL_SPEED_LEAST 4000 /* bytes a second of all pieces, once the first has had its time */

/* Where from; strings are copied by who keeps it. */
struct pull_source {
	struct tls_context *tls; /* NULL: nowhere */
	struct sockaddr_storage address;
	const char *name; /* of its certificate */
	const char *host;
	struct http_keep *keep; /* for one file after the other; kept by reference, may be NULL */
};
/* Takes a copy of source's strings in place of what was there; NULL: from nowhere. */
void pull_source_set(struct pull_source *to, const struct pull_source *source);

struct pull_handlers {
	/* The next bytes; other than 0 breaks it off, and on_end does not come. */
	int (*on_data)(const void *bytes, size_t length, void *user);
	void (*on_restart)(
	        void *user); /* it comes from its beginning, not from the offset that was asked for */
	void (*on_end)(enum tree_fetch how, const char *reason, void *user);
};

struct pull;
/* path below the repository; offset: bytes that are there already; most: bytes that it may have. pieces:
 * false for what may change meanwhile. */
int pull_new(struct event_base *base, const struct pull_source *source, const char *repository,
        const struct tree_request *request, const struct pull_handlers *handlers, void *user,
        struct pull **ret, struct error *err);
struct pull *pull_free(struct pull *p); /* NULL in, NULL out; not from on_data */
