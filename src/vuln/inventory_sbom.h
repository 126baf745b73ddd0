/* SPDX-License-Identifier: ISC */
/* The documents of inventory.h that are lists of purls; private to src/vuln/inventory*.c. */
#pragma once

#include "vuln/inventory.h"

void inventory_note_unmapped(struct inventory_report *report, const char *name, const char *reason);

/* Adds the package that a purl names; upstream (may be NULL) is what the document says of its source. The
 * first purl that names a distribution sets the posture's; one of another is noted, and not added. -E2BIG
 * above the limit of a posture; what is no usable purl is noted. */
struct inventory_source {
	const char *name, *version;
};
int inventory_add_purl(struct posture *p, const char *purl, const struct inventory_source *source,
        struct inventory_report *report, struct error *err);

/* CycloneDX 1.2 to 1.6: components[].purl, nested ones too. */
int inventory_read_cyclonedx(
        const json_t *json, struct posture *p, struct inventory_report *report, struct error *err);
/* SPDX 2.2 and 2.3: packages[].externalRefs[] of type purl. */
int inventory_read_spdx(
        const json_t *json, struct posture *p, struct inventory_report *report, struct error *err);
