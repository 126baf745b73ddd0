/* SPDX-License-Identifier: ISC */
/* Releases of distributions by name, and platforms by CPE, as what the ecosystems' advisories call them. */
#pragma once

#include "vuln/ecosystem.h"

/* "12" for debian's bookworm; NULL where it is not known here, or has no number (sid). */
const char *codename_release(const char *os_id, const char *codename);

/* The ecosystem of a platform that a CPE names, of either form: "cpe:/o:redhat:enterprise_linux:9::baseos",
 * "cpe:2.3:o:debian:debian_linux:12:*:...". -ENOTSUP where no ecosystem is known for it. */
int codename_ecosystem_of_cpe(const char *cpe, char ret_name[ECOSYSTEM_NAME_MAX]);
