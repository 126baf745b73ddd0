/* SPDX-License-Identifier: ISC */
/*
 * src/ipc messages on a SOCK_SEQPACKET socket, one frame a packet. A sender never waits: what must arrive is
 * queued up to a limit (ipc_packet_send), what carries somebody's packet is dropped and counted where the
 * socket is full (ipc_packet_offer), so that a flood costs packets and not memory.
 */
#pragma once

#include "ipc/ipc.h"

#include <event2/event.h>

#define IPC_PACKET_FRAME_MAX (192u << 10) /* a socket buffer's worth: kernels take 208 KiB at least */
#define IPC_PACKET_QUEUE_MAX 65536u       /* messages that wait */
#define IPC_PACKET_BATCH 64               /* read before others get their turn */

struct ipc_packet;

struct ipc_packet_handlers {
	/* m is cleared when this returns. The socket must not be freed from here. */
	void (*on_message)(struct ipc_packet *p, const struct ipc_message *m, void *user);
	/* The other side is gone for good (not a restart with the same descriptor). May be NULL. */
	void (*on_close)(struct ipc_packet *p, const char *reason, void *user);
};

struct ipc_packet_counters {
	uint64_t received, sent, dropped; /* dropped: offered, and the socket was full */
	uint64_t malformed;               /* received, and not in the table */
};

/* Takes the descriptor over. handlers are kept by reference. */
struct ipc_packet *ipc_packet_new(
        struct event_base *base, int fd, const struct ipc_packet_handlers *handlers, void *user);
struct ipc_packet *ipc_packet_free(struct ipc_packet *p); /* NULL in, NULL out; closes */
/* -E2BIG for what the table or a packet does not take, -ENOBUFS above IPC_PACKET_QUEUE_MAX, -EPIPE. */
int ipc_packet_send(struct ipc_packet *p, enum ipc_number number, const void *body, struct error *err);
/* The same, but dropped (-EAGAIN, counted) where it would have to wait. */
int ipc_packet_offer(struct ipc_packet *p, enum ipc_number number, const void *body, struct error *err);
size_t ipc_packet_waiting(const struct ipc_packet *p);
void ipc_packet_get_counters(const struct ipc_packet *p, struct ipc_packet_counters *ret);
