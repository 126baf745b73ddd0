/* SPDX-License-Identifier: ISC */
/*
 * What a policy has found in a posture, its packages aside, in a few bytes: a node whose posture is on the
 * disk is judged again by it and by its packages, and the posture is read only where words about it are
 * wanted.
 */
#pragma once

#include "policy/policy.h"

struct policy_facts;

/* NULL where a decision cannot do without the posture. The caller frees it with free(). */
struct policy_facts *policy_facts_new(const struct policy *p, const struct posture *posture, time_ms now);
/* Whether they are of this policy and no date has passed that makes others of them. */
bool policy_facts_hold(const struct policy_facts *f, const struct policy *p, time_ms now);
/* policy_evaluate() with input->facts, which hold, and an inventory instead of a posture. False where the
 * posture is needed for the words: there is no decision then. */
bool policy_evaluate_again(
        const struct policy *p, const struct policy_input *input, struct policy_decision *ret);
