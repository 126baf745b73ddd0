/* SPDX-License-Identifier: ISC */
/*
 * The packages of an rpm database as text: one a line, six fields between tabs, each "(none)" where the
 * header has no such tag. librpm writes it where the database is (agent/rpm_database.h), and so does
 *
 *   rpm -qa --qf '%{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\n'
 */
#pragma once

#include "posture/posture.h"

#define RPM_LIST_MAX (64u << 20)
#define RPM_LIST_FORMAT "%{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\n"

/* Adds the packages; those without an architecture of their own (gpg-pubkey, which holds a key) are none.
 * Lines that are broken are counted and become one unknown "packages". -E2BIG above POSTURE_PACKAGES_MAX
 * packages. Whether all packages are known is for the caller to say. path is for the words only. */
int rpm_read_list(const char *path, const char *text, size_t length, struct posture *p, struct error *err);

/* Sets source and source_version from the file name of a source package, NAME-VERSION-RELEASE.src.rpm. It
 * names no epoch: the source has that of the package where version and release are the same (rpm_read_list()
 * also learns it from the other packages of the source). False where
 * the text has another form; package is then as it was. */
bool rpm_take_source(const char *source, struct posture *p, struct posture_package *package);
