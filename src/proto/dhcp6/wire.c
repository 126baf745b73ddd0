/* SPDX-License-Identifier: ISC */
#include "proto/dhcp6/wire.h"

#include <errno.h>
#include <string.h>

#define MAX_RT_LEAST_S 60 /* SOL_MAX_RT, INF_MAX_RT (RFC 8415 21.24): others are ignored */
#define MAX_RT_MOST_S 86400

/* The next option; false at the end, or where r has failed. budget counts all of a message, nested ones too.
 */
static bool next_option(struct reader *r, size_t *budget, uint16_t *ret_option, struct reader *ret_body)
{
	if (!rd_left(r))
		return false;
	*ret_option = rd_u16(r);
	*ret_body = rd_sub(r, rd_u16(r));
	if (!*budget)
		rd_fail(r);
	else
		--*budget;
	return !rd_failed(r);
}

static bool read_duid(struct reader *r, struct dhcp6_duid *d)
{
	if (d->length || r->left < DHCP6_DUID_MIN || r->left > DHCP6_DUID_MAX)
		return false;
	d->length = (uint8_t)r->left;
	memcpy(d->bytes, r->at, r->left);
	return true;
}

/* Behind the fixed part of an IAADDR, IAPREFIX or IA: only the status code matters. */
static bool read_status_inside(struct reader *r, size_t *budget, uint16_t *ret)
{
	uint16_t option;
	struct reader body;
	while (next_option(r, budget, &option, &body)) {
		if (option == DHCP6_OPTION_STATUS_CODE)
			*ret = rd_u16(&body);
		if (rd_failed(&body))
			return false;
	}
	return !rd_failed(r);
}

static bool read_item(struct reader *r, bool is_prefix, size_t *budget, struct dhcp6_item *i)
{
	const uint8_t *bytes = NULL;
	*i = (struct dhcp6_item){ .prefix.length = 128 };
	if (!is_prefix)
		bytes = rd_bytes(r, 16);
	i->preferred_s = rd_u32(r);
	i->valid_s = rd_u32(r);
	if (is_prefix) {
		i->prefix.length = rd_u8(r);
		bytes = rd_bytes(r, 16);
	}
	if (rd_failed(r) || i->prefix.length > 128)
		return false;
	for (size_t bit = 0; bit < i->prefix.length; bit++)
		i->prefix.address.bytes[bit / 8] |= bytes[bit / 8] & (0x80 >> bit % 8);
	return read_status_inside(r, budget, &i->status);
}

static bool read_ia(struct reader *r, uint16_t option, size_t *budget, struct dhcp6_message *m)
{
	struct dhcp6_ia ia = { .option = option };
	bool is_prefix = option == DHCP6_OPTION_IA_PD;
	uint16_t inner;
	struct reader body;
	ia.iaid = rd_u32(r);
	ia.t1_s = rd_u32(r);
	ia.t2_s = rd_u32(r);
	while (next_option(r, budget, &inner, &body)) {
		struct dhcp6_item item;
		if (inner == DHCP6_OPTION_STATUS_CODE)
			ia.status = rd_u16(&body);
		else if (inner != (is_prefix ? DHCP6_OPTION_IAPREFIX : DHCP6_OPTION_IAADDR))
			continue;
		else if (!read_item(&body, is_prefix, budget, &item))
			return false;
		else if (ia.n_items == DHCP6_ITEMS_MAX)
			m->dropped++;
		else
			ia.items[ia.n_items++] = item;
		if (rd_failed(&body))
			return false;
	}
	if (rd_failed(r))
		return false;
	if (m->n_ias == DHCP6_IAS_MAX)
		m->dropped++;
	else
		m->ias[m->n_ias++] = ia;
	return true;
}

static bool read_oro(struct reader *r, struct dhcp6_message *m)
{
	m->has_oro = true;
	while (rd_left(r)) {
		uint16_t wanted = rd_u16(r);
		m->wants_dns |= wanted == DHCP6_OPTION_DNS_SERVERS;
		m->wants_search |= wanted == DHCP6_OPTION_DOMAIN_LIST;
		m->wants_sol_max_rt |= wanted == DHCP6_OPTION_SOL_MAX_RT;
	}
	return !rd_failed(r);
}

static bool read_dns(struct reader *r, struct dhcp6_message *m)
{
	while (rd_left(r)) {
		const uint8_t *bytes = rd_bytes(r, 16);
		if (!bytes)
			return false;
		if (m->n_dns == DHCP6_DNS_MAX)
			m->dropped++;
		else
			memcpy(m->dns[m->n_dns++].bytes, bytes, 16);
	}
	return true;
}

static bool read_search(struct reader *r, struct dhcp6_message *m)
{
	while (rd_left(r)) {
		char name[DOMAIN_TEXT_SIZE];
		if (!domain_read(r, name))
			continue;
		if (m->n_search == DHCP6_SEARCH_MAX)
			m->dropped++;
		else
			memcpy(m->search[m->n_search++], name, sizeof(name));
	}
	return !rd_failed(r);
}

static bool read_max_rt(struct reader *r, uint32_t *ret)
{
	uint32_t s = rd_u32(r);
	if (s >= MAX_RT_LEAST_S && s <= MAX_RT_MOST_S)
		*ret = s;
	return !rd_failed(r);
}

static bool read_option(struct dhcp6_message *m, uint16_t option, struct reader *body, size_t *budget)
{
	switch (option) {
	case DHCP6_OPTION_CLIENTID:
		return read_duid(body, &m->client);
	case DHCP6_OPTION_SERVERID:
		return read_duid(body, &m->server);
	case DHCP6_OPTION_IA_NA:
	case DHCP6_OPTION_IA_PD:
		return read_ia(body, option, budget, m);
	case DHCP6_OPTION_ORO:
		return read_oro(body, m);
	case DHCP6_OPTION_PREFERENCE:
		m->preference = rd_u8(body);
		return !rd_failed(body);
	case DHCP6_OPTION_STATUS_CODE:
		m->status = rd_u16(body);
		return !rd_failed(body);
	case DHCP6_OPTION_RAPID_COMMIT:
		m->rapid_commit = true;
		return true;
	case DHCP6_OPTION_DNS_SERVERS:
		return read_dns(body, m);
	case DHCP6_OPTION_DOMAIN_LIST:
		return read_search(body, m);
	case DHCP6_OPTION_SOL_MAX_RT:
		return read_max_rt(body, &m->sol_max_rt_s);
	case DHCP6_OPTION_INF_MAX_RT:
		return read_max_rt(body, &m->inf_max_rt_s);
	default:
		return true; /* RFC 8415 16: others are ignored */
	}
}

int dhcp6_read(struct reader r, struct dhcp6_message *ret)
{
	size_t budget = DHCP6_OPTIONS_MAX;
	uint16_t option;
	struct reader body;
	*ret = (struct dhcp6_message){ 0 };
	ret->type = rd_u8(&r);
	ret->xid = rd_u24(&r);
	while (next_option(&r, &budget, &option, &body))
		if (!read_option(ret, option, &body, &budget))
			return -EBADMSG;
	return rd_failed(&r) ? -EBADMSG : 0;
}

void dhcp6_begin(struct writer *w, uint8_t type, uint32_t xid)
{
	wr_u8(w, type);
	wr_u24(w, xid);
}

size_t dhcp6_open(struct writer *w, uint16_t option)
{
	wr_u16(w, option);
	wr_u16(w, 0);
	return w->length;
}

void dhcp6_close(struct writer *w, size_t opened)
{
	wr_patch_u16(w, opened - 2, (uint16_t)(w->length - opened));
}

void dhcp6_write_duid(struct writer *w, uint16_t option, const struct dhcp6_duid *duid)
{
	size_t at = dhcp6_open(w, option);
	wr_bytes(w, duid->bytes, duid->length);
	dhcp6_close(w, at);
}

void dhcp6_write_status(struct writer *w, uint16_t status, const char *text)
{
	size_t at = dhcp6_open(w, DHCP6_OPTION_STATUS_CODE);
	wr_u16(w, status);
	wr_bytes(w, text, strlen(text));
	dhcp6_close(w, at);
}

void dhcp6_write_item(
        struct writer *w, const struct ip_prefix *p, bool is_prefix, uint32_t preferred_s, uint32_t valid_s)
{
	size_t at = dhcp6_open(w, is_prefix ? DHCP6_OPTION_IAPREFIX : DHCP6_OPTION_IAADDR);
	if (!is_prefix)
		wr_bytes(w, p->address.bytes, 16);
	wr_u32(w, preferred_s);
	wr_u32(w, valid_s);
	if (is_prefix) {
		wr_u8(w, p->length);
		wr_bytes(w, p->address.bytes, 16);
	}
	dhcp6_close(w, at);
}

void dhcp6_write_dns(struct writer *w, const struct ip_address *servers, size_t n)
{
	size_t at = dhcp6_open(w, DHCP6_OPTION_DNS_SERVERS), given = 0;
	for (size_t i = 0; i < n && given < DHCP6_DNS_MAX; i++) {
		if (ip_is_v4(&servers[i]))
			continue;
		wr_bytes(w, servers[i].bytes, 16);
		given++;
	}
	dhcp6_close(w, at);
}

void dhcp6_write_search(struct writer *w, const char *const *names, size_t n)
{
	size_t at = dhcp6_open(w, DHCP6_OPTION_DOMAIN_LIST);
	for (size_t i = 0; i < n; i++)
		domain_write(w, names[i]);
	dhcp6_close(w, at);
}

void dhcp6_write_u32(struct writer *w, uint16_t option, uint32_t value)
{
	size_t at = dhcp6_open(w, option);
	wr_u32(w, value);
	dhcp6_close(w, at);
}

void dhcp6_duid_from_uuid(struct dhcp6_duid *ret, const uint8_t uuid[16])
{
	*ret = (struct dhcp6_duid){ .bytes = { 0, 4 }, .length = 18 }; /* DUID-UUID */
	memcpy(ret->bytes + 2, uuid, 16);
}
