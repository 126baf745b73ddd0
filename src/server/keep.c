/* SPDX-License-Identifier: ISC */
/*
 * From a verdict to a placement: monitor mode, grace and the brake may keep an attachment in the segment that
 * it has. What keeps it is stored with it, and whatever the policy says of it is asked anew each time, so
 * that neither a restart nor a change of the policy loses or prolongs anything.
 *
 * An attachment about which nothing is decided rests: under monitor mode in the segment that it had or that
 * the mode names, with a placement that is renewed while the attachment is there. So when decisions begin to
 * be carried out, after a reload or a restart, what is there is a placement like any other, and losing it is
 * a demotion that the brake sees.
 */
#include "server/keep.h"

#include <stdio.h>
#include <string.h>

#define KEEP_TICK_MS 1000 /* more than there is between two ticks */

const char *site_kept_name(enum site_kept by)
{
	static const char *const names[] = { NULL, "monitor", "grace", "brake", "dismissed" };
	return names[by];
}

/* ---- modes ---- */

const struct policy_segment *site_floor(const struct site *site)
{
	return policy_floor_segment(site->policy);
}

const struct policy_segment *keep_watched(const struct site *site, const struct site_attachment *a)
{
	if (a->node && a->node->revoked) /* that was an order, not a decision */
		return NULL;
	return policy_monitor_segment(
	        site->policy, a->node ? policy_node_role(site->policy, a->node->name) : NULL);
}

bool keep_must_rest(const struct site *site, const struct site_attachment *a)
{
	return keep_watched(site, a) || site_floor(site) != policy_default_segment(site->policy);
}

/* ---- the store ---- */

void keep_save(struct site *site, struct site_attachment *a)
{
	struct site_keep *k = &a->keep;
	if (k->by == SITE_NOT_KEPT && !k->resting && !k->own) {
		if (k->stored)
			store_remove_keep(site->store, a->enforcement_point, a->port, &a->mac);
		k->stored = false;
		return;
	}
	store_put_keep(site->store,
	        &(struct store_keep){ .enforcement_point = a->enforcement_point,
	                .port = a->port,
	                .mac = a->mac,
	                .verdict = k->verdict,
	                .cause = k->cause,
	                .worse_since = k->worse_since,
	                .held_since = k->held_since,
	                .dismissed_until = k->dismissed_until,
	                .ordered_by = *k->ordered_by ? k->ordered_by : NULL,
	                .released = k->released,
	                .own = k->own,
	                .resting = k->resting });
	k->stored = true;
}

static time_ms grace_end(const struct policy_segment *segment, const struct site_keep *k)
{
	return k->worse_since + segment->demote_ms;
}

static time_ms hold_end(const struct site *site, const struct site_keep *k)
{
	const struct policy_brake *b = policy_brake(site->policy);
	return k->held_since + (b ? b->hold_ms : 0);
}

int keep_load(const struct store_keep *record, void *context)
{
	struct site *site = context;
	struct site_attachment *a =
	        site_find_attachment(site, record->enforcement_point, record->port, &record->mac);
	if (!a)
		return 0;
	const struct policy_segment *s = policy_segment_by_name(site->policy, a->decided.segment);
	struct site_keep *k = &a->keep;
	*k = (struct site_keep){ .worse_since = record->worse_since,
		.held_since = record->held_since,
		.dismissed_until = record->dismissed_until,
		.released = record->released,
		.own = record->own,
		.resting = record->resting,
		.stored = true };
	snprintf(k->verdict, sizeof(k->verdict), "%s", record->verdict);
	snprintf(k->cause, sizeof(k->cause), "%s", record->cause);
	snprintf(k->ordered_by, sizeof(k->ordered_by), "%s", record->ordered_by ? record->ordered_by : "");
	if (k->dismissed_until) {
		k->by = SITE_KEPT_DISMISSED;
		k->until = k->dismissed_until;
	} else if (k->held_since) {
		k->by = SITE_KEPT_BRAKE;
		k->until = hold_end(site, k);
		brake_hold(site, a, true, 0);
	} else if (k->worse_since) {
		k->by = SITE_KEPT_GRACE;
		k->until = s ? grace_end(s, k) : k->worse_since;
	} else if (*k->verdict) {
		k->by = SITE_KEPT_MONITOR;
	}
	return 0;
}

/* ---- verdicts ---- */

static bool is_same(const struct site_keep *a, const struct site_keep *b)
{
	return a->by == b->by && a->until == b->until && strcmp(a->verdict, b->verdict) == 0 &&
	        strcmp(a->cause, b->cause) == 0 && a->worse_since == b->worse_since &&
	        a->held_since == b->held_since && a->dismissed_until == b->dismissed_until &&
	        strcmp(a->ordered_by, b->ordered_by) == 0 && a->released == b->released && a->own == b->own &&
	        a->resting == b->resting && a->stored == b->stored;
}

/* With what a->keep says now; was: before. */
static void settle(struct site *site, struct site_attachment *a, const struct site_keep *was, time_ms now)
{
	const bool held = a->keep.by == SITE_KEPT_BRAKE, was_held = was->by == SITE_KEPT_BRAKE;
	if (held != was_held)
		brake_hold(site, a, held, now);
	if (!is_same(&a->keep, was))
		keep_save(site, a);
}

static void forget(struct site_keep *k)
{
	const bool stored = k->stored;
	memset(k, 0, sizeof(*k));
	k->stored = stored;
}

void keep_end(struct site *site, struct site_attachment *a)
{
	const struct site_keep was = a->keep;
	forget(&a->keep);
	settle(site, a, &was, 0);
}

static void stays(struct site_keep *k, enum site_kept by, time_ms until)
{
	k->by = by;
	k->until = until;
}

static const struct policy_segment *watch(const struct policy_segment *in,
        const struct policy_segment *watched, const struct keep_verdict *v, struct site_keep *k)
{
	const struct policy_segment *to = v->same && in->level > 0 ? in : watched;
	const char *cause = v->cause;
	forget(k);
	if (to == v->segment)
		return to;
	stays(k, SITE_KEPT_MONITOR, 0);
	snprintf(k->verdict, sizeof(k->verdict), "%s", v->segment->name);
	snprintf(k->cause, sizeof(k->cause), "%s", cause);
	return to;
}

/* Whether the brake lets the demotion pass, which it then counts; else k says until when it is held. */
static bool passes_brake(struct site *site, const struct site_attachment *a, struct site_keep *k, time_ms now)
{
	const struct policy_brake *b = policy_brake(site->policy);
	if (!b || k->released || k->own)
		return true;
	if (k->dismissed_until > now) {
		k->dismissed_until = MIN(k->dismissed_until, now + b->hold_ms); /* the clock was set back */
		stays(k, SITE_KEPT_DISMISSED, k->dismissed_until);
		return false;
	}
	if (k->dismissed_until) { /* that is over: the brake asks again */
		k->dismissed_until = k->held_since = 0;
		k->ordered_by[0] = '\0';
	}
	k->held_since = MIN(k->held_since, now);
	if ((!k->held_since || now >= hold_end(site, k)) && brake_room(site, now) > 0) {
		brake_count(site, a, now);
		return true;
	}
	if (!k->held_since)
		k->held_since = now;
	stays(k, SITE_KEPT_BRAKE, hold_end(site, k));
	return false;
}

/* The verdict is worse than what the attachment has. */
static const struct policy_segment *demote(struct site *site, const struct site_attachment *a,
        const struct policy_segment *in, const struct keep_verdict *v, struct site_keep *k, time_ms now)
{
	k->by = SITE_NOT_KEPT;
	k->worse_since = k->worse_since ? MIN(k->worse_since, now) : now;
	snprintf(k->verdict, sizeof(k->verdict), "%s", v->segment->name);
	snprintf(k->cause, sizeof(k->cause), "%s", v->cause);
	if (v->at_once || a->contested)
		return v->segment;
	if (!v->no_grace && now < grace_end(in, k)) {
		stays(k, SITE_KEPT_GRACE, grace_end(in, k));
		return in;
	}
	return passes_brake(site, a, k, now) ? v->segment : in;
}

const struct policy_segment *keep_moderate(
        struct site *site, struct site_attachment *a, const struct keep_verdict *v, time_ms now)
{
	const struct policy_segment *in = site_segment(site, &a->decided, now), *to = v->segment,
	                            *watched = keep_watched(site, a);
	const struct site_keep was = a->keep;
	if (watched)
		to = watch(in, watched, v, &a->keep);
	else if (v->same && a->decided.expires > now && to->level < in->level)
		to = demote(site, a, in, v, &a->keep, now);
	if (!watched && to == v->segment)
		forget(&a->keep);
	a->keep.resting = v->resting;
	settle(site, a, &was, now);
	return to;
}

/* ---- resting ---- */

void keep_rest(struct site *site, struct site_attachment *a, const struct policy_segment *segment,
        struct site_placement *ret, time_ms now)
{
	*ret = (struct site_placement){ .generation = store_next_generation(site->store, NULL),
		.expires = now + policy_certificate_lifetime_ms(site->policy) };
	snprintf(ret->segment, sizeof(ret->segment), "%s", segment->name);
	if (!a->keep.resting) {
		a->keep.resting = true;
		keep_save(site, a);
	}
	a->next_inspection = 0;
	a->findings_hash = 0;
}

static void rest(
        struct site *site, struct site_attachment *a, const struct policy_segment *segment, time_ms now)
{
	struct site_placement placement;
	keep_rest(site, a, segment, &placement, now);
	if (placement.generation) /* else the store is failing: again at the next tick */
		site_place(site, a, &placement, now);
}

/* Before it runs out by itself, at the kernel's clock too. */
static bool runs_out(const struct site *site, const struct site_attachment *a, time_ms now)
{
	const int64_t lifetime = policy_certificate_lifetime_ms(site->policy);
	return a->decided.expires <= now + MIN((int64_t)SITE_RETRY_MARGIN_MS / 2, lifetime / 8);
}

/* Under monitor mode whoever is there goes on, inspected or not. */
static void rest_watched(
        struct site *site, struct site_attachment *a, const struct policy_segment *watched, time_ms now)
{
	const struct policy_segment *in = policy_segment_by_name(site->policy, a->decided.segment);
	if (a->keep.by != SITE_NOT_KEPT && a->keep.by != SITE_KEPT_MONITOR) { /* of before the mode began */
		const struct site_keep was = a->keep;
		forget(&a->keep);
		a->keep.resting = was.resting;
		settle(site, a, &was, now);
	}
	/* Where the whole site is watched, an outage of the server moves nobody either. */
	const bool counts = in && in->level > 0 && (a->decided.expires > now || site_floor(site) == watched);
	if (a->decided.expires > now && counts && !runs_out(site, a, now))
		return;
	rest(site, a, counts ? in : watched, now);
}

/* Monitor mode does not mean it, but what everybody has who is placed nowhere would be its own. */
static bool is_exposed(const struct site *site, const struct site_attachment *a, time_ms now)
{
	return site_floor(site) != policy_default_segment(site->policy) &&
	        a->decided.expires <= now + KEEP_TICK_MS;
}

/* It rests where monitor mode had put it, and decisions are carried out now. */
static void wake(struct site *site, struct site_attachment *a, time_ms now)
{
	const struct policy_segment *in = site_segment(site, &a->decided, now),
	                            *fallback = policy_default_segment(site->policy);
	const struct keep_verdict v = {
		.segment = fallback, .cause = "policy", .no_grace = true, .same = true, .resting = true
	};
	const bool live = a->keep.resting ? a->decided.expires > now : !is_exposed(site, a, now);
	if (live && (in == fallback || keep_moderate(site, a, &v, now) == in)) {
		if (runs_out(site, a, now))
			rest(site, a, in, now);
		else if (in == fallback && !a->pending && strcmp(a->handed.segment, a->decided.segment) != 0)
			site_place(site, a, &a->decided, now); /* it was away */
		return;
	}
	if (live || keep_must_rest(site, a))
		site_drop(site, a, "policy", "nothing was decided about it, and that counts now", now);
	else
		keep_end(site, a);
}

static bool grace_is_over(const struct site_attachment *a, time_ms now)
{
	return a->keep.by == SITE_KEPT_GRACE && (a->keep.until <= now || a->contested);
}

/* Its certificate ended with the grace; the worse segment is its for as long as it takes to come again. */
static void end_grace(struct site *site, struct site_attachment *a, time_ms now)
{
	a->decided.expires = MAX(a->decided.expires,
	        now + MIN((int64_t)SITE_LEAVE_MS, policy_certificate_lifetime_ms(site->policy)));
	site_judge_again(site, a->node, a->contested ? "contested" : "grace", now);
	site_ask(site, a);
}

bool keep_tick(struct site *site, struct site_attachment *a, time_ms now)
{
	const struct policy_segment *watched = keep_watched(site, a);
	if (grace_is_over(a, now) && a->node) {
		end_grace(site, a, now);
		return true;
	}
	if (watched && a->present && (!a->node || a->keep.resting || runs_out(site, a, now))) {
		rest_watched(site, a, watched, now);
		return true;
	}
	if (!watched && a->present && (a->keep.resting || is_exposed(site, a, now))) {
		wake(site, a, now);
		return true;
	}
	return false;
}
