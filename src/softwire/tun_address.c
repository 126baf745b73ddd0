/* SPDX-License-Identifier: ISC */
#include "softwire/tun_address.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

struct order {
	struct mnl_socket *socket;
	unsigned index, sequence;
	uint8_t buffer[512];
};

static struct nlmsghdr *begin(struct order *o, uint16_t type)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(o->buffer);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
	h->nlmsg_seq = ++o->sequence;
	return h;
}

static int finish(struct order *o, struct nlmsghdr *h)
{
	char answer[4096];
	if (mnl_socket_sendto(o->socket, h, h->nlmsg_len) < 0)
		return -errno;
	ssize_t n = mnl_socket_recvfrom(o->socket, answer, sizeof(answer));
	if (n < 0 ||
	        mnl_cb_run(answer, (size_t)n, o->sequence, mnl_socket_get_portid(o->socket), NULL, NULL) < 0)
		return -errno;
	return 0;
}

static void put_address(struct nlmsghdr *h, uint16_t type, const struct ip_address *a)
{
	bool v4 = ip_is_v4(a);
	mnl_attr_put(h, type, v4 ? 4 : 16, a->bytes + (v4 ? 12 : 0));
}

static int set_up(struct order *o)
{
	struct nlmsghdr *h = begin(o, RTM_NEWLINK);
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof(*i));
	i->ifi_family = AF_UNSPEC;
	i->ifi_index = (int)o->index;
	i->ifi_flags = i->ifi_change = IFF_UP;
	return finish(o, h);
}

static int set_address(struct order *o, uint16_t type, const struct ip_address *a)
{
	struct nlmsghdr *h = begin(o, type);
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->ifa_family = ip_is_v4(a) ? AF_INET : AF_INET6;
	m->ifa_prefixlen = ip_is_v4(a) ? 32 : 128;
	m->ifa_flags = IFA_F_PERMANENT | IFA_F_NODAD;
	m->ifa_index = o->index;
	put_address(h, IFA_LOCAL, a);
	put_address(h, IFA_ADDRESS, a);
	return finish(o, h);
}

static int set_route(struct order *o, uint16_t type, const struct ip_prefix *p)
{
	struct nlmsghdr *h = begin(o, type);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	bool v4 = ip_is_v4(&p->address);
	m->rtm_family = v4 ? AF_INET : AF_INET6;
	m->rtm_dst_len = (uint8_t)(v4 ? p->length - 96 : p->length);
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_STATIC;
	m->rtm_scope = v4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	m->rtm_type = RTN_UNICAST;
	put_address(h, RTA_DST, &p->address);
	mnl_attr_put_u32(h, RTA_OIF, o->index);
	return finish(o, h);
}

static int add_pools(struct order *order, const struct softwire_options *o, struct error *err)
{
	struct pools *pools = NULL;
	char text[IP_TEXT_SIZE];
	int r = pools_new(o->ranges, o->n_ranges, NULL, clock_wall_ms(), &pools, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < o->n_ranges; i++) {
		struct ip_address own;
		if (pool_own(pools, o->ranges[i].name, o->ranges[i].kind, &own) == 0 &&
		        (r = set_address(order, RTM_NEWADDR, &own)) < 0)
			error_set(err, r, "address %s: %s", ip_format(&own, text), strerror(-r));
		if (r == 0 && (r = set_route(order, RTM_NEWROUTE, &o->ranges[i].range)) < 0)
			error_set(err, r, "route to %s: %s", ip_prefix_format(&o->ranges[i].range, text),
			        strerror(-r));
	}
	for (size_t i = 0; r == 0 && i < o->n_routes; i++)
		if ((r = set_route(order, RTM_NEWROUTE, &o->routes[i].prefix)) < 0)
			error_set(err, r, "route to %s: %s", ip_prefix_format(&o->routes[i].prefix, text),
			        strerror(-r));
	pools_free(pools);
	return r;
}

static int open_order(struct order *order, const char *interface, struct error *err)
{
	*order = (struct order){ .index = if_nametoindex(interface) };
	order->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (order->socket && mnl_socket_bind(order->socket, 0, MNL_SOCKET_AUTOPID) == 0)
		return 0;
	int code = error_set(err, -errno, "netlink: %s", strerror(errno));
	if (order->socket)
		mnl_socket_close(order->socket);
	return code;
}

int tun_address_set(const struct softwire_options *o, const char *interface, struct error *err)
{
	struct order order;
	if (o->role != SOFTWIRE_CONCENTRATOR)
		return 0;
	int r = open_order(&order, interface, err);
	if (r < 0)
		return r;
	r = set_up(&order);
	if (r < 0)
		error_set(err, r, "%s: %s", interface, strerror(-r));
	else
		r = add_pools(&order, o, err);
	mnl_socket_close(order.socket);
	return r < 0 ? error_prefix(err, r, "%s", interface) : 0;
}

static bool same_prefix(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->length == b->length && ip_equal(&a->address, &b->address);
}

static bool has_route(const struct softwire_options *o, const struct ip_prefix *p)
{
	for (size_t i = 0; i < o->n_ranges; i++)
		if (same_prefix(&o->ranges[i].range, p))
			return true;
	for (size_t i = 0; i < o->n_routes; i++)
		if (same_prefix(&o->routes[i].prefix, p))
			return true;
	return false;
}

/* Whether one of its pools has this as its own address. */
static bool has_address(
        const struct softwire_options *o, const struct pools *pools, const struct ip_address *a)
{
	for (size_t i = 0; i < o->n_ranges; i++) {
		struct ip_address own;
		if (pool_own(pools, o->ranges[i].name, o->ranges[i].kind, &own) == 0 && ip_equal(&own, a))
			return true;
	}
	return false;
}

/* What is not there to be deleted need not be. */
static void drop_rest(
        struct order *order, const struct softwire_options *before, const struct softwire_options *o)
{
	struct pools *old = NULL, *new = NULL;
	struct error e;
	for (size_t i = 0; i < before->n_ranges; i++)
		if (!has_route(o, &before->ranges[i].range))
			(void)set_route(order, RTM_DELROUTE, &before->ranges[i].range);
	for (size_t i = 0; i < before->n_routes; i++)
		if (!has_route(o, &before->routes[i].prefix))
			(void)set_route(order, RTM_DELROUTE, &before->routes[i].prefix);
	if (pools_new(before->ranges, before->n_ranges, NULL, 0, &old, &e) == 0 &&
	        pools_new(o->ranges, o->n_ranges, NULL, 0, &new, &e) == 0)
		for (size_t i = 0; i < before->n_ranges; i++) {
			struct ip_address own;
			if (pool_own(old, before->ranges[i].name, before->ranges[i].kind, &own) == 0 &&
			        !has_address(o, new, &own))
				(void)set_address(order, RTM_DELADDR, &own);
		}
	pools_free(old);
	pools_free(new);
}

int tun_address_change(const struct softwire_options *before, const struct softwire_options *o,
        const char *interface, struct error *err)
{
	struct order order;
	int r = open_order(&order, interface, err);
	if (r < 0)
		return r;
	r = add_pools(&order, o, err);
	if (r == 0)
		drop_rest(&order, before, o);
	mnl_socket_close(order.socket);
	return r < 0 ? error_prefix(err, r, "%s", interface) : 0;
}
