/* SPDX-License-Identifier: ISC */
/*
 * Which packages a node has, as sorted numbers: when an advisory changes, the nodes that it may be about are
 * found by them, without a look at any inventory. Every inspection pays for the sorting, which is therefore
 * one by digits (least significant byte first) and not by comparison.
 */
#include "server/site.h"

#include <string.h>

/* Advisories and package managers spell names differently (PEP 503): what is compared is lower case with one
 * "-". */
uint32_t site_package_key(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ull;
	bool separator = false;
	for (; *name; name++) {
		char c = *name;
		bool is_separator = c == '-' || c == '_' || c == '.';
		if (is_separator && separator)
			continue;
		separator = is_separator;
		c = is_separator ? '-' : c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
		h = (h ^ (uint8_t)c) * 0x100000001b3ull;
	}
	return (uint32_t)(h >> 32) ^ (uint32_t)h;
}

/* linux-signed-amd64 and its like are built from linux; their advisories say linux. */
static bool is_kernel(const struct posture_package *p)
{
	return strncmp(p->source, "linux-signed", strlen("linux-signed")) == 0 ||
	        strncmp(p->name, "linux-image-", strlen("linux-image-")) == 0;
}

static size_t collect(const struct posture *p, uint32_t *keys)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n_packages; i++) {
		const struct posture_package *package = &p->packages[i];
		keys[n++] = site_package_key(package->name);
		if (package->source && strcmp(package->source, package->name) != 0)
			keys[n++] = site_package_key(package->source);
		if (package->source && is_kernel(package))
			keys[n++] = site_package_key("linux");
	}
	return n;
}

/* other: room for as many. The sorted ones are in keys again, since the digits are even in number. */
static void sort_keys(uint32_t *keys, uint32_t *other, size_t n)
{
	for (unsigned shift = 0; shift < 32; shift += 8) {
		size_t at[256] = { 0 }, sum = 0;
		for (size_t i = 0; i < n; i++)
			at[keys[i] >> shift & 0xff]++;
		for (size_t digit = 0; digit < ARRAY_LENGTH(at); digit++) {
			size_t count = at[digit];
			at[digit] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n; i++)
			other[at[keys[i] >> shift & 0xff]++] = keys[i];
		uint32_t *sorted = other;
		other = keys;
		keys = sorted;
	}
}

uint32_t *site_package_keys(const struct posture *p, size_t *ret_n)
{
	const size_t most = 3 * p->n_packages + 1;
	uint32_t *keys FREE_ON_EXIT = xmalloc(2 * most * sizeof(*keys));
	size_t n = collect(p, keys), kept = 0;
	sort_keys(keys, keys + most, n);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || keys[kept - 1] != keys[i])
			keys[kept++] = keys[i];
	*ret_n = kept;
	return xmemdup(keys, MAX(kept, (size_t)1) * sizeof(*keys));
}

static int compare_keys(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

bool site_has_package(const struct site_node *node, uint32_t key)
{
	return node->package_keys &&
	        bsearch(&key, node->package_keys, node->n_package_keys, sizeof(key), compare_keys) != NULL;
}
