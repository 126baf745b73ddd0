/* SPDX-License-Identifier: ISC */
/* From root, or a unit that grants it, to a user of no rights who may configure the network (CAP_NET_ADMIN)
 * and nothing else. */
#pragma once

#include "base/error.h"
#include <stdbool.h>

/* Lets privileges_hurry() have its way where we may, makes the directory `state` and gives it to user, and
 * becomes user; to nobody where there is no such user (ret_fallback). Not root: only the capabilities change.
 * -EPERM where CAP_NET_ADMIN is missing to begin with. */
int privileges_drop(const char *user, const char *state, bool *ret_fallback, struct error *err);

/* How the process is scheduled. In a hurry: the real-time class, since a core that is busy with something
 * else looks up once a tick only, which is up to 4 ms late for a single move. Otherwise with priority among
 * the others: a batch of thousands must not stop the kernel's threads that forward packets. Without the right
 * to it the daemon is only slower. */
void privileges_hurry(bool hurry);
