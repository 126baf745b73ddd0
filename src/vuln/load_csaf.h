/* SPDX-License-Identifier: ISC */
/*
 * The products of a CSAF 2.0 document (section 3.2.2 of the standard): found in the branches, the full
 * product names and the relationships of its product tree, and mapped to packages by their package URLs, or
 * by what the administrator declares of their names and CPEs (product_map.h). A product without either is a
 * product without a package: nothing is guessed from names.
 */
#pragma once

#include "vuln/load_csaf_range.h"
#include "vuln/load_private.h"
#include "vuln/product_map.h"

#define CSAF_BRANCHES_DEPTH_MAX 30     /* of the standard's own: deeper trees are nobody's */
#define CSAF_PRODUCTS_MAX 500000       /* in one document */
#define CSAF_VULNERABILITIES_MAX 20000 /* in one document */
#define CSAF_STATEMENTS_MAX 2000000    /* products in status lists of one document, groups resolved */

/* Strings are the document's; NULL: it gives none. */
struct csaf_product {
	const char *purl, *cpe;
	const char *vendor, *name;   /* of the branches vendor and product_name above it */
	const char *version, *range; /* of product_version and product_version_range */
	const struct csaf_product *component, *platform; /* of a relationship; NULL: none */
	bool defined; /* false: a relationship names it that has not been found yet */
};

struct csaf_products {
	struct table *by_id;  /* product_id -> struct csaf_product */
	struct table *groups; /* group_id -> json_t * (the list) */
};

/* -EINVAL with the reason for a tree that contradicts itself or names what is not there. */
int csaf_products_read(const json_t *document, struct csaf_products *ret, struct error *why);
void csaf_products_clear(struct csaf_products *p);

struct csaf_package {
	char ecosystem[ECOSYSTEM_NAME_MAX]; /* as OSV says it */
	char *name;
	enum version_ecosystem order;
};
/* The packages that a product is, and which versions of them. */
struct csaf_packages {
	struct csaf_package *items;
	struct csaf_versions *versions; /* one for each item */
	size_t n;
};
/* -ENOENT with the reason where no package is known for it, or its versions are not clear; -EINVAL where what
 * versions the document's products are takes too long to find out: range_bytes counts. map may be NULL. */
int csaf_packages_of(const struct csaf_product *product, const struct product_map *map, size_t *range_bytes,
        struct csaf_packages *ret, struct error *why);
void csaf_packages_clear(struct csaf_packages *p);
