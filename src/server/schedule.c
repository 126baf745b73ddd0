/* SPDX-License-Identifier: ISC */
/*
 * Time and change: what expires, what is due for inspection, and who is judged again when advisories or the
 * policy move. Judging again is from what is stored, in the order in which nodes were named, a bounded number
 * at a time.
 */
#include "server/keep.h"

#include <string.h>

#define PRUNE_INTERVAL_MS (10 * 60 * 1000)

/* ---- the clock ---- */

static void ask_retry(struct site *site, struct site_attachment *a)
{
	if (!a->session || a->retry_asked)
		return;
	a->retry_asked = true;
	site->counters.retries_asked++;
	site->effects.retry(site->context, a);
}

static bool is_forgettable(const struct site_attachment *a, time_ms now)
{
	return !a->present && !a->session && !a->unsaved && !a->pending && a->decided.expires <= now &&
	        now - a->last_seen > SITE_ABSENT_KEEP_MS;
}

/* No admission lasts longer than a certificate: where one does, the clock was set back, or the policy is a
 * stricter one. What enforcement points were told runs out by their own time. */
static void limit_to_lifetime(struct site *site, struct site_attachment *a, time_ms now)
{
	const time_ms latest = now + policy_certificate_lifetime_ms(site->policy);
	if (a->decided.expires > latest) {
		a->decided.expires = latest;
		a->unsaved = true;
	}
	a->handed.expires = MIN(a->handed.expires, latest);
	a->next_inspection = MIN(a->next_inspection, now + policy_inspect_interval_ms(site->policy));
}

static void tick_attachment(struct site *site, struct site_attachment *a, time_ms now)
{
	limit_to_lifetime(site, a, now);
	if (a->unsaved) {
		a->unsaved = false;
		site_save_attachment(site, a);
	}
	if (keep_tick(site, a, now))
		return;
	if (a->decided.expires && a->decided.expires <= now) {
		site_drop(site, a, "expiry",
		        "the certificate has expired and the node was not inspected again", now);
		ask_retry(site, a);
	} else if (a->next_inspection && a->next_inspection <= now) {
		ask_retry(site, a);
	}
}

/* Who was admitted by a waiver that has ended is judged without it. */
static void end_waivers(struct site *site, time_ms now)
{
	size_t n;
	const struct policy_waiver *w = policy_waivers(site->policy, &n);
	bool any = false;
	for (size_t i = 0; i < n && !any; i++)
		any = w[i].until > site->ticked && w[i].until <= now;
	if (any && site->ticked)
		TABLE_FOREACH(it, site->nodes) {
			struct site_node *node = it.value;
			if (policy_waiver_ended(site->policy, node->name, site->ticked, now))
				site_judge_soon(site, node, "waiver");
		}
	site->ticked = now;
}

void site_tick(struct site *site, time_ms now)
{
	end_waivers(site, now);
	brake_tick(site, now);
	site_tick_postures(site);
	TABLE_FOREACH(it, site->attachments) {
		struct site_attachment *a = it.value;
		tick_attachment(site, a, now);
		if (is_forgettable(a, now))
			site_forget_attachment(site, a);
	}
	if (now - site->last_expiry_look >= SITE_EXPIRY_LOOK_MS || now < site->last_expiry_look)
		site_look_at_expiry(site, now);
	if (now - site->last_prune >= PRUNE_INTERVAL_MS || now < site->last_prune) {
		site->last_prune = now;
		store_prune(site->store, now);
	}
}

/* ---- judging again ---- */

static void enqueue(struct site *site, struct site_node *node, const char *cause)
{
	if (!node->inspected || !node->attachments)
		return;
	bool waiting = node->again != NULL;
	node->again = cause;
	if (waiting)
		return;
	ARRAY_RESERVE_ONE(site->again, site->n_again, site->again_capacity);
	site->again[site->n_again++] = node;
}

static void wants_work(struct site *site)
{
	if (site_waiting(site))
		site->effects.work(site->context);
}

void site_judge_soon(struct site *site, struct site_node *node, const char *cause)
{
	enqueue(site, node, cause);
	wants_work(site);
}

static void enqueue_all(struct site *site, const char *cause)
{
	TABLE_FOREACH(it, site->nodes)
		enqueue(site, it.value, cause);
}

void site_judge_all(struct site *site, const char *cause)
{
	enqueue_all(site, cause);
	if (site->again_at < site->n_again)
		site->effects.work(site->context);
}

bool site_work(struct site *site, time_ms now, size_t most)
{
	for (; most && site->again_at < site->n_again; most--) {
		struct site_node *node = site->again[site->again_at++];
		const char *cause = node->again;
		node->again = NULL;
		site_judge_again(site, node, cause, now);
	}
	if (site->again_at < site->n_again)
		return true;
	site->again_at = site->n_again = 0;
	return false;
}

size_t site_waiting(const struct site *site)
{
	return site->n_again - site->again_at;
}

static int compare_keys(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

void site_advisories_changed(
        struct site *site, const struct site_key *changed, size_t n, bool all, time_ms now)
{
	if (all || n > SITE_DIRECT_KEYS_MAX) {
		site_judge_all(site, "advisories");
		return;
	}
	uint32_t *keys FREE_ON_EXIT = xmalloc((n + 1) * sizeof(*keys));
	for (size_t i = 0; i < n; i++)
		keys[i] = site_package_key(changed[i].package);
	qsort(keys, n, sizeof(*keys), compare_keys);
	uint8_t *named FREE_ON_EXIT = site_packages_named(site, keys, n);
	TABLE_FOREACH(it, site->nodes) {
		struct site_node *node = it.value;
		if (node->inspected && site_has_package(node, named))
			enqueue(site, node, "advisories");
	}
	wants_work(site);
}

void site_set_policy(struct site *site, struct policy *policy, time_ms now)
{
	policy_free(site->policy);
	site->policy = policy;
	site_judge_all(site, "policy");
}

void site_set_index(struct site *site, struct vuln_index *index, time_ms now)
{
	vuln_index_close(site->index);
	site->index = index;
	site_judge_all(site, "advisories");
}

/* ---- on request ---- */

size_t site_revoke(struct site *site, struct site_node *node, const char *reason, time_ms now)
{
	size_t n = 0;
	node->revoked = true;
	node->pinned = false;
	node->revoked_at = now;
	free(node->revoked_reason);
	node->revoked_reason = xstrdup(reason);
	for (struct site_attachment *a = node->attachments; a; a = a->next_of_node) {
		if (a->decided.expires > now)
			site_drop(site, a, "revocation", "the node was revoked", now);
		if (!a->session)
			continue;
		n++;
		site->effects.disconnect(site->context, a);
	}
	if (node->serial) {
		store_revoke_serial(site->store, node->serial, node->name, reason, now);
		table_set_string(site->revoked_serials, node->serial, site);
	}
	site_save_node(site, node);
	site_note(site, now, "revocation", node, NULL, "revoked: %s", reason);
	return n;
}
