/* SPDX-License-Identifier: ISC */
/* The items of a range by number. The pools' own. */
#pragma once

#include "softwire/pool.h"

/* How many there are, 2^62 at most; which are given to sessions: from first up to, without, end. */
uint64_t pool_range_capacity(const struct pool_range *r);
uint64_t pool_range_first(const struct pool_range *r);
uint64_t pool_range_end(const struct pool_range *r);
struct ip_prefix pool_range_item(const struct pool_range *r, uint64_t index);
/* The number of the item that an address inside the range is in. */
uint64_t pool_range_index(const struct pool_range *r, const struct ip_address *a);
bool pool_range_contains(const struct pool_range *r, const struct ip_prefix *p);
/* p is one of the items, and one that is given. */
bool pool_range_has_item(const struct pool_range *r, const struct ip_prefix *p);
/* What the concentrator keeps for itself; false: nothing. */
bool pool_range_own(const struct pool_range *r, struct ip_address *ret);
const char *pool_kind_name(enum pool_kind kind);
