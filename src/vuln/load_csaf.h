/* SPDX-License-Identifier: ISC */
/*
 * The products of a CSAF 2.0 document (section 3.2.2 of the standard): found in the branches, the full
 * product names and the relationships of its product tree, and mapped to packages by their package URLs. A
 * product without one is a product without a package: nothing is guessed from names.
 */
#pragma once

#include "vuln/load_private.h"

#define CSAF_BRANCHES_DEPTH_MAX 30     /* of the standard's own: deeper trees are nobody's */
#define CSAF_PRODUCTS_MAX 500000       /* in one document */
#define CSAF_VULNERABILITIES_MAX 20000 /* in one document */
#define CSAF_STATEMENTS_MAX 2000000    /* products in status lists of one document, groups resolved */

/* What is said of versions: of all, of one, or of those in a vers range. */
struct csaf_product {
	const char *purl, *cpe; /* of the document; NULL: it gives none */
	const char *range;      /* the name of a branch product_version_range; NULL: none */
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
	char *name, *version; /* version NULL: all, or those of the range. The caller's to free */
	const char *range;
};
/* -ENOENT with the reason where no package is known for it. */
int csaf_package_of(const struct csaf_product *product, struct csaf_package *ret, struct error *why);
void csaf_package_clear(struct csaf_package *p);
