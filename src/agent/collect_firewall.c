/* SPDX-License-Identifier: ISC */
/*
 * Whether a firewall is active: nf_tables has a base chain of type filter on hook input that has a rule or
 * drops by policy. It counts for the family of its table (inet for both), and both families in use must be
 * covered: a filter for IPv4 alone leaves a dual-stack host open (quarantine draft, 9.10). Rules of the older
 * x_tables count in the same way.
 */
#include "agent/collect.h"

#include "agent/netlink.h"
#include "agent/ruleset.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#define DUMP_ATTEMPTS 5

struct coverage {
	bool v4, v6;
	bool drops_v4, drops_v6; /* by policy */
};

/* The hook number of NFTA_CHAIN_HOOK, or -1. */
static int hook_of(const struct nlattr *nested)
{
	const struct nlattr *table[NFTA_HOOK_PRIORITY + 1] = { 0 };
	struct netlink_attributes attributes = { table, NFTA_HOOK_PRIORITY };
	(void)mnl_attr_parse_nested(nested, netlink_collect_attribute, &attributes);
	const struct nlattr *number = table[NFTA_HOOK_HOOKNUM];
	return number && mnl_attr_get_payload_len(number) == 4 ? (int)ntohl(mnl_attr_get_u32(number)) : -1;
}

static bool u32_is(const struct nlattr *attribute, uint32_t value)
{
	return attribute && mnl_attr_get_payload_len(attribute) == 4 &&
	        ntohl(mnl_attr_get_u32(attribute)) == value;
}

static int take_chain(const struct nlmsghdr *message, void *context)
{
	struct coverage *c = context;
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *table[NFTA_CHAIN_TYPE + 1] = { 0 };
	struct netlink_attributes attributes = { table, NFTA_CHAIN_TYPE };
	(void)mnl_attr_parse(message, sizeof(*header), netlink_collect_attribute, &attributes);
	if (!table[NFTA_CHAIN_HOOK] || hook_of(table[NFTA_CHAIN_HOOK]) != NF_INET_LOCAL_IN ||
	        !table[NFTA_CHAIN_TYPE] || strcmp(mnl_attr_get_str(table[NFTA_CHAIN_TYPE]), "filter") != 0)
		return MNL_CB_OK;
	/* Nothing jumps to a base chain, so that its use count is the number of its rules. */
	bool has_rules = table[NFTA_CHAIN_USE] && !u32_is(table[NFTA_CHAIN_USE], 0);
	if (!has_rules && !u32_is(table[NFTA_CHAIN_POLICY], NF_DROP))
		return MNL_CB_OK;
	bool v4 = header->nfgen_family == NFPROTO_INET || header->nfgen_family == NFPROTO_IPV4;
	bool v6 = header->nfgen_family == NFPROTO_INET || header->nfgen_family == NFPROTO_IPV6;
	bool drops = u32_is(table[NFTA_CHAIN_POLICY], NF_DROP);
	c->v4 |= v4;
	c->v6 |= v6;
	c->drops_v4 |= v4 && drops;
	c->drops_v6 |= v6 && drops;
	return MNL_CB_OK;
}

static int read_chains(struct coverage *ret)
{
	int r = -EINTR;
	for (int attempt = 0; attempt < DUMP_ATTEMPTS && r == -EINTR; attempt++) {
		char buffer[256] = { 0 };
		struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
		request->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN;
		struct nfgenmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
		header->nfgen_family = NFPROTO_UNSPEC;
		*ret = (struct coverage){ 0 };
		r = netlink_dump(NETLINK_NETFILTER, request, take_chain, ret);
	}
	return r;
}

/* Families that the host can be reached by. Where that is not known, both. */
static struct coverage families_in_use(const struct posture *p)
{
	struct coverage used = { 0 };
	if (!p->network_known)
		return (struct coverage){ true, true };
	for (size_t i = 0; i < p->n_interfaces; i++)
		for (size_t a = 0; a < p->interfaces[i].n_addresses; a++) {
			bool v4 = ip_is_v4(&p->interfaces[i].addresses[a].address);
			used.v4 |= v4;
			used.v6 |= !v4;
		}
	return used;
}

/* What decides where no rule does; of two families the more open one. */
static void take_input(const struct coverage *covered, const struct coverage *used, struct posture *p)
{
	bool open = (used->v4 && !covered->drops_v4) || (used->v6 && !covered->drops_v6);
	p->firewall_input = open || (!covered->drops_v4 && !covered->drops_v6) ? "accept" : "drop";
}

static void add_xtables(struct coverage *c, const struct ruleset *rules)
{
	c->v4 |= rules->v4.filters_input;
	c->v6 |= rules->v6.filters_input;
	c->drops_v4 |= rules->v4.drops_input;
	c->drops_v6 |= rules->v6.drops_input;
}

static void take_ruleset(const struct ruleset *rules, struct posture *p)
{
	p->masquerade = rules->masquerades ? TRI_YES : TRI_NO;
	p->firewall_rules = (struct posture_count){ true, rules->rules };
	p->firewall_fingerprint = posture_string(p, rules->fingerprint);
}

void collect_firewall(const struct root *root, struct posture *p)
{
	struct coverage covered = { 0 }, used = families_in_use(p);
	struct ruleset rules = { 0 };
	struct error err;
	if (!root->live) {
		(void)posture_add_unknown(p, "firewall", "%s is not the running system", root->path);
		return;
	}
	int r = read_chains(&covered);
	r = r < 0 ? error_set(&err, r, "nf_tables: %s", strerror(-r)) : ruleset_read(root, &rules, &err);
	if (r < 0) {
		(void)posture_add_unknown(p, "firewall", "%s", err.text);
		(void)posture_add_unknown(p, "network.masquerade", "%s", err.text);
		return;
	}
	take_ruleset(&rules, p);
	add_xtables(&covered, &rules);
	take_input(&covered, &used, p);
	bool all = (covered.v4 || !used.v4) && (covered.v6 || !used.v6) && (covered.v4 || covered.v6);
	p->firewall_active = all ? TRI_YES : TRI_NO;
}
