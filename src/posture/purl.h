/* SPDX-License-Identifier: ISC */
/*
 * The package URL of a posture's package (posture/purl_text.h reads and writes them): the one name that a
 * package has everywhere in Pratique. Qualifiers are arch, distro and, where asked for, upstream: the source
 * package as SOURCE or SOURCE@VERSION, the way that inventory tools of Debian packages write it. A
 * distribution's namespace is its system; any other belongs to the package's name, as in "@scope/name" of npm
 * and "group/artifact" of Maven.
 */
#pragma once

#include "posture/posture.h"
#include "posture/purl_text.h"

/* Like posture_purl(), with the upstream qualifier where the source differs from the package in name or
 * version. Caller frees. */
char *purl_with_source(const struct posture *p, const struct posture_package *package);

/* Reads the one that these bytes are into ret, strings in p's arena. Without upstream, source and
 * source_version are name and version. The distribution is not taken over into p: see purl_distribution().
 * -EINVAL with the reason for what is not a purl or has no version. */
int purl_parse(
        const char *text, size_t length, struct posture *p, struct posture_package *ret, struct error *err);

/* Of a package URL without a version: its type, and the name that a posture's package of it has. -EINVAL as
 * above. */
int purl_package_name(
        const char *text, char ret_type[POSTURE_STRING_MAX + 1], char ret_name[POSTURE_STRING_MAX + 1]);

/* The namespace and the distro qualifier of a purl, decoded; empty where it has none. -EINVAL as above. */
int purl_distribution(const char *text, char ret_namespace[64], char ret_distro[64]);
