/* SPDX-License-Identifier: ISC */
/*
 * Internet checksums (RFC 1071). Sums are of 16-bit words as they lie in memory, unfolded in 64 bits, so that
 * parts can be added in any order as long as each begins at an even offset; a value that is not in memory is
 * added in network order (htons).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

uint64_t checksum_sum(const void *bytes, size_t n);

/* Folded to 16 bits, not complemented. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* The pseudo-header of an IPv4 or IPv6 header at ip: addresses, protocol, and the length of what follows. */
uint64_t checksum_pseudo(const uint8_t *ip, uint8_t protocol, uint32_t length);

/* Of an IPv4 header: sets its checksum. */
void checksum_set_ip4(uint8_t *ip);

static inline void checksum_put(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
}
