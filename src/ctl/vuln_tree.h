/* SPDX-License-Identifier: ISC */
/* The VISes above and below one, as its /v1/tree has them. */
#pragma once

#include "base/clock.h"
#include <jansson.h>

/* Adds what follows from it: of a repository "age_seconds" and "withheld" (its next index is overdue), of a
 * child "behind", the repositories that it has not all of. */
void vuln_tree_judge(json_t *tree, time_ms now);
/* Of one that was judged; for people. */
void vuln_tree_print(const json_t *tree, time_ms now);
