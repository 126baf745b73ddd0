/* SPDX-License-Identifier: ISC */
#include "agent/child.h"

#include "agent/network.h"

#include <sys/socket.h>

static int run_network(int fd, pid_t parent, void *context)
{
	return network_run(context, fd, parent);
}

int child_start(const struct agent_options *options, pid_t *ret_pid, int *ret_fd, struct error *err)
{
	return child_run(SOCK_STREAM, run_network, (void *)options, ret_pid, ret_fd, err);
}
