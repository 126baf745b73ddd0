/* SPDX-License-Identifier: ISC */
/* Two generations of one index, compared by what it keeps of its past. */
#pragma once

#include <stdbool.h>

/* generations: "FROM" or "FROM:TO"; the exit code. */
int ctl_vuln_changes(const char *words, const char *dir, const char *generations, bool json);
