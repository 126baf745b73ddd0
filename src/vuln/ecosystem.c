/* SPDX-License-Identifier: ISC */
#include "vuln/ecosystem.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

/* How the release follows from the system's os-release: not at all, its first numbers, its first number or
 * its name
 * ("stream"), a service pack ("15 SP5" for 15.5, "15" for 15), or as it is. */
enum release_form {
	RELEASE_NONE,
	RELEASE_MAJOR,
	RELEASE_MAJOR_MINOR,
	RELEASE_MAJOR_OR_NAME,
	RELEASE_SERVICE_PACK,
	RELEASE_AS_IS
};

#define BY_SOURCE ECOSYSTEM_BY_SOURCE
#define BY_NAME ECOSYSTEM_BY_NAME

static const struct ecosystem {
	const char *osv; /* the ecosystem's name before the first colon */
	enum version_ecosystem order;
	enum ecosystem_naming naming;
	const char *purl_type;
	const char *os_id;          /* NULL: not a distribution */
	const char *release_prefix; /* what stands before the release */
	enum release_form release;
	enum ecosystem_form form;
} ecosystems[] = {
	{ "Debian", VERSION_DPKG, BY_SOURCE, "deb", "debian", "", RELEASE_MAJOR },
	{ "Ubuntu", VERSION_DPKG, BY_SOURCE, "deb", "ubuntu", "", RELEASE_MAJOR_MINOR },
	{ "Echo", VERSION_DPKG, BY_SOURCE, "deb", "echo", "", RELEASE_NONE },
	{ "Alpine", VERSION_APK, BY_SOURCE, "apk", "alpine", "v", RELEASE_MAJOR_MINOR },
	{ "Wolfi", VERSION_APK, BY_SOURCE, "apk", "wolfi", "", RELEASE_NONE },
	{ "Chainguard", VERSION_APK, BY_SOURCE, "apk", "chainguard", "", RELEASE_NONE },
	{ "MinimOS", VERSION_APK, BY_SOURCE, "apk", "minimos", "", RELEASE_NONE },
	{ "Alpaquita", VERSION_APK, BY_SOURCE, "apk", "alpaquita", "", RELEASE_MAJOR_OR_NAME },
	{ "BellSoft Hardened Containers", VERSION_APK, BY_SOURCE, "apk", "bellsoft-hardened-containers", "",
	        RELEASE_MAJOR_OR_NAME },
	{ "AlmaLinux", VERSION_RPM, BY_NAME, "rpm", "almalinux", "", RELEASE_MAJOR },
	{ "Rocky Linux", VERSION_RPM, BY_SOURCE, "rpm", "rocky", "", RELEASE_MAJOR },
	{ "Rocky Linux", VERSION_RPM, BY_SOURCE, "rpm", "rocky-linux", "",
	        RELEASE_MAJOR }, /* in its own purls */
	{ "Red Hat", VERSION_RPM, BY_NAME, "rpm", "rhel", "enterprise_linux:", RELEASE_MAJOR },
	{ "openSUSE", VERSION_RPM, BY_SOURCE, "rpm", "opensuse-leap", "Leap ", RELEASE_MAJOR_MINOR },
	{ "openSUSE", VERSION_RPM, BY_SOURCE, "rpm", "opensuse-leap-micro", "Leap Micro ",
	        RELEASE_MAJOR_MINOR },
	{ "openSUSE", VERSION_RPM, BY_SOURCE, "rpm", "opensuse-tumbleweed", "Tumbleweed", RELEASE_NONE },
	{ "SUSE", VERSION_RPM, BY_SOURCE, "rpm", "sles", "", RELEASE_SERVICE_PACK },
	{ "SUSE", VERSION_RPM, BY_SOURCE, "rpm", "sled", "", RELEASE_SERVICE_PACK },
	{ "SUSE", VERSION_RPM, BY_SOURCE, "rpm", "sles_sap", "", RELEASE_SERVICE_PACK },
	{ "SUSE", VERSION_RPM, BY_SOURCE, "rpm", "sle-micro", "Linux Enterprise Micro ",
	        RELEASE_MAJOR_MINOR },
	{ "SUSE", VERSION_RPM, BY_SOURCE, "rpm", "sl-micro", "Linux Micro ", RELEASE_MAJOR_MINOR },
	{ "openEuler", VERSION_RPM, BY_SOURCE, "rpm", "openEuler", "", RELEASE_AS_IS },
	{ "Mageia", VERSION_RPM, BY_SOURCE, "rpm", "mageia", "", RELEASE_MAJOR },
	{ "Photon OS", VERSION_RPM, BY_SOURCE, "rpm", "photon", "", RELEASE_MAJOR_MINOR },
	{ "Azure Linux", VERSION_RPM, BY_SOURCE, "rpm", "azurelinux", "", RELEASE_MAJOR },
	{ "Fedora", VERSION_RPM, BY_NAME, "rpm", "fedora", "", RELEASE_MAJOR },
	{ "Amazon Linux", VERSION_RPM, BY_NAME, "rpm", "amzn", "", RELEASE_MAJOR },
	{ "Oracle Linux", VERSION_RPM, BY_NAME, "rpm", "ol", "", RELEASE_MAJOR },
	{ "CentOS", VERSION_RPM, BY_NAME, "rpm", "centos", "", RELEASE_MAJOR },
	{ "Arch Linux", VERSION_ALPM, BY_NAME, "alpm", "arch", "", RELEASE_NONE },
	{ "Gentoo", VERSION_GENTOO, BY_NAME, "ebuild", "gentoo", "", RELEASE_NONE },
	{ "PyPI", VERSION_PYPI, BY_NAME, "pypi", .form = ECOSYSTEM_PEP503 },
	{ "npm", VERSION_SEMVER, BY_NAME, "npm" },
	{ "Go", VERSION_SEMVER, BY_NAME, "golang", .form = ECOSYSTEM_LOWER_CASE },
	{ "crates.io", VERSION_SEMVER, BY_NAME, "cargo" },
	{ "Maven", VERSION_MAVEN, BY_NAME, "maven", .form = ECOSYSTEM_GROUP_COLON },
	{ "NuGet", VERSION_NUGET, BY_NAME, "nuget", .form = ECOSYSTEM_LOWER_CASE },
	{ "RubyGems", VERSION_GEM, BY_NAME, "gem" },
	{ "Packagist", VERSION_PACKAGIST, BY_NAME, "composer", .form = ECOSYSTEM_LOWER_CASE },
	{ "Pub", VERSION_PUB, BY_NAME, "pub", .form = ECOSYSTEM_LOWER_CASE },
	{ "Hex", VERSION_SEMVER, BY_NAME, "hex", .form = ECOSYSTEM_LOWER_CASE },
	{ "Hackage", VERSION_HACKAGE, BY_NAME, "hackage" },
	{ "CRAN", VERSION_CRAN, BY_NAME, "cran" },
	{ "Bioconductor", VERSION_CRAN, BY_NAME, "bioconductor" },
	{ "ConanCenter", VERSION_CONAN, BY_NAME, "conan" },
	{ "SwiftURL", VERSION_SEMVER, BY_NAME, "swift", .form = ECOSYSTEM_LOWER_CASE },
	{ "GitHub Actions", VERSION_SEMVER, BY_NAME, "githubactions", .form = ECOSYSTEM_LOWER_CASE },
	{ "Bitnami", VERSION_SEMVER, BY_NAME, "bitnami", .form = ECOSYSTEM_LOWER_CASE },
	{ "Julia", VERSION_SEMVER, BY_NAME, "julia" },
	{ "VSCode", VERSION_SEMVER, BY_NAME, "vscode-extension", .form = ECOSYSTEM_LOWER_CASE },
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

bool ecosystem_is_by_source(const char *ecosystem)
{
	const struct ecosystem *e = find_by_osv(ecosystem);
	return e && e->naming == ECOSYSTEM_BY_SOURCE;
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

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void normalise_python(char *name)
{
	char *out = name;
	for (const char *in = name; *in; in++) {
		if (*in == '-' || *in == '_' || *in == '.') {
			if (out == name || out[-1] != '-')
				*out++ = '-';
		} else {
			*out++ = lower(*in);
		}
	}
	*out = '\0';
}

enum ecosystem_form ecosystem_form_of(const char *ecosystem)
{
	const struct ecosystem *e = find_by_osv(ecosystem);
	return e ? e->form : ECOSYSTEM_AS_IS;
}

int ecosystem_name_in_form(enum ecosystem_form form, const char *package, char ret_name[PACKAGE_NAME_MAX])
{
	if (!is_key_text(package, PACKAGE_NAME_MAX))
		return -EINVAL;
	snprintf(ret_name, PACKAGE_NAME_MAX, "%s", package);
	switch (form) {
	case ECOSYSTEM_AS_IS:
		break;
	case ECOSYSTEM_PEP503:
		normalise_python(ret_name);
		break;
	case ECOSYSTEM_LOWER_CASE:
		for (char *c = ret_name; *c; c++)
			*c = lower(*c);
		break;
	case ECOSYSTEM_GROUP_COLON: {
		char *slash = strrchr(ret_name, '/');
		if (slash)
			*slash = ':';
		break;
	}
	}
	return 0;
}

int ecosystem_package_name(const char *ecosystem, const char *package, char ret_name[PACKAGE_NAME_MAX])
{
	return ecosystem_name_in_form(ecosystem_form_of(ecosystem), package, ret_name);
}

int ecosystem_order_of_type(const char *purl_type, enum version_ecosystem *ret)
{
	for (size_t i = 0; i < ARRAY_LENGTH(ecosystems); i++)
		if (strcmp(ecosystems[i].purl_type, purl_type) == 0) {
			*ret = ecosystems[i].order;
			return 0;
		}
	return -ENOENT;
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

static int name_service_pack(
        const struct ecosystem *e, const char *os_version, char ret_name[ECOSYSTEM_NAME_MAX])
{
	char release[32];
	bool has_pack = strchr(os_version, '.');
	if (!take_release(os_version, has_pack ? 2 : 1, release, sizeof(release)))
		return -ENOTSUP;
	char *pack = has_pack ? strchr(release, '.') : NULL;
	if (pack)
		*pack++ = '\0';
	snprintf(ret_name, ECOSYSTEM_NAME_MAX, "%s:%s%s%s", e->osv, release, pack ? " SP" : "",
	        pack ? pack : "");
	return 0;
}

static bool is_word(const char *s, size_t size)
{
	size_t n = strlen(s);
	return n > 0 && n < size &&
	        strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == n;
}

static int name_release(const struct ecosystem *e, const char *os_version, char ret_name[ECOSYSTEM_NAME_MAX],
        struct error *err)
{
	char release[32];
	bool known = os_version != NULL;
	if (e->release == RELEASE_NONE) {
		const char *product = e->release_prefix ? e->release_prefix : "";
		snprintf(ret_name, ECOSYSTEM_NAME_MAX, "%s%s%s", e->osv, *product ? ":" : "", product);
		return 0;
	}
	if (known && e->release == RELEASE_SERVICE_PACK && name_service_pack(e, os_version, ret_name) == 0)
		return 0;
	bool named = e->release == RELEASE_AS_IS ||
	        (e->release == RELEASE_MAJOR_OR_NAME && known && !(*os_version >= '0' && *os_version <= '9'));
	if (known && named && is_word(os_version, sizeof(release)))
		snprintf(release, sizeof(release), "%s", os_version);
	else
		known = known && !named && e->release != RELEASE_SERVICE_PACK &&
		        take_release(os_version, e->release == RELEASE_MAJOR_MINOR ? 2 : 1, release,
		                sizeof(release));
	if (!known)
		return error_set(err, -ENOTSUP, "the release of %s is not known", e->os_id);
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
		if (e->os_id && (!os_id || strcasecmp(e->os_id, os_id) != 0))
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
