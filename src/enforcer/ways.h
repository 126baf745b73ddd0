/* SPDX-License-Identifier: ISC */
/*
 * Ways: what nodes of a segment with a route send goes to one host (quarantine draft, 6.1). The bridge
 * table's mark leads to a routing rule of the segment and the link that it came in by, that to a table with a
 * default route, and what is not routed there is unreachable by the next rule, so that nothing goes on to the
 * main table. The packet filter looks at the result once more (nft_rules.c, way_M), so that nothing leaks
 * where these rules are not there yet, or somebody took them away.
 *
 * Rules and routes bear WAYS_PROTOCOL and stay when the daemon ends; what a later one does not want, it takes
 * away. They are looked at once a second, because routes go with their interface, unseen.
 */
#pragma once

#include "enforcer/element.h"
#include "ipc/ipc.h"

#define WAYS_PROTOCOL 143   /* of our rules and routes; none of those in /etc/iproute2/rt_protos */
#define WAYS_TABLE 28800    /* and the segment's mark: its table */
#define WAYS_PRIORITY 28800 /* of its rules; the next one is for what is not routed there */

struct ways;
int ways_new(struct ways **ret, struct error *err);
struct ways *ways_free(struct ways *w);
/* A way could not be made, or was lost, or is there again: why (NULL: it is there). Only what changed. */
typedef void (*way_fn)(
        void *context, const struct ipc_segment *s, const struct ip_address *hop, const char *why);
void ways_on_change(struct ways *w, way_fn fn, void *context);
/* Makes it as policy says. What it does not say stays with prune = false, so that what is in force goes on
 * while a new policy takes its place. The policy's names are not kept. */
int ways_set(struct ways *w, const struct links *links, const struct ipc_segments *policy, bool prune,
        struct error *err);
/* How many ways are wanted, and cannot be gone. */
size_t ways_count(const struct ways *w, size_t *ret_down);
/* Takes all of them away. */
int ways_flush(struct ways *w, struct error *err);
