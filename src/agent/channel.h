/* SPDX-License-Identifier: ISC */
/* Typed messages (ipc/ipc.h) between the two halves of the agent, over a socketpair on libevent. */
#pragma once

#include "ipc/ipc.h"

#include <event2/event.h>

struct channel;

struct channel_handlers {
	/* The message is the channel's and is cleared afterwards. The channel must not be freed from here. */
	void (*on_message)(struct channel *c, const struct ipc_message *m, void *user);
	/* The other half is gone or sent what the table does not allow (err says what). The owner frees the
	 * channel, now or later. */
	void (*on_close)(struct channel *c, const struct error *err, void *user);
};

/* Bytes that wait for the other half; more are refused. */
#define CHANNEL_PENDING_MAX (2u * IPC_FRAME_MAX)

/* Takes the descriptor over. frame_max: the longest frame that the other half may send. */
struct channel *channel_new(struct event_base *base, int fd, size_t frame_max,
        const struct channel_handlers *handlers, void *user);
/* Others listen from now on. */
void channel_set_handlers(struct channel *c, const struct channel_handlers *handlers, void *user);
struct channel *channel_free(struct channel *c); /* NULL in, NULL out */
/* -EPIPE where the other half is gone, -ENOBUFS above CHANNEL_PENDING_MAX, -E2BIG for what the table does not
 * allow. */
int channel_send(struct channel *c, enum ipc_number number, const void *body, struct error *err);
