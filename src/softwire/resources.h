/* SPDX-License-Identifier: ISC */
/* What the keeper opens while it is privileged, in the order in which nothing is ever unprotected: the filter
 * before the sockets. */
#pragma once

#include "dataplane/dataplane.h"
#include "softwire/options.h"
#include "softwire/spd.h"

#include <net/if.h>

struct resources {
	struct dataplane_config plane; /* control is -1 */
	char tun[IFNAMSIZ];
	struct spd *spd;
	int lock;  /* the state directory: no two daemons share interface, filter and leases; 0 = none */
	uid_t uid; /* whom everything runs as */
	gid_t gid;
};

/* The user of the service; ours where we are nobody's root. -EINVAL. */
int resources_find_user(const struct softwire_options *o, uid_t *ret_uid, gid_t *ret_gid, struct error *err);
/* Opens all; on failure all is as before. */
int resources_open(const struct softwire_options *o, struct resources *ret, struct error *err);
/* Gives up everything but CAP_NET_ADMIN (and CAP_NET_BIND_SERVICE for charon in kernel mode, and
 * CAP_DAC_OVERRIDE where the initiator writes /etc/resolv.conf). */
int resources_drop_privileges(const struct softwire_options *o, struct error *err);
/* In order: filter and interface go. */
void resources_close(struct resources *r);
