/* SPDX-License-Identifier: ISC */
#include "vuln/codename.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *os_id, *codename, *version;
} releases[] = {
	{ "debian", "jessie", "8" },
	{ "debian", "stretch", "9" },
	{ "debian", "buster", "10" },
	{ "debian", "bullseye", "11" },
	{ "debian", "bookworm", "12" },
	{ "debian", "trixie", "13" },
	{ "debian", "forky", "14" },
	{ "ubuntu", "trusty", "14.04" },
	{ "ubuntu", "xenial", "16.04" },
	{ "ubuntu", "bionic", "18.04" },
	{ "ubuntu", "focal", "20.04" },
	{ "ubuntu", "jammy", "22.04" },
	{ "ubuntu", "mantic", "23.10" },
	{ "ubuntu", "noble", "24.04" },
	{ "ubuntu", "oracular", "24.10" },
	{ "ubuntu", "plucky", "25.04" },
	{ "ubuntu", "questing", "25.10" },
};

const char *codename_release(const char *os_id, const char *codename)
{
	for (size_t i = 0; i < ARRAY_LENGTH(releases); i++)
		if (strcmp(releases[i].os_id, os_id) == 0 && strcmp(releases[i].codename, codename) == 0)
			return releases[i].version;
	return NULL;
}

/* What a CPE's vendor and product are; the release is what follows. */
static const struct {
	const char *vendor, *product, *prefix;
} platforms[] = {
	{ "debian", "debian_linux", "Debian:" },
	{ "canonical", "ubuntu_linux", "Ubuntu:" },
	{ "alpinelinux", "alpine_linux", "Alpine:v" },
	{ "almalinux", "almalinux", "AlmaLinux:" },
	{ "alma", "almalinux", "AlmaLinux:" },
	{ "rocky", "rocky", "Rocky Linux:" },
	{ "opensuse", "leap", "openSUSE:Leap " },
};

/* The next field, with colons that a backslash takes for its own; *at goes behind it. */
static size_t take_field(const char **at, const char **ret)
{
	const char *start = *at, *c = start;
	while (*c && *c != ':')
		c += *c == '\\' && c[1] ? 2 : 1;
	*ret = start;
	*at = *c ? c + 1 : c;
	return (size_t)(c - start);
}

static bool field_is(const char *field, size_t n, const char *text)
{
	return strlen(text) == n && strncmp(field, text, n) == 0;
}

/* Red Hat's ecosystems are its CPEs (OSV's "Red Hat:enterprise_linux:9::baseos"), in the form of CPE 2.2. */
static int redhat(const char *product, const char *rest, bool new_form, char ret_name[ECOSYSTEM_NAME_MAX])
{
	if (new_form) {
		const char *name, *version;
		size_t n = take_field(&product, &name), n_version = take_field(&rest, &version);
		if (n == 0 || n_version == 0 || *version == '*' || *version == '-')
			return -ENOTSUP;
		int length = snprintf(ret_name, ECOSYSTEM_NAME_MAX, "Red Hat:%.*s:%.*s", (int)n, name,
		        (int)n_version, version);
		return length < ECOSYSTEM_NAME_MAX ? 0 : -ENOTSUP;
	}
	return snprintf(ret_name, ECOSYSTEM_NAME_MAX, "Red Hat:%s", product) < ECOSYSTEM_NAME_MAX ? 0
	                                                                                          : -ENOTSUP;
}

int codename_ecosystem_of_cpe(const char *cpe, char ret_name[ECOSYSTEM_NAME_MAX])
{
	bool new_form = strncmp(cpe, "cpe:2.3:", 8) == 0;
	const char *at = cpe + (new_form ? 8 : 5), *part, *vendor, *product, *version;
	if (!new_form && strncmp(cpe, "cpe:/", 5) != 0)
		return -ENOTSUP;
	(void)take_field(&at, &part);
	size_t n_vendor = take_field(&at, &vendor), n_product = take_field(&at, &product);
	if (field_is(vendor, n_vendor, "redhat"))
		return redhat(product, at, new_form, ret_name);
	size_t n_version = take_field(&at, &version);
	if (n_version == 0 || *version == '*' || *version == '-')
		return -ENOTSUP;
	for (size_t i = 0; i < ARRAY_LENGTH(platforms); i++) {
		if (!field_is(vendor, n_vendor, platforms[i].vendor) ||
		        !field_is(product, n_product, platforms[i].product))
			continue;
		return snprintf(ret_name, ECOSYSTEM_NAME_MAX, "%s%.*s", platforms[i].prefix, (int)n_version,
		               version) < ECOSYSTEM_NAME_MAX
		        ? 0
		        : -ENOTSUP;
	}
	return -ENOTSUP;
}
