/* SPDX-License-Identifier: ISC */
/*
 * The network half of the agent: a process of its own, without privileges, that holds the connections to the
 * server, one an attachment, and what it needs to prove who it is. Everything about the host it learns from
 * the collector, over the channel; whatever it believes is good for nothing but talking to the server.
 */
#pragma once

#include "agent/options.h"

#include <sys/types.h>

/* The whole life of the process, from reading the key files with the privileges that it still has to the end
 * of its event loop. fd: its end of the socketpair. parent: to whom it belongs; its death is ours. Returns
 * the exit code. */
int network_run(const struct agent_options *options, int fd, pid_t parent);
