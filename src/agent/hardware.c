/* SPDX-License-Identifier: ISC */
#include "agent/hardware.h"

#include <linux/if_arp.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "/sys/class/net"
#define UEVENT_MAX 4096

static bool has_entry(const struct root *root, const char *name, const char *entry)
{
	char *path FREE_ON_EXIT = xasprintf(FOLDER "/%s/%s", name, entry);
	int fd;
	if (root_open_file(root, path, &fd, NULL) < 0)
		return false;
	close(fd);
	return true;
}

/* DEVTYPE of the device: "wlan", "wwan", "bridge", "ppp", "l2tpeth". NULL where it has none. */
static const char *device_type(const struct root *root, struct posture *p, const char *name)
{
	static const char key[] = "DEVTYPE=";
	char *path FREE_ON_EXIT = xasprintf(FOLDER "/%s/uevent", name), *text FREE_ON_EXIT = NULL;
	if (root_read_file(root, path, UEVENT_MAX, &text, NULL, NULL) < 0)
		return NULL;
	for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, key, strlen(key)) == 0)
			return posture_string_n(p, line + strlen(key), strcspn(line, "\n") - strlen(key));
	return NULL;
}

static const char *kind_of_type(struct posture *p, unsigned int type)
{
	static const struct {
		unsigned int type;
		const char *kind;
	} kinds[] = { { ARPHRD_ETHER, "ethernet" }, { ARPHRD_PPP, "ppp" }, { ARPHRD_SLIP, "slip" },
		{ ARPHRD_CSLIP, "slip" }, { ARPHRD_TUNNEL, "tunnel" }, { ARPHRD_TUNNEL6, "tunnel" },
		{ ARPHRD_SIT, "sit" }, { ARPHRD_IPGRE, "gre" }, { ARPHRD_IP6GRE, "ip6gre" },
		{ ARPHRD_IEEE80211, "wireless" }, { ARPHRD_IEEE80211_PRISM, "wireless" },
		{ ARPHRD_IEEE80211_RADIOTAP, "wireless" }, { ARPHRD_RAWIP, "mobile" } };
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		if (kinds[i].type == type)
			return kinds[i].kind;
	char *text FREE_ON_EXIT = xasprintf("arphrd-%u", type);
	return posture_string(p, text);
}

const char *hardware_kind(const struct root *root, struct posture *p, const char *name, unsigned int type)
{
	const char *device = device_type(root, p, name);
	if (has_entry(root, name, "phy80211") || has_entry(root, name, "wireless") ||
	        (device && strcmp(device, "wlan") == 0))
		return "wireless";
	if (device && strcmp(device, "wwan") == 0)
		return "mobile";
	if (has_entry(root, name, "tun_flags"))
		return "tun";
	return device ? device : kind_of_type(p, type);
}
