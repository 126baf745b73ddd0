/* SPDX-License-Identifier: ISC */
/*
 * Ways around the segments that are no interface (quarantine draft, 9.9): proxies for other hosts' addresses,
 * routing by other tables than the main one, and IPsec policies of the kernel, by rtnetlink(7) and xfrm.
 * Addresses that are translated are the packet filter's (collect_firewall.c).
 */
#include "agent/collect.h"

#include "agent/netlink.h"
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#define DUMP_ATTEMPTS 5

struct ways {
	struct posture *p;
	bool all_v4, all_v6; /* proxies on all interfaces */
	uint32_t count;      /* of rules, or of policies */
};

static void set_proxy(struct ways *w, int family, int index)
{
	char name[IF_NAMESIZE];
	if (!if_indextoname((unsigned int)index, name))
		return;
	for (size_t i = 0; i < w->p->n_interfaces; i++) {
		struct posture_interface *f = &w->p->interfaces[i];
		if (strcmp(f->name, name) == 0)
			*(family == AF_INET ? &f->proxy_v4 : &f->proxy_v6) = TRI_YES;
	}
}

/* proxy_arp, proxy_ndp. */
static int take_netconf(const struct nlmsghdr *message, void *context)
{
	struct ways *w = context;
	const struct netconfmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *table[NETCONFA_PROXY_NEIGH + 1] = { 0 };
	struct netlink_attributes attributes = { table, NETCONFA_PROXY_NEIGH };
	(void)mnl_attr_parse(message, sizeof(*header), netlink_collect_attribute, &attributes);
	const struct nlattr *index = table[NETCONFA_IFINDEX], *proxy = table[NETCONFA_PROXY_NEIGH];
	if (!index || !proxy || mnl_attr_get_payload_len(index) != 4 ||
	        mnl_attr_get_payload_len(proxy) != 4 || mnl_attr_get_u32(proxy) == 0)
		return MNL_CB_OK;
	int i = (int)mnl_attr_get_u32(index);
	if (i == NETCONFA_IFINDEX_ALL)
		*(header->ncm_family == AF_INET ? &w->all_v4 : &w->all_v6) = true;
	else if (i > 0)
		set_proxy(w, header->ncm_family, i);
	return MNL_CB_OK;
}

/* `ip neighbour add proxy`. */
static int take_neighbour(const struct nlmsghdr *message, void *context)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(message);
	if (header->ndm_flags & NTF_PROXY && header->ndm_ifindex > 0)
		set_proxy(context, header->ndm_family, header->ndm_ifindex);
	return MNL_CB_OK;
}

/* The three that every network begins with lead to the kernel's own tables. */
static int take_rule(const struct nlmsghdr *message, void *context)
{
	struct ways *w = context;
	const struct fib_rule_hdr *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *tables[FRA_TABLE + 1] = { 0 };
	struct netlink_attributes attributes = { tables, FRA_TABLE };
	if (message->nlmsg_type != RTM_NEWRULE || header->action != FR_ACT_TO_TBL)
		return MNL_CB_OK;
	(void)mnl_attr_parse(message, sizeof(*header), netlink_collect_attribute, &attributes);
	const struct nlattr *wide = tables[FRA_TABLE];
	uint32_t table = wide && mnl_attr_get_payload_len(wide) == 4 ? mnl_attr_get_u32(wide) : header->table;
	w->count += table != RT_TABLE_LOCAL && table != RT_TABLE_MAIN && table != RT_TABLE_DEFAULT;
	return MNL_CB_OK;
}

/* A policy outwards with a transformation: what it selects leaves in a tunnel or encrypted. Policies of
 * sockets have other directions. */
static int take_policy(const struct nlmsghdr *message, void *context)
{
	struct ways *w = context;
	struct xfrm_userpolicy_info policy = { 0 }; /* what netlink aligns to four bytes it has eight for */
	const struct nlattr *table[XFRMA_TMPL + 1] = { 0 };
	struct netlink_attributes attributes = { table, XFRMA_TMPL };
	if (message->nlmsg_type != XFRM_MSG_NEWPOLICY || mnl_nlmsg_get_payload_len(message) < sizeof(policy))
		return MNL_CB_OK;
	memcpy(&policy, mnl_nlmsg_get_payload(message), sizeof(policy));
	if (policy.dir != XFRM_POLICY_OUT || policy.action != XFRM_POLICY_ALLOW)
		return MNL_CB_OK;
	(void)mnl_attr_parse(message, sizeof(policy), netlink_collect_attribute, &attributes);
	w->count += table[XFRMA_TMPL] != NULL;
	return MNL_CB_OK;
}

/* header: that of the request, of which the first byte is the family where it has one. */
static int dump(int bus, uint16_t type, const void *header, size_t length, mnl_cb_t callback, struct ways *w)
{
	int r = -EINTR;
	for (int attempt = 0; attempt < DUMP_ATTEMPTS && r == -EINTR; attempt++) {
		char buffer[512] = { 0 };
		struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
		request->nlmsg_type = type;
		memcpy(mnl_nlmsg_put_extra_header(request, length), header, length);
		w->count = 0;
		r = netlink_dump(bus, request, callback, w);
	}
	return r;
}

static void collect_proxies(struct posture *p)
{
	struct ways w = { .p = p };
	const int families[] = { AF_INET, AF_INET6 };
	int r = 0;
	for (size_t i = 0; i < p->n_interfaces; i++)
		p->interfaces[i].proxy_v4 = p->interfaces[i].proxy_v6 = TRI_NO;
	for (size_t i = 0; i < ARRAY_LENGTH(families) && r == 0; i++) {
		const struct netconfmsg netconf = { .ncm_family = (uint8_t)families[i] };
		const struct ndmsg neighbours = { .ndm_family = (uint8_t)families[i],
			.ndm_flags = NTF_PROXY };
		r = dump(NETLINK_ROUTE, RTM_GETNETCONF, &netconf, sizeof(netconf), take_netconf, &w);
		if (r == -EOPNOTSUPP) { /* a kernel without that family */
			r = 0;
			continue;
		}
		if (r == 0)
			r = dump(NETLINK_ROUTE, RTM_GETNEIGH, &neighbours, sizeof(neighbours), take_neighbour,
			        &w);
	}
	for (size_t i = 0; i < p->n_interfaces; i++) {
		struct posture_interface *f = &p->interfaces[i];
		f->proxy_v4 = r < 0 ? TRI_UNKNOWN : w.all_v4 ? TRI_YES : f->proxy_v4;
		f->proxy_v6 = r < 0 ? TRI_UNKNOWN : w.all_v6 ? TRI_YES : f->proxy_v6;
	}
	if (r < 0)
		(void)posture_add_unknown(p, "network.proxy", "rtnetlink: %s", strerror(-r));
}

static void collect_rules(struct posture *p)
{
	struct ways w = { .p = p };
	const struct fib_rule_hdr header = { .family = AF_UNSPEC };
	int r = dump(NETLINK_ROUTE, RTM_GETRULE, &header, sizeof(header), take_rule, &w);
	if (r == 0 || r == -EOPNOTSUPP) /* the latter: a kernel without policy routing */
		p->routing_rules = (struct posture_count){ true, r == 0 ? w.count : 0 };
	else
		(void)posture_add_unknown(p, "network.routing_rules", "rtnetlink: %s", strerror(-r));
}

static void collect_policies(struct posture *p)
{
	struct ways w = { .p = p };
	const struct xfrm_userpolicy_id header = { 0 };
	int r = dump(NETLINK_XFRM, XFRM_MSG_GETPOLICY, &header, sizeof(header), take_policy, &w);
	if (r == 0 || r == -EPROTONOSUPPORT)
		p->ipsec_policies = (struct posture_count){ true, r == 0 ? w.count : 0 };
	else
		(void)posture_add_unknown(p, "network.ipsec_policies", "xfrm: %s", strerror(-r));
}

void collect_ways(const struct root *root, struct posture *p)
{
	if (!root->live)
		return; /* the network as a whole is unknown */
	collect_proxies(p);
	collect_rules(p);
	collect_policies(p);
}
