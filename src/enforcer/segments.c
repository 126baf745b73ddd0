/* SPDX-License-Identifier: ISC */
#include "enforcer/segments.h"
#include "base/table.h"
#include "enforcer/element.h"
#include "policy/policy.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

const struct ipc_segment *segments_by_mark(const struct ipc_segments *s, uint8_t mark)
{
	for (size_t i = 0; i < s->n_segments; i++)
		if (s->segments[i].mark == mark)
			return &s->segments[i];
	return NULL;
}

const struct ipc_segment *segments_by_name(const struct ipc_segments *s, const char *name)
{
	for (size_t i = 0; i < s->n_segments; i++)
		if (strcmp(s->segments[i].name, name) == 0)
			return &s->segments[i];
	return NULL;
}

/* ---- checking ---- */

static bool has_host_bits(const struct ip_prefix *p)
{
	for (unsigned bit = p->length; bit < 128; bit++)
		if (p->address.bytes[bit / 8] & (0x80 >> bit % 8))
			return true;
	return false;
}

static bool is_rule_valid(const struct ipc_segments *s, const struct ipc_rule *r)
{
	if (r->direction != POLICY_TO && r->direction != POLICY_FROM)
		return false;
	if (r->peer < POLICY_PEER_ANY || r->peer > POLICY_PEER_PREFIXES)
		return false;
	if (r->peer == POLICY_PEER_SEGMENT && !segments_by_mark(s, r->peer_mark))
		return false;
	for (size_t i = 0; i < r->n_prefixes; i++)
		if (r->prefixes[i].prefix.length > 128 || has_host_bits(&r->prefixes[i].prefix))
			return false;
	for (size_t i = 0; i < r->n_ports; i++)
		if (r->ports[i].first > r->ports[i].last)
			return false;
	return true;
}

/* Its name stands in what is logged. */
static bool is_name_valid(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
	return n > 0 && name[n] == '\0';
}

static int check_treatment(const struct ipc_segment *s, struct error *err)
{
	if (!is_name_valid(s->name))
		return error_set(err, -EINVAL, "\"%s\" is not the name of a segment", s->name);
	if (s->rate_up > SEGMENTS_RATE_MAX || s->rate_down > SEGMENTS_RATE_MAX)
		return error_set(err, -EINVAL, "segment %s: its rate is above 100 Gbit/s", s->name);
	if ((s->route && *s->route) != (s->n_next_hops > 0))
		return error_set(err, -EINVAL, "segment %s: a route and its hosts come together", s->name);
	for (size_t i = 0; i < s->n_next_hops; i++) {
		const struct ip_address *ip = &s->next_hops[i].ip;
		if (ip_is_link_local(ip) || (i && ip_is_v4(ip) == ip_is_v4(&s->next_hops[0].ip)))
			return error_set(err, -EINVAL,
			        "segment %s: a route leads through one host a family, not on a link",
			        s->name);
	}
	return 0;
}

int segments_check(const struct ipc_segments *s, struct error *err)
{
	size_t defaults = 0, routes = 0;
	for (size_t i = 0; i < s->n_segments; i++) {
		const struct ipc_segment *one = &s->segments[i];
		if (one->mark < 1 || one->mark > ENFORCER_MARK_MAX)
			return error_set(err, -EINVAL, "segment %s: mark %u is not 1 to %d", one->name,
			        one->mark, ENFORCER_MARK_MAX);
		if (segments_by_mark(s, one->mark) != one || segments_by_name(s, one->name) != one)
			return error_set(
			        err, -EINVAL, "segment %s: its mark or its name is used twice", one->name);
		int r = check_treatment(one, err);
		if (r < 0)
			return r;
		for (size_t j = 0; j < one->n_rules; j++)
			if (!is_rule_valid(s, &one->rules[j]))
				return error_set(err, -EINVAL, "segment %s: rule %zu is not one that we know",
				        one->name, j + 1);
		defaults += one->is_default;
		routes += one->n_next_hops > 0;
	}
	if (routes > SEGMENTS_ROUTES_MAX)
		return error_set(
		        err, -EINVAL, "%zu segments have a route, more than %d", routes, SEGMENTS_ROUTES_MAX);
	if (defaults != 1)
		return error_set(err, -EINVAL, "%zu segments are the default, not one", defaults);
	return 0;
}

uint64_t segments_identity(const struct ipc_segments *s)
{
	static const uint64_t key[2] = { 0 };
	uint64_t identity = s->policy_fingerprint;
	for (size_t i = 0; i < s->n_segments; i++) {
		const uint64_t mark[2] = { s->segments[i].mark, identity };
		identity = hash_bytes(mark, s->segments[i].name, strlen(s->segments[i].name)) ^
		        hash_bytes(key, mark, sizeof(mark));
	}
	return identity;
}

/* ---- copying ---- */

static void copy_rule(const struct ipc_rule *r, struct ipc_rule *ret)
{
	*ret = *r;
	ret->prefixes = r->n_prefixes ? xmemdup(r->prefixes, r->n_prefixes * sizeof(*r->prefixes)) : NULL;
	ret->ports = r->n_ports ? xmemdup(r->ports, r->n_ports * sizeof(*r->ports)) : NULL;
}

void segments_copy(const struct ipc_segments *s, struct ipc_segments *ret)
{
	*ret = *s;
	ret->segments = xcalloc(s->n_segments ? s->n_segments : 1, sizeof(*ret->segments));
	for (size_t i = 0; i < s->n_segments; i++) {
		const struct ipc_segment *from = &s->segments[i];
		struct ipc_segment *to = &ret->segments[i];
		*to = *from;
		to->name = xstrdup(from->name);
		to->route = xstrdup(from->route ? from->route : "");
		to->next_hops = from->n_next_hops
		        ? xmemdup(from->next_hops, from->n_next_hops * sizeof(*from->next_hops))
		        : NULL;
		to->rules = xcalloc(from->n_rules ? from->n_rules : 1, sizeof(*to->rules));
		for (size_t j = 0; j < from->n_rules; j++)
			copy_rule(&from->rules[j], &to->rules[j]);
	}
}

/* ---- judging, as drivers/nft_rules.c writes it ---- */

static bool matches_peer(const struct ipc_rule *r, const struct ip_address *peer, uint8_t peer_mark)
{
	if (r->peer == POLICY_PEER_ANY)
		return true;
	if (r->peer == POLICY_PEER_SEGMENT)
		return r->peer_mark == peer_mark;
	for (size_t i = 0; i < r->n_prefixes; i++) {
		const struct ip_prefix *p = &r->prefixes[i].prefix;
		bool v4 = p->length >= 96 && ip_is_v4(&p->address);
		if (v4 == ip_is_v4(peer) && ip_in_prefix(peer, p))
			return true;
	}
	return false;
}

static bool matches_service(const struct ipc_rule *r, const struct segments_connection *c)
{
	if (r->protocol && r->protocol != c->protocol)
		return false;
	if (r->n_ports == 0)
		return true;
	if (!r->protocol && c->protocol != IPPROTO_TCP && c->protocol != IPPROTO_UDP)
		return false;
	for (size_t i = 0; i < r->n_ports; i++)
		if (c->port >= r->ports[i].first && c->port <= r->ports[i].last)
			return true;
	return false;
}

static bool allows(
        const struct ipc_segment *s, enum policy_direction direction, const struct segments_connection *c)
{
	const struct ip_address *peer = direction == POLICY_TO ? &c->to : &c->from;
	uint8_t peer_mark = direction == POLICY_TO ? c->to_mark : c->from_mark;
	for (size_t i = 0; s && i < s->n_rules; i++)
		if (s->rules[i].direction == direction && matches_peer(&s->rules[i], peer, peer_mark) &&
		        matches_service(&s->rules[i], c))
			return true;
	return false;
}

bool segments_permit(const struct ipc_segments *s, const struct segments_connection *c)
{
	return (!c->from_mark || allows(segments_by_mark(s, c->from_mark), POLICY_TO, c)) &&
	        (!c->to_mark || allows(segments_by_mark(s, c->to_mark), POLICY_FROM, c));
}
