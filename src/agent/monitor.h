/* SPDX-License-Identifier: ISC */
/*
 * The host monitor (quarantine draft, 4.5.1): notices by itself that the host is not what it was. It watches
 * the databases of dpkg, apk and rpm, apt's lists, os-release, the installed kernels, accounts, sshd's
 * configuration (inotify), addresses, links, routes and routing rules (rtnetlink), the firewall (nfnetlink)
 * and IPsec policies (xfrm), looks at what nobody tells of a few times a minute, lets bursts settle
 * (settle.h), and then says that something may have changed. Whether it did is for the digest to tell.
 */
#pragma once

#include "base/error.h"

#include <event2/event.h>
#include <stdbool.h>

struct monitor;

/* What of the host is watched; extra: further files whose replacement is reported by on_extra,
 * NULL-terminated, may be NULL. What cannot be watched is named by note, and the rest is watched. */
struct monitor_config {
	const char *const *extra;
	void (*on_settled)(void *context); /* inspect */
	void (*on_extra)(void *context);   /* a file of extra was written or replaced */
	bool (*look)(void *context); /* often: whether what cannot be watched has changed; may be NULL */
	void (*note)(void *context, const char *text);
	void *context;
};

struct monitor *monitor_new(struct event_base *base, const struct monitor_config *config);
struct monitor *monitor_free(struct monitor *m); /* NULL in, NULL out */
