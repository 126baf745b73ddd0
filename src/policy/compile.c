/* SPDX-License-Identifier: ISC */
/*
 * From the tree to the filter IR. Each `allow` becomes one rule a peer and a protocol. Prefixes and ports of
 * a rule are sorted and do not overlap, so that a driver can make sets of them as they are.
 */
#include "policy/ast.h"

#include <netinet/in.h>
#include <string.h>

bool policy_prefix_contains(const struct ip_prefix *outer, const struct ip_prefix *inner)
{
	return ip_is_v4(&outer->address) == ip_is_v4(&inner->address) && outer->length <= inner->length &&
	        ip_in_prefix(&inner->address, outer);
}

static int compare_prefixes(const void *a, const void *b)
{
	const struct ip_prefix *pa = a, *pb = b;
	int r = (int)ip_is_v4(&pb->address) - (int)ip_is_v4(&pa->address);
	if (r)
		return r;
	r = memcmp(pa->address.bytes, pb->address.bytes, sizeof(pa->address.bytes));
	return r ? r : (int)pa->length - (int)pb->length;
}

/* IPv4 first, then in the order of the addresses, and without those that lie within another. */
static void prefixes_normalise(struct policy_prefix_list *list)
{
	size_t kept = 0;
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare_prefixes);
	for (size_t i = 0; i < list->count; i++)
		if (kept == 0 || !policy_prefix_contains(&list->items[kept - 1], &list->items[i]))
			list->items[kept++] = list->items[i];
	list->count = kept;
}

static int compare_ports(const void *a, const void *b)
{
	return (int)((const struct policy_ports *)a)->first - (int)((const struct policy_ports *)b)->first;
}

/* Sorted; ranges that touch or overlap become one. */
static void ports_normalise(struct policy_service *s)
{
	size_t kept = 0;
	if (s->n_ports)
		qsort(s->ports, s->n_ports, sizeof(*s->ports), compare_ports);
	for (size_t i = 0; i < s->n_ports; i++) {
		if (kept && s->ports[i].first <= s->ports[kept - 1].last + 1)
			s->ports[kept - 1].last = MAX(s->ports[kept - 1].last, s->ports[i].last);
		else
			s->ports[kept++] = s->ports[i];
	}
	s->n_ports = kept;
}

/* What root holds besides the prefixes of list, halving root wherever one of them lies inside. */
static void subtract(struct policy_parser *p, struct ip_prefix root, const struct policy_prefix_list *list,
        struct policy_prefix_list *out)
{
	bool inside = false;
	for (size_t i = 0; i < list->count; i++) {
		if (policy_prefix_contains(&list->items[i], &root))
			return;
		inside = inside || policy_prefix_contains(&root, &list->items[i]);
	}
	if (!inside) {
		policy_prefix_add(p, out, &root);
		return;
	}
	uint8_t bit = root.length++;
	subtract(p, root, list, out);
	root.address.bytes[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
	subtract(p, root, list, out);
}

static void make_outside(struct policy_parser *p)
{
	struct policy_tree *t = p->tree;
	struct ip_prefix v6 = { .length = 0 }, v4 = { .length = 96 };
	v4.address.bytes[10] = v4.address.bytes[11] = 0xff;
	prefixes_normalise(&t->site);
	if (t->site.count == 0)
		return;
	subtract(p, v4, &t->site, &t->outside);
	subtract(p, v6, &t->site, &t->outside);
	prefixes_normalise(&t->outside);
}

/* The prefixes of one family. */
static struct policy_prefix_list prefixes_of_family(
        struct policy_parser *p, const struct policy_prefix_list *list, bool v4)
{
	struct policy_prefix_list some = { 0 };
	for (size_t i = 0; i < list->count; i++)
		if (ip_is_v4(&list->items[i].address) == v4)
			policy_prefix_add(p, &some, &list->items[i]);
	return some;
}

struct rules {
	struct policy_rule *items;
	size_t count, capacity;
};

static void rule_add(struct policy_parser *p, struct rules *rules, const struct policy_rule *rule)
{
	if (rules->count == rules->capacity) {
		size_t capacity = rules->capacity ? rules->capacity * 2 : 8;
		struct policy_rule *more = policy_arena_alloc(p->arena, capacity * sizeof(*more));
		if (rules->count)
			memcpy(more, rules->items, rules->count * sizeof(*more));
		rules->items = more;
		rules->capacity = capacity;
	}
	rules->items[rules->count++] = *rule;
}

struct peer_meaning {
	struct policy_rule rule; /* direction and peer filled in */
	struct policy_prefix_list prefixes;
	const struct policy_service *services; /* NULL: everything */
};

static bool resolve_name(struct policy_parser *p, const struct policy_reach *reach,
        const struct policy_reach_peer *peer, struct peer_meaning *m)
{
	struct policy_define *d = policy_define_find(p->tree, peer->name.text);
	if (!d) {
		if (policy_segment_find(p->tree, peer->name.text))
			policy_problem(p, peer->name.at, "`%s` is a segment: write `segment %s`",
			        peer->name.text, peer->name.text);
		else
			policy_problem(p, peer->name.at,
			        "`%s` is not defined: add `define %s { address ... }`", peer->name.text,
			        peer->name.text);
		return false;
	}
	d->used = true;
	m->prefixes = d->prefixes;
	/* The ports of a definition are those that its hosts offer; they say nothing about what a node
	 * offers. */
	if (reach->direction == POLICY_TO && d->services) {
		if (reach->services) {
			policy_problem(p, reach->services->at,
			        "the definition of `%s` already gives protocols and ports: leave them out "
			        "here or there",
			        d->name.text);
			return false;
		}
		m->services = d->services;
	}
	return true;
}

static bool resolve_peer(struct policy_parser *p, const struct policy_reach *reach,
        const struct policy_reach_peer *peer, struct peer_meaning *m)
{
	const struct policy_segment_node *s;
	*m = (struct peer_meaning){ .rule.direction = reach->direction,
		.rule.peer = POLICY_PEER_PREFIXES,
		.services = reach->services };
	switch (peer->kind) {
	case REACH_ANY:
		m->rule.peer = POLICY_PEER_ANY;
		return true;
	case REACH_SEGMENT:
		s = policy_segment_find(p->tree, peer->name.text);
		if (!s) {
			policy_problem(p, peer->name.at, "there is no segment `%s`", peer->name.text);
			return false;
		}
		m->rule.peer = POLICY_PEER_SEGMENT;
		m->rule.peer_mark = (uint8_t)(s->index + 1);
		return true;
	case REACH_PREFIX:
		policy_prefix_add(p, &m->prefixes, &peer->prefix);
		return true;
	case REACH_SITE:
	case REACH_OUTSIDE:
		m->prefixes = peer->kind == REACH_SITE ? p->tree->site : p->tree->outside;
		if (p->tree->site.count == 0)
			policy_problem(
			        p, peer->name.at, "this needs to know the site: add `site PREFIX, ...`");
		else if (m->prefixes.count == 0)
			policy_problem(p, peer->name.at, "nothing is outside: the site is everything");
		return m->prefixes.count > 0;
	case REACH_NAME:
		return resolve_name(p, reach, peer, m);
	}
	return false;
}

static bool add_service(struct policy_parser *p, const struct policy_reach_peer *peer,
        const struct peer_meaning *m, const struct policy_service *s, struct rules *rules)
{
	struct policy_rule rule = m->rule;
	struct policy_prefix_list prefixes = m->prefixes;
	if (s) {
		rule.protocol = s->protocol;
		rule.ports = s->ports;
		rule.n_ports = s->n_ports;
	}
	if (rule.peer == POLICY_PEER_PREFIXES &&
	        (rule.protocol == IPPROTO_ICMP || rule.protocol == IPPROTO_ICMPV6)) {
		bool v4 = rule.protocol == IPPROTO_ICMP;
		prefixes = prefixes_of_family(p, &prefixes, v4);
		if (prefixes.count == 0) {
			policy_problem(p, peer->name.at, "%s is %s, and this has no such address",
			        v4 ? "icmp" : "icmpv6", v4 ? "IPv4" : "IPv6");
			return false;
		}
	}
	rule.prefixes = prefixes.items;
	rule.n_prefixes = prefixes.count;
	rule_add(p, rules, &rule);
	return true;
}

static bool compile_peer(struct policy_parser *p, const struct policy_reach *reach,
        const struct policy_reach_peer *peer, struct rules *rules)
{
	struct peer_meaning m;
	if (!resolve_peer(p, reach, peer, &m))
		return false;
	const struct policy_service *s = m.services;
	do {
		if (rules->count == POLICY_RULES_MAX) {
			policy_problem(p, peer->name.at,
			        "a segment may have at most %d rules, and its names make more",
			        POLICY_RULES_MAX);
			p->stop = true;
			return false;
		}
		if (!add_service(p, peer, &m, s, rules))
			return false;
		s = s ? s->next : NULL;
	} while (s);
	return true;
}

static bool is_next_hop(const struct ip_prefix *prefix)
{
	return prefix->length == 128 && !ip_is_link_local(&prefix->address);
}

/* `route via`: the hosts of a definition, one of a family at most. */
static void compile_route(
        struct policy_parser *p, const struct policy_segment_node *node, struct policy_segment *out)
{
	struct policy_define *d = policy_define_find(p->tree, node->route.text);
	if (!d) {
		policy_problem(p, node->route.at, "`%s` is not defined: add `define %s { address ... }`",
		        node->route.text, node->route.text);
		return;
	}
	d->used = true;
	out->route = node->route.text;
	for (size_t i = 0; i < d->prefixes.count; i++) {
		const struct ip_prefix *prefix = &d->prefixes.items[i];
		bool second = out->n_next_hops &&
		        ip_is_v4(&out->next_hops[out->n_next_hops - 1]) == ip_is_v4(&prefix->address);
		if (!is_next_hop(prefix) || second) {
			policy_problem(p, node->route.at,
			        "a way leads through one host a family, with an address that is routed: "
			        "`%s` has %s",
			        d->name.text,
			        !is_next_hop(prefix) ? "a prefix, or a link-local address"
			                             : "two of one family");
			return;
		}
		out->next_hops[out->n_next_hops++] = prefix->address;
	}
}

static void compile_segment(
        struct policy_parser *p, struct policy_segment_node *node, struct policy_segment *out)
{
	struct rules rules = { 0 };
	*out = (struct policy_segment){ .name = node->name.text,
		.mark = (uint8_t)(node->index + 1),
		.is_default = node->default_at.line > 0,
		.level = (int)node->level,
		.grace_ms = node->default_at.line ? 0 : node->grace_ms,
		.demote_ms = node->default_at.line ? 0 : node->demote_ms,
		.log = node->log,
		.log_new = node->log_new,
		.rate_up = node->rate_up,
		.rate_down = node->rate_down };
	if (node->route_at.line)
		compile_route(p, node, out);
	for (struct policy_reach *r = node->reaches; r; r = r->next) {
		for (struct policy_service *s = r->services; s; s = s->next)
			ports_normalise(s);
		for (struct policy_reach_peer *peer = r->peers; peer && !p->stop; peer = peer->next)
			if (!compile_peer(p, r, peer, &rules))
				node->broken = true;
	}
	out->rules = rules.items;
	out->n_rules = rules.count;
}

static void compile_points(struct policy_parser *p)
{
	size_t n = 0;
	const char **names = policy_arena_alloc(p->arena, (p->tree->n_enforcers + 1) * sizeof(*names));
	for (struct policy_enforcer *e = p->tree->enforcers; e; e = e->next) {
		prefixes_normalise(&e->nodes);
		names[n++] = e->name.text;
	}
	p->policy->enforcement_points = names;
}

void policy_compile(struct policy_parser *p)
{
	struct policy_tree *t = p->tree;
	make_outside(p);
	compile_points(p);
	for (struct policy_define *d = t->defines; d; d = d->next) {
		prefixes_normalise(&d->prefixes);
		for (struct policy_service *s = d->services; s; s = s->next)
			ports_normalise(s);
		if (d->prefixes.count == 0)
			policy_problem(p, d->name.at, "the definition of `%s` has no address", d->name.text);
	}
	p->policy->n_segments = t->n_segments;
	p->policy->segments =
	        policy_arena_alloc(p->arena, (t->n_segments + 1) * sizeof(struct policy_segment));
	size_t i = 0;
	for (struct policy_segment_node *s = t->segments; s; s = s->next)
		compile_segment(p, s, &p->policy->segments[i++]);
}
