/* SPDX-License-Identifier: ISC */
/*
 * Which version order an OSV ecosystem has, what its release is called, and how a node's packages are named
 * in it. One table; an ecosystem that is not in it is not judged, and whoever asks is told so.
 */
#pragma once

#include "posture/posture.h"
#include "vuln/version.h"

#define ECOSYSTEM_NAME_MAX 128 /* with the NUL */
#define PACKAGE_NAME_MAX 256   /* with the NUL */

/* Which name of a package the ecosystem's advisories use. */
enum ecosystem_naming { ECOSYSTEM_BY_SOURCE, ECOSYSTEM_BY_NAME };

/* How the ecosystem takes two spellings for one name. */
enum ecosystem_form {
	ECOSYSTEM_AS_IS,
	ECOSYSTEM_PEP503,     /* lower case, runs of - _ . are one - */
	ECOSYSTEM_LOWER_CASE, /* case does not count */
	ECOSYSTEM_GROUP_COLON /* GROUP:ARTIFACT, which package URLs write with a slash */
};

/* Reads an OSV ecosystem ("Debian:12", "Ubuntu:22.04:LTS", "Red Hat:enterprise_linux:9::appstream") into the
 * form that the index keys use ("Debian:12", "Ubuntu:22.04", "Red Hat:enterprise_linux:9"). -ENOTSUP for one
 * without a known version order, -EINVAL for one that is too long or holds control characters. */
int ecosystem_canonical(
        const char *osv_name, char ret_name[ECOSYSTEM_NAME_MAX], enum version_ecosystem *ret_order);

/* The form of a package's name that the index keys use. -EINVAL where it is empty, too long, or holds control
 * characters. */
int ecosystem_package_name(const char *ecosystem, const char *package, char ret_name[PACKAGE_NAME_MAX]);
enum ecosystem_form ecosystem_form_of(const char *ecosystem);
int ecosystem_name_in_form(enum ecosystem_form form, const char *package, char ret_name[PACKAGE_NAME_MAX]);

/* Whether its advisories name source packages, and not what is installed. */
bool ecosystem_is_by_source(const char *ecosystem);

/* The order of the versions of packages of a purl type, wherever they come from. -ENOENT for a type that is
 * in no ecosystem. */
int ecosystem_order_of_type(const char *purl_type, enum version_ecosystem *ret);

/* Where a package of this purl type, installed on this system, is looked up. -ENOTSUP with the reason. */
int ecosystem_of_package(const char *purl_type, const char *os_id, const char *os_version,
        char ret_name[ECOSYSTEM_NAME_MAX], enum version_ecosystem *ret_order,
        enum ecosystem_naming *ret_naming, struct error *err);

/* Some sources only sign what another source built, and advisories name that one:
 * linux-signed-amd64 6.1.148+1 is linux 6.1.148-1. 1: judge by *ret; 0: the package's own source stands;
 * -EINVAL: it is such a source, but the version has not the form that it should have. */
struct source_alias {
	char name[PACKAGE_NAME_MAX];
	char version[VERSION_MAX + 1];
};
int ecosystem_signed_source(
        const char *ecosystem, const struct posture_package *package, struct source_alias *ret);

/* What has been built again for an older release, "2.0-2~bpo12+1" for Debian 12, is the source of the next
 * one: it is judged as 2.0-2 of Debian:13, and what is known of Debian:12's own version says nothing of it.
 * 1: judge by *ret; 0: it is no backport, or from nobody knows where. */
struct backport {
	char ecosystem[ECOSYSTEM_NAME_MAX];
	char version[VERSION_MAX + 1];
};
int ecosystem_backport(const char *ecosystem, const char *version, struct backport *ret);
/* Why one cannot be judged whose origin the index does not know, and what helps: -ENOENT. */
int ecosystem_no_origin(const char *origin, struct error *err);

/* A source that was built again unchanged, "1.2-3+b1" of Debian (binary NMU), has the version without that:
 * 1, and it is in ret; 0: it is no such version. */
int ecosystem_rebuild(const char *ecosystem, const char *version, char ret[VERSION_MAX + 1]);

/* Where a release's fixes for subscribers are: Ubuntu:Pro:22.04 for Ubuntu:22.04. False for others. */
bool ecosystem_extended(const char *ecosystem, char ret[ECOSYSTEM_NAME_MAX]);
/* Whether a version is one of these fixes. */
bool ecosystem_is_extended(const char *version);
