/* SPDX-License-Identifier: ISC */
/* A node that the test plays: PB-TNC, PA-TNC and signatures for real, no sockets. */
#pragma once

#include "posture/attributes.h"
#include "proto/pbtnc/pbtnc.h"
#include "server/inspection.h"
#include "tests/unit/server/site_bed.h"

#define ROUNDS_MAX 16

/* The node, and what it has heard. */
struct play {
	struct bed *b;
	struct inspection *i;
	struct pbtnc_session *pb;
	EVP_PKEY *key;
	uint8_t exporter[32];
	uint32_t next_id;
	struct posture_wants wants;
	uint8_t nonce[32];
	bool has_nonce, wants_place, wants_applied, is_ended, may_send;
	bool retry_while_reading; /* the server wants another inspection just then */
	unsigned retries, requests, results, errors;
	enum pbtnc_assessment assessment;
	enum pbtnc_recommendation recommendation;
	char reasons[8192], remedies[8192], why[128];
	char *certificate, *decision;
	struct writer mail[ROUNDS_MAX]; /* batches of the server, not read yet */
	size_t n_mail;
};

struct saying {
	struct play *play;
	struct patnc_signature_input input;
};

/* Alice connects to the bed's server; says goodbye. */
void play_meet(struct play *p, struct bed *b);
void play_part(struct play *p);

/* A batch of the node, message by message; play_add() is a posture_message_fn. */
void play_begin(struct saying *s, struct play *p);
int play_add(uint32_t vendor, uint32_t subtype, const void *body, size_t length, void *saying);
void play_sign(struct saying *s, EVP_PKEY *key, const uint8_t exporter[32], const uint8_t nonce[32]);
void play_post(struct saying *s, enum pbtnc_batch_type type);
/* The first batch: the digest, with a certificate and a signature where there is one. */
void play_hello(
        struct play *p, const char *certificate, const uint8_t digest[32], enum pbtnc_batch_type type);
/* A posture with openssl, as wanted; key NULL: not signed. */
void play_posture(struct play *p, EVP_PKEY *key, const uint8_t exporter[32], const uint8_t *nonce);
/* Reads all that the server has sent. */
void play_hear(struct play *p);
/* The rest of the server does its part: the place is found, the turn ends, the enforcement point
 * acknowledges. */
void play_serve(struct play *p, struct site_attachment *a);
/* A whole inspection; the node answers with a posture that is signed. */
void play_inspection(struct play *p);
