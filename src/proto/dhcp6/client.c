/* SPDX-License-Identifier: ISC */
/* The client's exchanges of RFC 8415: sections 15 (retransmission) and 18.2. The link has one server, so an
 * Advertise is taken at once, and nobody needs the delay before the first Solicit. */
#include "proto/dhcp6/client.h"

#include <string.h>

#define FOREVER INT64_MAX

/* What a state sends, and its IRT, MRT, MRC (7.6). MRD is the state's end: T2, or the last lifetime. */
static const struct {
	int64_t irt_ms, mrt_ms; /* mrt 0: no limit, or the server's SOL_MAX_RT and INF_MAX_RT */
	unsigned mrc;           /* 0: no limit */
	uint8_t message;
} exchanges[DHCP6_N_STATES] = {
	[DHCP6_SOLICITING] = { 1000, 0, 0, DHCP6_SOLICIT },
	[DHCP6_REQUESTING] = { 1000, 30000, 10, DHCP6_REQUEST },
	[DHCP6_RENEWING] = { 10000, 600000, 0, DHCP6_RENEW },
	[DHCP6_REBINDING] = { 10000, 600000, 0, DHCP6_REBIND },
	[DHCP6_RELEASING] = { 1000, 0, 4, DHCP6_RELEASE },
	[DHCP6_INFORMING] = { 1000, 0, 0, DHCP6_INFORMATION_REQUEST },
};

/* Begins an exchange: its first message is due now. */
void dhcp6_client_enter(struct dhcp6_client *c, enum dhcp6_client_state state, time_ms now, uint64_t random)
{
	c->state = state;
	c->sent = 0;
	c->rt_ms = 0;
	c->began = now;
	c->due = exchanges[state].message ? now : FOREVER;
	c->xid = (uint32_t)(random >> 40);
}

void dhcp6_client_start(
        struct dhcp6_client *c, const struct dhcp6_client_config *config, time_ms now, uint64_t random)
{
	*c = (struct dhcp6_client){ .config = *config };
	c->sol_max_rt_ms = c->inf_max_rt_ms = DHCP6_MAX_RT_MS;
	bool leases = config->want_prefix || config->want_address;
	dhcp6_client_enter(c, leases ? DHCP6_SOLICITING : DHCP6_INFORMING, now, random);
}

static int64_t maximum_rt(const struct dhcp6_client *c)
{
	if (c->state == DHCP6_SOLICITING)
		return c->sol_max_rt_ms;
	return c->state == DHCP6_INFORMING ? c->inf_max_rt_ms : exchanges[c->state].mrt_ms;
}

/* Section 15. RAND is in [-0.1, 0.1]; of the first Solicit above 0 (18.2.1). */
static void back_off(struct dhcp6_client *c, time_ms now, uint64_t random)
{
	int64_t jitter = (int64_t)((random & 0xffffffff) % 2001) - 1000; /* 1/10000 */
	int64_t irt = exchanges[c->state].irt_ms, mrt = maximum_rt(c);
	if (c->rt_ms == 0 && c->state == DHCP6_SOLICITING && jitter <= 0)
		jitter = 1 - jitter;
	int64_t rt = c->rt_ms ? 2 * c->rt_ms + c->rt_ms * jitter / 10000 : irt + irt * jitter / 10000;
	if (mrt && rt > mrt)
		rt = mrt + mrt * jitter / 10000;
	c->rt_ms = rt;
	c->due = now + rt;
}

static void write_ia(struct writer *w, const struct dhcp6_client *c, bool is_prefix)
{
	const struct dhcp6_client_config *config = &c->config;
	if (!(is_prefix ? config->want_prefix : config->want_address))
		return;
	size_t at = dhcp6_open(w, is_prefix ? DHCP6_OPTION_IA_PD : DHCP6_OPTION_IA_NA);
	wr_u32(w, config->iaid);
	wr_u32(w, 0);
	wr_u32(w, 0);
	if (c->state == DHCP6_SOLICITING && is_prefix && config->hint.length)
		dhcp6_write_item(w, &config->hint, true, 0, 0);
	for (size_t i = 0; c->state != DHCP6_SOLICITING && is_prefix && i < c->n_offered; i++)
		dhcp6_write_item(w, &c->offered[i], true, 0, 0);
	for (size_t i = 0; c->state != DHCP6_SOLICITING && !is_prefix && i < c->n_offered_addresses; i++)
		dhcp6_write_item(w, &c->offered_addresses[i], false, 0, 0);
	dhcp6_close(w, at);
}

static void write_elapsed(struct writer *w, const struct dhcp6_client *c, time_ms now)
{
	size_t at = dhcp6_open(w, DHCP6_OPTION_ELAPSED_TIME);
	wr_u16(w, (uint16_t)MIN((now - c->began) / 10, 0xffff));
	dhcp6_close(w, at);
}

static void write_wishes(struct writer *w, bool information)
{
	size_t at = dhcp6_open(w, DHCP6_OPTION_ORO);
	wr_u16(w, DHCP6_OPTION_DNS_SERVERS);
	wr_u16(w, DHCP6_OPTION_DOMAIN_LIST);
	wr_u16(w, information ? DHCP6_OPTION_INF_MAX_RT : DHCP6_OPTION_SOL_MAX_RT); /* 21.24, 21.25: always */
	dhcp6_close(w, at);
}

static void send_message(struct dhcp6_client *c, time_ms now, uint64_t random, struct ip6_output *out)
{
	uint8_t message = exchanges[c->state].message;
	struct writer w = wr_make(IP6_LINK_PACKET_MAX);
	ip6_begin_udp(&w, &c->config.link_local, DHCP6_CLIENT_PORT, &ip6_all_dhcp, DHCP6_SERVER_PORT);
	dhcp6_begin(&w, message, c->xid);
	dhcp6_write_duid(&w, DHCP6_OPTION_CLIENTID, &c->config.duid);
	if (message == DHCP6_REQUEST || message == DHCP6_RENEW || message == DHCP6_RELEASE)
		dhcp6_write_duid(&w, DHCP6_OPTION_SERVERID, &c->server);
	write_elapsed(&w, c, now);
	if (message == DHCP6_SOLICIT && c->config.rapid_commit)
		dhcp6_close(&w, dhcp6_open(&w, DHCP6_OPTION_RAPID_COMMIT));
	if (message != DHCP6_RELEASE)
		write_wishes(&w, message == DHCP6_INFORMATION_REQUEST);
	if (message != DHCP6_INFORMATION_REQUEST) {
		write_ia(&w, c, true);
		write_ia(&w, c, false);
	}
	ip6_finish(&w, out);
	wr_free(&w);
	c->sent++;
	c->config.counters->sent++;
	back_off(c, now, random);
}

static bool has_leases(const struct dhcp6_client *c)
{
	return c->n_prefixes + c->n_addresses > 0;
}

time_ms dhcp6_client_due(const struct dhcp6_client *c)
{
	time_ms due = c->due;
	if (c->state == DHCP6_BOUND || c->state == DHCP6_INFORMED)
		due = MIN(due, c->t1);
	if (c->state == DHCP6_BOUND || c->state == DHCP6_RENEWING)
		due = MIN(due, c->t2);
	for (size_t i = 0; i < c->n_prefixes; i++)
		due = MIN(due, c->prefixes[i].valid_until);
	for (size_t i = 0; i < c->n_addresses; i++)
		due = MIN(due, c->addresses[i].valid_until);
	return due;
}

static size_t expire(struct dhcp6_client_prefix *items, size_t n, time_ms now)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (now < items[i].valid_until)
			items[kept++] = items[i];
	return kept;
}

/* The states that end by time. */
static void advance(struct dhcp6_client *c, time_ms now, uint64_t random)
{
	enum dhcp6_client_state s = c->state;
	bool holds = s == DHCP6_BOUND || s == DHCP6_RENEWING || s == DHCP6_REBINDING;
	if (holds && !has_leases(c))
		dhcp6_client_enter(c, DHCP6_SOLICITING, now, random);
	else if ((s == DHCP6_BOUND || s == DHCP6_RENEWING) && now >= c->t2)
		dhcp6_client_enter(c, DHCP6_REBINDING, now, random);
	else if (s == DHCP6_BOUND && now >= c->t1)
		dhcp6_client_enter(c, DHCP6_RENEWING, now, random);
	else if (s == DHCP6_INFORMED && now >= c->t1)
		dhcp6_client_enter(c, DHCP6_INFORMING, now, random);
	else if (exchanges[s].mrc && c->sent >= exchanges[s].mrc && now >= c->due)
		dhcp6_client_enter(c, s == DHCP6_REQUESTING ? DHCP6_SOLICITING : DHCP6_IDLE, now, random);
}

bool dhcp6_client_run(struct dhcp6_client *c, time_ms now, uint64_t random, struct ip6_output *out)
{
	out->length = 0;
	size_t before = c->n_prefixes + c->n_addresses;
	c->n_prefixes = expire(c->prefixes, c->n_prefixes, now);
	c->n_addresses = expire(c->addresses, c->n_addresses, now);
	advance(c, now, random);
	if (c->sent == 0 && (c->state == DHCP6_RENEWING || c->state == DHCP6_REBINDING))
		dhcp6_client_offer_held(c);
	if (now >= c->due)
		send_message(c, now, random, out);
	return before != c->n_prefixes + c->n_addresses;
}

void dhcp6_client_offer_held(struct dhcp6_client *c)
{
	for (c->n_offered = 0; c->n_offered < c->n_prefixes; c->n_offered++)
		c->offered[c->n_offered] = c->prefixes[c->n_offered].prefix;
	for (c->n_offered_addresses = 0; c->n_offered_addresses < c->n_addresses; c->n_offered_addresses++)
		c->offered_addresses[c->n_offered_addresses] = c->addresses[c->n_offered_addresses].prefix;
}

void dhcp6_client_release(struct dhcp6_client *c, time_ms now, uint64_t random, struct ip6_output *out)
{
	out->length = 0;
	if (!has_leases(c)) {
		dhcp6_client_enter(c, DHCP6_IDLE, now, random);
		return;
	}
	dhcp6_client_offer_held(c);
	c->n_prefixes = c->n_addresses = 0;
	dhcp6_client_enter(c, DHCP6_RELEASING, now, random);
	send_message(c, now, random, out);
}
