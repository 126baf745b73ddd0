/* SPDX-License-Identifier: ISC */
/* A netlink dump: one request, every answer handed to a callback. Room-private. */
#pragma once

#include "base/error.h"
#include <libmnl/libmnl.h>

/* bus: NETLINK_ROUTE, NETLINK_NETFILTER, ... request: a header with type, flags and body set, sequence number
 * not. The callback returns MNL_CB_OK to go on. -errno of the socket or of the kernel's answer, -EINTR where
 * what was dumped changed meanwhile (ask again). */
int netlink_dump(int bus, struct nlmsghdr *request, mnl_cb_t callback, void *context);
/* The same for a request whose answer is no dump: it ends with a message NLMSG_DONE, an error, or when the
 * callback returns MNL_CB_STOP. -EAGAIN where the kernel keeps silent. */
int netlink_ask(int bus, struct nlmsghdr *request, mnl_cb_t callback, void *context);

/* Attributes into a table indexed by type, of most + 1 entries; those above most are left out. */
struct netlink_attributes {
	const struct nlattr **table;
	uint16_t most;
};
int netlink_collect_attribute(const struct nlattr *attribute, void *attributes);
