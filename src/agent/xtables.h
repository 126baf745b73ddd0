/* SPDX-License-Identifier: ISC */
/*
 * The rules of x_tables, which iptables-legacy loads and nf_tables does not show: asked by getsockopt(2) as
 * iptables does. What iptables-nft loads is nf_tables'.
 */
#pragma once

#include "agent/root.h"
#include "base/cursor.h"

#define XTABLES_SIZE_MAX (32u << 20) /* bytes of one table */
#define XTABLES_TABLES_MAX 16

struct ipt_getinfo; /* linux/netfilter_ipv4/ip_tables.h */

struct xtables {
	uint32_t rules;
	bool masquerades;
	bool filters_input; /* the filter table has rules for input, or its policy drops */
	bool drops_input;   /* it does so by policy */
};

/* Adds all tables of one family, AF_INET or AF_INET6, and appends to fingerprint what of them stays the same
 * as long as the rules do. -errno, with what could not be read in err. */
int xtables_read(const struct root *root, int family, struct xtables *ret, struct writer *fingerprint,
        struct error *err);

/* One table as the kernel gives it; -EBADMSG where its offsets lead out of it. */
int xtables_read_entries(int family, const struct ipt_getinfo *info, const void *entries, size_t size,
        struct xtables *ret, struct writer *fingerprint);
