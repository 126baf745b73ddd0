/* SPDX-License-Identifier: ISC */
/* The assessment of the interop peer, above the transport. */
#pragma once

#include "proto/patnc/pratique.h"
#include "proto/patnc/swima.h"
#include "proto/pbtnc/pbtnc.h"
#include "proto/pttls/pttls.h"

struct nea_peer {
	enum pbtnc_role role;
	struct pbtnc_session *broker;
	enum pbtnc_recommendation recommendation; /* server: to send */
	const char *packages;                     /* client: "NAME VERSION" lines, or NULL */
	enum patnc_forwarding forwarding;         /* client: to claim */
	uint32_t next_id;
	unsigned turns;
	size_t n_packages, n_identifiers; /* server: received */
	bool decided;                     /* a result was sent or received */
};

void nea_peer_init(struct nea_peer *p, enum pbtnc_role role, enum pbtnc_recommendation recommendation,
        const char *packages);
/* Client: appends the first batch. */
void nea_peer_begin(struct nea_peer *p, struct writer *w);
/* Prints what the batch says and appends the batches that answer it; true once the assessment is over. */
bool nea_peer_receive(struct nea_peer *p, const void *bytes, size_t n, struct writer *w);
/* Prints the totals; true where there was a result. */
bool nea_peer_finish(struct nea_peer *p);
