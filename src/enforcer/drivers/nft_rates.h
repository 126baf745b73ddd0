/* SPDX-License-Identifier: ISC */
/*
 * What each node of a segment may send and be sent: a token bucket for each attachment and direction, in a
 * dynamic set, so that ten thousand of them are a few rules. On a bridge and on a routed interface an
 * attachment is a port and a MAC address, before the kernel has looked at the packet (up) or when it is
 * finished with it (down, on a routed interface in the netdev egress hook); in a softwire it is the session,
 * whose number every one of its prefixes leads to (softwire_ownerN_).
 *
 * A bucket holds a second's worth and a burst: nft's own arithmetic for bytes. A GSO packet is taken whole or
 * not at all, hence the least burst.
 */
#pragma once

#include "enforcer/element.h"
#include "ipc/ipc.h"
#include <stdio.h>

#define NFT_RATE_BURST_MIN 131072 /* bytes; above the largest GSO packet */

/* Sets, chains, counters. */
void nft_rates_declare(FILE *out, const struct links *links, const struct ipc_segments *policy);
/* The rules; in rated_N what a node sends comes to its end, in paced_N what is sent to it begins. */
void nft_rates_write(FILE *out, const struct links *links, const struct ipc_segments *policy);
/* Whether any segment has a rate, up or down. */
bool nft_rates_any(const struct ipc_segments *policy, bool down);
/* Whether these rules use a chain, set or counter with this name, which is one of a segment's rate. */
bool nft_rates_has_name(const struct ipc_segments *policy, const char *name);
