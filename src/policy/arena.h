/* SPDX-License-Identifier: ISC */
/* Memory that lives and dies together: the tree of one policy, or the strings of one decision. */
#pragma once

#include "base/defs.h"

#include <stdarg.h>

struct policy_arena;

struct policy_arena *policy_arena_new(void);
struct policy_arena *policy_arena_free(struct policy_arena *a); /* NULL in, NULL out */
/* Zeroed, aligned for any type, freed with the arena. */
void *policy_arena_alloc(struct policy_arena *a, size_t n);
char *policy_arena_string_n(struct policy_arena *a, const char *s, size_t n);
char *policy_arena_string(struct policy_arena *a, const char *s); /* NULL in, NULL out */
char *policy_arena_format(struct policy_arena *a, const char *format, ...) PRINTF_LIKE(2, 3);
/* A copy that is safe to show: control bytes become '?', and what is longer than most bytes ends in "...".
 * For what a node says of itself. */
char *policy_arena_shown(struct policy_arena *a, const char *s, size_t most);
