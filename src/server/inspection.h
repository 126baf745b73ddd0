/* SPDX-License-Identifier: ISC */
/*
 * One node's conversation, from PB-TNC batches to the RESULT, without sockets: what the server asks, what the
 * node answers, whether it is signed, and what the site makes of it (quarantine draft, 4.2; RFC 5793).
 *
 *   node                                         server
 *   CDATA  language, [certificate, digest, signature] ->     with a certificate: where is it attached?
 *                                                            (find_place)
 *                                          <- RESULT         the certificate holds: one exchange
 *                                          <- SDATA          else: nonce, Attribute Request, SWIMA Request
 *   CDATA  posture, signature over the nonce ->              find_place, judged, durable, placed, applied
 *                                          <- RESULT         with certificate and decision
 *   ... later, on the same connection:     <- SRETRY, SDATA  (or CRETRY ->, when the node has noticed a
 * change)
 *
 * A signature covers the PA messages of the batch that carries it, with the nonce that the server sent last
 * in this assessment, or zeroes where it has not sent any.
 */
#pragma once

#include "proto/patnc/pratique.h"
#include "server/site.h"

#define INSPECTION_ROUNDS_MAX 4 /* SDATA batches in one assessment */

struct inspection;

struct inspection_effects {
	/* A PB-TNC batch to send. */
	void (*send)(void *context, const void *batch, size_t length);
	/* Prove where the connection is attached; answer once with inspection_found_place(). */
	void (*find_place)(void *context);
	/* The decision is durable and handed out: answer once with inspection_applied() when the enforcement
	 * point has it, or when it takes too long. Not called without a placement. */
	void (*await_applied)(void *context, struct site_attachment *a);
	/* There is a batch to read, which is nothing but computation: inspection_read(), by any thread, and
	 * then inspection_heed() by this one. In between only inspection_retry() may be called. NULL: it is
	 * read at once, by this thread. */
	void (*read)(void *context);
	/* The assessment began or ended: for time limits. */
	void (*working)(void *context, bool is_working);
	/* The conversation is over; why is for the log. */
	void (*end)(void *context, const char *why);
};

struct inspection_config {
	struct site *site;
	struct site_node *node;
	EVP_PKEY *node_key; /* of the TLS client certificate; not owned */
	uint8_t exporter[PRATIQUE_EXPORTER_SIZE];
	const char *remediation_uri; /* NULL or empty = none */
	struct inspection_effects effects;
	void *context;
};

struct inspection *inspection_new(const struct inspection_config *config);
struct inspection *inspection_free(struct inspection *i); /* NULL in, NULL out */
/* One batch from the node. */
void inspection_receive(struct inspection *i, const void *batch, size_t length, time_ms now);
void inspection_read(struct inspection *i);
void inspection_heed(struct inspection *i, time_ms now);
/* NULL: nobody knows where it is. */
void inspection_found_place(struct inspection *i, struct site_attachment *a, time_ms now);
void inspection_applied(struct inspection *i, time_ms now);
/* Asks for a new inspection now, or as soon as the one under way has ended. */
void inspection_retry(struct inspection *i, time_ms now);
