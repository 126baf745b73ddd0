/* SPDX-License-Identifier: ISC */
/* Versions of Debian and its kin that say where they come from: backports, rebuilds, fixes for subscribers.
 */
#include "vuln/ecosystem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RELEASE_MAX 99

/* "~bpo12+1" and "~bpo9+1~1"; Ubuntu's "~bpo22.04.1" does not say what it was built from. */
int ecosystem_backport(const char *ecosystem, const char *version, struct backport *ret)
{
	static const char debian[] = "Debian:", mark[] = "~bpo";
	const char *at = strchr(version, '~') ? strstr(version, mark) : NULL;
	char *end;
	if (!at || at == version || strncmp(ecosystem, debian, sizeof(debian) - 1) != 0)
		return 0;
	const char *digits = at + sizeof(mark) - 1;
	unsigned long release = *digits >= '1' && *digits <= '9' ? strtoul(digits, &end, 10) : 0;
	if (release == 0 || release > RELEASE_MAX || *end != '+' || (size_t)(at - version) > VERSION_MAX)
		return 0;
	snprintf(ret->ecosystem, sizeof(ret->ecosystem), "Debian:%lu", release + 1);
	snprintf(ret->version, sizeof(ret->version), "%.*s", (int)(at - version), version);
	return 1;
}

int ecosystem_no_origin(const char *origin, struct error *err)
{
	return error_set(err, -ENOENT,
	        "it is a backport from %s, of which the index has no advisories: load a source that has "
	        "them, "
	        "as Debian's whole export",
	        origin);
}

int ecosystem_rebuild(const char *ecosystem, const char *version, char ret[VERSION_MAX + 1])
{
	size_t n = strlen(version), end = n;
	while (n > 0 && version[n - 1] >= '0' && version[n - 1] <= '9')
		n--;
	if (n == end || n < 3 || version[n - 1] != 'b' || version[n - 2] != '+' || n - 2 > VERSION_MAX ||
	        strncmp(ecosystem, "Debian", 6) != 0)
		return 0;
	snprintf(ret, VERSION_MAX + 1, "%.*s", (int)(n - 2), version);
	return 1;
}

bool ecosystem_extended(const char *ecosystem, char ret[ECOSYSTEM_NAME_MAX])
{
	static const char ubuntu[] = "Ubuntu:";
	if (strncmp(ecosystem, ubuntu, sizeof(ubuntu) - 1) != 0)
		return false;
	int n = snprintf(ret, ECOSYSTEM_NAME_MAX, "Ubuntu:Pro:%s", ecosystem + sizeof(ubuntu) - 1);
	return n < ECOSYSTEM_NAME_MAX;
}

bool ecosystem_is_extended(const char *version)
{
	const char *at = strstr(version, "esm");
	return at && at > version && (at[-1] == '+' || at[-1] == '~' || at[-1] == '.');
}
