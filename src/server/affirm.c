/* SPDX-License-Identifier: ISC */
/*
 * A node that comes with its certificate soon after it was decided about: the decision stands, and saying so
 * writes nothing and signs nothing. Whatever could make another decision of it (policy, advisories, a brake,
 * another host with its name) either makes the node wait to be judged again, or is looked at here.
 */
#include "server/site.h"

#include <stdio.h>
#include <string.h>

/* What was decided is what enforcement points were told, and what is on the disk. */
static bool is_in_force(const struct site_attachment *a, time_ms now)
{
	return a->present && !a->contested && a->pending == 0 && !a->unsaved && a->decided.expires > now &&
	        a->decided.compliant && !a->decided.rejected &&
	        a->decided.generation == a->handed.generation &&
	        strcmp(a->decided.segment, a->handed.segment) == 0;
}

static bool is_undisturbed(const struct site_node *node, const struct site_attachment *a, time_ms now)
{
	return !node->again && !node->revoked && node->doubtful_until <= now && node->posture_signed &&
	        !node->replaced && !a->retry_asked && !a->retry_waits && a->keep.by == SITE_NOT_KEPT;
}

/* The index may have moved before its notice has come. */
static bool is_up_to_date(const struct site *site, const struct site_attachment *a)
{
	return a->decided.policy_fingerprint == policy_fingerprint(site->policy) && site->index &&
	        a->decided.advisory_generation == vuln_index_generation(site->index);
}

/* Judged lately: time itself may change a verdict. */
static bool is_fresh(const struct site *site, const struct site_attachment *a, time_ms now)
{
	const int64_t left = a->next_inspection - now, interval = policy_inspect_interval_ms(site->policy);
	return a->next_inspection != 0 && left >= interval / 2 && left <= interval;
}

bool site_affirm(struct site *site, struct site_node *node, struct site_attachment *a, const char *token,
        time_ms now, struct site_outcome *ret)
{
	const struct policy_segment *in = site_segment(site, &a->decided, now);
	if (!is_in_force(a, now) || !is_undisturbed(node, a, now) || !is_fresh(site, a, now) ||
	        !is_up_to_date(site, a) || a->findings_hash != site_findings_hash("[]") || in->is_default)
		return false;
	*ret = (struct site_outcome){ .attachment = a,
		.generation = a->decided.generation,
		.level = in->level,
		.compliant = true,
		.expires = a->decided.expires,
		.next_inspection = a->next_inspection,
		.certificate = xstrdup(token) };
	ret->decision.compliant = true;
	snprintf(ret->segment, sizeof(ret->segment), "%s", in->name);
	node->assessments_until =
	        MAX(node->assessments_until - (SITE_ASSESSMENT_COST_MS - SITE_AFFIRMATION_COST_MS), now);
	site->counters.affirmed++;
	return true;
}
