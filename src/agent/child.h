/* SPDX-License-Identifier: ISC */
/* Starting the other processes of the agent. */
#pragma once

#include "agent/options.h"

#include <sys/types.h>

/* Forks; run has the whole life of the child, and returns its exit code. *ret_fd: the collector's end of the
 * socketpair. */
int child_run(int (*run)(int fd, pid_t parent, void *context), void *context, pid_t *ret_pid, int *ret_fd,
        struct error *err);
/* The network half. */
int child_start(const struct agent_options *options, pid_t *ret_pid, int *ret_fd, struct error *err);
