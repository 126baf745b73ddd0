/* SPDX-License-Identifier: ISC */
/*
 * Which versions a product of a CSAF document is (section 3.1.2.2 of the standard, "product_version_range"):
 * a VERS range, or the constraints of one alone ("vers-like"), in the order of the package that the product
 * is. What is said in words, but for "all versions", is ambiguous and says nothing here.
 *
 * A publisher who numbers a product, and not a distribution's package of it, gives no packager's revision:
 * his 1.2 is every 1.2-N, and "<= 1.2" ends behind all of them.
 */
#pragma once

#include "base/error.h"
#include "vuln/version.h"

#include <jansson.h>

#define CSAF_RANGE_MAX 4096             /* bytes of one range */
#define CSAF_RANGE_BYTES_MAX (8u << 20) /* of all that one document's statements are about */
#define CSAF_RANGE_CONSTRAINTS_MAX 256  /* of one range */

/* How the publisher's versions become those of the package. */
struct csaf_numbering {
	enum version_ecosystem order;
	bool declared;              /* the product is the administrator's to map, and so are its versions */
	const char *strip, *prefix; /* "": nothing */
};

struct csaf_versions {
	bool all;
	json_t *ranges;   /* "begin|end" -> a range of OSV */
	json_t *versions; /* one version -> true */
	char *fixed_from; /* ">= X" alone, or X alone: what is fixed is so from X on. Else NULL */
};
/* The name of a product_version_range, or of a product_version. -ENOTSUP with the reason where it is not
 * clear; then ret holds nothing. */
int csaf_versions_of_range(const char *text, const struct csaf_numbering *numbering,
        struct csaf_versions *ret, struct error *why);
int csaf_versions_of_one(const char *text, const struct csaf_numbering *numbering, struct csaf_versions *ret,
        struct error *why);
void csaf_versions_clear(struct csaf_versions *v);
