/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel mode: ESP is the kernel's, and the data plane is told only which peers have it, by SA_ADD without
 * keys whose SPI stands for the peer's address (ipc/messages.def). Rekeyings are the kernel's affair. A peer
 * that comes back before its old IKE_SA has gone is the new one at once.
 */
#pragma once

#include "charon/link.h"
#include <networking/host.h>

struct kernel_peers;

/* link is borrowed. */
struct kernel_peers *kernel_peers_new(struct link *link);
struct kernel_peers *kernel_peers_free(struct kernel_peers *k);
/* m without SPIs. rekeyed: the CHILD_SA was rekeyed, or has another IKE_SA now; else it is another one. */
void kernel_peers_up(
        struct kernel_peers *k, const struct ipc_child *m, bool rekeyed, host_t *local, host_t *remote);
/* Unless the peer has another one by now. */
void kernel_peers_down(struct kernel_peers *k, const struct ipc_child *m, host_t *remote);
