/* SPDX-License-Identifier: ISC */
/* What an index would have to know about for all packages of a node to be judged, and does not. */
#pragma once

#include "vuln/ecosystem.h"
#include "vuln/vuln.h"

#define NEEDS_MAX 16 /* a node's packages are of one distribution, and of a few languages */

/* The ecosystems ("Debian:12", "PyPI") of the posture's packages that the index knows nothing of, and the
 * releases that its backports were built from; returns how many, NEEDS_MAX at most. A package whose ecosystem
 * has no name needs nothing. */
size_t vuln_needs(struct vuln_index *index, const struct posture *p, char ret[NEEDS_MAX][ECOSYSTEM_NAME_MAX]);
