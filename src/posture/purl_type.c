/* SPDX-License-Identifier: ISC */
/* What single types of package URLs demand of their parts; types that are not here have no rules of their
 * own. */
#include "posture/purl_text.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { LOWER_NAMESPACE = 1, LOWER_NAME = 2, LOWER_VERSION = 4, LOWER_NAMES = 3, DASHES = 8, PATH = 16 };
enum namespace_rule { NAMESPACE_ANY, NAMESPACE_NONE, NAMESPACE_NEEDED };

struct type {
	const char *name;
	unsigned flags;
	enum namespace_rule namespace;
	const char *(*check)(const struct purl *purl); /* what is wrong, NULL for nothing */
};

static const char *check_chrome(const struct purl *purl)
{
	size_t parts = 1, digits = 0;
	if (strlen(purl->name) != 32 || strspn(purl->name, "abcdefghijklmnop") != 32)
		return "the name of a chrome-extension is 32 letters from a to p";
	for (const char *c = purl->version; c && *c; c++) {
		if (*c == '.' && digits > 0) {
			parts++;
			digits = 0;
		} else if (*c >= '0' && *c <= '9') {
			digits++;
		} else {
			return "the version of a chrome-extension is numbers with dots";
		}
	}
	if (parts > 4 || (purl->version && digits == 0))
		return "the version of a chrome-extension is one to four numbers";
	return NULL;
}

static const char *check_cpan(const struct purl *purl)
{
	return strstr(purl->name, "::")
	        ? "cpan names distributions (URI-PackageURL), not modules (URI::PackageURL)"
	        : NULL;
}

static const char *check_julia(const struct purl *purl)
{
	return purl_find_qualifier(purl, "uuid") ? NULL : "a julia package has the qualifier uuid";
}

static const struct type types[] = {
	{ "deb", LOWER_NAMES, NAMESPACE_ANY, NULL },
	{ "rpm", LOWER_NAMESPACE, NAMESPACE_ANY, NULL },
	{ "apk", LOWER_NAMES, NAMESPACE_ANY, NULL },
	{ "npm", 0, NAMESPACE_ANY, NULL },
	{ "pypi", LOWER_NAME | LOWER_VERSION | DASHES, NAMESPACE_NONE, NULL },
	{ "golang", LOWER_NAMES, NAMESPACE_ANY, NULL },
	{ "alpm", LOWER_NAMES, NAMESPACE_ANY, NULL },
	{ "bitbucket", LOWER_NAMES, NAMESPACE_ANY, NULL },
	{ "bitnami", LOWER_NAME, NAMESPACE_NONE, NULL },
	{ "brew", LOWER_NAMES, NAMESPACE_ANY, NULL },
	{ "cargo", 0, NAMESPACE_NONE, NULL },
	{ "chrome-extension", 0, NAMESPACE_NONE, check_chrome },
	{ "cocoapods", 0, NAMESPACE_NONE, NULL },
	{ "composer", LOWER_NAMES, NAMESPACE_NEEDED, NULL },
	{ "conda", 0, NAMESPACE_NONE, NULL },
	{ "cpan", 0, NAMESPACE_ANY, check_cpan },
	{ "cran", 0, NAMESPACE_NONE, NULL },
	{ "gem", 0, NAMESPACE_NONE, NULL },
	{ "git", LOWER_NAMES | PATH, NAMESPACE_NEEDED, NULL },
	{ "github", LOWER_NAMES, NAMESPACE_NEEDED, NULL },
	{ "githubactions", LOWER_NAMES, NAMESPACE_NEEDED, NULL },
	{ "gitlab", LOWER_NAMES, NAMESPACE_NEEDED, NULL },
	{ "hackage", 0, NAMESPACE_NONE, NULL },
	{ "hex", LOWER_NAMES, NAMESPACE_ANY, NULL },
	{ "huggingface", LOWER_VERSION, NAMESPACE_ANY, NULL },
	{ "julia", 0, NAMESPACE_NONE, check_julia },
	{ "luarocks", LOWER_NAMES, NAMESPACE_ANY, NULL },
	{ "mlflow", 0, NAMESPACE_NONE, NULL },
	{ "nuget", 0, NAMESPACE_NONE, NULL },
	{ "oci", LOWER_NAME, NAMESPACE_NONE, NULL },
	{ "opam", 0, NAMESPACE_NONE, NULL },
	{ "otp", LOWER_NAME, NAMESPACE_NONE, NULL },
	{ "pub", LOWER_NAME, NAMESPACE_NONE, NULL },
	{ "qpkg", LOWER_NAMESPACE, NAMESPACE_ANY, NULL },
	{ "swift", 0, NAMESPACE_NEEDED, NULL },
	{ "vcpkg", 0, NAMESPACE_NONE, NULL },
	{ "vscode-extension", 0, NAMESPACE_NEEDED, NULL },
};

static const struct type *find_type(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

static void lower(char *s)
{
	for (; s && *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s + ('a' - 'A'));
}

/* PEP 503: runs of - _ . become one -. */
static void join_dashes(char *name)
{
	char *out = name;
	for (const char *in = name; *in; in++)
		if (!strchr("-_.", *in))
			*out++ = *in;
		else if (out == name || out[-1] != '-')
			*out++ = '-';
	*out = '\0';
}

/* Databricks knows no case in names, Azure does. */
static bool is_databricks(const struct purl *purl)
{
	const char *url =
	        strcmp(purl->type, "mlflow") == 0 ? purl_find_qualifier(purl, "repository_url") : NULL;
	return url && strstr(url, "databricks");
}

void purl_normalise(const struct purl *purl, char *namespace, char *name, char *version)
{
	const struct type *type = find_type(purl->type);
	if (!type)
		return;
	if (type->flags & LOWER_NAMESPACE)
		lower(namespace);
	if ((type->flags & LOWER_NAME) || is_databricks(purl))
		lower(name);
	if (type->flags & LOWER_VERSION)
		lower(version);
	if (type->flags & DASHES)
		join_dashes(name);
}

bool purl_has_path(const char *type_name)
{
	const struct type *type = find_type(type_name);
	return type && (type->flags & PATH);
}

int purl_check(const struct purl *purl, struct error *err)
{
	const struct type *type = find_type(purl->type);
	const char *wrong = NULL;
	if (!type)
		return 0;
	if (type->namespace == NAMESPACE_NONE && purl->namespace)
		return error_set(err, -EINVAL, "a package URL of type %s has no namespace", type->name);
	if (type->namespace == NAMESPACE_NEEDED && !purl->namespace)
		return error_set(err, -EINVAL, "a package URL of type %s has a namespace", type->name);
	if (type->check)
		wrong = type->check(purl);
	return wrong ? error_set(err, -EINVAL, "%s", wrong) : 0;
}
