/* SPDX-License-Identifier: ISC */
/* What advisories and inventories call a package, made comparable. */
#include "server/site.h"

/* Advisories and package managers spell names differently (PEP 503, and Maven's GROUP:ARTIFACT, which is
 * GROUP/ARTIFACT in package URLs): what is compared is lower case with one "-". */
uint32_t site_package_key(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ull;
	bool separator = false;
	for (; *name; name++) {
		char c = *name;
		bool is_separator = c == '-' || c == '_' || c == '.' || c == '/' || c == ':';
		if (is_separator && separator)
			continue;
		separator = is_separator;
		c = is_separator ? '-' : c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
		h = (h ^ (uint8_t)c) * 0x100000001b3ull;
	}
	return (uint32_t)(h >> 32) ^ (uint32_t)h;
}
