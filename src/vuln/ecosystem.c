/* SPDX-License-Identifier: ISC */
#include "vuln/ecosystem.h"

#include <errno.h>
#include <stdio.h>

/* How the release follows from the system's os-release: not at all, its first numbers, or a service pack
 * ("15 SP5" for 15.5, "15" for 15). */
enum release_form { RELEASE_NONE, RELEASE_MAJOR, RELEASE_MAJOR_MINOR, RELEASE_SERVICE_PACK };

static const struct ecosystem {
	const char *osv; /* the ecosystem's name before the first colon */
	enum version_ecosystem order;
	enum ecosystem_naming naming;
	const char *purl_type;
	const char *os_id;          /* NULL: not a distribution */
	const char *release_prefix; /* what stands before the release */
	enum release_form form;
} ecosystems[] = {
	{ "Debian", VERSION_DPKG, ECOSYSTEM_BY_SOURCE, "deb", "debian", "", RELEASE_MAJOR },
	{ "Ubuntu", VERSION_DPKG, ECOSYSTEM_BY_SOURCE, "deb", "ubuntu", "", RELEASE_MAJOR_MINOR },
	{ "Alpine", VERSION_APK, ECOSYSTEM_BY_SOURCE, "apk", "alpine", "v", RELEASE_MAJOR_MINOR },
	{ "Wolfi", VERSION_APK, ECOSYSTEM_BY_SOURCE, "apk", "wolfi", "", RELEASE_NONE },
	{ "Chainguard", VERSION_APK, ECOSYSTEM_BY_SOURCE, "apk", "chainguard", "", RELEASE_NONE },
	{ "AlmaLinux", VERSION_RPM, ECOSYSTEM_BY_NAME, "rpm", "almalinux", "", RELEASE_MAJOR },
	{ "Rocky Linux", VERSION_RPM, ECOSYSTEM_BY_SOURCE, "rpm", "rocky", "", RELEASE_MAJOR },
	{ "Red Hat", VERSION_RPM, ECOSYSTEM_BY_NAME, "rpm", "rhel", "enterprise_linux:", RELEASE_MAJOR },
	{ "openSUSE", VERSION_RPM, ECOSYSTEM_BY_SOURCE, "rpm", "opensuse-leap", "Leap ",
	        RELEASE_MAJOR_MINOR },
	{ "openSUSE", VERSION_RPM, ECOSYSTEM_BY_SOURCE, "rpm", "opensuse-tumbleweed", "Tumbleweed",
	        RELEASE_NONE },
	{ "SUSE", VERSION_RPM, ECOSYSTEM_BY_SOURCE, "rpm", "sles", "", RELEASE_SERVICE_PACK },
	{ "SUSE", VERSION_RPM, ECOSYSTEM_BY_SOURCE, "rpm", "sled", "", RELEASE_SERVICE_PACK },
	{ "SUSE", VERSION_RPM, ECOSYSTEM_BY_SOURCE, "rpm", "sles_sap", "", RELEASE_SERVICE_PACK },
	{ "PyPI", VERSION_PYPI, ECOSYSTEM_BY_NAME, "pypi", NULL, "", RELEASE_NONE },
	{ "npm", VERSION_SEMVER, ECOSYSTEM_BY_NAME, "npm", NULL, "", RELEASE_NONE },
	{ "Go", VERSION_SEMVER, ECOSYSTEM_BY_NAME, "golang", NULL, "", RELEASE_NONE },
	{ "crates.io", VERSION_SEMVER, ECOSYSTEM_BY_NAME, "cargo", NULL, "", RELEASE_NONE },
};

static const struct ecosystem *find_by_osv(const char *name)
{
	size_t n = strcspn(name, ":");
	for (size_t i = 0; i < ARRAY_LENGTH(ecosystems); i++)
		if (strlen(ecosystems[i].osv) == n && strncmp(ecosystems[i].osv, name, n) == 0)
			return &ecosystems[i];
	return NULL;
}

/* Printable, not empty, and short enough for an index key. */
static bool is_key_text(const char *s, size_t size)
{
	size_t n = strnlen(s, size);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return false;
	return n > 0 && n < size;
}

#define RELEASE_MAX 999

/* "Linux Enterprise Module for Basesystem 15 SP5", "Linux Enterprise Server 15 SP4-LTSS" and all the other
 * products of one code base: a host takes from several of them, its os-release does not say from which, and
 * their versions are those of the code base. So the release alone makes the key: "SUSE:15 SP5". Products
 * that are not Linux Enterprise, or whose release has another form (Micro 5.5), keep their names. */
static void join_suse_products(char name[ECOSYSTEM_NAME_MAX])
{
	static const char family[] = "SUSE:Linux Enterprise ";
	char release[24];
	int n = 0;
	if (strncmp(name, family, sizeof(family) - 1) != 0)
		return;
	for (const char *word = strchr(name, ' '); word; word = strchr(word + 1, ' ')) {
		char *end;
		if (word[1] < '0' || word[1] > '9')
			continue;
		unsigned long major = strtoul(word + 1, &end, 10), pack = 0;
		bool has_pack = strncmp(end, " SP", 3) == 0 && end[3] >= '0' && end[3] <= '9';
		if (has_pack)
			pack = strtoul(end + 3, &end, 10);
		if ((*end && *end != '-') || major > RELEASE_MAX || pack > RELEASE_MAX)
			break;
		n = has_pack ? snprintf(release, sizeof(release), "%lu SP%lu", major, pack)
		             : snprintf(release, sizeof(release), "%lu", major);
		break;
	}
	if (n > 0)
		snprintf(name, ECOSYSTEM_NAME_MAX, "SUSE:%s", release);
}

int ecosystem_canonical(
        const char *osv_name, char ret_name[ECOSYSTEM_NAME_MAX], enum version_ecosystem *ret_order)
{
	if (!is_key_text(osv_name, ECOSYSTEM_NAME_MAX))
		return -EINVAL;
	const struct ecosystem *e = find_by_osv(osv_name);
	if (!e)
		return -ENOTSUP;
	snprintf(ret_name, ECOSYSTEM_NAME_MAX, "%s", osv_name);
	if (strcmp(e->osv, "Ubuntu") == 0) {
		char *lts = strstr(ret_name, ":LTS");
		if (lts && lts[4] == '\0')
			*lts = '\0';
	} else if (strncmp(ret_name, "Red Hat:enterprise_linux:", 25) == 0) {
		/* One host takes from all of its release's repositories (baseos, appstream, crb). */
		char *repository = strstr(ret_name, "::");
		if (repository)
			*repository = '\0';
	} else {
		join_suse_products(ret_name);
	}
	*ret_order = e->order;
	return 0;
}

/* PEP 503: lower case, runs of - _ . become one -. */
static void normalise_python(char *name)
{
	char *out = name;
	for (const char *in = name; *in; in++) {
		if (*in == '-' || *in == '_' || *in == '.') {
			if (out == name || out[-1] != '-')
				*out++ = '-';
		} else {
			*out++ = *in >= 'A' && *in <= 'Z' ? (char)(*in - 'A' + 'a') : *in;
		}
	}
	*out = '\0';
}

int ecosystem_package_name(const char *ecosystem, const char *package, char ret_name[PACKAGE_NAME_MAX])
{
	if (!is_key_text(package, PACKAGE_NAME_MAX))
		return -EINVAL;
	snprintf(ret_name, PACKAGE_NAME_MAX, "%s", package);
	if (strcmp(ecosystem, "PyPI") == 0)
		normalise_python(ret_name);
	return 0;
}

/* The first `parts` numbers of a dotted version; false where they are not there. */
static bool take_release(const char *version, int parts, char *ret, size_t size)
{
	size_t n = 0;
	for (int i = 0; i < parts; i++) {
		if (i > 0 && version[n++] != '.')
			return false;
		size_t digits = strspn(version + n, "0123456789");
		if (digits == 0)
			return false;
		n += digits;
	}
	if ((version[n] != '\0' && version[n] != '.') || n >= size)
		return false;
	memcpy(ret, version, n);
	ret[n] = '\0';
	return true;
}

static int name_release(const struct ecosystem *e, const char *os_version, char ret_name[ECOSYSTEM_NAME_MAX],
        struct error *err)
{
	char release[32];
	if (e->form == RELEASE_NONE) {
		snprintf(ret_name, ECOSYSTEM_NAME_MAX, "%s%s%s", e->osv, *e->release_prefix ? ":" : "",
		        e->release_prefix);
		return 0;
	}
	int parts = e->form == RELEASE_MAJOR ? 1 : 2;
	if (e->form == RELEASE_SERVICE_PACK && os_version && !strchr(os_version, '.'))
		parts = 1;
	if (!os_version || !take_release(os_version, parts, release, sizeof(release)))
		return error_set(err, -ENOTSUP, "the release of %s is not known", e->os_id);
	if (e->form == RELEASE_SERVICE_PACK && parts == 2) {
		char *pack = strchr(release, '.');
		*pack++ = '\0';
		snprintf(ret_name, ECOSYSTEM_NAME_MAX, "%s:%s SP%s", e->osv, release, pack);
		return 0;
	}
	snprintf(ret_name, ECOSYSTEM_NAME_MAX, "%s:%s%s", e->osv, e->release_prefix, release);
	return 0;
}

int ecosystem_of_package(const char *purl_type, const char *os_id, const char *os_version,
        char ret_name[ECOSYSTEM_NAME_MAX], enum version_ecosystem *ret_order,
        enum ecosystem_naming *ret_naming, struct error *err)
{
	bool type_known = false;
	for (size_t i = 0; i < ARRAY_LENGTH(ecosystems); i++) {
		const struct ecosystem *e = &ecosystems[i];
		if (strcmp(e->purl_type, purl_type) != 0)
			continue;
		type_known = true;
		if (e->os_id && (!os_id || strcmp(e->os_id, os_id) != 0))
			continue;
		*ret_order = e->order;
		*ret_naming = e->naming;
		return name_release(e, os_version, ret_name, err);
	}
	if (!type_known)
		return error_set(err, -ENOTSUP, "packages of type \"%.40s\" are not supported", purl_type);
	return error_set(err, -ENOTSUP, "%s packages of distribution \"%.40s\" are not supported", purl_type,
	        os_id ? os_id : "unknown");
}
