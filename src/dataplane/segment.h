/* SPDX-License-Identifier: ISC */
/*
 * What a TUN gives with IFF_VNET_HDR becomes packets as they go on a wire: TCP (and UDP) super packets are
 * cut (virtio 1.2, 5.1.6), checksums completed. Bytes in, bytes out.
 */
#pragma once

#include "dataplane/packet.h"

#include <linux/virtio_net.h>

#define SEGMENT_HEADER_MAX 256 /* IP and transport headers that are repeated */

struct segmenter {
	const uint8_t *bytes;
	uint32_t header, payload; /* bytes of headers in front of every segment, and of all that is cut */
	uint32_t size, at;        /* payload of a segment (the last may have less); what was cut so far */
	uint16_t l4, checksum_at; /* checksum_at: 0, nothing to complete */
	uint8_t version, protocol;
	bool cut; /* a super packet */
};

/* -EBADMSG where header and packet do not belong together: a hostile host is not expected here, a confused
 * one is not followed. p must outlive the segmenter. */
int segment_begin(struct segmenter *s, const struct virtio_net_hdr *header, const struct packet *p);
/* The length of the longest packet that will come. */
static inline uint32_t segment_length_max(const struct segmenter *s)
{
	return s->header + (s->payload < s->size ? s->payload : s->size);
}
/* The length of the next packet, which is written to out; 0: there is none any more. */
uint32_t segment_next(struct segmenter *s, uint8_t *out);
/* The same without copying the next packet's bytes anywhere: it is skipped. */
uint32_t segment_skip(struct segmenter *s);
