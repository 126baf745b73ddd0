/* SPDX-License-Identifier: ISC */
/*
 * Forgets the kernel's state of connections that the policy does not permit any more, in the background and
 * in small steps. Nothing depends on it: their packets are refused anyway. It frees what they hold, and they
 * do not come back to life when the node is admitted again.
 */
#pragma once

#include "base/address.h"
#include "base/error.h"

/* Whether a connection may stay; by its original tuple. */
struct conntrack_connection {
	struct ip_address from, to;
	uint8_t protocol;
	uint16_t port; /* of to; 0 where the protocol has none */
};
typedef bool (*conntrack_keep_fn)(void *context, const struct conntrack_connection *c);

#define CONNTRACK_ADDRESSES_MAX 4096 /* that wait for a cleaning; beyond, all connections are looked at */

struct conntrack;
int conntrack_new(conntrack_keep_fn keep, void *context, struct conntrack **ret, struct error *err);
struct conntrack *conntrack_free(struct conntrack *c);
int conntrack_fd(const struct conntrack *c);
/* Connections with this address at either end are looked at, soon; for a shorter prefix, all are. */
void conntrack_suspect(struct conntrack *c, const struct ip_prefix *p);
/* Begins to read the kernel's table where anything is suspected and nothing under way. */
int conntrack_start(struct conntrack *c, struct error *err);
/* When the socket is readable: one step. */
int conntrack_read(struct conntrack *c, struct error *err);
uint64_t conntrack_forgotten(const struct conntrack *c); /* connections, ever */
