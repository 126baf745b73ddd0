/* SPDX-License-Identifier: ISC */
/* The mode of each wireless interface, from nl80211 by generic netlink. A node that is an access point, or
 * talks to others without one, is a router of its own (quarantine draft, 9.9: "wireless LAN ad-hoc mode"). */
#include "agent/collect.h"

#include "agent/netlink.h"
#include "agent/wireless.h"
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/nl80211.h>
#include <string.h>

static const char *const modes[] = { [NL80211_IFTYPE_UNSPECIFIED] = "unspecified",
	[NL80211_IFTYPE_ADHOC] = "ad-hoc",
	[NL80211_IFTYPE_STATION] = "station",
	[NL80211_IFTYPE_AP] = "ap",
	[NL80211_IFTYPE_AP_VLAN] = "ap",
	[NL80211_IFTYPE_WDS] = "wds",
	[NL80211_IFTYPE_MONITOR] = "monitor",
	[NL80211_IFTYPE_MESH_POINT] = "mesh",
	[NL80211_IFTYPE_P2P_CLIENT] = "p2p-client",
	[NL80211_IFTYPE_P2P_GO] = "p2p-group-owner",
	[NL80211_IFTYPE_P2P_DEVICE] = "p2p-device",
	[NL80211_IFTYPE_OCB] = "ocb",
	[NL80211_IFTYPE_NAN] = "nan" };

static int take_family(const struct nlmsghdr *message, void *context)
{
	uint16_t *id = context;
	const struct nlattr *table[CTRL_ATTR_FAMILY_ID + 1] = { 0 };
	struct netlink_attributes attributes = { table, CTRL_ATTR_FAMILY_ID };
	(void)mnl_attr_parse(message, sizeof(struct genlmsghdr), netlink_collect_attribute, &attributes);
	const struct nlattr *a = table[CTRL_ATTR_FAMILY_ID];
	if (a && mnl_attr_get_payload_len(a) == sizeof(*id))
		*id = mnl_attr_get_u16(a);
	return MNL_CB_STOP;
}

int wireless_take_interface(const struct nlmsghdr *message, void *posture)
{
	struct posture *p = posture;
	const struct nlattr *table[NL80211_ATTR_IFTYPE + 1] = { 0 };
	struct netlink_attributes attributes = { table, NL80211_ATTR_IFTYPE };
	(void)mnl_attr_parse(message, sizeof(struct genlmsghdr), netlink_collect_attribute, &attributes);
	const struct nlattr *name = table[NL80211_ATTR_IFNAME], *type = table[NL80211_ATTR_IFTYPE];
	if (!name || mnl_attr_validate(name, MNL_TYPE_NUL_STRING) < 0 || !type ||
	        mnl_attr_get_payload_len(type) != 4)
		return MNL_CB_OK;
	uint32_t mode = mnl_attr_get_u32(type);
	for (size_t i = 0; i < p->n_interfaces; i++)
		if (strcmp(p->interfaces[i].name, mnl_attr_get_str(name)) == 0)
			p->interfaces[i].wireless_mode =
			        mode < ARRAY_LENGTH(modes) && modes[mode] ? modes[mode] : "other";
	return MNL_CB_OK;
}

static struct nlmsghdr *request(char *buffer, uint16_t type, uint8_t command)
{
	struct nlmsghdr *r = mnl_nlmsg_put_header(buffer);
	r->nlmsg_type = type;
	struct genlmsghdr *header = mnl_nlmsg_put_extra_header(r, sizeof(*header));
	header->cmd = command;
	header->version = 1;
	return r;
}

void collect_wireless(const struct root *root, struct posture *p)
{
	char buffer[256] = { 0 };
	uint16_t family = 0;
	if (!root->live || !p->network_known)
		return;
	struct nlmsghdr *r = request(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(r, CTRL_ATTR_FAMILY_NAME, NL80211_GENL_NAME);
	int result = netlink_ask(NETLINK_GENERIC, r, take_family, &family);
	if (result == -ENOENT) /* a kernel without wireless: nothing to tell */
		return;
	if (result == 0) {
		memset(buffer, 0, sizeof(buffer));
		result = netlink_dump(NETLINK_GENERIC, request(buffer, family, NL80211_CMD_GET_INTERFACE),
		        wireless_take_interface, p);
	}
	if (result < 0)
		(void)posture_add_unknown(p, "network.wireless", "nl80211: %s", strerror(-result));
}
