/* SPDX-License-Identifier: ISC */
/* What an interface is, from the kernel's word for its kind (rtnl_link_ops) or its class of hardware. */
#include "posture/posture.h"

#include <string.h>

static const struct {
	const char *kind;
	enum posture_trait trait;
} kinds[] = {
	{ "amt", POSTURE_TUNNEL },
	{ "bareudp", POSTURE_TUNNEL },
	{ "batadv", POSTURE_BRIDGE },
	{ "bridge", POSTURE_BRIDGE },
	{ "erspan", POSTURE_TUNNEL },
	{ "fou", POSTURE_TUNNEL },
	{ "geneve", POSTURE_TUNNEL },
	{ "gre", POSTURE_TUNNEL },
	{ "gretap", POSTURE_TUNNEL },
	{ "gtp", POSTURE_TUNNEL },
	{ "hsr", POSTURE_BRIDGE },
	{ "ip6erspan", POSTURE_TUNNEL },
	{ "ip6gre", POSTURE_TUNNEL },
	{ "ip6gretap", POSTURE_TUNNEL },
	{ "ip6tnl", POSTURE_TUNNEL },
	{ "ipip", POSTURE_TUNNEL },
	{ "l2tpeth", POSTURE_TUNNEL },
	{ "mobile", POSTURE_MOBILE },
	{ "openvswitch", POSTURE_BRIDGE },
	{ "ovpn", POSTURE_TUNNEL },
	{ "ovpn-dco", POSTURE_TUNNEL },
	{ "ovs-system", POSTURE_BRIDGE },
	{ "ppp", POSTURE_TUNNEL },
	{ "rmnet", POSTURE_MOBILE },
	{ "sit", POSTURE_TUNNEL },
	{ "slip", POSTURE_TUNNEL },
	{ "tun", POSTURE_TUNNEL },
	{ "tunnel", POSTURE_TUNNEL },
	{ "vti", POSTURE_TUNNEL },
	{ "vti6", POSTURE_TUNNEL },
	{ "vxlan", POSTURE_TUNNEL },
	{ "wireguard", POSTURE_TUNNEL },
	{ "wireless", POSTURE_WIRELESS },
	{ "wlan", POSTURE_WIRELESS },
	{ "wwan", POSTURE_MOBILE },
	{ "xfrm", POSTURE_TUNNEL },
};

/* Made by the kernel in every network namespace as soon as the module is loaded. */
static const char *const fallback_tunnels[] = { "erspan0", "gre0", "gretap0", "ip6_vti0", "ip6gre0",
	"ip6tnl0", "ip_vti0", "sit0", "tunl0" };

static bool is_idle_fallback(const struct posture_interface *interface)
{
	for (size_t i = 0; !interface->up && i < ARRAY_LENGTH(fallback_tunnels); i++)
		if (strcmp(interface->name, fallback_tunnels[i]) == 0)
			return true;
	return false;
}

enum tristate posture_interface_is(const struct posture_interface *interface, enum posture_trait trait)
{
	if (!interface->kind)
		return TRI_UNKNOWN;
	if (trait == POSTURE_WIRELESS && interface->wireless_mode)
		return TRI_YES;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		if (kinds[i].trait == trait && strcmp(kinds[i].kind, interface->kind) == 0)
			return trait == POSTURE_TUNNEL && is_idle_fallback(interface) ? TRI_NO : TRI_YES;
	return TRI_NO;
}

bool posture_is_uplink(const struct posture *p, const struct posture_interface *interface)
{
	for (size_t i = 0; i < p->n_routes; i++)
		if (p->routes[i].interface && strcmp(p->routes[i].interface, interface->name) == 0)
			return true;
	return false;
}
