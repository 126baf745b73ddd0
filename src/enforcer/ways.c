/* SPDX-License-Identifier: ISC */
#include "enforcer/ways.h"
#include "base/table.h"
#include "enforcer/rtnetlink.h"
#include "net/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#define MARK_MASK 0xff /* of a packet's mark: its sender's segment */

/* A routing rule: to table, or to nowhere where that is 0. */
struct rule {
	int family;
	char interface[IFNAMSIZ];
	uint8_t mark;
	uint32_t table;
	bool found; /* while ours are compared with the kernel's */
};
struct rules {
	struct rule *items;
	size_t count, capacity;
};
/* A default route of ours. */
struct route {
	int family;
	uint32_t table;
	struct ip_address hop;
	bool usable;
};
struct routes {
	struct route *items;
	size_t count, capacity;
};

struct ways {
	struct mnl_socket *socket;
	way_fn changed;
	void *context;
	struct table *down; /* table and family -> itself: what was told of */
	size_t wanted;
};

struct down_key {
	uint32_t table;
	int family;
};

int ways_new(struct ways **ret, struct error *err)
{
	struct ways *w = xcalloc(1, sizeof(*w));
	int strict = 1;
	*w = (struct ways){ .down = table_new() };
	int r = netlink_socket_open(NETLINK_ROUTE, 0, 0, &w->socket, err);
	/* Dumps of one table, or one protocol's routes, are filtered by the kernel (Linux 4.20). */
	if (r == 0 && mnl_socket_setsockopt(w->socket, NETLINK_GET_STRICT_CHK, &strict, sizeof(strict)) < 0)
		r = error_set(err, -errno, "netlink: strict requests: %s", strerror(errno));
	if (r < 0)
		ways_free(w);
	else
		*ret = w;
	return r;
}

struct ways *ways_free(struct ways *w)
{
	if (w) {
		if (w->socket)
			mnl_socket_close(w->socket);
		table_free(w->down, NULL);
		free(w);
	}
	return NULL;
}

void ways_on_change(struct ways *w, way_fn fn, void *context)
{
	w->changed = fn;
	w->context = context;
}

size_t ways_count(const struct ways *w, size_t *ret_down)
{
	*ret_down = table_count(w->down);
	return w->wanted;
}

/* ---- rules ---- */

static void put_address(struct nlmsghdr *h, uint16_t type, const struct ip_address *ip)
{
	if (ip_is_v4(ip))
		mnl_attr_put(h, type, 4, ip->bytes + 12);
	else
		mnl_attr_put(h, type, 16, ip->bytes);
}

static int change_rule(struct ways *w, const struct rule *r, bool add)
{
	char buffer[256];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	h->nlmsg_type = add ? RTM_NEWRULE : RTM_DELRULE;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0));
	struct fib_rule_hdr *rule = mnl_nlmsg_put_extra_header(h, sizeof(*rule));
	rule->family = (uint8_t)r->family;
	rule->action = r->table ? FR_ACT_TO_TBL : FR_ACT_UNREACHABLE;
	mnl_attr_put_u32(h, FRA_PRIORITY, r->table ? WAYS_PRIORITY : WAYS_PRIORITY + 1);
	mnl_attr_put_strz(h, FRA_IIFNAME, r->interface);
	mnl_attr_put_u32(h, FRA_FWMARK, r->mark);
	mnl_attr_put_u32(h, FRA_FWMASK, MARK_MASK);
	if (r->table)
		mnl_attr_put_u32(h, FRA_TABLE, r->table);
	mnl_attr_put_u8(h, FRA_PROTOCOL, WAYS_PROTOCOL);
	int e = netlink_socket_ask(w->socket, h, NULL, NULL);
	return e == (add ? -EEXIST : -ENOENT) ? 0 : e;
}

struct rule_message {
	struct rule rule;
	uint8_t protocol;
};

static int read_rule_attribute(const struct nlattr *a, void *context)
{
	struct rule_message *m = context;
	uint16_t type = mnl_attr_get_type(a);
	size_t n = mnl_attr_get_payload_len(a);
	if (type == FRA_IIFNAME && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
		snprintf(m->rule.interface, sizeof(m->rule.interface), "%s", mnl_attr_get_str(a));
	if (type == FRA_FWMARK && n == 4)
		m->rule.mark = (uint8_t)mnl_attr_get_u32(a);
	if (type == FRA_TABLE && n == 4)
		m->rule.table = mnl_attr_get_u32(a);
	if (type == FRA_PROTOCOL && n == 1)
		m->protocol = mnl_attr_get_u8(a);
	return MNL_CB_OK;
}

static int take_rule(const struct nlmsghdr *h, void *context)
{
	struct rules *rules = context;
	struct rule_message m = { 0 };
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(h);
	if (h->nlmsg_type != RTM_NEWRULE || mnl_nlmsg_get_payload_len(h) < sizeof(*rule))
		return MNL_CB_OK;
	mnl_attr_parse(h, sizeof(*rule), read_rule_attribute, &m);
	if (m.protocol != WAYS_PROTOCOL)
		return MNL_CB_OK;
	m.rule.family = rule->family;
	if (rule->action != FR_ACT_TO_TBL)
		m.rule.table = 0;
	ARRAY_RESERVE_ONE(rules->items, rules->count, rules->capacity);
	rules->items[rules->count++] = m.rule;
	return MNL_CB_OK;
}

static int list_rules(struct ways *w, struct rules *ret)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int r = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(families) && r == 0; i++) {
		char buffer[64];
		struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
		h->nlmsg_type = RTM_GETRULE;
		h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		struct fib_rule_hdr *rule = mnl_nlmsg_put_extra_header(h, sizeof(*rule));
		rule->family = (uint8_t)families[i];
		r = netlink_socket_ask(w->socket, h, take_rule, ret);
	}
	return r;
}

static bool same_rule(const struct rule *a, const struct rule *b)
{
	return a->family == b->family && a->mark == b->mark && a->table == b->table &&
	        strcmp(a->interface, b->interface) == 0;
}

static void want_rule(struct rules *rules, int family, const struct link *l, uint8_t mark, uint32_t table)
{
	ARRAY_RESERVE_ONE(rules->items, rules->count, rules->capacity);
	struct rule *r = &rules->items[rules->count++];
	*r = (struct rule){ .family = family, .mark = mark, .table = table };
	memcpy(r->interface, l->name, sizeof(r->interface));
}

static const struct ip_address *hop_of(const struct ipc_segment *s, int family)
{
	for (size_t i = 0; i < s->n_next_hops; i++)
		if (ip_is_v4(&s->next_hops[i].ip) == (family == AF_INET))
			return &s->next_hops[i].ip;
	return NULL;
}

/* The one that leads nowhere first: none of its packets goes by the main table while the other is made. */
static void want_rules(const struct links *links, const struct ipc_segment *s, struct rules *ret)
{
	for (size_t i = 0; i < links->count; i++)
		for (int v4 = 0; v4 <= 1; v4++) {
			int family = v4 ? AF_INET : AF_INET6;
			want_rule(ret, family, &links->items[i], s->mark, 0);
			if (hop_of(s, family))
				want_rule(ret, family, &links->items[i], s->mark, WAYS_TABLE + s->mark);
		}
}

static int set_rules(struct ways *w, struct rules *wanted, bool prune, struct error *err)
{
	struct rules there = { 0 };
	int r = list_rules(w, &there), e = 0;
	for (size_t i = 0; i < wanted->count && r == 0; i++)
		for (size_t j = 0; j < there.count && !wanted->items[i].found; j++)
			if (!there.items[j].found && same_rule(&wanted->items[i], &there.items[j]))
				wanted->items[i].found = there.items[j].found = true;
	for (size_t i = 0; i < wanted->count && r == 0; i++)
		if (!wanted->items[i].found && (e = change_rule(w, &wanted->items[i], true)) < 0)
			r = e;
	for (size_t i = 0; i < there.count && r == 0 && prune; i++)
		if (!there.items[i].found)
			r = change_rule(w, &there.items[i], false);
	free(there.items);
	return r < 0 ? error_set(err, r, "routing rules: %s", strerror(-r)) : 0;
}

/* ---- routes ---- */

static int change_route(struct ways *w, const struct route *r, bool add)
{
	char buffer[256];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	h->nlmsg_type = add ? RTM_NEWROUTE : RTM_DELROUTE;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_REPLACE : 0));
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtm_family = (uint8_t)r->family;
	m->rtm_protocol = WAYS_PROTOCOL;
	m->rtm_scope = add ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE;
	m->rtm_type = add ? RTN_UNICAST : RTN_UNSPEC;
	mnl_attr_put_u32(h, RTA_TABLE, r->table);
	put_address(h, RTA_GATEWAY, &r->hop);
	int e = netlink_socket_ask(w->socket, h, NULL, NULL);
	return !add && e == -ESRCH ? 0 : e;
}

struct route_message {
	struct route route;
	bool has_destination;
};

static int read_route_attribute(const struct nlattr *a, void *context)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct route_message *m = context;
	size_t n = mnl_attr_get_payload_len(a);
	if (mnl_attr_get_type(a) == RTA_TABLE && n == 4)
		m->route.table = mnl_attr_get_u32(a);
	if (mnl_attr_get_type(a) == RTA_DST)
		m->has_destination = true;
	if (mnl_attr_get_type(a) == RTA_GATEWAY && (n == 4 || n == 16)) {
		memcpy(m->route.hop.bytes, mapped, sizeof(mapped));
		memcpy(m->route.hop.bytes + 16 - n, mnl_attr_get_payload(a), n);
	}
	return MNL_CB_OK;
}

static int take_route(const struct nlmsghdr *h, void *context)
{
	struct routes *routes = context;
	struct route_message m = { 0 };
	const struct rtmsg *r = mnl_nlmsg_get_payload(h);
	if (h->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(h) < sizeof(*r))
		return MNL_CB_OK;
	mnl_attr_parse(h, sizeof(*r), read_route_attribute, &m);
	m.route.family = r->rtm_family;
	m.route.usable = !m.has_destination && !(r->rtm_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN));
	if (r->rtm_protocol != WAYS_PROTOCOL || m.route.table <= WAYS_TABLE ||
	        m.route.table > WAYS_TABLE + ENFORCER_MARK_MAX)
		return MNL_CB_OK;
	ARRAY_RESERVE_ONE(routes->items, routes->count, routes->capacity);
	routes->items[routes->count++] = m.route;
	return MNL_CB_OK;
}

/* Of one table, or with 0 of all. */
static int list_routes(struct ways *w, int family, uint32_t table, struct routes *ret)
{
	char buffer[64];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	h->nlmsg_type = RTM_GETROUTE;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtm_family = (uint8_t)family;
	m->rtm_protocol = WAYS_PROTOCOL;
	if (table)
		mnl_attr_put_u32(h, RTA_TABLE, table);
	int r = netlink_socket_ask(w->socket, h, take_route, ret);
	return r == -ENOENT ? 0 : r; /* there is no such table yet */
}

static void tell(struct ways *w, const struct ipc_segment *s, const struct ip_address *hop, int why)
{
	struct down_key k = { WAYS_TABLE + s->mark, ip_is_v4(hop) ? AF_INET : AF_INET6 };
	bool was = table_get(w->down, &k, sizeof(k)) != NULL;
	if (why == 0)
		table_remove(w->down, &k, sizeof(k));
	else
		table_set(w->down, &k, sizeof(k), w);
	if (w->changed && was != (why != 0))
		w->changed(w->context, s, hop, why ? strerror(-why) : NULL);
}

/* Its default route is the hop's, and leads somewhere. */
static void set_route(struct ways *w, const struct ipc_segment *s, const struct ip_address *hop)
{
	int family = ip_is_v4(hop) ? AF_INET : AF_INET6;
	struct routes there = { 0 };
	struct route wanted = { .family = family, .table = WAYS_TABLE + s->mark, .hop = *hop };
	int r = list_routes(w, family, wanted.table, &there);
	bool found = false;
	for (size_t i = 0; i < there.count; i++) {
		bool same = ip_equal(&there.items[i].hop, hop);
		found = found || (same && there.items[i].usable);
		if (!same && r == 0)
			r = change_route(w, &there.items[i], false);
	}
	free(there.items);
	if (r == 0 && !found)
		r = change_route(w, &wanted, true);
	w->wanted++;
	tell(w, s, hop, r);
}

/* Routes in tables of segments that have none now. */
static int prune_routes(struct ways *w, const struct ipc_segments *policy)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int r = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(families) && r == 0; i++) {
		struct routes there = { 0 };
		r = list_routes(w, families[i], 0, &there);
		for (size_t j = 0; j < there.count && r == 0; j++) {
			const struct route *route = &there.items[j];
			bool wanted = false;
			for (size_t k = 0; k < policy->n_segments && !wanted; k++)
				wanted = policy->segments[k].mark == route->table - WAYS_TABLE &&
				        hop_of(&policy->segments[k], route->family);
			if (!wanted)
				r = change_route(w, route, false);
		}
		free(there.items);
	}
	return r;
}

static void forget_down(struct ways *w, const struct ipc_segments *policy)
{
	TABLE_FOREACH(it, w->down) {
		struct down_key k;
		bool wanted = false;
		memcpy(&k, it.key, sizeof(k));
		for (size_t i = 0; i < policy->n_segments && !wanted; i++)
			wanted = policy->segments[i].mark == k.table - WAYS_TABLE &&
			        hop_of(&policy->segments[i], k.family);
		if (!wanted)
			table_remove(w->down, &k, sizeof(k));
	}
}

int ways_set(struct ways *w, const struct links *links, const struct ipc_segments *policy, bool prune,
        struct error *err)
{
	struct rules wanted = { 0 };
	w->wanted = 0;
	for (size_t i = 0; i < policy->n_segments; i++) {
		const struct ipc_segment *s = &policy->segments[i];
		if (!s->n_next_hops)
			continue;
		want_rules(links, s, &wanted);
		for (size_t j = 0; j < s->n_next_hops; j++)
			set_route(w, s, &s->next_hops[j].ip);
	}
	int r = set_rules(w, &wanted, prune, err);
	free(wanted.items);
	if (r < 0 || !prune)
		return r;
	forget_down(w, policy);
	r = prune_routes(w, policy);
	return r < 0 ? error_set(err, r, "routes: %s", strerror(-r)) : 0;
}

int ways_flush(struct ways *w, struct error *err)
{
	static const struct links none_of_them;
	static const struct ipc_segments none;
	return ways_set(w, &none_of_them, &none, true, err);
}
