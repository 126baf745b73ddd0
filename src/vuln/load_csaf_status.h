/* SPDX-License-Identifier: ISC */
/* What a CSAF document says of its products, as affected entries of OSV (section 3.2.3.9, "Product Status").
 */
#pragma once

#include "vuln/load_csaf.h"

struct csaf_statement_counts {
	size_t statements;  /* of the document so far */
	uint64_t unmapped;  /* about products without a package that is known here, or versions that are not
	                       clear */
	size_t range_bytes; /* of version ranges that were read */
};

/* Appends to affected what this vulnerability's statuses say of packages. -EINVAL with the reason where they
 * contradict each other or name what is not defined. */
int csaf_statements(const json_t *vulnerability, const struct csaf_products *products,
        const struct product_map *map, json_t *affected, struct csaf_statement_counts *counts,
        struct error *why);
