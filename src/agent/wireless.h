/* SPDX-License-Identifier: ISC */
/* What nl80211 says of one wireless interface. */
#pragma once

#include "posture/posture.h"
#include <linux/netlink.h>

/* One message NL80211_CMD_NEW_INTERFACE of a dump: sets the mode of the posture's interface of that name.
 * Always MNL_CB_OK: what cannot be read leaves the mode unknown. */
int wireless_take_interface(const struct nlmsghdr *message, void *posture);
