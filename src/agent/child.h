/* SPDX-License-Identifier: ISC */
/* Starting the network half. */
#pragma once

#include "agent/options.h"

#include <sys/types.h>

/* Forks it. *ret_fd: the collector's end of the socketpair. */
int child_start(const struct agent_options *options, pid_t *ret_pid, int *ret_fd, struct error *err);
