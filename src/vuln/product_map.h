/* SPDX-License-Identifier: ISC */
/*
 * What an administrator declares of products that a publisher names by words or a CPE alone: which packages
 * they are here. A file of sections, `product NAME { ... }`:
 *
 *   product codesys-linux {
 *       vendor = CODESYS GmbH                      # with a name: as the branches of the product tree have
 * them name = CODESYS Control for Linux SL cpe = cpe:2.3:a:codesys:control_for_linux_sl    # or what it
 * begins with, up to a colon package = Debian:12 codesyscontrol         # ECOSYSTEM PACKAGE strip = V #
 * "V4.3" of the publisher is 4.3 here
 *   }
 *
 * Vendors, names, CPEs and packages may be repeated; each vendor goes with each name. Neither case nor the
 * width of blanks counts, and nothing is guessed: a product that is not declared has no package.
 */
#pragma once

#include "vuln/ecosystem.h"

#define PRODUCT_MAP_MAX 4096    /* products */
#define PRODUCT_PACKAGES_MAX 64 /* of one product */
#define PRODUCT_NAME_MAX 1024   /* bytes of a vendor, name or CPE; longer ones are unknown */

struct product_package {
	char ecosystem[ECOSYSTEM_NAME_MAX]; /* canonical */
	char name[PACKAGE_NAME_MAX];
	enum version_ecosystem order;
};
struct product {
	const char *strip, *prefix; /* "": nothing */
	const struct product_package *packages;
	size_t n_packages;
};

struct product_map;
/* Every fault goes to report (may be NULL) with file and line; then -EINVAL with the first in err. */
int product_map_open(
        const char *path, struct product_map **ret, void (*report)(const char *text), struct error *err);
struct product_map *product_map_close(struct product_map *m); /* NULL in, NULL out */
/* Vendor and name, or else the CPE, any of them NULL. NULL where none is declared; else the map's own. */
const struct product *product_map_find(
        const struct product_map *m, const char *vendor, const char *name, const char *cpe);

/* The version of a CPE, 2.2 or 2.3, unescaped. False where it gives none that is one version; all: it says
 * that it is of any. Caller frees. */
bool product_cpe_version(const char *cpe, char **ret_version, bool *ret_all);
