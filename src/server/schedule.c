/* SPDX-License-Identifier: ISC */
/* Time: what expires, what is due for inspection; and what is ordered at once. */
#include "server/again.h"
#include "server/keep.h"
#include "server/named.h"

#include <string.h>

#define PRUNE_INTERVAL_MS (10 * 60 * 1000)

/* ---- the clock ---- */

static bool is_forgettable(const struct site_attachment *a, time_ms now)
{
	return !a->present && !a->session && !a->unsaved && !a->pending && !a->retry_places &&
	        a->decided.expires <= now && now - a->last_seen > SITE_ABSENT_KEEP_MS;
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
		site_ask(site, a);
	} else if ((a->next_inspection && a->next_inspection <= now) || changes_ask(site, a, now)) {
		site_ask(site, a);
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
	changes_tick(site, now);
	judged_begin_write(site);
	site_tick_postures(site);
	retries_work(site, now);
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

/* ---- on request ---- */

size_t site_revoke(struct site *site, struct site_node *node, const char *reason, time_ms now)
{
	size_t n = 0;
	named_forget(site, node);
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
