/* SPDX-License-Identifier: ISC */
#include "posture/purl.h"

#include "posture/rpm.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void add_qualifier(struct purl *purl, const char *key, const char *value)
{
	purl->qualifiers[purl->n_qualifiers++] = (struct purl_qualifier){ key, value };
}

static bool differs(const char *a, const char *b)
{
	return a && (!b || strcmp(a, b) != 0);
}

/* Types whose namespace is the distribution. */
static bool is_of_distribution(const char *type)
{
	return strcmp(type, "deb") == 0 || strcmp(type, "rpm") == 0 || strcmp(type, "apk") == 0;
}

/* Vendors whose purls name them otherwise than their os-release does. */
static const char *vendor_namespace(const char *os_id)
{
	if (strcmp(os_id, "rhel") == 0)
		return "redhat";
	if (strcmp(os_id, "sles") == 0 || strcmp(os_id, "sled") == 0)
		return "suse";
	return strncmp(os_id, "opensuse-", 9) == 0 ? "opensuse" : os_id;
}

/* bookworm for Debian's packages, whose tools speak of codenames; rocky-9.3 and alpine-3.18.4 for others.
 * NULL: it is not known. */
static const char *distro_of(
        const struct posture *p, const char *type, char buffer[2 * POSTURE_STRING_MAX + 2])
{
	if (strcmp(type, "deb") == 0)
		return p->os_codename ? p->os_codename : p->os_version;
	if (!p->os_version)
		return NULL;
	snprintf(buffer, 2 * POSTURE_STRING_MAX + 2, "%s-%s", p->os_id, p->os_version);
	return buffer;
}

/* The purl specification has the epoch of an rpm apart from its version; 0 where it has none. */
static size_t epoch_length(const struct posture_package *package)
{
	size_t n = strcmp(package->type, "rpm") == 0 ? strspn(package->version, "0123456789") : 0;
	return n > 0 && package->version[n] == ':' && package->version[n + 1] ? n : 0;
}

static char *format(const struct posture *p, const struct posture_package *package, bool with_source)
{
	size_t n = epoch_length(package);
	bool distribution = p->os_id && is_of_distribution(package->type);
	const char *slash = is_of_distribution(package->type) ? NULL : strrchr(package->name, '/');
	bool other_version = differs(package->source_version, package->version);
	bool sourced =
	        with_source && package->source && (other_version || differs(package->source, package->name));
	char *scope FREE_ON_EXIT = slash ? xstrndup(package->name, (size_t)(slash - package->name)) : NULL;
	NOT_CLEARED char buffer[2 * POSTURE_STRING_MAX + 2];
	const char *distro = distribution ? distro_of(p, package->type, buffer) : NULL;
	char *epoch FREE_ON_EXIT = n ? xstrndup(package->version, n) : NULL;
	char *upstream FREE_ON_EXIT = sourced ? xasprintf("%s%s%s", package->source, other_version ? "@" : "",
	                                                other_version ? package->source_version : "")
	                                      : NULL;
	NOT_CLEARED struct purl purl;
	purl.type = package->type;
	purl.namespace = distribution ? vendor_namespace(p->os_id) : scope;
	purl.name = slash ? slash + 1 : package->name;
	purl.version = package->version + (n ? n + 1 : 0);
	purl.subpath = NULL;
	purl.n_qualifiers = 0;
	if (package->architecture)
		add_qualifier(&purl, "arch", package->architecture);
	if (distro)
		add_qualifier(&purl, "distro", distro);
	if (epoch)
		add_qualifier(&purl, "epoch", epoch);
	if (upstream)
		add_qualifier(&purl, "upstream", upstream);
	return purl_format(&purl);
}

char *posture_purl(const struct posture *p, const struct posture_package *package)
{
	return format(p, package, false);
}

char *purl_with_source(const struct posture *p, const struct posture_package *package)
{
	return format(p, package, true);
}

/* Types of the packages that a posture holds are compared everywhere: the usual ones are not copied each
 * time. */
static const char *type_name(struct posture *p, const char *type)
{
	static const char *const usual[] = { "deb", "rpm", "apk", "npm", "pypi", "maven", "golang", "gem",
		"nuget", "cargo" };
	for (size_t i = 0; i < ARRAY_LENGTH(usual); i++)
		if (strcmp(type, usual[i]) == 0)
			return usual[i];
	return posture_string(p, type);
}

/* It is mostly that of the package before. */
static const char *architecture_name(struct posture *p, const char *architecture)
{
	const char *last = p->n_packages ? p->packages[p->n_packages - 1].architecture : NULL;
	if (!architecture)
		return NULL;
	return last && strcmp(last, architecture) == 0 ? last : posture_string(p, architecture);
}

/* In ecosystems such as npm the namespace is a part of the name: @scope/name. */
static void write_name(const struct purl *purl, char ret[PURL_TEXT_MAX + 2])
{
	const bool is_whole = !purl->namespace || is_of_distribution(purl->type);
	snprintf(ret, PURL_TEXT_MAX + 2, "%s%s%s", is_whole ? "" : purl->namespace, is_whole ? "" : "/",
	        purl->name);
}

static const char *whole_name(struct posture *p, const struct purl *purl)
{
	NOT_CLEARED char whole[PURL_TEXT_MAX + 2];
	if (!purl->namespace || is_of_distribution(purl->type))
		return posture_string(p, purl->name);
	write_name(purl, whole);
	return posture_string(p, whole);
}

static void take_epoch(struct posture *p, const char *epoch, struct posture_package *package)
{
	char version[POSTURE_STRING_MAX + 1];
	if (!epoch || strcmp(package->type, "rpm") != 0 || epoch[strspn(epoch, "0123456789")] ||
	        strchr(package->version, ':'))
		return;
	if (strlen(epoch) + 1 + strlen(package->version) > POSTURE_STRING_MAX)
		return;
	snprintf(version, sizeof(version), "%s:%s", epoch, package->version);
	package->version = posture_string(p, version);
}

/* NAME or NAME@VERSION; others' tools write NAME-VERSION-RELEASE.src.rpm for an rpm. */
static void take_upstream(struct posture *p, const char *upstream, struct posture_package *package)
{
	if (!upstream || rpm_take_source(upstream, p, package))
		return;
	const char *at = strrchr(upstream, '@');
	if (at && at[1])
		package->source_version = posture_string(p, at + 1);
	if (at != upstream)
		package->source =
		        posture_string_n(p, upstream, at ? (size_t)(at - upstream) : strlen(upstream));
}

/* No part that a posture has is longer than its strings; the name with its namespace is one. */
static int check_lengths(const struct purl *purl, struct error *err)
{
	static const char *const taken[] = { "arch", "epoch", "upstream" };
	size_t whole = strlen(purl->name) + (purl->namespace ? strlen(purl->namespace) + 1 : 0);
	bool fits = strlen(purl->type) <= POSTURE_STRING_MAX && whole <= POSTURE_STRING_MAX &&
	        strlen(purl->version) <= POSTURE_STRING_MAX;
	for (size_t i = 0; i < ARRAY_LENGTH(taken); i++) {
		const char *value = purl_find_qualifier(purl, taken[i]);
		fits = fits && (!value || strlen(value) <= POSTURE_STRING_MAX);
	}
	return fits ? 0
	            : error_set(err, -EINVAL, "a part of a package URL is longer than %d characters",
	                      POSTURE_STRING_MAX);
}

int purl_parse(
        const char *text, size_t length, struct posture *p, struct posture_package *ret, struct error *err)
{
	NOT_CLEARED char buffer[PURL_TEXT_MAX + 1];
	NOT_CLEARED struct purl purl;
	int r = purl_read(text, length, PURL_AS_WRITTEN, buffer, &purl, err);
	if (r < 0)
		return r;
	if (!purl.version)
		return error_set(err, -EINVAL,
		        "%.*s: a package URL without a version says nothing about an installed package",
		        (int)MIN(length, (size_t)200), text);
	r = check_lengths(&purl, err);
	if (r < 0)
		return r;
	struct posture_package package = { .type = type_name(p, purl.type) };
	package.name = whole_name(p, &purl);
	package.version = posture_string(p, purl.version);
	package.architecture = architecture_name(p, purl_find_qualifier(&purl, "arch"));
	take_epoch(p, purl_find_qualifier(&purl, "epoch"), &package);
	package.source = package.name;
	package.source_version = package.version;
	take_upstream(p, purl_find_qualifier(&purl, "upstream"), &package);
	*ret = package;
	return 0;
}

int purl_package_name(
        const char *text, char ret_type[POSTURE_STRING_MAX + 1], char ret_name[POSTURE_STRING_MAX + 1])
{
	NOT_CLEARED char buffer[PURL_TEXT_MAX + 1], whole[PURL_TEXT_MAX + 2];
	NOT_CLEARED struct purl purl;
	int r = purl_read(text, strlen(text), PURL_AS_WRITTEN, buffer, &purl, NULL);
	if (r < 0)
		return r;
	write_name(&purl, whole);
	if (strlen(purl.type) > POSTURE_STRING_MAX || strlen(whole) > POSTURE_STRING_MAX)
		return -EINVAL;
	snprintf(ret_type, POSTURE_STRING_MAX + 1, "%s", purl.type);
	snprintf(ret_name, POSTURE_STRING_MAX + 1, "%s", whole);
	return 0;
}

int purl_distribution(const char *text, char ret_namespace[64], char ret_distro[64])
{
	NOT_CLEARED char buffer[PURL_TEXT_MAX + 1];
	NOT_CLEARED struct purl purl;
	int r = purl_read(text, strlen(text), PURL_AS_WRITTEN, buffer, &purl, NULL);
	if (r < 0)
		return r;
	const char *distro = purl_find_qualifier(&purl, "distro");
	snprintf(ret_namespace, 64, "%s", purl.namespace ? purl.namespace : "");
	snprintf(ret_distro, 64, "%s", distro ? distro : "");
	return 0;
}
