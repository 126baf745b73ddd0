/* SPDX-License-Identifier: ISC */
/* What a client makes of Advertise and Reply: RFC 8415 16.3, 16.10, 18.2.9 and 18.2.10. */
#include "proto/dhcp6/client.h"

#include <string.h>

#define FOREVER INT64_MAX
#define INFORMATION_REFRESH_MS 86400000 /* IRT_DEFAULT (7.6) */

static time_ms until(time_ms now, uint32_t lifetime_s)
{
	return lifetime_s == DHCP6_INFINITE ? FOREVER : now + (time_ms)lifetime_s * 1000;
}

static bool is_usable(const struct dhcp6_item *i, bool is_prefix)
{
	const struct ip_address *a = &i->prefix.address;
	bool global = a->bytes[0] != 0xff && !ip_is_link_local(a) && (a->bytes[0] || a->bytes[1]);
	return !i->status && global && i->preferred_s <= i->valid_s && i->prefix.length > 0 &&
	        (!is_prefix || i->prefix.length <= 64);
}

/* The IA of ours; one whose T1 is beyond its T2 is not taken (21.4, 21.21). */
static const struct dhcp6_ia *find_ia(
        const struct dhcp6_client *c, const struct dhcp6_message *m, bool is_prefix)
{
	for (size_t i = 0; i < m->n_ias; i++) {
		const struct dhcp6_ia *ia = &m->ias[i];
		if (ia->option == (is_prefix ? DHCP6_OPTION_IA_PD : DHCP6_OPTION_IA_NA) &&
		        ia->iaid == c->config.iaid && !(ia->t2_s && ia->t1_s > ia->t2_s))
			return ia;
	}
	return NULL;
}

static size_t offered(const struct dhcp6_ia *ia, bool is_prefix, struct ip_prefix *items, size_t most)
{
	size_t n = 0;
	for (size_t i = 0; ia && !ia->status && i < ia->n_items && n < most; i++)
		if (is_usable(&ia->items[i], is_prefix) && ia->items[i].valid_s)
			items[n++] = ia->items[i].prefix;
	return n;
}

static void note_refusal(struct dhcp6_client *c, const struct dhcp6_message *m)
{
	uint16_t status = m->status;
	for (size_t i = 0; i < m->n_ias && !status; i++)
		status = m->ias[i].status;
	c->refused = status ? status : DHCP6_UNSPEC_FAIL;
	c->config.counters->failed++;
}

/* 18.2.9. One that offers nothing of what is wanted is as if it had not come. */
static void advertised(struct dhcp6_client *c, const struct dhcp6_message *m, time_ms now, uint64_t random)
{
	c->config.counters->advertises++;
	if (c->state != DHCP6_SOLICITING)
		return;
	struct ip_prefix prefixes[DHCP6_PREFIXES_MAX], addresses[DHCP6_ADDRESSES_MAX];
	const struct dhcp6_ia *pd = find_ia(c, m, true), *na = find_ia(c, m, false);
	size_t n_prefixes = c->config.want_prefix ? offered(pd, true, prefixes, DHCP6_PREFIXES_MAX) : 0;
	size_t n_addresses = c->config.want_address ? offered(na, false, addresses, DHCP6_ADDRESSES_MAX) : 0;
	if (m->status || n_prefixes + n_addresses == 0) {
		note_refusal(c, m);
		return;
	}
	memcpy(c->offered, prefixes, n_prefixes * sizeof(prefixes[0]));
	memcpy(c->offered_addresses, addresses, n_addresses * sizeof(addresses[0]));
	c->n_offered = n_prefixes;
	c->n_offered_addresses = n_addresses;
	c->server = m->server;
	dhcp6_client_enter(c, DHCP6_REQUESTING, now, random);
}

/* Adds, refreshes, or with a lifetime of zero removes (18.2.10.1); true if it is a change of what is held. */
static bool take_item(struct dhcp6_client *c, struct dhcp6_client_prefix *held, size_t *n, size_t most,
        const struct dhcp6_item *i, time_ms now)
{
	struct dhcp6_client_prefix new = { i->prefix, until(now, i->preferred_s), until(now, i->valid_s) };
	for (size_t k = 0; k < *n; k++) {
		if (held[k].prefix.length != i->prefix.length ||
		        !ip_equal(&held[k].prefix.address, &i->prefix.address))
			continue;
		held[k] = new;
		if (!i->valid_s)
			held[k] = held[--*n];
		return !i->valid_s;
	}
	if (!i->valid_s)
		return false;
	if (*n == most) {
		c->config.counters->too_many++;
		return false;
	}
	held[(*n)++] = new;
	return true;
}

/* T1 and T2 of all IAs: the earliest. Zero leaves them to us: 0.5 and 0.8 of the shortest preferred lifetime.
 */
struct times {
	uint32_t t1_s, t2_s, preferred_s;
};

static void take_times(struct times *t, const struct dhcp6_ia *ia)
{
	if (ia->t1_s)
		t->t1_s = MIN(t->t1_s, ia->t1_s);
	if (ia->t2_s)
		t->t2_s = MIN(t->t2_s, ia->t2_s);
}

static bool take_ia(
        struct dhcp6_client *c, const struct dhcp6_message *m, bool is_prefix, struct times *t, time_ms now)
{
	bool changed = false;
	const struct dhcp6_ia *ia = find_ia(c, m, is_prefix);
	if (!ia || ia->status || !(is_prefix ? c->config.want_prefix : c->config.want_address))
		return false;
	take_times(t, ia);
	for (size_t i = 0; i < ia->n_items; i++) {
		const struct dhcp6_item *item = &ia->items[i];
		if (!is_usable(item, is_prefix))
			continue;
		if (item->preferred_s)
			t->preferred_s = MIN(t->preferred_s, item->preferred_s);
		changed |= is_prefix
		        ? take_item(c, c->prefixes, &c->n_prefixes, DHCP6_PREFIXES_MAX, item, now)
		        : take_item(c, c->addresses, &c->n_addresses, DHCP6_ADDRESSES_MAX, item, now);
	}
	return changed;
}

/* The lists replace those before where the answer has any. */
static bool take_configuration(struct dhcp6_client *c, const struct dhcp6_message *m)
{
	bool changed = false;
	if (m->n_dns) {
		changed = c->n_dns != m->n_dns || memcmp(c->dns, m->dns, m->n_dns * sizeof(m->dns[0])) != 0;
		memcpy(c->dns, m->dns, sizeof(c->dns));
		c->n_dns = m->n_dns;
	}
	if (m->n_search) {
		bool same = c->n_search == m->n_search;
		for (size_t i = 0; i < m->n_search && same; i++)
			same = strcmp(c->search[i], m->search[i]) == 0;
		memcpy(c->search, m->search, sizeof(c->search));
		c->n_search = m->n_search;
		changed |= !same;
	}
	return changed;
}

static time_ms renewal(time_ms now, uint32_t given_s, const struct times *t, uint32_t tenths)
{
	if (given_s != UINT32_MAX)
		return now + (time_ms)given_s * 1000;
	return t->preferred_s == UINT32_MAX ? FOREVER : now + (time_ms)t->preferred_s * 100 * tenths;
}

/* A Reply that gives: to Solicit with Rapid Commit, Request, Renew or Rebind. */
static bool given(struct dhcp6_client *c, const struct dhcp6_message *m, time_ms now, uint64_t random)
{
	struct times t = { UINT32_MAX, UINT32_MAX, UINT32_MAX };
	bool changed = take_ia(c, m, true, &t, now);
	changed |= take_ia(c, m, false, &t, now);
	bool no_binding = false, renews = c->state == DHCP6_RENEWING || c->state == DHCP6_REBINDING;
	for (size_t i = 0; i < m->n_ias; i++)
		no_binding |= m->ias[i].status == DHCP6_NO_BINDING && m->ias[i].iaid == c->config.iaid;
	if (renews && no_binding) { /* 18.2.10.1: ask this server for them */
		dhcp6_client_offer_held(c);
		c->server = m->server;
		dhcp6_client_enter(c, DHCP6_REQUESTING, now, random);
		return changed;
	}
	if (c->n_prefixes + c->n_addresses == 0) {
		note_refusal(c, m);
		if (c->state != DHCP6_SOLICITING) /* else it goes on as it was, with its back-off */
			dhcp6_client_enter(c, DHCP6_SOLICITING, now, random);
		if (c->sent == 0)
			c->due = now + 1000; /* not at once again */
		return changed;
	}
	if (renews && t.preferred_s == UINT32_MAX && t.t1_s == UINT32_MAX && !changed)
		return take_configuration(c, m); /* it renewed nothing: go on asking */
	changed |= take_configuration(c, m);
	c->server = m->server;
	c->refused = 0;
	dhcp6_client_enter(c, DHCP6_BOUND, now, random);
	c->t1 = renewal(now, t.t1_s, &t, 5);
	c->t2 = MAX(renewal(now, t.t2_s, &t, 8), c->t1);
	return changed;
}

static bool replied(struct dhcp6_client *c, const struct dhcp6_message *m, time_ms now, uint64_t random)
{
	c->config.counters->replies++;
	switch (c->state) {
	case DHCP6_SOLICITING:
		if (!m->rapid_commit || !c->config.rapid_commit) { /* 18.2.1 */
			c->config.counters->ignored++;
			return false;
		}
		break;
	case DHCP6_RELEASING:
		dhcp6_client_enter(c, DHCP6_IDLE, now, random);
		return false;
	case DHCP6_INFORMING:
		dhcp6_client_enter(c, DHCP6_INFORMED, now, random);
		c->t1 = now + INFORMATION_REFRESH_MS;
		return take_configuration(c, m);
	case DHCP6_REQUESTING:
	case DHCP6_RENEWING:
	case DHCP6_REBINDING:
		break;
	default:
		c->config.counters->ignored++;
		return false;
	}
	if (m->status) { /* the exchange goes on, and ends by its own limits */
		note_refusal(c, m);
		return false;
	}
	return given(c, m, now, random);
}

/* 16.3, 16.10: it is ours, answers what we asked, and a server says who it is. */
static bool is_answer(const struct dhcp6_client *c, const struct ip6_packet *p, const struct dhcp6_message *m)
{
	return m->server.length && m->client.length == c->config.duid.length &&
	        memcmp(m->client.bytes, c->config.duid.bytes, m->client.length) == 0 && m->xid == c->xid &&
	        c->sent && ip_equal(&p->destination, &c->config.link_local);
}

bool dhcp6_client_receive(struct dhcp6_client *c, const uint8_t *packet, size_t length, time_ms now,
        uint64_t random, struct ip6_output *out)
{
	struct ip6_packet p;
	struct dhcp6_message m;
	struct dhcp6_counters *n = c->config.counters;
	out->length = 0;
	if (ip6_parse(packet, length, &p) < 0 || p.protocol != IP6_UDP || !rd_left(&p.body)) {
		n->malformed++;
		return false;
	}
	if (*p.body.at == DHCP6_RECONFIGURE) { /* we never said that we accept it */
		n->refused_reconfigure++;
		return false;
	}
	if (*p.body.at != DHCP6_ADVERTISE && *p.body.at != DHCP6_REPLY) {
		n->ignored++;
		return false;
	}
	if (p.destination_port != DHCP6_CLIENT_PORT || dhcp6_read(p.body, &m) < 0) {
		n->malformed++;
		return false;
	}
	if (!is_answer(c, &p, &m)) {
		n->ignored++;
		return false;
	}
	n->too_many += m.dropped;
	if (m.sol_max_rt_s)
		c->sol_max_rt_ms = (int64_t)m.sol_max_rt_s * 1000;
	if (m.inf_max_rt_s)
		c->inf_max_rt_ms = (int64_t)m.inf_max_rt_s * 1000;
	bool changed = false;
	if (m.type == DHCP6_ADVERTISE)
		advertised(c, &m, now, random);
	else
		changed = replied(c, &m, now, random);
	return dhcp6_client_run(c, now, random, out) || changed;
}
