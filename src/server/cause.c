/* SPDX-License-Identifier: ISC */
/*
 * What a worse verdict comes from: the node itself, doubt about who it is, or what happened elsewhere (an
 * advisory, a policy, a waiver's end). The brake is for the last alone. Each is asked of the policy itself,
 * by an evaluation in which the one thing is otherwise.
 */
#include "server/keep.h"

#include <string.h>

static int compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* What a finding is about, whatever its words say of the day. */
static uint64_t finding_key(const struct policy_finding *f)
{
	static const uint64_t key[2] = { 0 };
	const char *const parts[] = { f->requirement, f->advisory, f->package };
	uint64_t h = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		h = (h ^ (parts[i] ? hash_bytes(key, parts[i], strlen(parts[i])) : 0)) * 0x100000001b3ull;
	return h;
}

/* Whether there is a reason against the node now that there was not with the posture before: by the same
 * policy and advisories, so it is the node's own doing. */
static bool is_own_doing(struct site *site, const struct site_node *node, const struct site_attachment *a,
        const struct policy_decision *now_found, time_ms now)
{
	struct policy_input input = { .node = node->name,
		.role = policy_node_role(site->policy, node->name),
		.posture = node->replaced,
		.index = site->index,
		.segment = a ? a->segment : NULL,
		.unique = node->doubtful_until > now ? TRI_NO : TRI_YES,
		.now = now };
	struct policy_decision before;
	policy_evaluate(site->policy, &input, &before);
	site->counters.judgements++;
	bool own = now_found->rejected && !before.rejected;
	uint64_t *keys = xcalloc(before.n_findings + 1, sizeof(*keys));
	for (size_t i = 0; i < before.n_findings; i++)
		keys[i] = finding_key(&before.findings[i]);
	qsort(keys, before.n_findings, sizeof(*keys), compare_hashes);
	for (size_t i = 0; i < now_found->n_findings && !own; i++) {
		uint64_t key = finding_key(&now_found->findings[i]);
		own = !bsearch(&key, keys, before.n_findings, sizeof(key), compare_hashes);
	}
	free(keys);
	policy_decision_clear(&before);
	return own;
}

/* Whether the node has an admission somewhere that the verdict would take. */
static bool has_better(
        const struct site *site, const struct site_node *node, const struct site_outcome *o, time_ms now)
{
	for (const struct site_attachment *a = node->attachments; a; a = a->next_of_node)
		if (a->decided.expires > now && site_segment(site, &a->decided, now)->level > o->level &&
		        !keep_watched(site, a))
			return true;
	return false;
}

void cause_find_own_doing(struct site *site, struct site_node *node, const struct site_attachment *a,
        const struct site_outcome *o, time_ms now)
{
	if (!node->replaced || !policy_brake(site->policy) || !has_better(site, node, o, now) ||
	        !is_own_doing(site, node, a, &o->decision, now))
		return;
	for (struct site_attachment *b = node->attachments; b; b = b->next_of_node) {
		if (b->decided.expires <= now || b->keep.own)
			continue;
		b->keep.own = true;
		keep_save(site, b);
	}
}

/* Whether the node would be better off if nobody doubted that it is the only one of its name and its machine.
 */
bool cause_is_doubt(struct site *site, struct site_node *node, const struct site_attachment *a,
        const struct site_outcome *o, time_ms now)
{
	struct policy_decision without;
	if (node->doubtful_until <= now || o->level >= site_segment(site, &a->decided, now)->level)
		return false;
	(void)site_evaluate(site, node, a, TRI_YES, now, &without);
	const bool better = without.segment->level > o->level || (o->rejected && !without.rejected);
	policy_decision_clear(&without);
	return better;
}
