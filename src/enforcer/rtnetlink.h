/* SPDX-License-Identifier: ISC */
/* Single questions and orders to the kernel about links and routes, on a socket of their own, so that they
 * may be asked while a dump is being read. */
#pragma once

#include "enforcer/element.h"

#include <libmnl/libmnl.h>

/* Whether the kernel's routes lead to ip over the interface with this index, and not to itself. */
bool rtnetlink_leads_to(struct mnl_socket *s, const struct ip_address *ip, unsigned index);
/* The bridge no longer learns MAC addresses from frames to the group addresses that it keeps for itself (IEEE
 * 802.1D: 01-80-C2-00-00-0X), which no rule sees. */
int rtnetlink_ignore_groups(struct mnl_socket *s, unsigned index, struct error *err);
