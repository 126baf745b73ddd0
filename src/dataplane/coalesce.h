/* SPDX-License-Identifier: ISC */
/*
 * Packets of one TCP (or UDP) flow that follow one another become one super packet, which the host takes with
 * one write to its TUN: the opposite of segment.h, and its exact inverse. Only what could have been cut from
 * one packet is put together: same headers and options, no gap, whole and equal payloads but for the last,
 * right checksums.
 */
#pragma once

#include "dataplane/packet.h"

#include <linux/virtio_net.h>
#include <sys/uio.h>

#define COALESCE_FLOWS 8
#define COALESCE_SEGMENTS_MAX 128 /* of one super packet */

/* One write: iov[0] is left for the virtio header, which is in place. */
typedef void coalesce_write(struct iovec *iov, int n, void *user);

struct coalesce_flow {
	struct packet first;
	uint16_t header; /* bytes of IP and transport header */
	uint16_t size;   /* payload of the first, and of all but the last */
	uint16_t count;
	uint32_t total; /* of the super packet */
	uint32_t hash;
	uint32_t next_sequence;
	bool closed; /* nothing may follow */
	struct iovec iov[2 + COALESCE_SEGMENTS_MAX];
};

struct coalescer {
	bool tcp, udp; /* what the TUN takes */
	coalesce_write *write;
	void *user;
	unsigned oldest;
	struct coalesce_flow flows[COALESCE_FLOWS]; /* count 0: free */
};

/* p's bytes stay where they are, and are written to, until the flush. */
void coalesce_add(struct coalescer *c, const struct packet *p);
void coalesce_flush(struct coalescer *c);
