/* SPDX-License-Identifier: ISC */
/*
 * What the enforcer asks of an enforcement point (quarantine draft, section 6.3): rules from the policy's
 * segments, elements in batches that take effect whole or not at all, and what it saw. One file a kind
 * implements it.
 */
#pragma once

#include "base/error.h"
#include "enforcer/element.h"
#include "ipc/ipc.h"

/* What the enforcement point refused because it contradicts a proven attachment, and what it would have
 * proven.
 */
enum sighting_kind {
	SIGHTING_ADDRESS = 1, /* (port, mac) used ip, which is bound to another attachment */
	SIGHTING_MAC,         /* port used mac, which is attached at another port */
	SIGHTING_ROGUE,       /* (port, mac) sent what only a router or DHCP server may */
	SIGHTING_UNPROVEN,    /* mac, at any port of link, is placed and sent from ip, which is nobody's */
	SIGHTING_WANTED, /* somebody sent to ip on link, which is no placed attachment's, and was refused */
};
struct sighting {
	enum sighting_kind kind;
	uint16_t link;
	char port[IFNAMSIZ];
	struct mac_address mac;
	struct ip_address ip;
};
typedef void (*sighting_fn)(void *context, const struct sighting *s);
typedef void (*element_fn)(void *context, const struct element *e);

struct driver;
struct driver_ops {
	/* Puts the rules of policy in force, in one step with changes (which belong to the new policy's
	 * marks; may be NULL); elements that changes do not name stay. Rules that are in force already are
	 * left alone, unless always: a packet under way while rules are exchanged may be lost. */
	int (*load)(struct driver *d, const struct ipc_segments *policy,
	        const struct element_changes *changes, bool always, time_ms now, struct error *err);
	/* All of changes in one step, or nothing and an error. */
	int (*apply)(struct driver *d, const struct element_change *changes, size_t count, time_ms now,
	        struct error *err);
	/* Every element that is in force, with its expiry to within a second. -ENOENT: nothing was ever
	 * loaded. */
	int (*list)(struct driver *d, time_ms now, element_fn fn, void *context, struct error *err);
	/* The fingerprint of the policy whose rules are in force; -ENOENT: none. */
	int (*loaded)(struct driver *d, uint64_t *ret_fingerprint, struct error *err);
	/* Fills the list, which the caller clears with ipc_body_clear(). */
	int (*counters)(struct driver *d, struct ipc_counters *ret, struct error *err);
	/* What was refused since the last call, and perhaps up to 10 s before. */
	int (*sightings)(struct driver *d, sighting_fn fn, void *context, struct error *err);
	/* From now on *ret_fd is readable when there is something new for wanted(). */
	int (*follow)(struct driver *d, int *ret_fd, struct error *err);
	/* The addresses that packets of the last seconds asked for: SIGHTING_UNPROVEN, SIGHTING_WANTED. */
	int (*wanted)(struct driver *d, sighting_fn fn, void *context, struct error *err);
	/* Removes everything that the driver ever put there. */
	int (*flush)(struct driver *d, struct error *err);
	struct driver *(*free)(struct driver *d);
};
struct driver {
	const struct driver_ops *ops;
};

/* nftables.c. links is kept by reference; log_group: NFLOG group for refused packets of segments with `log`.
 */
struct driver *driver_nftables_new(const struct links *links, uint16_t log_group, struct error *err);
