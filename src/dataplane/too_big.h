/* SPDX-License-Identifier: ISC */
/*
 * Packets that are longer than a softwire takes: the ICMP error for their sender (RFC 4443 3.2, RFC 1191 4),
 * or the fragments of an IPv4 packet that may be fragmented (RFC 791 3.2).
 *
 * The data plane has no inner address of its own, and a host does not take packets from outside with one of
 * its own addresses as their source. So the error comes from the address that the packet was for, which is
 * where the sender's route leads anyway.
 */
#pragma once

#include "dataplane/packet.h"

#define TOO_BIG_MESSAGE_MAX 1280

/* Writes the error about p to out (TOO_BIG_MESSAGE_MAX bytes) and returns its length; 0 where none may be
 * sent: about ICMP errors, later fragments, multicast (RFC 4443 2.4, RFC 1122 3.2.2). */
uint32_t too_big_message(const struct packet *p, uint16_t mtu, uint8_t *out);

/* May p be cut by a router? */
bool too_big_may_fragment(const struct packet *p);

struct fragmenter {
	const struct packet *packet;
	uint16_t mtu;
	uint32_t at; /* payload bytes done */
};
/* The next fragment, at most mtu bytes, to out; its length, or 0 at the end or where not even 8 bytes fit. */
uint32_t fragment_next(struct fragmenter *f, uint8_t *out);
