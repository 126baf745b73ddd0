/* SPDX-License-Identifier: ISC */
/* What the texts of a configuration mean, and whether they go together. */
#pragma once

#include "softwire/options.h"

/* Fills the second half of o from its texts. Every error is given to report (may be NULL), the first is in
 * err. -EINVAL. */
int options_check(struct softwire_options *o, void (*report)(const char *text), struct error *err);
