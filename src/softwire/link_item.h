/* SPDX-License-Identifier: ISC */
/*
 * What the keeper has set on the host, as items of a list that is also a file: an item is written down before
 * it is set, and leaves the file after it was taken back. So whatever the file names may be there, and
 * nothing else of ours is.
 */
#pragma once

#include "softwire/link_kernel.h"
#include <net/if.h>

#define LINK_ITEMS_MAX 768    /* of two messages that have nothing in common */
#define LINK_SETTINGS_MAX 128 /* interfaces that need one */
#define LINK_VALUE_MAX 31

enum link_item_kind {
	LINK_ITEM_SETTING,     /* a value in /proc/sys/net/ipv6/conf/INTERFACE/ */
	LINK_ITEM_ADDRESS,     /* on an interface */
	LINK_ITEM_UNREACHABLE, /* what of a delegated prefix nobody has (RFC 7084 WPD-5) */
	LINK_ITEM_PIN,         /* the way to a concentrator */
	LINK_ITEM_ROUTE,       /* into the softwire */
	LINK_ITEM_DNS,
	LINK_ITEM_N_KINDS
};

struct link_item {
	enum link_item_kind kind;
	char interface[IF_NAMESIZE];
	struct ip_prefix prefix; /* an address with its length, or where a route leads */
	struct link_way way;     /* pins only; the interface is by name in the file */
	char name[32];           /* of a setting; of the way to tell DNS */
	char before[LINK_VALUE_MAX + 1], value[LINK_VALUE_MAX + 1]; /* of a setting */
};

struct link_items {
	struct link_item items[LINK_ITEMS_MAX];
	size_t n;
};

/* -ENOSPC at LINK_ITEMS_MAX. Adding what is there already changes nothing. */
int link_items_add(struct link_items *l, const struct link_item *item);
void link_items_remove(struct link_items *l, size_t i);
const struct link_item *link_items_find(const struct link_items *l, const struct link_item *item);

/* An empty list is no file. */
int link_items_save(const struct link_items *l, const char *path, struct error *err);
/* -ENOENT is no failure: an empty list. Lines that are none of ours are left out. */
int link_items_load(const char *path, struct link_items *ret, struct error *err);
