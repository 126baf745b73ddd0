/* SPDX-License-Identifier: ISC */
/* The requests of link.c to the kernel, one at a time, by rtnetlink. All return 0 or -errno of the kernel's
 * answer. */
#pragma once

#include "base/address.h"

struct mnl_socket;

/* Marks our routes (rtm_protocol), so that none of anybody else's is ever changed or taken away. */
#define LINK_KERNEL_PROTOCOL 197

/* Where a route leads. */
struct link_way {
	bool found;
	bool unreachable;          /* on purpose: packets are refused */
	unsigned index;            /* of the interface; 0 with unreachable */
	struct ip_address gateway; /* zero: on the link */
	uint8_t length;            /* of the route's prefix, as ip_prefix has it */
};

enum link_order { LINK_ADD, LINK_REPLACE, LINK_DELETE };

/* An interface up with this MTU, without link-local addresses of the kernel's making; or down. */
int link_kernel_interface(struct mnl_socket *s, unsigned index, uint16_t mtu, bool up);
int link_kernel_address(
        struct mnl_socket *s, enum link_order order, unsigned index, const struct ip_prefix *p);
/* LINK_DELETE takes only a route of ours away. */
int link_kernel_route(struct mnl_socket *s, enum link_order order, const struct ip_prefix *destination,
        const struct link_way *way);
/* The best route of the main table to ip that is not ours and does not lead to the interface `except`; and
 * ours to ip alone, as it is in the kernel now. Without one, found is false. */
int link_kernel_find_way(struct mnl_socket *s, const struct ip_address *ip, unsigned except,
        struct link_way *ret, struct link_way *ret_ours);
/* The address that we would send from to ip now. -ENETUNREACH. */
int link_kernel_source(struct mnl_socket *s, const struct ip_address *ip, struct ip_address *ret);

static inline bool link_way_equal(const struct link_way *a, const struct link_way *b)
{
	return a->found == b->found && a->unreachable == b->unreachable && a->index == b->index &&
	        ip_equal(&a->gateway, &b->gateway);
}
