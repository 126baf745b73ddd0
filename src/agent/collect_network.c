/* SPDX-License-Identifier: ISC */
/*
 * Network configuration: rtnetlink dumps of links, addresses and routes (rtnetlink(7)); forwarding from
 * /proc/sys. The loopback interface is left out: nobody attaches by it.
 */
#include "agent/collect.h"

#include "agent/hardware.h"
#include "agent/netlink.h"
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#define DUMP_ATTEMPTS 5 /* a dump that was interrupted by a change is repeated */

struct network {
	struct posture *p;
	const struct root *root;
	int index[POSTURE_INTERFACES_MAX];  /* kernel's index of p->interfaces[i] */
	int master[POSTURE_INTERFACES_MAX]; /* that of its master, 0: none */
	size_t refused;                     /* above the limits of a posture */
};

/* IFLA_INFO_KIND, which virtual devices have. */
static const char *info_kind(const struct nlattr *info, struct posture *p)
{
	const struct nlattr *table[IFLA_INFO_KIND + 1] = { 0 };
	struct netlink_attributes attributes = { table, IFLA_INFO_KIND };
	if (!info)
		return NULL;
	(void)mnl_attr_parse_nested(info, netlink_collect_attribute, &attributes);
	const struct nlattr *kind = table[IFLA_INFO_KIND];
	return kind ? posture_string_n(p, mnl_attr_get_str(kind),
	                      strnlen(mnl_attr_get_str(kind), mnl_attr_get_payload_len(kind)))
	            : NULL;
}

static int take_link(const struct nlmsghdr *message, void *context)
{
	struct network *n = context;
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
	const struct nlattr *table[IFLA_LINKINFO + 1] = { 0 };
	struct netlink_attributes attributes = { table, IFLA_LINKINFO };
	if (message->nlmsg_type != RTM_NEWLINK || link->ifi_flags & IFF_LOOPBACK)
		return MNL_CB_OK;
	(void)mnl_attr_parse(message, sizeof(*link), netlink_collect_attribute, &attributes);
	if (!table[IFLA_IFNAME])
		return MNL_CB_OK;
	struct posture_interface interface = { .up = (link->ifi_flags & IFF_UP) &&
		        (link->ifi_flags & IFF_RUNNING) };
	interface.name = posture_string(n->p, mnl_attr_get_str(table[IFLA_IFNAME]));
	interface.point_to_point = link->ifi_flags & IFF_POINTOPOINT ? TRI_YES : TRI_NO;
	interface.kind = info_kind(table[IFLA_LINKINFO], n->p);
	if (!interface.kind)
		interface.kind = hardware_kind(n->root, n->p, interface.name, link->ifi_type);
	const struct nlattr *mac = table[IFLA_ADDRESS];
	if (mac && mnl_attr_get_payload_len(mac) == sizeof(interface.mac.bytes)) {
		memcpy(interface.mac.bytes, mnl_attr_get_payload(mac), sizeof(interface.mac.bytes));
		interface.has_mac = true;
	}
	size_t i = n->p->n_interfaces;
	if (posture_add_interface(n->p, &interface) < 0) {
		n->refused++;
		return MNL_CB_OK;
	}
	const struct nlattr *master = table[IFLA_MASTER];
	n->index[i] = link->ifi_index;
	n->master[i] = master && mnl_attr_get_payload_len(master) == 4 ? (int)mnl_attr_get_u32(master) : 0;
	return MNL_CB_OK;
}

static bool take_ip(const struct nlattr *attribute, int family, struct ip_address *ret)
{
	size_t length = family == AF_INET ? 4 : 16;
	if (!attribute || mnl_attr_get_payload_len(attribute) != length)
		return false;
	*ret = (struct ip_address){ 0 };
	if (family == AF_INET)
		ret->bytes[10] = ret->bytes[11] = 0xff;
	memcpy(ret->bytes + 16 - length, mnl_attr_get_payload(attribute), length);
	return true;
}

static int interface_position(const struct network *n, int index)
{
	for (size_t i = 0; i < n->p->n_interfaces; i++)
		if (n->index[i] == index)
			return (int)i;
	return -1;
}

static int take_address(const struct nlmsghdr *message, void *context)
{
	struct network *n = context;
	const struct ifaddrmsg *a = mnl_nlmsg_get_payload(message);
	const struct nlattr *table[IFA_LOCAL + 1] = { 0 };
	struct netlink_attributes attributes = { table, IFA_LOCAL };
	struct ip_prefix prefix;
	int i = interface_position(n, (int)a->ifa_index);
	if (message->nlmsg_type != RTM_NEWADDR || i < 0 ||
	        (a->ifa_family != AF_INET && a->ifa_family != AF_INET6))
		return MNL_CB_OK;
	(void)mnl_attr_parse(message, sizeof(*a), netlink_collect_attribute, &attributes);
	/* IFA_LOCAL is this end of a point-to-point link; IFA_ADDRESS then the other one. */
	if (!take_ip(table[IFA_LOCAL] ? table[IFA_LOCAL] : table[IFA_ADDRESS], a->ifa_family,
	            &prefix.address) ||
	        a->ifa_prefixlen > (a->ifa_family == AF_INET ? 32 : 128))
		return MNL_CB_OK;
	prefix.length = (uint8_t)(a->ifa_prefixlen + (a->ifa_family == AF_INET ? 96 : 0));
	if (posture_add_address(n->p, (size_t)i, &prefix) < 0)
		n->refused++;
	return MNL_CB_OK;
}

static void name_masters(struct network *n)
{
	for (size_t i = 0; i < n->p->n_interfaces; i++) {
		int master = n->master[i] ? interface_position(n, n->master[i]) : -1;
		if (master >= 0)
			n->p->interfaces[i].master = n->p->interfaces[master].name;
		else if (n->master[i]) /* one that is not told of, as in another namespace */
			n->p->interfaces[i].master = "unknown";
	}
}

static void add_route(struct network *n, int family, const struct nlattr *gateway, int index)
{
	struct posture_route route = { .v4 = family == AF_INET };
	int i = interface_position(n, index);
	if (i < 0)
		return;
	route.interface = n->p->interfaces[i].name;
	(void)take_ip(gateway, family, &route.gateway);
	if (posture_add_route(n->p, &route) < 0)
		n->refused++;
}

/* RTA_MULTIPATH: a list of rtnexthop, each with attributes of its own. */
static void add_multipath(struct network *n, int family, const struct nlattr *multipath)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(multipath);
	size_t left = mnl_attr_get_payload_len(multipath);
	while (left >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) && hop->rtnh_len <= left) {
		const struct nlattr *table[RTA_GATEWAY + 1] = { 0 };
		struct netlink_attributes attributes = { table, RTA_GATEWAY };
		(void)mnl_attr_parse_payload(
		        RTNH_DATA(hop), hop->rtnh_len - sizeof(*hop), netlink_collect_attribute, &attributes);
		add_route(n, family, table[RTA_GATEWAY], hop->rtnh_ifindex);
		left -= MIN(left, (size_t)RTNH_ALIGN(hop->rtnh_len));
		hop = RTNH_NEXT(hop);
	}
}

static int take_route(const struct nlmsghdr *message, void *context)
{
	struct network *n = context;
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	const struct nlattr *table[RTA_MULTIPATH + 1] = { 0 };
	struct netlink_attributes attributes = { table, RTA_MULTIPATH };
	if (message->nlmsg_type != RTM_NEWROUTE || route->rtm_dst_len != 0 ||
	        route->rtm_table != RT_TABLE_MAIN || route->rtm_type != RTN_UNICAST ||
	        (route->rtm_family != AF_INET && route->rtm_family != AF_INET6))
		return MNL_CB_OK;
	(void)mnl_attr_parse(message, sizeof(*route), netlink_collect_attribute, &attributes);
	if (table[RTA_MULTIPATH])
		add_multipath(n, route->rtm_family, table[RTA_MULTIPATH]);
	else if (table[RTA_OIF])
		add_route(n, route->rtm_family, table[RTA_GATEWAY], (int)mnl_attr_get_u32(table[RTA_OIF]));
	return MNL_CB_OK;
}

/* Every rtnetlink family header begins with the address family; zeros in the rest ask for all. */
static int dump(uint16_t type, size_t header, mnl_cb_t callback, struct network *n)
{
	char buffer[256] = { 0 };
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = type;
	(void)mnl_nlmsg_put_extra_header(request, header);
	return netlink_dump(NETLINK_ROUTE, request, callback, n);
}

static int dump_all(struct network *n)
{
	int r = dump(RTM_GETLINK, sizeof(struct ifinfomsg), take_link, n);
	if (r == 0)
		r = dump(RTM_GETADDR, sizeof(struct ifaddrmsg), take_address, n);
	if (r == 0)
		r = dump(RTM_GETROUTE, sizeof(struct rtmsg), take_route, n);
	return r;
}

static void collect_rtnetlink(const struct root *root, struct posture *p)
{
	int r = -EINTR;
	for (int attempt = 0; attempt < DUMP_ATTEMPTS && r == -EINTR; attempt++) {
		struct network n = { .p = p, .root = root };
		posture_clear_network(p);
		r = dump_all(&n);
		name_masters(&n);
		if (r == 0 && n.refused)
			(void)posture_add_unknown(p, "network",
			        "%zu interfaces, addresses or routes more than a posture holds", n.refused);
	}
	if (r == 0) {
		p->network_known = true;
		return;
	}
	posture_clear_network(p);
	(void)posture_add_unknown(p, "network", "rtnetlink: %s", strerror(-r));
}

static enum tristate read_flag(
        const struct root *root, struct posture *p, const char *path, const char *field)
{
	char *line FREE_ON_EXIT = NULL;
	struct error err;
	if (root_read_line(root, path, &line, &err) == 0)
		return strcmp(line, "0") == 0 ? TRI_NO : TRI_YES;
	(void)posture_add_unknown(p, field, "%s", err.text);
	return TRI_UNKNOWN;
}

void collect_network(const struct root *root, struct posture *p)
{
	if (!root->live) {
		(void)posture_add_unknown(p, "network", "%s is not the running system", root->path);
		return;
	}
	collect_rtnetlink(root, p);
	p->forwarding_v4 = read_flag(root, p, "/proc/sys/net/ipv4/ip_forward", "network.forwarding.ipv4");
	p->forwarding_v6 =
	        read_flag(root, p, "/proc/sys/net/ipv6/conf/all/forwarding", "network.forwarding.ipv6");
}
