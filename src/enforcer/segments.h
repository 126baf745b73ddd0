/* SPDX-License-Identifier: ISC */
/* The policy's segments as the server sends them: checked, copied, searched, and judged by in user space. */
#pragma once

#include "ipc/ipc.h"

#define SEGMENTS_ROUTES_MAX 32            /* segments with a route: each makes four routing rules a link */
#define SEGMENTS_RATE_MAX 100000000000ULL /* bit/s, as in the policy */

/* -EINVAL unless the marks are 1 to 200 and different, the names too, exactly one segment is the default, and
 * every rule is one that the filter IR (policy.h) knows. */
int segments_check(const struct ipc_segments *s, struct error *err);
/* Of these segments with these marks: what tells after a restart that elements' marks mean the same. */
uint64_t segments_identity(const struct ipc_segments *s);
/* A deep copy, which the caller clears with ipc_body_clear(IPC_SEGMENTS). */
void segments_copy(const struct ipc_segments *s, struct ipc_segments *ret);
const struct ipc_segment *segments_by_mark(const struct ipc_segments *s, uint8_t mark);
const struct ipc_segment *segments_by_name(const struct ipc_segments *s, const char *name);

/* A connection by its original tuple; the marks of its ends, 0 = not a node. */
struct segments_connection {
	struct ip_address from, to;
	uint8_t from_mark, to_mark;
	uint8_t protocol;
	uint16_t port; /* of to */
};
/* What the enforcement point's rules say about it. */
bool segments_permit(const struct ipc_segments *s, const struct segments_connection *c);
