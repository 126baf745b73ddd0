/* SPDX-License-Identifier: ISC */
#include "softwire/initiator_record.h"

#include "proto/nd/record.h"

#include <errno.h>

#define RECORD_VERSION 1

_Static_assert(INITIATOR_RECORD_MAX >= ND_HOST_RECORD_MAX + DHCP6_CLIENT_RECORD_MAX + L2TP_RECORD_MAX +
                        PPP_EXPORT_MAX + 16 * (LINK_CONCENTRATORS_MAX + 3) + 80,
        "a record fits");

void initiator_record_write(struct writer *w, const struct initiator_record *x)
{
	wr_u8(w, RECORD_VERSION);
	wr_u64(w, x->generation);
	wr_u32(w, x->association);
	wr_u8(w, (uint8_t)x->current);
	wr_u8(w, (uint8_t)x->n_addresses);
	for (size_t i = 0; i < x->n_addresses; i++)
		record_write_address(w, &x->addresses[i]);
	record_write_address(w, &x->used);
	record_write_address(w, &x->source);
	record_write_time(w, x->up_since);
	record_write_time(w, x->opened);
	record_write_time(w, x->opened_wall);
	record_write_prefix(w, &x->hint);
	wr_bytes(w, x->last_ipv4, sizeof(x->last_ipv4));
	wr_bytes(w, x->last_interface_id, sizeof(x->last_interface_id));
	wr_u16(w, (uint16_t)x->n_tunnel);
	wr_bytes(w, x->tunnel, x->n_tunnel);
	wr_u16(w, (uint16_t)x->n_link);
	wr_bytes(w, x->link, x->n_link);
	wr_u8(w, x->ipv6);
	if (x->ipv6) {
		nd_host_write(&x->nd, w);
		dhcp6_client_write(&x->dhcp6, w);
	}
}

static void read_bytes(struct reader *r, void *to, size_t n)
{
	const uint8_t *bytes = rd_bytes(r, n);
	if (bytes)
		memcpy(to, bytes, n);
}

static void read_head(struct initiator_record *x, struct reader *r)
{
	if (rd_u8(r) != RECORD_VERSION)
		rd_fail(r);
	x->generation = rd_u64(r);
	x->association = rd_u32(r);
	x->current = rd_u8(r);
	x->n_addresses = record_read_count(r, LINK_CONCENTRATORS_MAX);
	for (size_t i = 0; i < x->n_addresses; i++)
		record_read_address(r, &x->addresses[i]);
	record_read_address(r, &x->used);
	record_read_address(r, &x->source);
	x->up_since = record_read_time(r, INT64_MAX);
	x->opened = record_read_time(r, INT64_MAX);
	x->opened_wall = record_read_time(r, INT64_MAX);
	record_read_prefix(r, &x->hint);
	read_bytes(r, x->last_ipv4, sizeof(x->last_ipv4));
	read_bytes(r, x->last_interface_id, sizeof(x->last_interface_id));
	if (x->current >= x->n_addresses)
		rd_fail(r);
}

int initiator_record_read(struct initiator_record *ret, const uint8_t *bytes, size_t length)
{
	struct reader r = rd_make(bytes, length);
	*ret = (struct initiator_record){ .n_addresses = 0 };
	read_head(ret, &r);
	ret->n_tunnel = rd_u16(&r);
	ret->tunnel = rd_bytes(&r, ret->n_tunnel);
	ret->n_link = rd_u16(&r);
	ret->link = rd_bytes(&r, ret->n_link);
	const uint8_t ipv6 = rd_u8(&r);
	ret->ipv6 = ipv6 == 1;
	if (ret->ipv6) {
		nd_host_read(&ret->nd, &r);
		dhcp6_client_read(&ret->dhcp6, &r);
	}
	return rd_failed(&r) || rd_left(&r) || ipv6 > 1 ? -EINVAL : 0;
}
