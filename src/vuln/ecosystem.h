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

/* Reads an OSV ecosystem ("Debian:12", "Ubuntu:22.04:LTS", "Red Hat:enterprise_linux:9::appstream") into the
 * form that the index keys use ("Debian:12", "Ubuntu:22.04", "Red Hat:enterprise_linux:9"). -ENOTSUP for one
 * without a known version order, -EINVAL for one that is too long or holds control characters. */
int ecosystem_canonical(
        const char *osv_name, char ret_name[ECOSYSTEM_NAME_MAX], enum version_ecosystem *ret_order);

/* The form of a package's name that the index keys use: PEP 503 for PyPI, else as it is. -EINVAL where too
 * long. */
int ecosystem_package_name(const char *ecosystem, const char *package, char ret_name[PACKAGE_NAME_MAX]);

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
