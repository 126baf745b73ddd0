/* SPDX-License-Identifier: ISC */
/*
 * The initiator's host, as the softwire uses it: addresses, routes, MTU and DNS servers, set by netlink in
 * the keeper. It reads the typed LINK message only. All that was set is undone by link_close(), when the
 * control process has gone (link_undo()), and at the next start after a crash: a state file says what was
 * set, and is written before it is.
 *
 * The way to each concentrator's outer address is pinned by a host route over the gateway that leads there
 * now, so that a default route through the softwire does not loop, and follows the network; where no way is
 * left, the pin refuses packets. Addresses, routes and interfaces are watched (main table only: policy
 * routing is its owner's), and where our outer address has changed, on_moved tells at once.
 *
 * A default route of LINK becomes its two halves, which win over any default route of the host without
 * touching it. A downstream interface gets the first /64 of each delegated prefix with ::1 in it, and IPv6
 * forwarding is on while it has one (with accept_ra = 2 on uplinks that listened to advertisements); who is
 * to announce it there is the host's choice (radvd, systemd-networkd, dnsmasq). What of the prefix nobody has
 * is unreachable (RFC 7084, WPD-5).
 */
#pragma once

#include "base/address.h"
#include "ipc/ipc.h"
#include <event2/event.h>

#define LINK_CONCENTRATORS_MAX 8

enum link_dns {
	LINK_DNS_NONE,
	LINK_DNS_RESOLV_CONF, /* the file is replaced, and put back */
	LINK_DNS_RESOLVCONF,  /* resolvconf -a, -d */
	LINK_DNS_RESOLVECTL,  /* systemd-resolved */
};
/* "none", "resolv.conf", "resolvconf", "resolvectl". -EINVAL. */
int link_dns_parse(const char *text, enum link_dns *ret, struct error *err);

struct link_options {
	const char *interface;  /* the TUN, which exists */
	const char *downstream; /* gets the first /64 of each delegated prefix, and is forwarded; NULL or "":
	                           none */
	const char *state_path; /* what was set; in a directory of ours */
	const char *resolv_conf_path; /* NULL: /etc/resolv.conf */
	enum link_dns dns;
	struct ip_address concentrators[LINK_CONCENTRATORS_MAX]; /* outer addresses */
	size_t n_concentrators;
	/* Our address on the way to a concentrator: told once at the beginning, by the loop, and whenever it
	 * has changed. Zero: there is no way. */
	void (*on_moved)(const struct ip_address *source, void *user);
	/* May be NULL. What could not be set or undone; the rest is in place. */
	void (*on_trouble)(const char *text, void *user);
	void *user;
};

struct link;

/* Undoes what an earlier life has left, pins the routes and begins to watch. Strings are copied. */
int link_open(
        struct event_base *base, const struct link_options *options, struct link **ret, struct error *err);
/* Makes the host as the message says; what an earlier one said and this one does not is undone. All of it is
 * tried; the first failure is returned. */
int link_apply(struct link *l, const struct ipc_link *message, struct error *err);
/* As before the first link_apply(); the pinned routes stay. */
void link_undo(struct link *l);
/* Undoes all. NULL in, NULL out. */
struct link *link_close(struct link *l);
