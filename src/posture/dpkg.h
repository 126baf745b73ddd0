/* SPDX-License-Identifier: ISC */
/*
 * Reader of Debian's control stanzas: the status file of dpkg (deb-status, dpkg(1)) and the Packages files of
 * apt have the same form, deb822(5). One pass over memory, no copies; only the fields that somebody needs are
 * kept: a posture's five, and of a Sources file what is built from a source.
 */
#pragma once

#include "posture/posture.h"

#define DPKG_STATUS_FILE_MAX (256u << 20)

/* A value in place, without surrounding blanks; NULL where the field is absent. */
struct dpkg_value {
	const char *text;
	size_t length;
};

struct dpkg_stanza {
	struct dpkg_value package, status, architecture, version, source, extra_source_only;
	struct dpkg_value binary, package_list; /* with the lines that continue them */
	unsigned int line;                      /* of its first line, from 1 */
	const char *broken;                     /* why it cannot be used; NULL for a sound one */
};

struct dpkg_scanner {
	const char *at, *end;
	unsigned int line;
};

static inline struct dpkg_scanner dpkg_scan(const char *text, size_t length)
{
	return (struct dpkg_scanner){ .at = text, .end = text + length, .line = 1 };
}
/* False at the end. */
bool dpkg_next_stanza(struct dpkg_scanner *s, struct dpkg_stanza *ret);

/* Adds every package whose files are on disk: all states but not-installed and config-files. packages_known
 * becomes true; stanzas that are broken are counted and become one unknown "packages" with the first reason.
 * A failure (the file cannot be read, is larger than DPKG_STATUS_FILE_MAX, or has more than
 * POSTURE_PACKAGES_MAX packages: -E2BIG) leaves packages_known as it was. */
int dpkg_read_status(const char *path, struct posture *p, struct error *err);
/* The same for text that is in memory; path is for the words only. */
int dpkg_read_status_text(
        const char *path, const char *text, size_t length, struct posture *p, struct error *err);
