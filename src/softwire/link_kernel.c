/* SPDX-License-Identifier: ISC */
#include "softwire/link_kernel.h"
#include "net/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#define REQUEST_SIZE 512

static const struct ip_address nowhere;

static struct nlmsghdr *begin(char *buffer, uint16_t type, unsigned flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	return h;
}

static size_t address_size(const struct ip_address *a)
{
	return ip_is_v4(a) ? 4 : 16;
}

static void put_address(struct nlmsghdr *h, uint16_t type, const struct ip_address *a)
{
	size_t size = address_size(a);
	mnl_attr_put(h, type, size, a->bytes + 16 - size);
}

static struct nlmsghdr *begin_interface(char *buffer, unsigned index, bool change_up, bool up)
{
	struct nlmsghdr *h = begin(buffer, RTM_NEWLINK, NLM_F_ACK);
	struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof(*i));
	i->ifi_family = AF_UNSPEC;
	i->ifi_index = (int)index;
	i->ifi_flags = up ? IFF_UP : 0;
	i->ifi_change = change_up ? IFF_UP : 0;
	return h;
}

/* Before it goes up, because the kernel makes a link-local address then. */
static int prepare_interface(struct mnl_socket *s, unsigned index, uint16_t mtu)
{
	char buffer[REQUEST_SIZE];
	struct nlmsghdr *h = begin_interface(buffer, index, false, false);
	mnl_attr_put_u32(h, IFLA_MTU, mtu);
	struct nlattr *families = mnl_attr_nest_start(h, IFLA_AF_SPEC);
	struct nlattr *family = mnl_attr_nest_start(h, AF_INET6);
	mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(h, family);
	mnl_attr_nest_end(h, families);
	return netlink_socket_ask(s, h, NULL, NULL);
}

int link_kernel_interface(struct mnl_socket *s, unsigned index, uint16_t mtu, bool up)
{
	char buffer[REQUEST_SIZE];
	int r = up ? prepare_interface(s, index, mtu) : 0;
	return r < 0 ? r : netlink_socket_ask(s, begin_interface(buffer, index, true, up), NULL, NULL);
}

int link_kernel_address(
        struct mnl_socket *s, enum link_order order, unsigned index, const struct ip_prefix *p)
{
	char buffer[REQUEST_SIZE];
	bool v4 = ip_is_v4(&p->address), delete = order == LINK_DELETE;
	struct nlmsghdr *h = begin(buffer, delete ? RTM_DELADDR : RTM_NEWADDR,
	        NLM_F_ACK |
	                (delete ? 0 : NLM_F_CREATE | (order == LINK_REPLACE ? NLM_F_REPLACE : NLM_F_EXCL)));
	struct ifaddrmsg *a = mnl_nlmsg_put_extra_header(h, sizeof(*a));
	a->ifa_family = v4 ? AF_INET : AF_INET6;
	a->ifa_prefixlen = (uint8_t)(p->length - (v4 ? 96 : 0));
	a->ifa_index = index;
	a->ifa_scope = ip_is_link_local(&p->address) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	a->ifa_flags = v4 ? 0 : IFA_F_NODAD; /* the link has one other end, and IPV6CP has told us apart */
	put_address(h, IFA_LOCAL, &p->address);
	put_address(h, IFA_ADDRESS, &p->address);
	return netlink_socket_ask(s, h, NULL, NULL);
}

static void put_gateway(
        struct nlmsghdr *h, const struct ip_prefix *destination, const struct ip_address *gateway)
{
	if (ip_is_v4(&destination->address) == ip_is_v4(gateway)) {
		put_address(h, RTA_GATEWAY, gateway);
		return;
	}
	uint8_t via[2 + 16]; /* struct rtvia: an IPv4 route over an IPv6 neighbour */
	uint16_t family = AF_INET6;
	memcpy(via, &family, 2);
	memcpy(via + 2, gateway->bytes, 16);
	mnl_attr_put(h, RTA_VIA, sizeof(via), via);
}

int link_kernel_route(struct mnl_socket *s, enum link_order order, const struct ip_prefix *destination,
        const struct link_way *way)
{
	char buffer[REQUEST_SIZE];
	bool v4 = ip_is_v4(&destination->address), delete = order == LINK_DELETE;
	bool has_gateway = !ip_equal(&way->gateway, &nowhere);
	struct nlmsghdr *h = begin(buffer, delete ? RTM_DELROUTE : RTM_NEWROUTE,
	        NLM_F_ACK |
	                (delete ? 0 : NLM_F_CREATE | (order == LINK_REPLACE ? NLM_F_REPLACE : NLM_F_EXCL)));
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtm_family = v4 ? AF_INET : AF_INET6;
	m->rtm_dst_len = (uint8_t)(destination->length - (v4 ? 96 : 0));
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = LINK_KERNEL_PROTOCOL;
	m->rtm_type = delete ? RTN_UNSPEC : way->unreachable ? RTN_UNREACHABLE : RTN_UNICAST;
	m->rtm_scope = delete                             ? RT_SCOPE_NOWHERE
	        : v4 && !has_gateway && !way->unreachable ? RT_SCOPE_LINK
	                                                  : RT_SCOPE_UNIVERSE;
	put_address(h, RTA_DST, &destination->address);
	if (way->index)
		mnl_attr_put_u32(h, RTA_OIF, way->index);
	if (has_gateway)
		put_gateway(h, destination, &way->gateway);
	return netlink_socket_ask(s, h, NULL, NULL);
}

/* ---- finding a way ---- */

struct search {
	struct ip_address ip;
	unsigned except;
	uint32_t metric; /* of the best so far */
	struct link_way best, ours;
};

struct attributes {
	const struct nlattr *table[RTA_MAX + 1];
};

static int collect(const struct nlattr *a, void *context)
{
	struct attributes *all = context;
	if (mnl_attr_get_type(a) <= RTA_MAX)
		all->table[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

static bool read_address(const struct nlattr *a, bool v4, struct ip_address *ret)
{
	size_t size = v4 ? 4 : 16;
	if (mnl_attr_get_payload_len(a) < size)
		return false;
	*ret = (struct ip_address){ { 0 } };
	if (v4)
		ret->bytes[10] = ret->bytes[11] = 0xff;
	memcpy(ret->bytes + 16 - size, mnl_attr_get_payload(a), size);
	return true;
}

static uint32_t read_u32(const struct nlattr *a)
{
	return a && mnl_attr_validate(a, MNL_TYPE_U32) >= 0 ? mnl_attr_get_u32(a) : 0;
}

/* Gateway and interface, from the route itself or from the first of its next hops. */
static void read_hop(const struct attributes *all, bool v4, struct link_way *way)
{
	const struct nlattr *gateway = all->table[RTA_GATEWAY], *via = all->table[RTA_VIA];
	if (all->table[RTA_OIF])
		way->index = read_u32(all->table[RTA_OIF]);
	if (gateway)
		(void)read_address(gateway, v4, &way->gateway);
	else if (via && mnl_attr_get_payload_len(via) >= 18)
		memcpy(way->gateway.bytes, (const uint8_t *)mnl_attr_get_payload(via) + 2, 16);
}

static void read_first_of_many(const struct nlattr *multipath, bool v4, struct link_way *way)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(multipath);
	size_t size = mnl_attr_get_payload_len(multipath);
	struct attributes all = { { NULL } };
	if (size < sizeof(*hop) || hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > size)
		return;
	way->index = (unsigned)hop->rtnh_ifindex;
	mnl_attr_parse_payload(RTNH_DATA(hop), hop->rtnh_len - sizeof(*hop), collect, &all);
	read_hop(&all, v4, way);
}

/* The fixed part and the attributes of a route; false for one of another family or table. */
static bool read_route(const struct nlmsghdr *h, bool v4, struct attributes *all, struct ip_prefix *p)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	if (h->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(h) < sizeof(*m) ||
	        m->rtm_family != (v4 ? AF_INET : AF_INET6) || (m->rtm_flags & RTM_F_CLONED))
		return false;
	mnl_attr_parse(h, sizeof(*m), collect, all);
	if ((all->table[RTA_TABLE] ? read_u32(all->table[RTA_TABLE]) : m->rtm_table) != RT_TABLE_MAIN)
		return false;
	*p = (struct ip_prefix){ .length = (uint8_t)(m->rtm_dst_len + (v4 ? 96 : 0)) };
	if (v4)
		p->address.bytes[10] = p->address.bytes[11] = 0xff;
	return p->length <= 128 &&
	        (!all->table[RTA_DST] || read_address(all->table[RTA_DST], v4, &p->address));
}

static bool is_better(const struct search *s, const struct ip_prefix *p, uint32_t metric)
{
	return !s->best.found || p->length > s->best.length ||
	        (p->length == s->best.length && metric < s->metric);
}

static int take_route(const struct nlmsghdr *h, void *context)
{
	struct search *s = context;
	struct attributes all = { { NULL } };
	struct ip_prefix p;
	bool v4 = ip_is_v4(&s->ip);
	if (!read_route(h, v4, &all, &p) || !ip_in_prefix(&s->ip, &p))
		return MNL_CB_OK;
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	struct link_way way = {
		.found = true, .unreachable = m->rtm_type == RTN_UNREACHABLE, .length = p.length
	};
	if (all.table[RTA_MULTIPATH])
		read_first_of_many(all.table[RTA_MULTIPATH], v4, &way);
	else if (!way.unreachable)
		read_hop(&all, v4, &way);
	if (m->rtm_protocol == LINK_KERNEL_PROTOCOL) {
		if (p.length == 128)
			s->ours = way;
		return MNL_CB_OK;
	}
	uint32_t metric = read_u32(all.table[RTA_PRIORITY]);
	if (m->rtm_type != RTN_UNICAST || (m->rtm_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) || !way.index ||
	        way.index == s->except || !is_better(s, &p, metric))
		return MNL_CB_OK;
	s->best = way;
	s->metric = metric;
	return MNL_CB_OK;
}

int link_kernel_find_way(struct mnl_socket *s, const struct ip_address *ip, unsigned except,
        struct link_way *ret, struct link_way *ret_ours)
{
	char buffer[REQUEST_SIZE];
	struct search search = { .ip = *ip, .except = except };
	struct nlmsghdr *h = begin(buffer, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtm_family = ip_is_v4(ip) ? AF_INET : AF_INET6;
	int r = netlink_socket_ask(s, h, take_route, &search);
	if (r < 0)
		return r;
	*ret = search.best;
	*ret_ours = search.ours;
	return 0;
}

struct source {
	struct ip_address address;
	bool v4, found;
};

static int take_source(const struct nlmsghdr *h, void *context)
{
	struct source *s = context;
	struct attributes all = { { NULL } };
	if (h->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(h) < sizeof(struct rtmsg))
		return MNL_CB_STOP;
	mnl_attr_parse(h, sizeof(struct rtmsg), collect, &all);
	if (all.table[RTA_PREFSRC])
		s->found = read_address(all.table[RTA_PREFSRC], s->v4, &s->address);
	return MNL_CB_STOP;
}

int link_kernel_source(struct mnl_socket *s, const struct ip_address *ip, struct ip_address *ret)
{
	char buffer[REQUEST_SIZE];
	struct source source = { .v4 = ip_is_v4(ip) };
	struct nlmsghdr *h = begin(buffer, RTM_GETROUTE, 0);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtm_family = source.v4 ? AF_INET : AF_INET6;
	m->rtm_dst_len = source.v4 ? 32 : 128;
	put_address(h, RTA_DST, ip);
	int r = netlink_socket_ask(s, h, take_source, &source);
	if (r < 0 || !source.found)
		return r < 0 ? r : -ENETUNREACH;
	*ret = source.address;
	return 0;
}
