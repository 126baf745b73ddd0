/* SPDX-License-Identifier: ISC */
/* The maximum segment size that a TCP SYN announces (RFC 9293 3.7.1), lowered to what fits through a
 * softwire. */
#pragma once

#include "dataplane/packet.h"

/* p's checksum is complete, and stays right. mtu: of inner packets. True where something was changed. */
bool mss_clamp(const struct packet *p, uint16_t mtu);
