/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection to the data plane: one SOCK_SEQPACKET Unix socket, one ipc frame a packet (ipc/messages.def,
 * 90 to 107). A thread of its own connects, reads, hands messages to the handler, and connects again for
 * ever. Sending never waits: IKE messages are dropped when the socket is full, as on any network; what must
 * not be lost is queued up to LINK_QUEUE_MAX, above which the connection is given up, and what follows a lost
 * connection puts things right.
 */
#pragma once

#include "ipc/ipc.h"

#define LINK_QUEUE_MAX (4u << 20) /* bytes */
#define LINK_RETRY_MS 100

struct link;
struct link_handler {
	/* In the link's thread: must not wait for anything. */
	void (*message)(void *user, const struct ipc_message *m);
	/* A connection is there; again: not the first one, and SAs of before are gone. */
	void (*connected)(void *user, bool again);
	void *user;
};

/* path is copied. The thread begins with link_run(). */
struct link *link_new(const char *path);
void link_run(struct link *l, const struct link_handler *handler);
/* droppable: a full socket drops it. False: it was not sent and will not be. */
bool link_send(struct link *l, enum ipc_number number, const void *body, bool droppable);
/* Sends what is queued for 0.2 s at most, then ends the thread. */
struct link *link_free(struct link *l);
