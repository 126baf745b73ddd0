/* SPDX-License-Identifier: ISC */
#include "enforcer/rtnetlink.h"
#include "net/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

struct route {
	unsigned index;
	bool unicast;
};

static int read_route_attribute(const struct nlattr *a, void *context)
{
	struct route *r = context;
	if (mnl_attr_get_type(a) == RTA_OIF && mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
		r->index = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

static int take_route(const struct nlmsghdr *h, void *context)
{
	struct route *r = context;
	if (h->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(h) < sizeof(struct rtmsg))
		return MNL_CB_STOP;
	r->unicast = ((const struct rtmsg *)mnl_nlmsg_get_payload(h))->rtm_type == RTN_UNICAST;
	mnl_attr_parse(h, sizeof(struct rtmsg), read_route_attribute, r);
	return MNL_CB_STOP;
}

bool rtnetlink_leads_to(struct mnl_socket *s, const struct ip_address *ip, unsigned index)
{
	char buffer[256];
	struct route route = { 0 };
	bool v4 = ip_is_v4(ip);
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	h->nlmsg_type = RTM_GETROUTE;
	h->nlmsg_flags = NLM_F_REQUEST;
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtm_family = v4 ? AF_INET : AF_INET6;
	m->rtm_dst_len = v4 ? 32 : 128;
	mnl_attr_put(h, RTA_DST, v4 ? 4 : 16, ip->bytes + (v4 ? 12 : 0));
	if (!v4 && ip_is_link_local(ip))
		mnl_attr_put_u32(h, RTA_OIF, index);
	return netlink_socket_ask(s, h, take_route, &route) == 0 && route.unicast && route.index == index;
}

int rtnetlink_ignore_groups(struct mnl_socket *s, unsigned index, struct error *err)
{
	char buffer[256];
	const uint32_t bit = 1U << BR_BOOLOPT_NO_LL_LEARN;
	const struct br_boolopt_multi option = { .optval = bit, .optmask = bit };
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	h->nlmsg_type = RTM_NEWLINK;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof(*i));
	i->ifi_family = AF_UNSPEC;
	i->ifi_index = (int)index;
	struct nlattr *info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "bridge");
	struct nlattr *data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	mnl_attr_put(h, IFLA_BR_MULTI_BOOLOPT, sizeof(option), &option);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	int r = netlink_socket_ask(s, h, NULL, NULL);
	return r < 0 ? error_set(err, r, "netlink: the bridge's no_linklocal_learn: %s", strerror(-r)) : 0;
}
