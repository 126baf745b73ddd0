/* SPDX-License-Identifier: ISC */
/*
 * Which packages an advisory is about, by number: when one changes, the nodes that it may be about are found
 * by the numbers that they have, without a look at any posture.
 */
#include "posture/catalogue.h"
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

static bool is_key(uint32_t key, const uint32_t *keys, size_t n)
{
	size_t low = 0, high = n;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (keys[middle] < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && keys[low] == key;
}

static bool is_named(const struct posture_package *p, const uint32_t *keys, size_t n)
{
	return is_key(site_package_key(p->name), keys, n) ||
	        (p->source != p->name && is_key(site_package_key(p->source), keys, n)) ||
	        (is_kernel(p) && is_key(site_package_key("linux"), keys, n));
}

uint8_t *site_packages_named(struct site *site, const uint32_t *keys, size_t n)
{
	uint8_t *named = xcalloc(CATALOGUE_PACKAGES_MAX / 8 + 1, 1);
	const uint32_t limit = catalogue_limit(site->catalogue);
	catalogue_begin(site->catalogue);
	for (uint32_t id = 1; id < limit; id++) {
		const struct posture_package *p = catalogue_package(site->catalogue, id);
		if (p && is_named(p, keys, n))
			named[id / 8] |= (uint8_t)(1u << id % 8);
	}
	catalogue_end(site->catalogue);
	return named;
}

bool site_has_package(const struct site_node *node, const uint8_t *named)
{
	for (size_t i = 0; i < node->n_package_ids; i++)
		if (named[node->package_ids[i] / 8] & 1u << node->package_ids[i] % 8)
			return true;
	return !node->package_ids;
}
