/* SPDX-License-Identifier: ISC */
/* What the index says of one advisory. */
#pragma once

#include "vuln/record.h"
#include "vuln/vuln.h"

/* Calls fn for the record of each source that has this id; its strings are valid until fn returns. Negative
 * stops and is returned; -ENOENT where no source has it. */
int vuln_index_show(struct vuln_index *index, const char *id,
        int (*fn)(const struct record *r, void *context), void *context, struct error *err);
