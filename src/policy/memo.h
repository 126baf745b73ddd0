/* SPDX-License-Identifier: ISC */
/*
 * Which packages mean nothing to a policy. The hosts of a site mostly have the same packages: what one of
 * them was looked up for need not be looked up for the next, where nothing is known about the package that
 * any term of the policy could meet, now or as time goes by. What is remembered holds for one policy, one
 * generation of the advisories and one release of an operating system (a view), and for packages with a
 * number (posture/catalogue.h). Four bytes a package, and the one thread's that judges.
 *
 * Whoever gives a number to another package, or takes another index, says so here.
 */
#pragma once

#include "posture/posture.h"

struct policy_memo;

struct policy_memo *policy_memo_new(void);
struct policy_memo *policy_memo_free(struct policy_memo *m); /* NULL in, NULL out */
void policy_memo_clear(struct policy_memo *m);
void policy_memo_forget(struct policy_memo *m, uint32_t package);

/* The number of a view; 0 where there is none for this posture. */
uint32_t policy_memo_view(
        struct policy_memo *m, uint64_t policy, uint64_t generation, const struct posture *p);
bool policy_memo_has(const struct policy_memo *m, uint32_t view, uint32_t package);
void policy_memo_note(struct policy_memo *m, uint32_t view, uint32_t package);
