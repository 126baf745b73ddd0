/* SPDX-License-Identifier: ISC */
/*
 * One node by the policy: its packages by what the memo knows of them, and the rest of its posture by what
 * the policy has found in it before. The posture itself is read where neither is enough: once after it was
 * taken or the server began, and where a decision has words about it.
 */
#include "policy/facts.h"
#include "server/named.h"

static bool is_numbered(const struct site_node *node)
{
	return node->package_ids && node->platform != POLICY_MEMO_NO_PLATFORM;
}

/* What is to be remembered of a posture that is in memory now. */
static void remember(struct site *site, struct site_node *node, const struct posture *posture, time_ms now)
{
	if (node->platform == POLICY_MEMO_NO_PLATFORM)
		node->platform = policy_memo_platform(site->memo, posture);
	if (!node->has_named) { /* the first time since the start */
		struct vuln_named_list named = { 0 };
		vuln_named_collect(posture, &named);
		named_set(site, node, &named);
		if (site->effects.reported)
			site->effects.reported(site->context, posture);
	}
	if (policy_facts_hold(node->facts, site->policy, now))
		return;
	free(node->facts);
	node->facts = policy_facts_new(site->policy, posture, now);
}

static bool evaluate_again(
        struct site *site, struct site_node *node, struct policy_input *input, struct policy_decision *ret)
{
	if (node->posture || !node->posture_stored || !is_numbered(node) ||
	        !policy_facts_hold(node->facts, site->policy, input->now))
		return false;
	input->facts = node->facts;
	const bool done = policy_evaluate_again(site->policy, input, ret);
	input->facts = NULL;
	return done;
}

bool site_evaluate(struct site *site, struct site_node *node, const struct site_attachment *a,
        enum tristate unique, time_ms now, struct policy_decision *ret)
{
	struct policy_inventory inventory = { site->memo, node->platform, node->package_ids,
		node->n_package_ids };
	struct policy_input input = { .node = node->name,
		.role = policy_node_role(site->policy, node->name),
		.inventory = &inventory,
		.index = site->index,
		.origins = named_origins(site->named),
		.segment = a ? a->segment : NULL,
		.unique = unique,
		.now = now };
	site->counters.judgements++;
	input.named = node->has_named ? &node->named : NULL;
	if (evaluate_again(site, node, &input, ret))
		return true;
	input.posture = site_node_posture(site, node);
	if (input.posture)
		remember(site, node, input.posture, now);
	inventory = (struct policy_inventory){ site->memo, node->platform, node->package_ids,
		node->n_package_ids };
	if (!input.posture || !is_numbered(node))
		input.inventory = NULL;
	input.named = node->has_named ? &node->named : NULL;
	input.origins = named_origins(site->named); /* they may have been read again */
	policy_evaluate(site->policy, &input, ret);
	return input.posture != NULL;
}
