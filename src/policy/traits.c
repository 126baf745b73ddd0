/* SPDX-License-Identifier: ISC */
#include "policy/traits.h"

#include "policy/evaluation.h"
#include <string.h>

static enum tristate is_bridge(const struct posture *p, const struct posture_interface *i)
{
	return posture_interface_is(i, POSTURE_BRIDGE);
}

static enum tristate is_tunnel(const struct posture *p, const struct posture_interface *i)
{
	return posture_interface_is(i, POSTURE_TUNNEL);
}

static enum tristate is_wireless(const struct posture *p, const struct posture_interface *i)
{
	return posture_interface_is(i, POSTURE_WIRELESS);
}

static enum tristate is_mobile(const struct posture *p, const struct posture_interface *i)
{
	return posture_interface_is(i, POSTURE_MOBILE);
}

static enum tristate is_point_to_point(const struct posture *p, const struct posture_interface *i)
{
	return i->point_to_point;
}

static enum tristate is_port(const struct posture *p, const struct posture_interface *i)
{
	return !i->kind ? TRI_UNKNOWN : i->master ? TRI_YES : TRI_NO;
}

static enum tristate is_proxy(const struct posture *p, const struct posture_interface *i)
{
	return policy_or(i->proxy_v4, i->proxy_v6);
}

static enum tristate is_active(const struct posture *p, const struct posture_interface *i)
{
	return i->up ? TRI_YES : TRI_NO;
}

static enum tristate is_uplink(const struct posture *p, const struct posture_interface *i)
{
	return posture_is_uplink(p, i) ? TRI_YES : TRI_NO;
}

static bool kind_of(const struct posture_interface *i, const char **ret)
{
	*ret = i->kind;
	return i->kind;
}

static bool master_of(const struct posture_interface *i, const char **ret)
{
	*ret = i->master;
	return i->kind;
}

static bool name_of(const struct posture_interface *i, const char **ret)
{
	*ret = i->name;
	return true;
}

static bool wireless_mode_of(const struct posture_interface *i, const char **ret)
{
	*ret = i->wireless_mode;
	return i->wireless_mode || posture_interface_is(i, POSTURE_WIRELESS) == TRI_NO;
}

static const struct policy_trait traits[] = {
	{ "active", "is up", is_active, NULL, "network.interfaces" },
	{ "bridge", "is a bridge", is_bridge, NULL, "network.interfaces" },
	{ "kind", NULL, NULL, kind_of, "network.interfaces" },
	{ "master", NULL, NULL, master_of, "network.interfaces" },
	{ "mobile", "is mobile broadband", is_mobile, NULL, "network.interfaces" },
	{ "name", NULL, NULL, name_of, "network.interfaces" },
	{ "point-to-point", "is point-to-point", is_point_to_point, NULL, "network.interfaces" },
	{ "port", "is a port", is_port, NULL, "network.interfaces" },
	{ "proxy", "answers for other hosts (proxy ARP or ND)", is_proxy, NULL, "network.proxy" },
	{ "tunnel", "is a tunnel", is_tunnel, NULL, "network.interfaces" },
	{ "uplink", "has a default route", is_uplink, NULL, "network.default_routes" },
	{ "wireless", "is wireless", is_wireless, NULL, "network.wireless" },
	{ "wireless.mode", NULL, NULL, wireless_mode_of, "network.wireless" },
};

const struct policy_trait *policy_trait_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(traits); i++)
		if (strcmp(traits[i].name, name) == 0)
			return &traits[i];
	return NULL;
}

const char *policy_trait_names(void)
{
	return "`active`, `bridge`, `kind`, `master`, `mobile`, `name`, `point-to-point`, `port`, `proxy`, "
	       "`tunnel`, `uplink`, `wireless` and `wireless.mode`";
}

static enum tristate text_value(const struct posture_interface *i, const struct policy_expression *e)
{
	const char *have;
	if (!e->trait->text(i, &have))
		return TRI_UNKNOWN;
	bool same = have && strcmp(have, e->literal.text) == 0;
	return same == (e->operator== POLICY_EQ) ? TRI_YES : TRI_NO;
}

enum tristate policy_trait_value(
        const struct posture *p, const struct posture_interface *i, const struct policy_expression *e)
{
	enum tristate v = e->kind == POLICY_OR ? TRI_NO : TRI_YES;
	switch (e->kind) {
	case POLICY_AND:
		for (const struct policy_expression *c = e->first; c; c = c->next)
			v = policy_and(v, policy_trait_value(p, i, c));
		return v;
	case POLICY_OR:
		for (const struct policy_expression *c = e->first; c; c = c->next)
			v = policy_or(v, policy_trait_value(p, i, c));
		return v;
	case POLICY_NOT:
		return policy_not(policy_trait_value(p, i, e->first));
	case POLICY_INTERFACE_IS:
		return e->trait->is(p, i);
	case POLICY_INTERFACE_TEXT:
		return text_value(i, e);
	default: /* nothing else stands below this `where` */
		return TRI_UNKNOWN;
	}
}

const char *policy_trait_doubt(
        const struct posture *p, const struct posture_interface *i, const struct policy_expression *e)
{
	if (e->trait)
		return policy_unknown_reason(p, e->trait->reported_as);
	for (const struct policy_expression *c = e->first; c; c = c->next)
		if (policy_trait_value(p, i, c) == TRI_UNKNOWN)
			return policy_trait_doubt(p, i, c);
	return "the agent did not report it";
}
