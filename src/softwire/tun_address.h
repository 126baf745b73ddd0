/* SPDX-License-Identifier: ISC */
/* The concentrator's TUN: up, with its own addresses of the pools, and the routes to what peers have. All of
 * it goes with the interface. The initiator's is link.h's. */
#pragma once

#include "softwire/options.h"

/* Nothing to do for an initiator. Needs CAP_NET_ADMIN. */
int tun_address_set(const struct softwire_options *o, const char *interface, struct error *err);
/* The same of other options: what these have is added, what only those before had goes. */
int tun_address_change(const struct softwire_options *before, const struct softwire_options *o,
        const char *interface, struct error *err);
