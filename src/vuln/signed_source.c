/* SPDX-License-Identifier: ISC */
/*
 * Signed packages: sources that contain nothing of their own but another source's binaries with a signature.
 * Advisories name the other source, so its name and version are worked out here; scanners that do not do this
 * miss the kernel.
 */
#include "vuln/ecosystem.h"

#include <errno.h>
#include <stdio.h>

enum version_form {
	/* 6.1.148+1 is 6.1.148-1: the first '+' stands for the dash (Debian's signing templates). */
	FORM_PLUS,
	/* 1+2.06+13+deb12u1 is 2.06-13+deb12u1: a number of the template in front. */
	FORM_COUNTER_PLUS,
	/* The binary's version is the signing source's, '+', and then that of the source which was signed. */
	FORM_BINARY_SUFFIX,
	/* The same version. */
	FORM_SAME,
};

static const struct {
	const char *ecosystem; /* before the colon */
	const char *prefix, *suffix;
	const char *source; /* NULL: what stands between prefix and suffix, or "linux" where that is empty */
	enum version_form form;
} signed_sources[] = {
	{ "Debian", "linux-signed-", "", "linux", FORM_PLUS },
	{ "Debian", "grub-efi-", "-signed", "grub2", FORM_COUNTER_PLUS },
	{ "Debian", "shim-helpers-", "-signed", "shim", FORM_COUNTER_PLUS },
	{ "Debian", "shim-signed", "", "shim", FORM_BINARY_SUFFIX },
	/* fwupd-amd64-signed has been built from fwupd-efi since Debian 12; the epoch is fwupd-efi's own. */
	{ "Debian", "fwupd-", "-signed", "fwupd-efi", FORM_PLUS },
	{ "Ubuntu", "linux-signed-", "", NULL, FORM_SAME },
	{ "Ubuntu", "linux-signed", "", "linux", FORM_SAME },
	{ "Ubuntu", "grub2-signed", "", "grub2", FORM_BINARY_SUFFIX },
	{ "Ubuntu", "shim-signed", "", "shim", FORM_BINARY_SUFFIX },
};

/* Copies version with its first '+' as '-'. */
static bool copy_with_dash(const char *version, char *ret, size_t size)
{
	const char *plus = strchr(version, '+');
	if (!plus || strlen(version) >= size)
		return false;
	snprintf(ret, size, "%s", version);
	ret[plus - version] = '-';
	return true;
}

static bool map_version(enum version_form form, const struct posture_package *p, char *ret, size_t size)
{
	const char *version = p->source_version;
	size_t n = strlen(version);
	switch (form) {
	case FORM_PLUS:
		return copy_with_dash(version, ret, size);
	case FORM_COUNTER_PLUS: {
		size_t counter = strspn(version, "0123456789");
		return counter > 0 && version[counter] == '+' &&
		        copy_with_dash(version + counter + 1, ret, size);
	}
	case FORM_BINARY_SUFFIX:
		if (strncmp(p->version, version, n) != 0 || p->version[n] != '+')
			return false;
		version = p->version + n + 1;
		break;
	case FORM_SAME:
		break;
	}
	if (strlen(version) >= size)
		return false;
	snprintf(ret, size, "%s", version);
	return true;
}

static bool name_matches(const char *name, const char *prefix, const char *suffix)
{
	size_t n = strlen(name), n_prefix = strlen(prefix), n_suffix = strlen(suffix);
	if (!*suffix && prefix[n_prefix - 1] != '-')
		return strcmp(name, prefix) == 0;
	return n > n_prefix + n_suffix && strncmp(name, prefix, n_prefix) == 0 &&
	        strcmp(name + n - n_suffix, suffix) == 0;
}

int ecosystem_signed_source(
        const char *ecosystem, const struct posture_package *package, struct source_alias *ret)
{
	const char *source = package->source;
	if (!strstr(source, "-signed"))
		return 0;
	for (size_t i = 0; i < ARRAY_LENGTH(signed_sources); i++) {
		size_t n = strlen(signed_sources[i].ecosystem);
		const char *prefix = signed_sources[i].prefix;
		if (strncmp(ecosystem, signed_sources[i].ecosystem, n) != 0 || ecosystem[n] != ':' ||
		        !name_matches(source, prefix, signed_sources[i].suffix))
			continue;
		if (!map_version(signed_sources[i].form, package, ret->version, sizeof(ret->version)))
			return -EINVAL;
		if (signed_sources[i].source)
			snprintf(ret->name, sizeof(ret->name), "%s", signed_sources[i].source);
		else
			snprintf(ret->name, sizeof(ret->name), "linux-%.200s", source + strlen(prefix));
		return 1;
	}
	return 0;
}
