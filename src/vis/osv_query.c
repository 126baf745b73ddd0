/* SPDX-License-Identifier: ISC */
#include "vis/osv_query.h"

#include "crypto/base64.h"
#include "posture/purl.h"
#include "vuln/inventory_sbom.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TOKEN_VERSION '1'

/* The OSV schema's ecosystems, and what queries by repository use. */
static const char *const known_ecosystems[] = { "AlmaLinux", "Alpaquita", "Alpine", "Android", "Azure Linux",
	"BellSoft Hardened Containers", "Bioconductor", "Bitnami", "CRAN", "Chainguard", "CleanStart",
	"ConanCenter", "Debian", "Docker Hardened Images", "Echo", "FreeBSD", "GHC", "GIT", "GitHub Actions",
	"Go", "Hackage", "Hex", "Julia", "Kubernetes", "Linux", "Mageia", "Maven", "MinimOS", "NuGet",
	"OSS-Fuzz", "Packagist", "Photon OS", "Pub", "PyPI", "Red Hat", "Rocky Linux", "Root", "RubyGems",
	"SUSE", "SwiftURL", "TuxCare", "Ubuntu", "VSCode", "Wolfi", "crates.io", "npm", "opam", "openEuler",
	"openSUSE" };

static bool is_known(const char *ecosystem)
{
	const size_t n = strcspn(ecosystem, ":");
	for (size_t i = 0; i < ARRAY_LENGTH(known_ecosystems); i++)
		if (strlen(known_ecosystems[i]) == n && strncmp(known_ecosystems[i], ecosystem, n) == 0)
			return true;
	return false;
}

/* ---- tokens ---- */

void osv_token_make(const char *after, char ret_token[OSV_TOKEN_SIZE])
{
	char text[RECORD_ID_MAX + 1];
	const size_t n = strnlen(after, RECORD_ID_MAX - 1);
	text[0] = TOKEN_VERSION;
	memcpy(text + 1, after, n);
	(void)base64url_encode(text, n + 1, ret_token);
}

int osv_token_read(const char *token, char ret_after[RECORD_ID_MAX])
{
	uint8_t text[RECORD_ID_MAX];
	size_t n;
	if (base64url_decode(token, strlen(token), text, sizeof(text), &n) < 0 || n < 2 ||
	        text[0] != TOKEN_VERSION)
		return -EINVAL;
	for (size_t i = 1; i < n; i++)
		if (text[i] <= ' ' || text[i] == 0x7f)
			return -EINVAL;
	memcpy(ret_after, text + 1, n - 1);
	ret_after[n - 1] = '\0';
	return 0;
}

/* ---- members ---- */

/* "" where it is not there; -EINVAL where it is no string. */
static int take_text(const json_t *json, const char *name, const char **ret, struct error *err)
{
	const json_t *value = json_object_get(json, name);
	*ret = "";
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return error_set(err, -EINVAL, "%s is not a text", name);
	*ret = json_string_value(value);
	return 0;
}

/* A member that is misspelt would leave a query that asks for something else. */
static int check_members(
        const json_t *json, const char *const *names, size_t n, const char *what, struct error *err)
{
	const char *name;
	const json_t *value;
	json_object_foreach((json_t *)json, name, value) {
		bool known = false;
		for (size_t i = 0; i < n && !known; i++)
			known = strcmp(names[i], name) == 0;
		if (!known)
			return error_set(err, -EINVAL, "%s has no member \"%.64s\"", what, name);
	}
	return 0;
}

/* ---- packages ---- */

static void take_version(struct osv_query *q, const char *version)
{
	if (strlen(version) >= sizeof(q->version))
		q->unjudged = "the version is longer than any may be";
	else
		memcpy(q->version, version, strlen(version) + 1);
}

static void take_source_version(struct osv_query *q, const struct posture_package *p)
{
	if (!q->unjudged && strcmp(p->source_version, p->version) != 0 &&
	        strlen(p->source_version) < sizeof(q->source_version))
		memcpy(q->source_version, p->source_version, strlen(p->source_version) + 1);
}

static void take_origin(struct osv_query *q)
{
	char place[ECOSYSTEM_NAME_MAX + 1];
	struct backport b;
	snprintf(place, sizeof(place), "%s%s", q->ecosystem, q->all_releases ? ":" : "");
	if (!q->unjudged &&
	        ecosystem_backport(place, *q->source_version ? q->source_version : q->version, &b))
		memcpy(q->origin, b.ecosystem, sizeof(q->origin));
}

static void take_name(struct osv_query *q, const char *name, char ret[PACKAGE_NAME_MAX])
{
	if (ecosystem_package_name(q->ecosystem, name, ret) < 0)
		q->unjudged = "no package has such a name";
}

static int take_ecosystem(struct osv_query *q, const char *ecosystem, struct error *err)
{
	enum version_ecosystem order;
	int r = ecosystem_canonical(ecosystem, q->ecosystem, &order);
	if (r == -EINVAL || (r < 0 && !is_known(ecosystem)))
		return error_set(err, -EINVAL, "Invalid ecosystem.");
	if (r < 0)
		q->unjudged = "this ecosystem's order of versions is not known here";
	q->all_releases = !strchr(ecosystem, ':');
	return 0;
}

/* The package URL with some version where it has none: then it is of the form that names a package. */
static char *with_version(const char *purl, bool *ret_has)
{
	const size_t n = strcspn(purl, "?#");
	const char *slash = memrchr(purl, '/', n), *at = memrchr(purl, '@', n);
	*ret_has = at && (!slash || at > slash);
	return *ret_has ? xstrdup(purl) : xasprintf("%.*s@0%s", (int)n, purl, purl + n);
}

/* pkg:deb/debian/openssl says Debian of any release, ...?distro=bookworm says which. */
static void take_place(struct osv_query *q, struct posture *p, const char *purl)
{
	enum version_ecosystem order;
	enum ecosystem_naming naming;
	char namespace[64] = "", distro[64];
	const struct posture_package *package = &p->packages[0];
	const bool any_release = !p->os_version;
	(void)purl_distribution(purl, namespace, distro);
	const char *os_id = p->os_id ? p->os_id : strcmp(namespace, "redhat") == 0 ? "rhel" : namespace;
	if (ecosystem_of_package(package->type, os_id, any_release ? "1.0" : p->os_version, q->ecosystem,
	            &order, &naming, NULL) < 0) {
		q->unjudged = "packages of this type are not known here";
		return;
	}
	if (any_release)
		q->ecosystem[strcspn(q->ecosystem, ":")] = '\0';
	q->all_releases = any_release;
	const bool by_source = naming == ECOSYSTEM_BY_SOURCE;
	take_name(q, by_source ? package->source : package->name, q->package);
	if (by_source && !q->unjudged)
		take_name(q, package->name, q->binary);
}

static int take_purl(struct osv_query *q, const char *text, const char *version, struct error *err)
{
	struct inventory_report report = { 0 };
	bool has_version;
	char *purl FREE_ON_EXIT = with_version(text, &has_version);
	struct posture *p = posture_new();
	int r = inventory_add_purl(p, purl, NULL, &report, err);
	if (r == 0 && p->n_packages != 1)
		r = error_set(err, -EINVAL,
		        "Invalid Package URL: it is pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS");
	if (r == 0 && has_version && *version)
		r = error_set(err, -EINVAL, "version specified in params and PURL query");
	if (r == 0) {
		take_place(q, p, purl);
		take_version(q, has_version ? p->packages[0].version : version);
		if (has_version)
			take_source_version(q, &p->packages[0]);
		take_origin(q);
	}
	inventory_report_clear(&report);
	posture_free(p);
	return r;
}

static int take_package(struct osv_query *q, const json_t *package, const char *version, struct error *err)
{
	static const char *const names[] = { "name", "ecosystem", "purl" };
	const char *name = "", *ecosystem = "", *purl = "";
	int r = 0;
	if (package && !json_is_null(package)) {
		if (!json_is_object(package))
			return error_set(err, -EINVAL, "package is not an object");
		r = check_members(package, names, ARRAY_LENGTH(names), "a package", err);
		if (r == 0)
			r = take_text(package, "name", &name, err);
		if (r == 0)
			r = take_text(package, "ecosystem", &ecosystem, err);
		if (r == 0)
			r = take_text(package, "purl", &purl, err);
	}
	if (r < 0)
		return r;
	if (*purl && (*name || *ecosystem))
		return error_set(err, -EINVAL, "%s specified in a PURL query", *name ? "name" : "ecosystem");
	if (*purl)
		return take_purl(q, purl, version, err);
	if (*ecosystem && (r = take_ecosystem(q, ecosystem, err)) < 0)
		return r;
	if (!*name || (!*ecosystem && !*version))
		return error_set(err, -EINVAL, "Invalid query.");
	take_name(q, name, q->package);
	take_version(q, version);
	take_origin(q);
	return 0;
}

static bool is_hash(const char *text)
{
	const size_t n = strlen(text);
	return n && n % 2 == 0 && strspn(text, "0123456789abcdefABCDEF") == n;
}

int osv_query_read(const json_t *json, struct osv_query *ret, struct error *err)
{
	static const char *const names[] = { "commit", "version", "package", "page_token", "pageToken" };
	const char *commit = "", *version = "", *token = "";
	memset(ret, 0, sizeof(*ret));
	if (!json_is_object(json))
		return error_set(err, -EINVAL, "a query is not an object");
	int r = check_members(json, names, ARRAY_LENGTH(names), "a query", err);
	if (r == 0)
		r = take_text(json, "commit", &commit, err);
	if (r == 0)
		r = take_text(json, "version", &version, err);
	if (r == 0)
		r = take_text(
		        json, json_object_get(json, "pageToken") ? "pageToken" : "page_token", &token, err);
	if (r == 0 && *token && osv_token_read(token, ret->after) < 0)
		r = error_set(err, -EINVAL, "Invalid page token.");
	if (r == 0 && *commit && *version)
		r = error_set(err, -EINVAL, "version and commit are both given");
	if (r == 0 && *commit && !is_hash(commit))
		r = error_set(err, -EINVAL, "Invalid hash.");
	if (r < 0)
		return r;
	if (*commit) {
		ret->unjudged = "commits are not judged: no ranges of commits are held here";
		return 0;
	}
	return take_package(ret, json_object_get(json, "package"), version, err);
}

int osv_query_platform(const char *ecosystem, const char *token, struct osv_query *ret, struct error *err)
{
	memset(ret, 0, sizeof(*ret));
	if (*token && osv_token_read(token, ret->after) < 0)
		return error_set(err, -EINVAL, "Invalid page token.");
	return take_ecosystem(ret, ecosystem, err);
}
