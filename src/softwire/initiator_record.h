/* SPDX-License-Identifier: ISC */
/* An initiator's softwire that is up, as a record of the checkpoint. No secrets are in it. */
#pragma once

#include "proto/dhcp6/dhcp6.h"
#include "proto/l2tp/l2tp.h"
#include "proto/nd/nd.h"
#include "proto/ppp/ppp.h"
#include "softwire/link.h"

#define INITIATOR_RECORD_MAX 7600 /* bytes */
#define INITIATOR_SLOTS 2         /* of the checkpoint, written by turns */

struct initiator_record {
	uint64_t generation; /* the greatest one is the newest */
	uint32_t association;
	size_t current, n_addresses;                         /* which concentrator, of so many */
	struct ip_address addresses[LINK_CONCENTRATORS_MAX]; /* zero: not resolved */
	struct ip_address used;                              /* our outer address */
	struct ip_address source;                            /* as the keeper has last said it */
	time_ms up_since, opened, opened_wall;
	struct ip_prefix hint;
	uint8_t last_ipv4[4], last_interface_id[8];
	const uint8_t *tunnel, *link; /* l2tp_tunnel_export(), ppp_link_export(); in the record's bytes */
	size_t n_tunnel, n_link;
	bool ipv6; /* the NCP is open; without it nd and dhcp6 are empty */
	struct nd_host nd;
	struct dhcp6_client dhcp6; /* both without their config */
};

/* w fails where there is no room; with INITIATOR_RECORD_MAX bytes there is. */
void initiator_record_write(struct writer *w, const struct initiator_record *record);
/* -EINVAL: not a record of this program. ret points into bytes. */
int initiator_record_read(struct initiator_record *ret, const uint8_t *bytes, size_t length);
