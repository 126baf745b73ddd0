/* SPDX-License-Identifier: ISC */
/*
 * Remediation on order (quarantine draft, 4.1): runs the command that the host's owner configured, as root,
 * when a decision isolates the node because of findings. Once for each set of findings, one at a time, within
 * a time limit. Nothing that the network says gets into the command.
 */
#pragma once

#include "base/clock.h"
#include "base/error.h"

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>

#define REMEDY_KILL_MS 10000 /* from the polite signal at the limit to the other one */

struct remedy;

/* command is kept by reference; empty: nothing is ever run. */
struct remedy *remedy_new(struct event_base *base, const char *command, int64_t limit_ms);
/* A command that runs goes on: it may be the very update that restarts the agent. NULL in, NULL out. */
struct remedy *remedy_free(struct remedy *r);
/* decision: as the server sent it. True where the command was started. */
bool remedy_consider(struct remedy *r, const json_t *decision);
/* A child has ended; true if it was the command. */
bool remedy_reap(struct remedy *r, pid_t pid, int status);
