/* SPDX-License-Identifier: ISC */
/* From root, or a unit that grants it, to a user of no rights who may configure the network (CAP_NET_ADMIN)
 * and nothing else. */
#pragma once

#include "base/error.h"
#include <stdbool.h>

/* Takes our scheduling priority up where we may, makes the directory `state` and gives it to user, and
 * becomes user; to nobody where there is no such user (ret_fallback). Not root: only the capabilities change.
 * -EPERM where CAP_NET_ADMIN is missing to begin with. */
int privileges_drop(const char *user, const char *state, bool *ret_fallback, struct error *err);
