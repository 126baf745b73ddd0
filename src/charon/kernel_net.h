/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * charon's view of the host's network: which source address reaches a peer, and which addresses are ours. It
 * is asked from the kernel without any privilege, by connecting a UDP socket and by listing interfaces.
 * charon changes nothing here: addresses and routes are the keeper's.
 */
#pragma once

#include <kernel/kernel_net.h>

kernel_net_t *pratique_kernel_net_create(void);
