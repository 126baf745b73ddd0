/* SPDX-License-Identifier: ISC */
#include "policy/facts.h"

#include "policy/fields.h"
#include "policy/memo_row.h"
#include <string.h>

#define AGAIN_MS 60000 /* a time that lies too far in the future is looked at again after */

/* The time at which the age that is compared next makes another answer. */
static time_ms next_flip(const struct policy_expression *e, const struct policy_input *in)
{
	struct policy_fact fact;
	if (e->kind != POLICY_COMPARE || e->field->type != POLICY_DURATION)
		return INT64_MAX;
	policy_field_read(e->field, in, &fact);
	if (!fact.known)
		return in->now + AGAIN_MS;
	const int64_t left = e->literal.number - fact.number;
	return left > 0 ? in->now + left : left == 0 ? in->now + 1 : INT64_MAX;
}

struct policy_facts *policy_facts_new(const struct policy *p, const struct posture *posture, time_ms now)
{
	const struct policy_input input = { .posture = posture, .now = now };
	struct policy_evaluation ev = { .policy = p, .input = &input };
	const struct policy_tree *t = &p->tree;
	if (!posture->packages_known || policy_unknown_find(posture, "packages"))
		return NULL;
	struct policy_facts *f = xcalloc(1, sizeof(*f) + t->n_leaves);
	f->fingerprint = p->fingerprint;
	f->made = now;
	f->until = INT64_MAX;
	for (size_t i = 0; i < t->n_leaves; i++) {
		f->values[i] = (uint8_t)policy_value(&ev, t->leaves[i]);
		f->until = MIN(f->until, next_flip(t->leaves[i], &input));
	}
	return f;
}

bool policy_facts_hold(const struct policy_facts *f, const struct policy *p, time_ms now)
{
	return f && f->fingerprint == p->fingerprint && f->made <= now && now < f->until;
}
