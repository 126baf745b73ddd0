/* SPDX-License-Identifier: ISC */
/*
 * The named counters of the tables called "pratique", read from the kernel directly: libnftables would fetch
 * every element of every set first.
 */
#pragma once

#include "base/error.h"

struct mnl_socket;
typedef void (*nft_counter_fn)(void *context, const char *name, uint64_t packets, uint64_t bytes);

/* family: NFPROTO_*. A table that is not there has no counters. */
int nft_counters_read(struct mnl_socket *s, int family, nft_counter_fn fn, void *context, struct error *err);
