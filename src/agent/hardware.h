/* SPDX-License-Identifier: ISC */
/* What kind of interface a device is that has no rtnl_link_ops to say so: a network card, a radio, a modem.
 */
#pragma once

#include "agent/root.h"
#include "posture/posture.h"

/* name: of the interface. type: its ARPHRD_ number. In p's arena or static, never NULL. */
const char *hardware_kind(const struct root *root, struct posture *p, const char *name, unsigned int type);
