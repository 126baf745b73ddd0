/* SPDX-License-Identifier: ISC */
/* Telling the host which name servers to ask, in the way that the configuration names; and taking it back. */
#pragma once

#include "softwire/link.h"

#define LINK_DNS_SERVERS_MAX 8

struct link_dns_place {
	enum link_dns mode;
	const char *interface;
	const char *resolv_conf_path;
};

/* Replaces what was told before. For resolv.conf the file there before (or the symbolic link) is kept beside
 * it as PATH.pratique; its search and options lines go on to apply. */
int link_dns_set(
        const struct link_dns_place *place, const struct ip_address *servers, size_t n, struct error *err);
/* Puts things back. A resolv.conf that somebody else has written since stays. */
int link_dns_undo(const struct link_dns_place *place, struct error *err);
const char *link_dns_name(enum link_dns mode);
