/* SPDX-License-Identifier: ISC */
#include "softwire/api.h"
#include "softwire/concentrator.h"
#include "softwire/initiator.h"

#include <stdio.h>
#include <string.h>

json_t *api_text(const char *text)
{
	if (!text || !*text)
		return json_null();
	json_t *j = json_string(text);
	if (j)
		return j;
	char *plain FREE_ON_EXIT = xstrdup(text);
	for (char *p = plain; *p; p++)
		if (*p & 0x80)
			*p = '?';
	return json_string(plain);
}

static json_t *address(const struct ip_address *a)
{
	char text[IP_TEXT_SIZE];
	return json_string(ip_format(a, text));
}

static json_t *time_of(time_ms wall)
{
	char text[CLOCK_TEXT_SIZE];
	return wall ? json_string(clock_format(wall, text)) : json_null();
}

static json_t *prefixes(const struct ip_prefix *list, size_t n)
{
	char text[IP_TEXT_SIZE];
	json_t *j = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(j, json_string(ip_prefix_format(&list[i], text)));
	return j;
}

static void put_integer(json_t *j, const char *name, uint64_t value)
{
	json_object_set_new(j, name, json_integer((json_int_t)value));
}

static void put_usage(json_t *j, const struct session *s)
{
	put_integer(j, "bytes_in", s->usage.in_bytes);
	put_integer(j, "bytes_out", s->usage.out_bytes);
	put_integer(j, "packets_in", s->usage.in_packets);
	put_integer(j, "packets_out", s->usage.out_packets);
	put_integer(j, "speed_in", s->speed_in);
	put_integer(j, "speed_out", s->speed_out);
	put_integer(j, "spoofed", s->usage.spoofed);
}

static const char *protection(const struct association *a)
{
	static const char *const texts[] = { "IPsec", "IPsec, certificate", "IPsec, pre-shared key",
		"IPsec, EAP" };
	return !a ? "clear" : texts[a->authentication < ARRAY_LENGTH(texts) ? a->authentication : 0];
}

static void put_details(json_t *j, const struct session *s)
{
	const struct assignment *a = &s->assignment;
	char id[24], mac[MAC_TEXT_SIZE], path[2 * IP_TEXT_SIZE + 32], local[IP_TEXT_SIZE],
	        remote[IP_TEXT_SIZE];
	snprintf(id, sizeof(id), "%u/%u", s->peer_tunnel, s->peer_session);
	snprintf(path, sizeof(path), "%s port %u to %s port %u", ip_format(&s->path.local, local),
	        s->path.local_port, ip_format(&s->path.remote, remote), s->path.remote_port);
	json_object_set_new(j, "peer_id", json_string(id));
	json_object_set_new(j, "path", json_string(path));
	json_object_set_new(j, "mac", json_string(mac_format(&s->mac, mac)));
	json_object_set_new(j, "account", api_text(s->account ? aaa_account_id(s->account) : NULL));
	json_object_set_new(j, "segment_wanted_by_aaa", api_text(s->wanted_segment));
	json_object_set_new(
	        j, "routes", prefixes(a->prefixes + (assignment_count(a) - a->n_routes), a->n_routes));
	put_integer(j, "association", s->path.association);
	put_integer(j, "mtu", MIN(s->mtu, ppp_mtu(s->link)));
	put_integer(j, "rate_limit_in", s->rate_in);
	put_integer(j, "rate_limit_out", s->rate_out);
	put_integer(j, "limited", s->usage.limited);
	put_integer(j, "dropped", s->usage.dropped);
	if (s->until)
		json_object_set_new(j, "until", time_of(clock_wall_ms() + s->until - clock_monotonic_ms()));
}

json_t *api_session(const struct session *s, bool details)
{
	const struct assignment *a = &s->assignment;
	char id[24];
	json_t *j = json_object(), *v6 = prefixes(a->prefixes, a->n_framed), *single;
	snprintf(id, sizeof(id), "%u/%u", s->tunnel, s->session);
	single = prefixes(a->n_addresses ? assignment_addresses(a) : NULL, a->n_addresses);
	json_array_extend(v6, single);
	json_decref(single);
	json_object_set_new(j, "port", api_text(s->port));
	json_object_set_new(j, "id", json_string(id));
	json_object_set_new(j, "user", api_text(s->user));
	json_object_set_new(j, "machine", api_text(s->machine));
	json_object_set_new(j, "outer", address(&s->path.remote));
	json_object_set_new(j, "ipv4", s->ipv4 && a->ipv4 ? address(&a->ipv4_address) : json_null());
	json_object_set_new(j, "ipv6", s->ipv6 ? json_incref(v6) : json_array());
	json_object_set_new(
	        j, "delegated", prefixes(a->n_delegated ? assignment_delegated(a) : NULL, a->n_delegated));
	json_object_set_new(j, "segment", api_text(s->segment));
	json_object_set_new(j, "protection",
	        json_string(protection(control_association(s->control, s->path.association))));
	json_object_set_new(j, "since", time_of(s->opened_wall));
	json_decref(v6);
	put_usage(j, s);
	if (details)
		put_details(j, s);
	return j;
}

json_t *api_pools(struct control *c)
{
	json_t *list = json_array();
	char text[IP_TEXT_SIZE];
	for (size_t i = 0; i < pool_count(c->concentrator->pools); i++) {
		static const char *const kinds[POOL_N_KINDS] = { "ipv4", "framed", "delegated" };
		struct pool_state state;
		pool_get_state(c->concentrator->pools, i, &state);
		json_array_append_new(list,
		        json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "name", state.range->name, "kind",
		                kinds[state.range->kind], "range",
		                ip_prefix_format(&state.range->range, text), "capacity",
		                (json_int_t)MIN(state.capacity, (uint64_t)INT64_MAX), "in_use",
		                (json_int_t)state.in_use, "remembered", (json_int_t)state.remembered));
	}
	return list;
}

json_t *api_aaa(struct control *c)
{
	json_t *list = json_array();
	struct aaa_server_state s;
	for (size_t i = 0; c->concentrator->aaa && aaa_get_server(c->concentrator->aaa, i, &s) == 0; i++)
		json_array_append_new(list,
		        json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I}", "name", s.name, "up", (int)s.up,
		                "requests", (json_int_t)s.requests, "replies", (json_int_t)s.replies,
		                "timeouts", (json_int_t)s.timeouts, "forged", (json_int_t)s.forged,
		                "unmatched", (json_int_t)s.unmatched));
	return list;
}

static void put_concentrator_counters(json_t *j, struct control *c)
{
	struct concentrator *x = c->concentrator;
	struct pool_counters pool;
	struct aaa_counter aaa[AAA_COUNTERS_MAX];
	char name[64];
	size_t n = x->aaa ? aaa_get_counters(x->aaa, aaa) : 0;
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "aaa_%.50s", aaa[i].name);
		put_integer(j, name, aaa[i].value);
	}
	pool_get_counters(x->pools, &pool);
	put_integer(j, "pool_given", pool.given);
	put_integer(j, "pool_given_again", pool.given_again);
	put_integer(j, "pool_full", pool.full);
	put_integer(j, "pool_conflicts", pool.conflicts);
	put_integer(j, "ppp_authentications", x->ppp_counters.authentications);
	put_integer(j, "ppp_authentications_failed", x->ppp_counters.authentications_failed);
	put_integer(j, "ppp_malformed", x->ppp_counters.malformed);
	put_integer(j, "ppp_unexpected", x->ppp_counters.unexpected);
#define X(field) put_integer(j, "nd_" #field, x->nd.field);
	ND_COUNTERS(X)
#undef X
#define X(field) put_integer(j, "dhcp6_" #field, x->dhcp6.field);
	DHCP6_COUNTERS(X)
#undef X
}

json_t *api_counters(struct control *c)
{
	const struct l2tp_counters l = l2tp_get_counters(c->l2tp);
	const struct control_counters *k = &c->counters;
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = { { "sessions_opened", k->sessions_opened }, { "sessions_ended", k->sessions_ended },
		{ "sessions_replaced", k->sessions_replaced }, { "sessions_restored", k->sessions_restored },
		{ "refused_binding", k->refused_binding }, { "refused_limit", k->refused_limit },
		{ "refused_unprotected", k->refused_unprotected }, { "refused_pool", k->refused_pool },
		{ "authentication_failed", k->authentication_failed },
		{ "aaa_unavailable", k->aaa_unavailable },
		{ "frames_of_no_session", k->frames_of_no_session }, { "ipv6_malformed", k->ipv6_malformed },
		{ "messages_refused", k->messages_refused }, { "checkpoint_lost", k->checkpoint_lost },
		{ "l2tp_received", l.received }, { "l2tp_sent", l.sent },
		{ "l2tp_retransmitted", l.retransmitted }, { "l2tp_not_l2tp", l.not_l2tp },
		{ "l2tp_malformed", l.malformed }, { "l2tp_unknown_tunnel", l.unknown_tunnel },
		{ "l2tp_other_association", l.other_association }, { "l2tp_other_address", l.other_address },
		{ "l2tp_out_of_window", l.out_of_window }, { "l2tp_not_authorized", l.not_authorized },
		{ "l2tp_refused_limit", l.refused_limit }, { "l2tp_refused_source", l.refused_source },
		{ "l2tp_half_open_evicted", l.half_open_evicted },
		{ "l2tp_half_open_expired", l.half_open_expired }, { "l2tp_half_open", l.half_open },
		{ "l2tp_tunnels", l.tunnels } };
	json_t *j = json_object();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		put_integer(j, rows[i].name, rows[i].value);
	if (c->o->role == SOFTWIRE_CONCENTRATOR)
		put_concentrator_counters(j, c);
	return j;
}
