/* SPDX-License-Identifier: ISC */
/* What the client's two files share: exchanges and their times (client.c), answers (client_answer.c).
 * Room-private. */
#pragma once

#include "proto/dhcp6/wire.h"

#define DHCP6_MAX_RT_MS 3600000 /* SOL_MAX_RT, INF_MAX_RT unless the server says otherwise */

void dhcp6_client_enter(struct dhcp6_client *c, enum dhcp6_client_state state, time_ms now, uint64_t random);
/* Renew, Rebind and Release name what is held. */
void dhcp6_client_offer_held(struct dhcp6_client *c);
