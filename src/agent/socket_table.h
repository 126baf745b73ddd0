/* SPDX-License-Identifier: ISC */
/*
 * /proc/net/{tcp,tcp6,udp,udp6}, proc_pid_net(5): the sockets that listen. TCP: those in the state LISTEN.
 * UDP: those that are bound and not connected, except where the port is of the range that the kernel gives to
 * clients. A TCP port of that range is another one at each start; it is shown as "*".
 */
#pragma once

#include "base/address.h"
#include <stddef.h>

#define SOCKET_TEXT_SIZE (IP_TEXT_SIZE + 32)

struct socket_table {
	const char *at, *end;
	bool udp;
	uint16_t ephemeral_first, ephemeral_last;
};

struct socket_entry {
	uint64_t inode;
	struct ip_address address;
	uint16_t port;
	bool ephemeral;
};

/* The next socket that listens; false at the end. Lines of another form are passed over. */
bool socket_table_next(struct socket_table *t, struct socket_entry *ret);
/* "tcp [::]:22", "udp 0.0.0.0:53" */
const char *socket_entry_format(const struct socket_entry *e, bool udp, char ret_text[SOCKET_TEXT_SIZE]);
