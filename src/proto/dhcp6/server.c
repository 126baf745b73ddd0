/* SPDX-License-Identifier: ISC */
/* The server's part of RFC 8415: sections 16 (what is discarded), 18.3 (answers) and 21.22 (IA_PD). */
#include "proto/dhcp6/wire.h"

#include <string.h>

#define PREFERENCE_AT_ONCE 255 /* 18.2.1: the client need not wait for others, of which there are none */

void dhcp6_server_start(struct dhcp6_server *s)
{
	*s = (struct dhcp6_server){ 0 };
}

/* FNV-1a; a collision would only let a link's own client be taken for its predecessor. */
static uint64_t duid_digest(const struct dhcp6_duid *d)
{
	uint64_t h = 0xcbf29ce484222325;
	for (size_t i = 0; i < d->length; i++)
		h = (h ^ d->bytes[i]) * 0x100000001b3;
	return h;
}

/* One message and its answer. */
struct exchange {
	struct dhcp6_server *s;
	const struct dhcp6_server_config *c;
	const struct ip6_packet *p;
	const struct dhcp6_message *m;
	time_ms now;
	uint8_t answer;  /* message type */
	uint16_t status; /* of the whole answer */
	bool bind;       /* the client has it when it reads the answer */
	enum dhcp6_server_event event;
	bool pd_given, na_given; /* to an IA of this message */
	bool search;
};

static bool *given_flag(struct exchange *x, bool is_prefix)
{
	return is_prefix ? &x->pd_given : &x->na_given;
}

static bool is_ours(const struct dhcp6_server_config *c, const struct dhcp6_item *i, bool is_prefix)
{
	for (size_t k = 0; is_prefix && k < c->n_delegated; k++)
		if (c->delegated[k].length == i->prefix.length &&
		        ip_equal(&c->delegated[k].address, &i->prefix.address))
			return true;
	for (size_t k = 0; !is_prefix && k < c->n_addresses; k++)
		if (ip_equal(&c->addresses[k], &i->prefix.address))
			return true;
	return false;
}

static uint32_t part_of(uint32_t lifetime_s, uint32_t tenths)
{
	return lifetime_s == DHCP6_INFINITE ? DHCP6_INFINITE : (uint32_t)((uint64_t)lifetime_s * tenths / 10);
}

static void write_items(struct writer *w, const struct dhcp6_server_config *c, bool is_prefix)
{
	uint32_t preferred = MIN(c->preferred_s, c->valid_s);
	for (size_t i = 0; is_prefix && i < MIN(c->n_delegated, DHCP6_PREFIXES_MAX); i++)
		dhcp6_write_item(w, &c->delegated[i], true, preferred, c->valid_s);
	for (size_t i = 0; !is_prefix && i < MIN(c->n_addresses, DHCP6_ADDRESSES_MAX); i++)
		dhcp6_write_item(
		        w, &(struct ip_prefix){ c->addresses[i], 128 }, false, preferred, c->valid_s);
}

/* Renew and Rebind (18.3.4, 18.3.5): what the client has and should not have gets lifetimes of zero. */
static void write_foreign(
        struct writer *w, const struct dhcp6_server_config *c, const struct dhcp6_ia *ia, bool is_prefix)
{
	for (size_t i = 0; i < ia->n_items; i++)
		if (!is_ours(c, &ia->items[i], is_prefix))
			dhcp6_write_item(w, &ia->items[i].prefix, is_prefix, 0, 0);
}

static void record_binding(struct exchange *x, const struct dhcp6_ia *ia, bool is_prefix)
{
	struct dhcp6_server *s = x->s;
	if (!x->bind)
		return;
	uint64_t client = duid_digest(&x->m->client);
	if (s->client != client)
		s->pd_bound = s->na_bound = false;
	s->client = client;
	s->until = x->c->valid_s == DHCP6_INFINITE ? INT64_MAX : x->now + (time_ms)x->c->valid_s * 1000;
	*(is_prefix ? &s->pd_bound : &s->na_bound) = true;
	*(is_prefix ? &s->iaid_pd : &s->iaid_na) = ia->iaid;
	x->event = DHCP6_SERVER_BOUND;
}

static void write_ia(struct writer *w, struct exchange *x, const struct dhcp6_ia *ia)
{
	const struct dhcp6_server_config *c = x->c;
	bool is_prefix = ia->option == DHCP6_OPTION_IA_PD, *given = given_flag(x, is_prefix);
	bool has = !*given && (is_prefix ? c->n_delegated : c->n_addresses) > 0;
	uint32_t preferred = MIN(c->preferred_s, c->valid_s);
	size_t at = dhcp6_open(w, ia->option);
	wr_u32(w, ia->iaid);
	wr_u32(w, has ? part_of(preferred, 5) : 0);
	wr_u32(w, has ? part_of(preferred, 8) : 0);
	if (has) {
		*given = true;
		write_items(w, c, is_prefix);
		record_binding(x, ia, is_prefix);
	} else {
		c->counters->no_prefix_sent++;
		dhcp6_write_status(w, is_prefix ? DHCP6_NO_PREFIX_AVAIL : DHCP6_NO_ADDRS_AVAIL,
		        is_prefix ? "no prefix for this session" : "no address for this session");
	}
	if (x->m->type == DHCP6_RENEW || x->m->type == DHCP6_REBIND)
		write_foreign(w, c, ia, is_prefix);
	dhcp6_close(w, at);
}

/* Release (18.3.7): an IA that is not bound is told so. */
static void release_ia(struct writer *w, struct exchange *x, const struct dhcp6_ia *ia)
{
	struct dhcp6_server *s = x->s;
	bool is_prefix = ia->option == DHCP6_OPTION_IA_PD, *bound = is_prefix ? &s->pd_bound : &s->na_bound;
	uint32_t iaid = is_prefix ? s->iaid_pd : s->iaid_na;
	if (*bound && iaid == ia->iaid && s->client == duid_digest(&x->m->client)) {
		*bound = x->m->type == DHCP6_DECLINE;
		if (!*bound)
			x->event = DHCP6_SERVER_RELEASED;
		return;
	}
	x->c->counters->no_binding_sent++;
	size_t at = dhcp6_open(w, ia->option);
	wr_u32(w, ia->iaid);
	wr_u32(w, 0);
	wr_u32(w, 0);
	dhcp6_write_status(w, DHCP6_NO_BINDING, "not bound");
	dhcp6_close(w, at);
}

static void write_configuration(struct writer *w, const struct exchange *x)
{
	const struct dhcp6_message *m = x->m;
	const struct dhcp6_server_config *c = x->c;
	if (c->n_dns && (m->wants_dns || !m->has_oro))
		dhcp6_write_dns(w, c->dns, c->n_dns);
	if (x->search && c->n_search && (m->wants_search || !m->has_oro))
		dhcp6_write_search(w, c->search, MIN(c->n_search, DHCP6_SEARCH_MAX));
	if (c->sol_max_rt_s && m->wants_sol_max_rt)
		dhcp6_write_u32(w, DHCP6_OPTION_SOL_MAX_RT, c->sol_max_rt_s);
}

static void write_answer(struct writer *w, struct exchange *x)
{
	const struct dhcp6_message *m = x->m;
	bool gives = m->type == DHCP6_SOLICIT || m->type == DHCP6_REQUEST || m->type == DHCP6_RENEW ||
	        m->type == DHCP6_REBIND;
	x->pd_given = x->na_given = false;
	ip6_begin_udp(w, &x->c->link_local, DHCP6_SERVER_PORT, &x->p->source, DHCP6_CLIENT_PORT);
	dhcp6_begin(w, x->answer, m->xid);
	dhcp6_write_duid(w, DHCP6_OPTION_SERVERID, x->c->duid);
	if (m->client.length)
		dhcp6_write_duid(w, DHCP6_OPTION_CLIENTID, &m->client);
	if (x->answer == DHCP6_ADVERTISE) {
		size_t at = dhcp6_open(w, DHCP6_OPTION_PREFERENCE);
		wr_u8(w, PREFERENCE_AT_ONCE);
		dhcp6_close(w, at);
	}
	if (x->answer == DHCP6_REPLY && m->type == DHCP6_SOLICIT)
		dhcp6_close(w, dhcp6_open(w, DHCP6_OPTION_RAPID_COMMIT));
	if (m->type == DHCP6_RELEASE || m->type == DHCP6_DECLINE || m->type == DHCP6_CONFIRM || x->status)
		dhcp6_write_status(w, x->status, "");
	for (size_t i = 0; i < m->n_ias && !x->status; i++) {
		if (gives)
			write_ia(w, x, &m->ias[i]);
		else if (m->type == DHCP6_RELEASE || m->type == DHCP6_DECLINE)
			release_ia(w, x, &m->ias[i]);
	}
	if (gives || m->type == DHCP6_INFORMATION_REQUEST)
		write_configuration(w, x);
}

static void answer(struct exchange *x, struct ip6_output *out)
{
	struct writer w = wr_make(IP6_LINK_PACKET_MAX);
	x->search = true;
	write_answer(&w, x);
	ip6_finish(&w, out);
	if (!out->length) { /* too long: prefixes matter more than the search list */
		x->search = false;
		write_answer(&w, x);
		ip6_finish(&w, out);
	}
	wr_free(&w);
	if (!out->length)
		return;
	if (x->answer == DHCP6_ADVERTISE)
		x->c->counters->advertises_sent++;
	else
		x->c->counters->replies_sent++;
}

/* RFC 8415 16: which identifiers a message must and must not carry. */
enum presence { NO, YES, MAY };
static const struct {
	uint8_t client, server;
	bool unicast_told; /* 18.4: sent to our address it is told to use multicast, others are dropped */
	size_t counter;    /* offset of its counter */
} rules[] = {
#define COUNTER(name) offsetof(struct dhcp6_counters, name)
	[DHCP6_SOLICIT] = { YES, NO, false, COUNTER(solicits) },
	[DHCP6_REQUEST] = { YES, YES, true, COUNTER(requests) },
	[DHCP6_CONFIRM] = { YES, NO, false, COUNTER(confirms) },
	[DHCP6_RENEW] = { YES, YES, true, COUNTER(renews) },
	[DHCP6_REBIND] = { YES, NO, false, COUNTER(rebinds) },
	[DHCP6_RELEASE] = { YES, YES, true, COUNTER(releases) },
	[DHCP6_DECLINE] = { YES, YES, true, COUNTER(declines) },
	[DHCP6_INFORMATION_REQUEST] = { MAY, MAY, false, COUNTER(information_requests) },
#undef COUNTER
};

static uint64_t *counter_at(struct dhcp6_counters *c, size_t offset)
{
	return (uint64_t *)(void *)((uint8_t *)c + offset);
}

static bool same_duid(const struct dhcp6_duid *a, const struct dhcp6_duid *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static bool presence_is_right(uint8_t rule, bool present)
{
	return rule == MAY || (rule == YES) == present;
}

/* False: the message is counted as what it is, and gets no answer. */
static bool is_acceptable(
        const struct dhcp6_server_config *c, const struct ip6_packet *p, const struct dhcp6_message *m)
{
	struct dhcp6_counters *n = c->counters;
	uint8_t rule_client = rules[m->type].client, rule_server = rules[m->type].server;
	bool to_group = ip_equal(&p->destination, &ip6_all_dhcp);
	bool to_us = ip_equal(&p->destination, &c->link_local) && rules[m->type].unicast_told;
	if (!presence_is_right(rule_client, m->client.length) ||
	        !presence_is_right(rule_server, m->server.length) ||
	        (m->type == DHCP6_INFORMATION_REQUEST && m->n_ias)) {
		n->malformed++;
		return false;
	}
	if (m->server.length && !same_duid(&m->server, c->duid)) {
		n->other_server++;
		return false;
	}
	if (!to_group && !to_us) {
		n->ignored++;
		return false;
	}
	return true;
}

/* Confirm (18.3.3): whether all its addresses belong to this link; without any there is no answer. */
static bool confirm(struct exchange *x)
{
	size_t addresses = 0;
	for (size_t i = 0; i < x->m->n_ias; i++) {
		const struct dhcp6_ia *ia = &x->m->ias[i];
		for (size_t k = 0; k < ia->n_items && ia->option == DHCP6_OPTION_IA_NA; k++, addresses++)
			if (!is_ours(x->c, &ia->items[k], false))
				x->status = DHCP6_NOT_ON_LINK;
	}
	if (!addresses)
		x->c->counters->ignored++;
	return addresses > 0;
}

static void refuse(const struct dhcp6_server_config *c, uint8_t type)
{
	if (type == DHCP6_ADVERTISE || type == DHCP6_REPLY || type == DHCP6_RECONFIGURE)
		c->counters->refused_server_message++;
	else if (type == DHCP6_RELAY_FORW || type == DHCP6_RELAY_REPL)
		c->counters->refused_relay++;
	else
		c->counters->malformed++;
}

enum dhcp6_server_event dhcp6_server_receive(struct dhcp6_server *s, const struct dhcp6_server_config *c,
        const uint8_t *packet, size_t length, time_ms now, struct ip6_output *out)
{
	struct ip6_packet p;
	struct dhcp6_message m;
	out->length = 0;
	if (ip6_parse(packet, length, &p) < 0 || p.protocol != IP6_UDP || !rd_left(&p.body) ||
	        !ip_is_link_local(&p.source)) {
		c->counters->malformed++;
		return DHCP6_SERVER_NOTHING;
	}
	uint8_t type = *p.body.at;
	if (type >= ARRAY_LENGTH(rules) || !rules[type].client) {
		refuse(c, type);
		return DHCP6_SERVER_NOTHING;
	}
	if (p.destination_port != DHCP6_SERVER_PORT || dhcp6_read(p.body, &m) < 0) {
		c->counters->malformed++;
		return DHCP6_SERVER_NOTHING;
	}
	c->counters->too_many += m.dropped;
	++*counter_at(c->counters, rules[type].counter);
	if (!is_acceptable(c, &p, &m))
		return DHCP6_SERVER_NOTHING;
	struct exchange x = { .s = s, .c = c, .p = &p, .m = &m, .now = now, .answer = DHCP6_REPLY };
	if (!ip_equal(&p.destination, &ip6_all_dhcp))
		x.status = DHCP6_USE_MULTICAST;
	else if (type == DHCP6_CONFIRM && !confirm(&x))
		return DHCP6_SERVER_NOTHING;
	if (type == DHCP6_SOLICIT && !(m.rapid_commit && c->rapid_commit && c->n_delegated + c->n_addresses))
		x.answer = DHCP6_ADVERTISE; /* also where there is nothing to commit (18.3.1) */
	x.bind = x.answer == DHCP6_REPLY;
	answer(&x, out);
	return x.event;
}
