/* SPDX-License-Identifier: ISC */
/* The messages of RFC 4861 section 4 and the DNS options of RFC 8106. */
#include "proto/nd/wire.h"

#include <errno.h>
#include <string.h>

#define OPTION_UNIT 8
#define OPTION_SOURCE_LINK_LAYER 1
#define OPTION_PREFIX 3
#define OPTION_MTU 5
#define OPTION_RDNSS 25
#define OPTION_DNSSL 31
#define FLAG_MANAGED 0x80
#define FLAG_OTHER 0x40
#define FLAG_ON_LINK 0x80
#define FLAG_AUTONOMOUS 0x40
#define NA_ROUTER 0x80000000U
#define NA_SOLICITED 0x40000000U
#define NA_OVERRIDE 0x20000000U

bool nd_is_multicast(const struct ip_address *a)
{
	return a->bytes[0] == 0xff;
}

bool nd_is_unspecified(const struct ip_address *a)
{
	return ip_equal(a, &(struct ip_address){ { 0 } });
}

/* The next option's type and a reader over its body; false at the end, or where r has failed: a length of
 * zero, or an option that is cut. */
static bool next_option(struct reader *r, uint8_t *ret_type, struct reader *ret_body)
{
	if (!rd_left(r))
		return false;
	*ret_type = rd_u8(r);
	uint8_t units = rd_u8(r);
	if (!units)
		rd_fail(r);
	else
		*ret_body = rd_sub(r, (size_t)units * OPTION_UNIT - 2);
	return !rd_failed(r);
}

/* All options are whole, and none has a length of zero. */
static bool options_are_sound(struct reader r, bool *ret_link_layer)
{
	uint8_t type;
	struct reader body;
	*ret_link_layer = false;
	while (next_option(&r, &type, &body))
		*ret_link_layer |= type == OPTION_SOURCE_LINK_LAYER;
	return !rd_failed(&r);
}

/* Behind type, code and checksum, before the options. */
static const uint8_t fixed_sizes[] = { 4, 12, 20, 20, 36 };

bool nd_is_sound(const struct ip6_packet *p)
{
	if (p->protocol != IP6_ICMPV6 || p->type < ND_ROUTER_SOLICITATION || p->type > ND_REDIRECT ||
	        p->hop_limit != 255 || p->code != 0 || nd_is_multicast(&p->source))
		return false;
	bool link_layer, unspecified = nd_is_unspecified(&p->source);
	struct reader r = p->body;
	rd_skip(&r, fixed_sizes[p->type - ND_ROUTER_SOLICITATION]);
	if (!options_are_sound(r, &link_layer) || rd_failed(&r))
		return false;
	if (unspecified && (link_layer || p->type == ND_NEIGHBOR_ADVERTISEMENT))
		return false;
	return (p->type != ND_ROUTER_ADVERTISEMENT && p->type != ND_REDIRECT) || ip_is_link_local(&p->source);
}

int nd_read_target(const struct ip6_packet *p, struct ip_address *ret)
{
	struct reader r = p->body;
	uint32_t flags = rd_u32(&r);
	const uint8_t *bytes = rd_bytes(&r, 16);
	if (rd_failed(&r))
		return -EBADMSG;
	struct ip_address target;
	memcpy(target.bytes, bytes, 16);
	bool to_group = nd_is_multicast(&p->destination);
	if (nd_is_multicast(&target))
		return -EBADMSG;
	if (p->type == ND_NEIGHBOR_ADVERTISEMENT && to_group && (flags & NA_SOLICITED)) /* 7.1.2 */
		return -EBADMSG;
	const struct ip_address group = ip6_solicited_node(&target);
	if (p->type == ND_NEIGHBOR_SOLICITATION && nd_is_unspecified(&p->source) &&
	        !ip_equal(&p->destination, &group)) /* 7.1.1 */
		return -EBADMSG;
	*ret = target;
	return 0;
}

static void read_prefix(struct reader *r, struct nd_advertisement *a)
{
	struct nd_prefix p = { .prefix.length = rd_u8(r) };
	uint8_t flags = rd_u8(r);
	p.on_link = flags & FLAG_ON_LINK;
	p.autonomous = flags & FLAG_AUTONOMOUS;
	p.valid_s = rd_u32(r);
	p.preferred_s = rd_u32(r);
	rd_skip(r, 4);
	const uint8_t *bytes = rd_bytes(r, 16);
	if (rd_failed(r) || p.prefix.length > 128)
		return;
	/* The bits behind the length are ignored by the receiver (4.6.2). */
	for (size_t i = 0; i < p.prefix.length; i++)
		p.prefix.address.bytes[i / 8] |= bytes[i / 8] & (0x80 >> i % 8);
	if (a->n_prefixes == ND_PREFIXES_MAX)
		a->dropped++;
	else
		a->prefixes[a->n_prefixes++] = p;
}

static void read_servers(struct reader *r, struct nd_advertisement *a)
{
	rd_skip(r, 2);
	uint32_t lifetime = rd_u32(r);
	while (rd_left(r) >= 16) {
		const uint8_t *bytes = rd_bytes(r, 16);
		if (a->n_dns == ND_DNS_MAX) {
			a->dropped++;
			continue;
		}
		a->dns_lifetime_s[a->n_dns] = lifetime;
		memcpy(a->dns[a->n_dns++].bytes, bytes, 16);
	}
}

static void read_search(struct reader *r, struct nd_advertisement *a)
{
	rd_skip(r, 2);
	uint32_t lifetime = rd_u32(r);
	while (rd_left(r) && *r->at) { /* padded with zeros (RFC 8106 5.2) */
		char name[DOMAIN_TEXT_SIZE];
		if (!domain_read(r, name))
			continue;
		if (a->n_search == ND_SEARCH_MAX) {
			a->dropped++;
			continue;
		}
		a->search_lifetime_s[a->n_search] = lifetime;
		memcpy(a->search[a->n_search++], name, sizeof(name));
	}
}

static void read_option(uint8_t type, struct reader *body, struct nd_advertisement *a)
{
	if (type == OPTION_PREFIX && body->left == 30)
		read_prefix(body, a);
	else if (type == OPTION_RDNSS)
		read_servers(body, a);
	else if (type == OPTION_DNSSL)
		read_search(body, a);
	else if (type == OPTION_MTU && body->left == 6) {
		rd_skip(body, 2);
		a->mtu = rd_u32(body);
	}
}

int nd_read_advertisement(const struct ip6_packet *p, struct nd_advertisement *ret)
{
	if (p->type != ND_ROUTER_ADVERTISEMENT || !nd_is_sound(p))
		return -EBADMSG;
	*ret = (struct nd_advertisement){ 0 };
	struct reader r = p->body, body;
	ret->hop_limit = rd_u8(&r);
	uint8_t flags = rd_u8(&r), type;
	ret->managed = flags & FLAG_MANAGED;
	ret->other = flags & FLAG_OTHER;
	ret->lifetime_s = rd_u16(&r);
	ret->reachable_ms = rd_u32(&r);
	ret->retransmit_ms = rd_u32(&r);
	while (next_option(&r, &type, &body))
		read_option(type, &body, ret);
	return 0;
}

static void write_prefix(struct writer *w, const struct nd_prefix *p)
{
	wr_u8(w, OPTION_PREFIX);
	wr_u8(w, 4);
	wr_u8(w, p->prefix.length);
	wr_u8(w, (uint8_t)((p->on_link ? FLAG_ON_LINK : 0) | (p->autonomous ? FLAG_AUTONOMOUS : 0)));
	wr_u32(w, p->valid_s);
	wr_u32(w, p->preferred_s);
	wr_u32(w, 0);
	wr_bytes(w, p->prefix.address.bytes, 16);
}

static void write_mtu(struct writer *w, uint32_t mtu)
{
	wr_u8(w, OPTION_MTU);
	wr_u8(w, 1);
	wr_u16(w, 0);
	wr_u32(w, mtu);
}

static void write_servers(struct writer *w, const struct nd_advertisement *a)
{
	wr_u8(w, OPTION_RDNSS);
	wr_u8(w, (uint8_t)(1 + 2 * a->n_dns));
	wr_u16(w, 0);
	wr_u32(w, a->dns_lifetime_s[0]);
	for (size_t i = 0; i < a->n_dns; i++)
		wr_bytes(w, a->dns[i].bytes, 16);
}

/* Padded to whole units. What does not fit into one packet fails the writer. */
static void write_search(struct writer *w, const struct nd_advertisement *a)
{
	size_t start = w->length;
	wr_u8(w, OPTION_DNSSL);
	wr_u8(w, 0);
	wr_u16(w, 0);
	wr_u32(w, a->search_lifetime_s[0]);
	for (size_t i = 0; i < a->n_search; i++)
		domain_write(w, a->search[i]);
	wr_zero(w, (OPTION_UNIT - (w->length - start) % OPTION_UNIT) % OPTION_UNIT);
	if (!wr_failed(w))
		w->data[start + 1] = (uint8_t)((w->length - start) / OPTION_UNIT);
}

void nd_write_advertisement(struct ip6_output *out, const struct ip_address *source,
        const struct ip_address *destination, const struct nd_advertisement *a)
{
	struct writer w = wr_make(IP6_LINK_PACKET_MAX);
	ip6_begin_icmp(&w, source, destination, 255, ND_ROUTER_ADVERTISEMENT);
	wr_u8(&w, a->hop_limit);
	wr_u8(&w, (uint8_t)((a->managed ? FLAG_MANAGED : 0) | (a->other ? FLAG_OTHER : 0)));
	wr_u16(&w, a->lifetime_s);
	wr_u32(&w, a->reachable_ms);
	wr_u32(&w, a->retransmit_ms);
	if (a->mtu)
		write_mtu(&w, a->mtu);
	for (size_t i = 0; i < a->n_prefixes; i++)
		write_prefix(&w, &a->prefixes[i]);
	if (a->n_dns)
		write_servers(&w, a);
	if (a->n_search)
		write_search(&w, a);
	ip6_finish(&w, out);
	wr_free(&w);
}

void nd_write_solicitation(struct ip6_output *out, const struct ip_address *source)
{
	struct writer w = wr_make(IP6_LINK_PACKET_MAX);
	ip6_begin_icmp(&w, source, &ip6_all_routers, 255, ND_ROUTER_SOLICITATION);
	wr_u32(&w, 0);
	ip6_finish(&w, out);
	wr_free(&w);
}

void nd_answer_solicitation(
        struct ip6_output *out, const struct ip6_packet *p, const struct ip_address *target, bool router)
{
	struct writer w = wr_make(IP6_LINK_PACKET_MAX);
	bool probe = nd_is_unspecified(&p->source); /* duplicate address detection (RFC 4861 7.2.4) */
	ip6_begin_icmp(&w, target, probe ? &ip6_all_nodes : &p->source, 255, ND_NEIGHBOR_ADVERTISEMENT);
	wr_u32(&w, (router ? NA_ROUTER : 0) | (probe ? 0 : NA_SOLICITED) | NA_OVERRIDE);
	wr_bytes(&w, target->bytes, 16);
	ip6_finish(&w, out);
	wr_free(&w);
}
