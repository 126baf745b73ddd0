/* SPDX-License-Identifier: ISC */
/*
 * A suite of security updates as advisories: "an installed version below the suite's is affected". One
 * advisory is one source package at one version: DEBIAN-SECURITY:bookworm:openssl:3.0.15-1~deb12u1. Nothing
 * says how severe it is.
 *
 * Packages indexes are of one architecture and name binary packages, with the versions that these have
 * (binNMUs, epochs of their own): what they list is judged by binary package. Sources indexes are of all of
 * them: sources none of whose binaries a Packages index listed are judged by source package. Both say which
 * source a binary is built from, for inventories that do not (built_from.h).
 */
#pragma once

#include "vuln/load_private.h"
#include "vuln/release_file.h"

#define SUITE_LIST_MAX (512u << 20) /* unpacked bytes of one index */
#define SUITE_PACKAGES_MAX 1000000  /* in all indexes of one suite */
#define SUITE_BINARIES_MAX 131072   /* bytes of the names of what is built from one source */

/* What was read of a suite; zeroed by its owner, freed by suite_clear(). */
struct suite {
	char origin[64], codename[64], version[32]; /* as its Release file has it */
	time_ms date;
	struct table *binaries, *sources;
};
void suite_take_release(struct suite *suite, const struct release_file *release);
/* An index, unpacked. What is wrong with a stanza is in the report; -E2BIG where there are too many. */
int suite_take_packages(struct load_reading *r, struct suite *suite, const char *path, const char *text,
        size_t length, struct error *err);
int suite_take_sources(struct load_reading *r, struct suite *suite, const char *path, const char *text,
        size_t length, struct error *err);
/* All of it as records. -ENOTSUP where nothing says of which release it is, or it is one that the source may
 * not speak of. */
int suite_put(struct load_reading *r, struct suite *suite, struct error *err);
void suite_clear(struct suite *suite);
