/* SPDX-License-Identifier: ISC */
/* Netlink sockets, and single questions and orders to the kernel on one that nothing else uses. */
#pragma once

#include "base/error.h"
#include <libmnl/libmnl.h>

/* bus: NETLINK_ROUTE, NETLINK_NETFILTER; flags: SOCK_NONBLOCK or 0; groups: that it hears of. The caller
 * closes it. */
int netlink_socket_open(int bus, int flags, unsigned groups, struct mnl_socket **ret, struct error *err);
/* One request and all its answers, a dump too; fn may be NULL where only the acknowledgement counts. */
int netlink_socket_ask(struct mnl_socket *s, struct nlmsghdr *h, mnl_cb_t fn, void *context);
