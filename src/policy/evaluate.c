/* SPDX-License-Identifier: ISC */
/*
 * Decides where a node belongs. Rejections come first, then admissions in the order of the file, then
 * `otherwise`. Only what is certainly so counts: an admission whose requirement is unknown does not match.
 * Nor does a rejection, but a node that may have to be rejected is not admitted: it falls through to
 * `otherwise`.
 */
#include "policy/facts.h"
#include "policy/memo_row.h"

#include <string.h>

static bool role_meant(const struct policy_word *roles, const char *role)
{
	if (!roles)
		return true;
	for (; roles; roles = roles->next)
		if (role && strcmp(roles->name.text, role) == 0)
			return true;
	return false;
}

/* The admissions that the node's role can have, into the segment that its authentication named. */
static bool is_meant(const struct policy_evaluation *ev, const struct policy_admission *a)
{
	const char *segment = ev->input->segment;
	return role_meant(a->roles, ev->input->role) &&
	        (!segment || !*segment || strcmp(ev->policy->segments[a->segment->index].name, segment) == 0);
}

static enum tristate admission_value(struct policy_evaluation *ev, const struct policy_admission *a)
{
	enum tristate v = TRI_YES;
	for (const struct policy_word *w = a->when; w; w = w->next)
		v = policy_and(v, policy_requirement_value(ev, w->requirement));
	return v;
}

static void decide(struct policy_evaluation *ev, const struct policy_segment *segment, const char *rule)
{
	ev->decision->segment = segment;
	ev->decision->rule = policy_arena_string(ev->arena, rule);
}

/* UNKNOWN where no rejection certainly matches and one may: such a node is not admitted anywhere. */
static enum tristate reject(struct policy_evaluation *ev)
{
	const struct policy_rejection *possible = NULL;
	for (const struct policy_rejection *r = ev->policy->tree.rejections; r; r = r->next) {
		enum tristate v =
		        role_meant(r->roles, ev->input->role) ? policy_value(ev, r->expression) : TRI_NO;
		if (v == TRI_UNKNOWN && !possible)
			possible = r;
		if (v != TRI_YES)
			continue;
		decide(ev, policy_default_segment(ev->policy), r->text);
		ev->decision->rejected = true;
		policy_finding_sentence(ev, POLICY_FINDING_REQUIREMENT, "reject",
		        policy_arena_format(ev->arena, "%s; the policy rejects %s",
		                policy_found(ev, r->expression), r->expression->text));
		return TRI_YES;
	}
	if (!possible || !policy_is_inspected(ev->input))
		return TRI_NO;
	policy_finding_sentence(ev, POLICY_FINDING_UNKNOWN, "reject",
	        policy_arena_format(ev->arena,
	                "%s; the policy rejects %s, and admits no node that it may have to reject",
	                policy_found(ev, possible->expression), possible->expression->text));
	return TRI_UNKNOWN;
}

/* The admissions before until (NULL: all) that the role could have had and that lead to a level above this
 * one. */
static size_t explain_admissions(
        struct policy_evaluation *ev, const struct policy_admission *until, int level)
{
	size_t n = 0;
	for (const struct policy_admission *a = ev->policy->tree.admissions; a; a = a->next) {
		if (a == until || !is_meant(ev, a) || a->segment->level <= level)
			continue;
		n++;
		for (const struct policy_word *w = a->when; w; w = w->next)
			policy_explain_requirement(ev, w->requirement);
	}
	return n;
}

static bool admit(struct policy_evaluation *ev)
{
	for (const struct policy_admission *a = ev->policy->tree.admissions; a; a = a->next) {
		if (!is_meant(ev, a) || admission_value(ev, a) != TRI_YES)
			continue;
		decide(ev, &ev->policy->segments[a->segment->index], a->text);
		ev->decision->compliant = true;
		(void)explain_admissions(ev, a, ev->decision->segment->level);
		return true;
	}
	return false;
}

static void fall_through(struct policy_evaluation *ev)
{
	const struct policy_tree *t = &ev->policy->tree;
	const char *role = ev->input->role, *segment = ev->input->segment;
	decide(ev, &ev->policy->segments[t->otherwise_segment->index], t->otherwise_text);
	if (explain_admissions(ev, NULL, 0) > 0)
		return;
	if (segment && *segment) {
		policy_finding_sentence(ev, POLICY_FINDING_REQUIREMENT, "segment",
		        policy_arena_format(ev->arena,
		                "its authentication allows the segment \"%s\" alone, to which the policy "
		                "does not "
		                "admit it",
		                policy_arena_shown(ev->arena, segment, POLICY_STRING_MAX)));
		return;
	}
	policy_finding_sentence(ev, POLICY_FINDING_REQUIREMENT, "role",
	        role ? policy_arena_format(ev->arena, "the policy admits no node with the role \"%s\"",
	                       policy_arena_shown(ev->arena, role, POLICY_STRING_MAX))
	             : "the node has no role, and the policy admits no node without one");
}

/* False where the posture is needed for the words. */
static bool evaluate(const struct policy *p, const struct policy_input *input, struct policy_decision *ret)
{
	const struct policy_tree *t = &p->tree;
	*ret = (struct policy_decision){ .arena = policy_arena_new() };
	struct policy_evaluation ev = { .policy = p, .input = input, .decision = ret, .arena = ret->arena };
	struct memo_own own = { 0 };
	ev.terms = xcalloc(t->n_terms + 1, sizeof(*ev.terms));
	ev.requirements = xcalloc(t->n_requirements + 1, sizeof(*ev.requirements));
	if (input->index)
		ret->advisory_generation = input->inventory ? policy_memo_generation(input->inventory->memo)
		                                            : vuln_index_generation(input->index);
	policy_waivers_begin(&ev);
	policy_meet_begin(&ev);
	policy_match_advisories(&ev, &own);
	enum tristate rejected = reject(&ev);
	if (rejected != TRI_YES && !policy_is_inspected(input))
		decide(&ev, policy_default_segment(p), "not inspected");
	else if (rejected == TRI_UNKNOWN || (rejected == TRI_NO && !admit(&ev)))
		fall_through(&ev);
	policy_waivers_end(&ev);
	policy_meet_end(&ev, &own);
	for (size_t i = 0; i < t->n_terms; i++)
		free(ev.terms[i].matches);
	free(ev.terms);
	free(ev.requirements);
	free(ev.matches);
	return !ev.needs_posture;
}

void policy_evaluate(const struct policy *p, const struct policy_input *input, struct policy_decision *ret)
{
	(void)evaluate(p, input, ret);
}

bool policy_evaluate_again(
        const struct policy *p, const struct policy_input *input, struct policy_decision *ret)
{
	if (evaluate(p, input, ret))
		return true;
	policy_decision_clear(ret);
	return false;
}

void policy_decision_clear(struct policy_decision *d)
{
	policy_arena_free(d->arena);
	free(d->findings);
	free(d->waived);
	*d = (struct policy_decision){ 0 };
}
