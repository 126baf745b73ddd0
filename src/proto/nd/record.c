/* SPDX-License-Identifier: ISC */
/*
 * A host's state as a record:
 *
 *   router(16) until(8) flags(1) MTU(2) hop limit(1) solicit due(8) RT(8)
 *   n(1) of { address(16) flags(1) preferred until(8) valid until(8) }
 *   n(1) of { prefix(17) until(8) }     n(1) of { server(16) until(8) }     n(1) of { domain until(8) }
 */
#include "proto/nd/record.h"
#include "proto/nd/nd.h"

#define SOLICIT_RT_MAX_MS 7200000 /* above RFC 7559's MRT with its RAND */

enum { FLAG_MANAGED = 1, FLAG_OTHER = 2, FLAG_HEARD = 4 };
enum { FLAG_PREFERRED = 1 };

static void write_lists(const struct nd_host *h, struct writer *w)
{
	wr_u8(w, (uint8_t)h->n_addresses);
	for (size_t i = 0; i < h->n_addresses; i++) {
		record_write_address(w, &h->addresses[i].address);
		wr_u8(w, h->addresses[i].preferred ? FLAG_PREFERRED : 0);
		record_write_time(w, h->addresses[i].preferred_until);
		record_write_time(w, h->addresses[i].valid_until);
	}
	wr_u8(w, (uint8_t)h->n_routes);
	for (size_t i = 0; i < h->n_routes; i++) {
		record_write_prefix(w, &h->routes[i].prefix);
		record_write_time(w, h->routes[i].until);
	}
	wr_u8(w, (uint8_t)h->n_dns);
	for (size_t i = 0; i < h->n_dns; i++) {
		record_write_address(w, &h->dns[i].address);
		record_write_time(w, h->dns[i].until);
	}
	wr_u8(w, (uint8_t)h->n_search);
	for (size_t i = 0; i < h->n_search; i++) {
		domain_write(w, h->search[i].name);
		record_write_time(w, h->search[i].until);
	}
}

void nd_host_write(const struct nd_host *h, struct writer *w)
{
	record_write_address(w, &h->router);
	record_write_time(w, h->router_until);
	wr_u8(w,
	        (uint8_t)((h->managed ? FLAG_MANAGED : 0) | (h->other ? FLAG_OTHER : 0) |
	                (h->heard ? FLAG_HEARD : 0)));
	wr_u16(w, h->mtu);
	wr_u8(w, h->hop_limit);
	record_write_time(w, h->solicit_due);
	record_write_time(w, h->solicit_ms);
	write_lists(h, w);
}

static void read_addresses(struct nd_host *h, struct reader *r)
{
	const size_t n = record_read_count(r, ND_ADDRESSES_MAX);
	for (; h->n_addresses < n && !rd_failed(r); h->n_addresses++) {
		struct nd_host_address *a = &h->addresses[h->n_addresses];
		record_read_address(r, &a->address);
		a->length = 64;
		a->preferred = rd_u8(r) & FLAG_PREFERRED;
		a->preferred_until = record_read_time(r, INT64_MAX);
		a->valid_until = record_read_time(r, INT64_MAX);
		if (ip_is_link_local(&a->address))
			rd_fail(r);
	}
}

static void read_lists(struct nd_host *h, struct reader *r)
{
	read_addresses(h, r);
	size_t n = record_read_count(r, ND_PREFIXES_MAX);
	for (; h->n_routes < n && !rd_failed(r); h->n_routes++) {
		record_read_prefix(r, &h->routes[h->n_routes].prefix);
		h->routes[h->n_routes].until = record_read_time(r, INT64_MAX);
	}
	n = record_read_count(r, ND_DNS_MAX);
	for (; h->n_dns < n && !rd_failed(r); h->n_dns++) {
		record_read_address(r, &h->dns[h->n_dns].address);
		h->dns[h->n_dns].until = record_read_time(r, INT64_MAX);
	}
	n = record_read_count(r, ND_SEARCH_MAX);
	for (; h->n_search < n && !rd_failed(r); h->n_search++) {
		if (!domain_read(r, h->search[h->n_search].name))
			rd_fail(r);
		h->search[h->n_search].until = record_read_time(r, INT64_MAX);
	}
}

void nd_host_read(struct nd_host *h, struct reader *r)
{
	*h = (struct nd_host){ .n_addresses = 0 };
	record_read_address(r, &h->router);
	h->router_until = record_read_time(r, INT64_MAX);
	const uint8_t flags = rd_u8(r);
	h->managed = flags & FLAG_MANAGED;
	h->other = flags & FLAG_OTHER;
	h->heard = flags & FLAG_HEARD;
	h->mtu = rd_u16(r);
	h->hop_limit = rd_u8(r);
	h->solicit_due = record_read_time(r, INT64_MAX);
	h->solicit_ms = record_read_time(r, SOLICIT_RT_MAX_MS);
	read_lists(h, r);
	if (h->mtu < IP6_LINK_PACKET_MAX)
		rd_fail(r);
}

void nd_host_resume(struct nd_host *h, const struct nd_host_config *c, time_ms now)
{
	h->config = *c;
	h->link_local = ip6_link_local(c->interface_id);
	h->mtu = MIN(h->mtu, c->mtu);
	h->solicit_ms = 0;
	h->solicit_due = now;
}
