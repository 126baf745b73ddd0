/* SPDX-License-Identifier: ISC */
/* Starting the other processes of the agent. */
#pragma once

#include "agent/options.h"
#include "net/child.h"

#include <sys/types.h>

/* The network half. *ret_fd: the collector's end of the socketpair. */
int child_start(const struct agent_options *options, pid_t *ret_pid, int *ret_fd, struct error *err);
