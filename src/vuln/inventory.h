/* SPDX-License-Identifier: ISC */
/*
 * A node's packages from what others write: our own posture JSON, a dpkg status file, apk's database, the
 * list of an rpm database (posture/rpm.h), CycloneDX or SPDX JSON, or purls one a line. What has no purl, or
 * one that names no version, is counted and named, never dropped in silence.
 */
#pragma once

#include "posture/posture.h"

#define INVENTORY_MAX (256u << 20) /* bytes of a file */
#define INVENTORY_UNMAPPED_KEPT 5
#define INVENTORY_DEPTH_MAX 64 /* components in components */

struct inventory_report {
	bool overruled; /* the distribution is the caller's, whatever purls say */
	size_t unmapped;
	char *first_unmapped[INVENTORY_UNMAPPED_KEPT]; /* "name: reason" */
};
void inventory_report_clear(struct inventory_report *report);

/* Reads a distribution as "debian:12" into p; -EINVAL where it is not ID:VERSION. */
int inventory_set_distribution(struct posture *p, const char *distribution, struct error *err);

/* Reads text into a posture that the caller frees. distribution ("debian:12") wins over what the text says;
 * NULL: the text must say it where it matters. -EINVAL with the reason for what is none of those. */
int inventory_read_text(const char *text, size_t length, const char *distribution, struct posture **ret,
        struct inventory_report *report, struct error *err);
/* The same for a file. A database in its place (ROOT/var/lib/dpkg/status, ROOT/lib/apk/db/installed) has
 * ROOT/etc/os-release. */
int inventory_read(const char *path, const char *distribution, struct posture **ret,
        struct inventory_report *report, struct error *err);
