/* SPDX-License-Identifier: ISC */
/* The batches that the server composes: requests, results, PA-TNC errors. All return 0 or what pbtnc said. */
#pragma once

#include "proto/patnc/pratique.h"
#include "proto/pbtnc/pbtnc.h"
#include "server/site.h"

/* Who the result is for. */
struct reply_to {
	const char *node, *language, *uri; /* language, uri: NULL = none */
	bool is_ours;                      /* knows our attributes: gets certificate and decision */
	bool is_failed;                    /* the posture could not be read */
};

/* next_id: of our PA-TNC messages (RFC 5792 3.6), counted up. */
int reply_send_request(struct pbtnc_session *pb, uint32_t *next_id, const uint8_t nonce[PRATIQUE_NONCE_SIZE],
        bool is_ours, struct writer *w);
int reply_send_result(struct pbtnc_session *pb, uint32_t *next_id, const struct site_outcome *o,
        const struct reply_to *to, struct writer *w);
/* To the collector whose message was malformed; goes out with the next batch. */
int reply_add_error(struct pbtnc_session *pb, uint32_t *next_id, const struct pbtnc_pa *cause,
        const struct patnc_error *error);
