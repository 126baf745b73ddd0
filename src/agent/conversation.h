/* SPDX-License-Identifier: ISC */
/*
 * The agent's side of one connection's conversation, from PB-TNC batches to the decision, without sockets and
 * clocks: the counterpart of the server's inspection (RFC 5793, RFC 5792, proto/patnc/pratique.h).
 *
 *   agent                                            server
 *   CDATA  certificate, digest; signature over zeroes ->
 *                                                <-  RESULT       it holds: one exchange
 *   or
 *   CDATA  digest ("hello") ->                   <-  SDATA        nonce, Attribute Request, SWIMA Request
 *   CDATA  posture; signature over the nonce ->  <-  RESULT       certificate, decision, reasons, remediation
 *   ... later CRETRY instead of the first CDATA, or SRETRY and SDATA by the server.
 *
 * A server that knows none of our attributes sends no nonce and gets no signature.
 */
#pragma once

#include "crypto/token.h"
#include "posture/posture.h"
#include "proto/patnc/pratique.h"
#include "proto/pbtnc/pbtnc.h"

#define CONVERSATION_TEXTS_MAX \
	256 /* reasons, and as many instructions, of one result; the rest is dropped \
	     */

struct conversation_result {
	char *certificate; /* JWT; NULL where none was given */
	json_t *json; /* assessment, recommendation, reasons, remediation, and decision where ours came */
	/* Out of the decision, wall time; 0 where it names none. */
	time_ms expires, next_inspection;
};

struct conversation_effects {
	/* A PB-TNC batch to send. */
	void (*send)(void *context, const void *batch, size_t length);
	/* The server began an assessment: what is answered must be collected from now on. */
	void (*retry)(void *context);
	/* The server waits for the posture: conversation_answer(), now or later. */
	void (*want_posture)(void *context);
	/* The result is the conversation's and valid until it returns. */
	void (*decided)(void *context, const struct conversation_result *result);
	/* Something that the log should have; the conversation goes on. */
	void (*note)(void *context, const char *text);
	/* The conversation is over. The batch that says why to the peer has been sent. */
	void (*end)(void *context, const char *why);
};

struct conversation_config {
	EVP_PKEY *key; /* of the node's certificate; not owned */
	uint8_t exporter[PRATIQUE_EXPORTER_SIZE];
	const char *language; /* Accept-Language value; not owned */
	struct conversation_effects effects;
	void *context;
};

struct conversation;

struct conversation *conversation_new(const struct conversation_config *config);
struct conversation *conversation_free(struct conversation *c); /* NULL in, NULL out */
/* Begins an assessment: the first one, or another one after a decision. certificate (may be NULL): offered
 * instead of the whole posture, and valid for this digest. -EPROTO while one is under way. */
int conversation_begin(struct conversation *c, const uint8_t digest[32], const char *certificate);
/* Answers want_posture. */
int conversation_answer(struct conversation *c, const struct posture *posture);
/* One batch of the server; effects come from within. */
void conversation_receive(struct conversation *c, const void *batch, size_t length);
