/* SPDX-License-Identifier: ISC */
/*
 * Elements: what an enforcement point holds, one fact each. A driver turns them into entries of its own
 * tables; the rules around them only change with the policy.
 *
 * A link is one layer-2 domain of nodes: a bridge, whose ports are the nodes' ports, or a routed interface,
 * which is its own only port; or the tunnel interface of a softwire concentrator, whose sessions are the
 * ports.
 */
#pragma once

#include "base/address.h"
#include "base/clock.h"
#include <net/if.h>

#define ENFORCER_LINKS_MAX 32
#define ENFORCER_MARK_MAX 200     /* of a policy's segments */
#define ENFORCER_MARK_INITIAL 255 /* the one segment, which reaches nothing, before there is a policy */
/* Beside a segment's mark in a packet's: the sender is placed, but its address is not proven yet; the
 * target's address is in nobody's placed attachment. */
#define ENFORCER_MARK_UNPROVEN 0x10000
#define ENFORCER_MARK_WANTED 0x20000

enum link_kind {
	LINK_BRIDGE,
	LINK_ROUTED,
	LINK_SOFTWIRE,
};
struct link {
	char name[IFNAMSIZ];
	enum link_kind kind;
	bool present; /* the kernel has it now */
};
struct links {
	struct link items[ENFORCER_LINKS_MAX];
	size_t count;
};

enum element_kind {
	ELEMENT_PORT = 1,      /* port belongs to the link: its frames are judged */
	ELEMENT_MAC,           /* mac is attached at port and nowhere else on the link */
	ELEMENT_ADDRESS,       /* ip is proven behind (port, mac) and behind nobody else on the link */
	ELEMENT_PLACED,        /* what (port, mac) sends comes from segment mark, until expires */
	ELEMENT_TARGET,        /* what is sent to ip on the link goes to segment mark, until expires */
	ELEMENT_PREFIX,        /* of a softwire: ip/length is behind (port, mac) */
	ELEMENT_PREFIX_PLACED, /* and is in segment mark, until expires */
};

/* Fields that a kind does not use are zero, so that elements compare as bytes up to `mark`. */
struct element {
	enum element_kind kind;
	uint16_t link; /* index into links */
	char port[IFNAMSIZ];
	struct mac_address mac;
	struct ip_address ip;
	uint8_t length; /* of a prefix, counted in the 16 bytes */
	/* value, not key: */
	uint8_t mark;
	time_ms expires; /* wall */
};

/* Whether it ends by itself. */
static inline bool element_is_timed(const struct element *e)
{
	return e->kind == ELEMENT_PLACED || e->kind == ELEMENT_TARGET || e->kind == ELEMENT_PREFIX_PLACED;
}

/* Order by key. */
int element_compare(const struct element *a, const struct element *b);
/* Whether name may stand in a rule set: 1 to 15 of the characters A-Z a-z 0-9 . _ - @ : */
bool element_port_valid(const char *name);

/* A removal names the key only; to change a value, remove the old element and add the new one. */
struct element_change {
	bool add;
	struct element element;
};
struct element_changes {
	struct element_change *items;
	size_t count, capacity;
};
void element_changes_add(struct element_changes *c, bool add, const struct element *e);
void element_changes_clear(struct element_changes *c);

/* Appends what turns the sorted array from into the sorted array to. A value whose expiry differs by less
 * than tolerance is left as it is. */
void element_diff(const struct element *from, size_t n_from, const struct element *to, size_t n_to,
        time_ms tolerance, struct element_changes *ret);
void element_sort(struct element *elements, size_t count);
