/* SPDX-License-Identifier: ISC */
/* Giving up what the network half does not need. */
#pragma once

#include "base/error.h"
#include <sys/types.h>

/* For ever: the user's ids and groups, no capabilities, no new ones by exec, no core dumps, death
 * with the parent. user
 * "": pratique if there is one, else nobody. Who is not root keeps his ids. */
int privileges_drop(const char *user, pid_t parent, struct error *err);
