/* SPDX-License-Identifier: ISC */
/* One attachment of the node in the network half: its connection to a server and what is decided on it.
 * Room-private. */
#pragma once

#include "agent/channel.h"
#include "agent/conversation.h"
#include "agent/options.h"
#include "agent/schedule.h"
#include "net/tls.h"
#include "proto/pttls/pttls.h"

/* What the attachments share. */
struct network {
	struct event_base *base;
	const struct agent_options *options;
	struct channel *channel; /* to the collector */
	struct tls_context *tls;
	EVP_PKEY *key;
	struct posture *posture; /* the collector's last; NULL before */
	uint8_t digest[32];
	uint32_t next_request;
	struct attachment **attachments;
	size_t n_attachments;
	int exit_code;
};

enum attachment_pending { PENDING_NOTHING, PENDING_BEGIN, PENDING_ANSWER };

struct attachment {
	struct network *network;
	const char *interface; /* "": the one that routes to the server */
	struct schedule schedule;
	struct event *timer;
	size_t server; /* in options->servers; the next to try, or the one of the stream */
	struct stream *stream;
	struct pttls_session *pttls;
	struct conversation *conversation;
	char *last_reason; /* why the last connection failed or ended: said once, however often it is tried */

	/* What the collector is asked for. */
	enum attachment_pending pending;
	uint32_t request;
	bool fresh; /* the posture was collected in this assessment */

	char *certificate; /* NULL: none */
	time_ms certificate_expires;
	uint8_t certificate_digest[32];
};

struct attachment *attachment_new(struct network *n, const char *interface);
struct attachment *attachment_free(struct attachment *a); /* NULL in, NULL out */
/* The certificate that was kept from before. */
void attachment_set_certificate(struct attachment *a, const struct ipc_certificate *kept);
/* network->posture is new: the answer to a request, or a change. */
void attachment_posture(struct attachment *a, uint32_t request);
