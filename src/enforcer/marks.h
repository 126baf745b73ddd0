/* SPDX-License-Identifier: ISC */
/*
 * Marks that outlive a policy. The server numbers a policy's segments in the order of its file; here a
 * segment keeps the mark that its name has had, so that a new policy does not touch the elements of nodes
 * whose segment it leaves as it was, and no packet under way meets the marks of another policy. What the
 * server says and hears is in its own numbers.
 */
#pragma once

#include "ipc/ipc.h"

struct marks {
	uint8_t ours[256];   /* by the server's; 0: it has none */
	uint8_t theirs[256]; /* by ours */
};

/* Gives the segments of policy, which the server has just sent, and the peers of their rules, marks of ours:
 * those that in_force has for their names; else such as in_force does not use, where there are any left.
 * policy has passed segments_check(). */
void marks_assign(const struct ipc_segments *in_force, struct ipc_segments *policy);
/* From now on the server's numbers are those of sent, whatever of it is in force. */
void marks_learn(struct marks *m, const struct ipc_segments *sent, const struct ipc_segments *in_force);
/* Placements in the server's numbers become such in ours; 0 where its segment is not in force. */
void marks_from_server(const struct marks *m, struct ipc_placement *placements, size_t count);
/* The other way round; segments that the server does not know are left out. */
void marks_to_server(const struct marks *m, struct ipc_counters *counters);
