/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * charon's socket: IKE messages come from the data plane and go there. charon's receiver expects the non-ESP
 * marker wherever neither port is 500, and its sender puts one there; on the link there is none (RFC
 * 3948, 2.2 and 2.3).
 */
#pragma once

#include "charon/link.h"
#include <network/socket.h>

#define IKE_SOCKET_QUEUE_MAX 4096 /* messages that charon has not read yet; above: dropped and counted */

/* link is borrowed. */
socket_t *ike_socket_create(struct link *link);
/* A message from the data plane; in the link's thread. */
void ike_socket_deliver(socket_t *socket, const struct ipc_ike_packet *p);
