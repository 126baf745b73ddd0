/* SPDX-License-Identifier: ISC */
/*
 * Where ESP is the kernel's: L2TP's own sockets demand it, in both directions, whatever policies the host has
 * or has not (RFC 4301, 4.4.1). Nothing leaves such a socket in clear, and nothing in clear gets in.
 */
#pragma once

#include "base/error.h"
#include <stdbool.h>

/* The number that charon gives its kernel SAs, so that they are those of these sockets
 * (softwire/ike_print.c). */
#define OPEN_POLICY_REQID 1701

/* Needs CAP_NET_ADMIN. -errno. */
int open_demand_esp(int fd, bool v4);
