/* SPDX-License-Identifier: ISC */
/*
 * Where packets to a peer go: the two ends as this side sees them, and whether ESP is in UDP. Immutable: a
 * peer that moves gets a new one.
 */
#pragma once

#include "base/address.h"
#include "dataplane/dataplane.h"

#include <netinet/in.h>

#define PATH_MTU_MIN 576 /* of an outer IPv4 packet; what is told below this is a lie or an attack */
#define PATH_MTU_MIN_V6 1280
#define PATH_MTU_UNKNOWN 65535
#define PATH_CONTROL_SIZE 96 /* room for the ancillary data of a send */

struct path {
	struct ip_address local, remote;
	uint16_t local_port, remote_port; /* of the UDP datagram outside; 0: none */
	uint8_t kind;                     /* enum dataplane_socket_kind: what it is sent on */
	uint8_t address;                  /* index into the configuration's addresses */
	bool name_source;                 /* the socket is not bound to the local address */
	socklen_t name_length;
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} name;
};

/* NULL where no configured address fits local. kind DATAPLANE_L2TP: in clear. */
struct path *path_new(const struct dataplane_config *config, enum dataplane_socket_kind kind,
        const struct ip_address *local, uint16_t local_port, const struct ip_address *remote,
        uint16_t remote_port);
/* The address of the configuration that sockets for this local address are bound to; -1: none. */
int path_find_address(const struct dataplane_config *config, const struct ip_address *local);
bool path_same(const struct path *a, const struct path *b);
/* What the host's routes say about the longest packet on it, now; PATH_MTU_UNKNOWN where they do not. */
uint16_t path_ask_mtu(const struct path *p);
/* Fills name and ancillary data (source address where it must be named; segment size where not 0). control
 * has PATH_CONTROL_SIZE aligned bytes. */
void path_address_message(const struct path *p, struct msghdr *m, void *control, uint16_t segment);
