/* SPDX-License-Identifier: ISC */
#pragma once

#include "enforcer/element.h"
#include "ipc/ipc.h"
#include "policy/policy.h"
#include <stdio.h>

/* Writes the rules that the policy file means for these links. Returns the exit code. */
int dry_run(FILE *out, const char *policy_path, const struct links *links, uint16_t log_group,
        void (*report)(const char *text));
/* The policy's segments as the server sends them; the caller clears them with ipc_body_clear(IPC_SEGMENTS).
 */
void dry_run_segments(const struct policy *p, struct ipc_segments *ret);
