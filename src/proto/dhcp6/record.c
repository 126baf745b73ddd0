/* SPDX-License-Identifier: ISC */
/*
 * A client's state as a record:
 *
 *   state(1) xid(4) began(8) due(8) T1(8) T2(8) RT(8) SOL_MAX_RT(8) INF_MAX_RT(8) sent(4) refused(2)
 *   server DUID(1 + n)
 *   twice, for prefixes and addresses:
 *     n(1) of { prefix(17) preferred until(8) valid until(8) }     n(1) of { prefix(17) } as last offered
 *   n(1) of { DNS server(16) }     n(1) of { domain }
 */
#include "proto/nd/record.h"
#include "proto/dhcp6/client.h"

#define MAX_RT_LEAST_MS 60000 /* RFC 8415 21.24 and 21.25: what a server may say */
#define MAX_RT_MOST_MS 86400000

static void write_leases(struct writer *w, const struct dhcp6_client_prefix *items, size_t n,
        const struct ip_prefix *offered, size_t n_offered)
{
	wr_u8(w, (uint8_t)n);
	for (size_t i = 0; i < n; i++) {
		record_write_prefix(w, &items[i].prefix);
		record_write_time(w, items[i].preferred_until);
		record_write_time(w, items[i].valid_until);
	}
	wr_u8(w, (uint8_t)n_offered);
	for (size_t i = 0; i < n_offered; i++)
		record_write_prefix(w, &offered[i]);
}

void dhcp6_client_write(const struct dhcp6_client *c, struct writer *w)
{
	const time_ms times[] = { c->began, c->due, c->t1, c->t2, c->rt_ms, c->sol_max_rt_ms,
		c->inf_max_rt_ms };
	wr_u8(w, (uint8_t)c->state);
	wr_u32(w, c->xid);
	for (size_t i = 0; i < ARRAY_LENGTH(times); i++)
		record_write_time(w, times[i]);
	wr_u32(w, c->sent);
	wr_u16(w, c->refused);
	wr_u8(w, c->server.length);
	wr_bytes(w, c->server.bytes, c->server.length);
	write_leases(w, c->prefixes, c->n_prefixes, c->offered, c->n_offered);
	write_leases(w, c->addresses, c->n_addresses, c->offered_addresses, c->n_offered_addresses);
	wr_u8(w, (uint8_t)c->n_dns);
	for (size_t i = 0; i < c->n_dns; i++)
		record_write_address(w, &c->dns[i]);
	wr_u8(w, (uint8_t)c->n_search);
	for (size_t i = 0; i < c->n_search; i++)
		domain_write(w, c->search[i]);
}

static void read_leases(struct reader *r, struct dhcp6_client_prefix *items, size_t *n,
        struct ip_prefix *offered, size_t *n_offered, size_t most)
{
	const size_t leased = record_read_count(r, most);
	for (; *n < leased && !rd_failed(r); (*n)++) {
		record_read_prefix(r, &items[*n].prefix);
		items[*n].preferred_until = record_read_time(r, INT64_MAX);
		items[*n].valid_until = record_read_time(r, INT64_MAX);
	}
	const size_t named = record_read_count(r, most);
	for (; *n_offered < named && !rd_failed(r); (*n_offered)++)
		record_read_prefix(r, &offered[*n_offered]);
}

static void read_dns(struct dhcp6_client *c, struct reader *r)
{
	size_t n = record_read_count(r, DHCP6_DNS_MAX);
	for (; c->n_dns < n && !rd_failed(r); c->n_dns++)
		record_read_address(r, &c->dns[c->n_dns]);
	n = record_read_count(r, DHCP6_SEARCH_MAX);
	for (; c->n_search < n && !rd_failed(r); c->n_search++)
		if (!domain_read(r, c->search[c->n_search]))
			rd_fail(r);
}

static void read_server(struct dhcp6_client *c, struct reader *r)
{
	c->server.length = (uint8_t)record_read_count(r, DHCP6_DUID_MAX);
	const uint8_t *bytes = rd_bytes(r, c->server.length);
	if (bytes)
		memcpy(c->server.bytes, bytes, c->server.length);
}

/* Something is due exactly in the states that send. */
static bool is_sound(const struct dhcp6_client *c)
{
	const bool rests = c->state == DHCP6_IDLE || c->state == DHCP6_BOUND || c->state == DHCP6_INFORMED;
	return c->state < DHCP6_N_STATES && rests == (c->due == INT64_MAX) &&
	        c->sol_max_rt_ms >= MAX_RT_LEAST_MS && c->inf_max_rt_ms >= MAX_RT_LEAST_MS;
}

void dhcp6_client_read(struct dhcp6_client *c, struct reader *r)
{
	*c = (struct dhcp6_client){ .state = rd_u8(r) };
	c->xid = rd_u32(r);
	c->began = record_read_time(r, INT64_MAX);
	c->due = record_read_time(r, INT64_MAX);
	c->t1 = record_read_time(r, INT64_MAX);
	c->t2 = record_read_time(r, INT64_MAX);
	c->rt_ms = record_read_time(r, 2 * MAX_RT_MOST_MS);
	c->sol_max_rt_ms = record_read_time(r, MAX_RT_MOST_MS);
	c->inf_max_rt_ms = record_read_time(r, MAX_RT_MOST_MS);
	c->sent = rd_u32(r);
	c->refused = rd_u16(r);
	read_server(c, r);
	read_leases(r, c->prefixes, &c->n_prefixes, c->offered, &c->n_offered, DHCP6_PREFIXES_MAX);
	read_leases(r, c->addresses, &c->n_addresses, c->offered_addresses, &c->n_offered_addresses,
	        DHCP6_ADDRESSES_MAX);
	read_dns(c, r);
	if (!is_sound(c))
		rd_fail(r);
}

void dhcp6_client_resume(struct dhcp6_client *c, const struct dhcp6_client_config *config)
{
	c->config = *config;
}
