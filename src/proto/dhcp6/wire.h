/* SPDX-License-Identifier: ISC */
/* Messages and options of RFC 8415, as both roles read and write them. Room-private. */
#pragma once

#include "proto/dhcp6/dhcp6.h"

/* RFC 8415 21.13 */
enum dhcp6_status {
	DHCP6_SUCCESS = 0,
	DHCP6_UNSPEC_FAIL = 1,
	DHCP6_NO_ADDRS_AVAIL = 2,
	DHCP6_NO_BINDING = 3,
	DHCP6_NOT_ON_LINK = 4,
	DHCP6_USE_MULTICAST = 5,
	DHCP6_NO_PREFIX_AVAIL = 6,
};

enum dhcp6_option {
	DHCP6_OPTION_CLIENTID = 1,
	DHCP6_OPTION_SERVERID = 2,
	DHCP6_OPTION_IA_NA = 3,
	DHCP6_OPTION_IAADDR = 5,
	DHCP6_OPTION_ORO = 6,
	DHCP6_OPTION_PREFERENCE = 7,
	DHCP6_OPTION_ELAPSED_TIME = 8,
	DHCP6_OPTION_STATUS_CODE = 13,
	DHCP6_OPTION_RAPID_COMMIT = 14,
	DHCP6_OPTION_DNS_SERVERS = 23,
	DHCP6_OPTION_DOMAIN_LIST = 24,
	DHCP6_OPTION_IA_PD = 25,
	DHCP6_OPTION_IAPREFIX = 26,
	DHCP6_OPTION_SOL_MAX_RT = 82,
	DHCP6_OPTION_INF_MAX_RT = 83,
};

/* An IAADDR (length 128) or an IAPREFIX. */
struct dhcp6_item {
	struct ip_prefix prefix;
	uint32_t preferred_s, valid_s;
	uint16_t status;
};
#define DHCP6_ITEMS_MAX DHCP6_PREFIXES_MAX

struct dhcp6_ia {
	uint16_t option; /* IA_NA or IA_PD */
	uint32_t iaid, t1_s, t2_s;
	uint16_t status;
	struct dhcp6_item items[DHCP6_ITEMS_MAX];
	size_t n_items;
};

struct dhcp6_message {
	uint8_t type;
	uint32_t xid;
	struct dhcp6_duid client, server; /* length 0: absent */
	struct dhcp6_ia ias[DHCP6_IAS_MAX];
	size_t n_ias;
	bool rapid_commit, has_oro, wants_dns, wants_search, wants_sol_max_rt;
	uint8_t preference;
	uint16_t status;
	uint32_t sol_max_rt_s, inf_max_rt_s; /* 0: absent or out of range */
	struct ip_address dns[DHCP6_DNS_MAX];
	char search[DHCP6_SEARCH_MAX][DOMAIN_TEXT_SIZE];
	size_t n_dns, n_search;
	size_t dropped; /* IAs, items, servers and domains above the limits */
};

/* -EBADMSG for options that are cut, too many or twice where only one is allowed, and DUIDs of a wrong
 * length. */
int dhcp6_read(struct reader r, struct dhcp6_message *ret);

/* The message's header. Options follow one by one; nested ones between dhcp6_open() and dhcp6_close(). */
void dhcp6_begin(struct writer *w, uint8_t type, uint32_t xid);
size_t dhcp6_open(struct writer *w, uint16_t option);
void dhcp6_close(struct writer *w, size_t opened);
void dhcp6_write_duid(struct writer *w, uint16_t option, const struct dhcp6_duid *duid);
void dhcp6_write_status(struct writer *w, uint16_t status, const char *text);
void dhcp6_write_item(
        struct writer *w, const struct ip_prefix *p, bool is_prefix, uint32_t preferred_s, uint32_t valid_s);
void dhcp6_write_dns(struct writer *w, const struct ip_address *servers, size_t n);
void dhcp6_write_search(struct writer *w, const char *const *names, size_t n);
void dhcp6_write_u32(struct writer *w, uint16_t option, uint32_t value);
