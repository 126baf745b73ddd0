/* SPDX-License-Identifier: ISC */
#include "softwire/pool_range.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CAPACITY_BITS_MAX 62

static const char *const kinds[POOL_N_KINDS] = {
	[POOL_IPV4] = "ipv4",
	[POOL_FRAMED] = "framed",
	[POOL_DELEGATED] = "delegated",
};

const char *pool_kind_name(enum pool_kind kind)
{
	return kinds[kind];
}

static int parse_kind(const char *word, enum pool_kind *ret, struct error *err)
{
	for (size_t i = 0; i < POOL_N_KINDS; i++)
		if (strcmp(word, kinds[i]) == 0) {
			*ret = (enum pool_kind)i;
			return 0;
		}
	return error_set(err, -EINVAL, "pool: \"%s\" is none of ipv4, framed and delegated", word);
}

static bool is_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
		            *c == '-' || *c == '_' || *c == '.'))
			return false;
	return *name && strlen(name) <= POOL_NAME_MAX;
}

static int check_range(struct pool_range *r, const char *range, unsigned length, struct error *err)
{
	const struct ip_address *a = &r->range.address;
	if (r->kind == POOL_IPV4) {
		if (!ip_is_v4(a) || r->range.length < 96 + 8)
			return error_set(err, -EINVAL,
			        "pool %s: \"%s\" is not an IPv4 prefix of /8 or longer", r->name, range);
		r->length = 128;
		return 0;
	}
	if (ip_is_v4(a) || a->bytes[0] == 0xff || ip_is_link_local(a) || r->range.length < 16)
		return error_set(err, -EINVAL,
		        "pool %s: \"%s\" is not a unicast IPv6 prefix of /16 or longer", r->name, range);
	r->length = (uint8_t)(r->kind == POOL_FRAMED ? 64 : length);
	if (r->range.length > r->length || r->length > 64)
		return error_set(err, -EINVAL,
		        "pool %s: no prefix of length %u fits into %s; give a shorter prefix, or "
		        "a length of %u to 64",
		        r->name, r->length, range, r->range.length);
	return 0;
}

int pool_range_parse(const char *text, struct pool_range *ret, struct error *err)
{
	char name[64], kind[16], range[IP_TEXT_SIZE], word[16] = "", rest[2];
	unsigned length = POOL_DELEGATED_LENGTH;
	/* NOLINTNEXTLINE(cert-err34-c): three digits cannot overflow, and all are counted */
	int n = sscanf(text, "%63s %15s %63s %15s %3u %1s", name, kind, range, word, &length, rest);
	struct pool_range r = { 0 };
	if (n != 3 && n != 5)
		return error_set(err, -EINVAL,
		        "pool: \"%s\" is not NAME ipv4|framed|delegated PREFIX [length N]", text);
	if (!is_name(name))
		return error_set(err, -EINVAL,
		        "pool: \"%s\" is not a name of up to %d letters, digits, \"-\", \"_\" and \".\"",
		        name, POOL_NAME_MAX);
	memcpy(r.name, name, strlen(name) + 1);
	int e = parse_kind(kind, &r.kind, err);
	if (e < 0)
		return e;
	if (n == 5 && (strcmp(word, "length") != 0 || r.kind != POOL_DELEGATED))
		return error_set(
		        err, -EINVAL, "pool %s: only \"length N\" may follow, and of a delegated pool", name);
	if (ip_prefix_parse(range, &r.range) < 0)
		return error_set(err, -EINVAL, "pool %s: \"%s\" is not a prefix (its host bits must be zero)",
		        name, range);
	e = check_range(&r, range, length, err);
	if (e == 0)
		*ret = r;
	return e;
}

uint64_t pool_range_capacity(const struct pool_range *r)
{
	return 1ULL << MIN(r->length - r->range.length, CAPACITY_BITS_MAX);
}

uint64_t pool_range_first(const struct pool_range *r)
{
	uint64_t capacity = pool_range_capacity(r);
	if (r->kind == POOL_IPV4)
		return capacity >= 4 ? 2 : 0;
	return r->kind == POOL_FRAMED && capacity > 1 ? 1 : 0;
}

uint64_t pool_range_end(const struct pool_range *r)
{
	uint64_t capacity = pool_range_capacity(r);
	return r->kind == POOL_IPV4 && capacity >= 4 ? capacity - 1 : capacity;
}

struct ip_prefix pool_range_item(const struct pool_range *r, uint64_t index)
{
	struct ip_prefix p = { r->range.address, r->length };
	for (int bit = r->length - 1; index; bit--, index >>= 1)
		if (index & 1)
			p.address.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return p;
}

uint64_t pool_range_index(const struct pool_range *r, const struct ip_address *a)
{
	uint64_t index = 0;
	for (int bit = r->range.length; bit < r->length; bit++)
		index = index << 1 | (a->bytes[bit / 8] >> (7 - bit % 8) & 1);
	return index;
}

bool pool_range_contains(const struct pool_range *r, const struct ip_prefix *p)
{
	return p->length >= r->range.length && ip_in_prefix(&p->address, &r->range);
}

bool pool_range_has_item(const struct pool_range *r, const struct ip_prefix *p)
{
	if (p->length != r->length || !pool_range_contains(r, p))
		return false;
	uint64_t index = pool_range_index(r, &p->address);
	return index >= pool_range_first(r) && index < pool_range_end(r);
}

bool pool_range_own(const struct pool_range *r, struct ip_address *ret)
{
	if (!pool_range_first(r))
		return false;
	*ret = r->range.address;
	ret->bytes[15] |=
	        1; /* an IPv4 range is a /30 or wider, a framed one a /63 or wider: the bit is free */
	return true;
}
