/* SPDX-License-Identifier: ISC */
/*
 * From a posture to a decision that is carried out: evaluated by the policy, recorded with its findings,
 * certified, placed.
 *
 * The order is what safety asks for (quarantine draft, 6.2 and 6.4.2).
 *
 * What makes a node worse off:
 *   1. it is decided;
 *   2. its enforcement point is told, in the same round of the loop: packets stop before anything waits for a
 *      disk, and a disk that fails keeps nobody admitted;
 *   3. one commit has all of it: the decision with its findings, the placement, the certificate's revocation.
 *      None of them is ever on the disk without the others;
 *   4. the node is asked to come again (SRETRY), at the policy's pace. It is last because it is for the
 *      explanation alone: nothing that the node does or leaves undone delays the other three.
 * What makes it better off: decided, committed, and then the enforcement point and the node are told: what a
 * gateway lets through is never more than what is on the disk.
 *
 * A server that dies after 1 has done nothing. After 2, the enforcement point keeps what it was told until
 * the next server tells it everything, which is when that has judged again whom its start wants judged
 * (judged.c). Who was demoted by advisories, the policy or time is among them. Whom its own inspection
 * demoted is not: nothing of that is on the disk, so that it is placed as before from then until its agent,
 * whose connection ended with the server, is back; its posture is another one than its certificate's, and is
 * inspected in full. After 3, the node's connection ends with the server; it comes back with a certificate
 * that is revoked, and is inspected. tests/scenario/advisory-killed.sh dies between every two of these steps.
 */
#include "server/again.h"
#include "server/keep.h"
#include "server/verdict.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

bool site_may_begin(struct site *site, struct site_node *node, time_ms now)
{
	time_ms from = MAX(node->assessments_until, now);
	if (from - now > SITE_ASSESSMENT_BURST_MS) /* never by what it did: the clock was set back */
		from = now;
	if (from + SITE_ASSESSMENT_COST_MS - now > SITE_ASSESSMENT_BURST_MS) {
		site->counters.assessments_refused++;
		return false;
	}
	node->assessments_until = from + SITE_ASSESSMENT_COST_MS;
	return true;
}

/* ---- evaluation ---- */

static void evaluate(struct site *site, struct site_node *node, const struct site_attachment *a, time_ms now,
        struct site_outcome *o)
{
	const enum tristate unique = node->doubtful_until > now ? TRI_NO : TRI_YES;
	o->has_posture = site_evaluate(site, node, a, unique, now, &o->decision);
	o->compliant = o->decision.compliant;
	o->rejected = o->decision.rejected || node->revoked;
	if (node->revoked) { /* while it was being inspected */
		o->compliant = false;
		o->note = "the node is revoked";
	}
	if (o->has_posture && !node->posture_signed) {
		/* It may be another host's: good for findings, not for an admission. */
		o->compliant = false;
		o->unsigned_posture = true;
	}
	const struct policy_segment *s = o->unsigned_posture || o->rejected
	        ? policy_default_segment(site->policy)
	        : o->decision.segment;
	snprintf(o->segment, sizeof(o->segment), "%s", s->name);
	o->level = s->level;
	o->decision.segment = NULL; /* the outcome may be told after the policy is another one */
}

static void record(struct site *site, const struct site_node *node, const struct site_outcome *o,
        const char *cause, const char *findings, time_ms now)
{
	const struct site_attachment *a = o->attachment;
	struct store_decision d = { .generation = o->generation,
		.node = node->name,
		.made = now,
		.expires = o->expires,
		.cause = cause,
		.segment = o->segment,
		.rule = o->note ? o->note : o->decision.rule,
		.level = o->level,
		.compliant = o->compliant,
		.rejected = o->rejected,
		.policy_fingerprint = policy_fingerprint(site->policy),
		.advisory_generation = o->decision.advisory_generation,
		.findings = findings,
		.n_findings = o->decision.n_findings + o->unsigned_posture,
		.would_be = *o->would_be ? o->would_be : NULL,
		.kept_by = site_kept_name(o->kept_by),
		.kept_until = o->kept_until };
	if (a) {
		d.enforcement_point = a->enforcement_point;
		d.port = a->port;
		d.mac = a->mac;
	}
	judged_begin_write(site);
	store_put_decision(site->store, &d);
}

/* ---- certificates ---- */

/* RFC 9562 5.4 */
static int make_uuid(char ret[37])
{
	uint8_t b[16];
	if (RAND_bytes(b, sizeof(b)) != 1)
		return -EIO;
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	snprintf(ret, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
	        b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return 0;
}

static void certify(struct site *site, const struct site_node *node, struct site_outcome *o,
        const uint8_t *nonce, struct site_placement *placement, time_ms now)
{
	const struct site_attachment *a = o->attachment;
	struct token_claims c = { .policy_fingerprint = policy_fingerprint(site->policy),
		.advisory_generation = o->decision.advisory_generation,
		.issued = now,
		.expires = o->expires,
		.compliant = o->compliant };
	if (make_uuid(c.id) < 0)
		return;
	snprintf(c.issuer, sizeof(c.issuer), "%s", site->name);
	snprintf(c.node, sizeof(c.node), "%s", node->name);
	snprintf(c.enforcement_point, sizeof(c.enforcement_point), "%s", a->enforcement_point);
	snprintf(c.port, sizeof(c.port), "%s", a->port);
	mac_format(&a->mac, c.mac);
	snprintf(c.segment, sizeof(c.segment), "%s", o->segment);
	memcpy(c.thumbprint, node->thumbprint, 32);
	memcpy(c.posture_digest, node->posture_digest, 32);
	if (nonce)
		memcpy(c.nonce, nonce, 32);
	if (token_issue(&c, site->token_key, &o->certificate, NULL) < 0)
		return; /* the node is placed all the same, and inspected in full when it comes again */
	memcpy(placement->certificate, c.id, sizeof(c.id));
	memcpy(placement->certificate_digest, node->posture_digest, 32);
	site_seal_certificate(node, o->certificate, placement->certificate_seal);
	store_put_certificate(site->store,
	        &(struct store_certificate){ .id = c.id,
	                .node = node->name,
	                .enforcement_point = a->enforcement_point,
	                .port = a->port,
	                .segment = o->segment,
	                .mac = a->mac,
	                .issued = now,
	                .expires = o->expires });
}

/* ---- placement ---- */

struct pending_placement {
	struct site *site;
	struct site_attachment *attachment;
	uint64_t generation;
};

/* A demotion that was handed out and could not be stored is stored again by the next tick. */
static void demotion_is_durable(int result, void *context)
{
	struct site_attachment *a = context;
	a->pending--;
	a->unsaved = result != 0;
}

static void placement_is_durable(int result, void *context)
{
	struct pending_placement *p = context;
	struct site_attachment *a = p->attachment;
	a->pending--;
	if (a->decided.generation == p->generation) {
		if (result == 0 && a->present) {
			a->handed = a->decided;
			p->site->effects.place(p->site->context, a, false);
		} else if (result == 0) {
			/* It has gone meanwhile, and who comes next must present itself. */
		} else if (result != -ECANCELED) {
			a->decided = a->handed; /* what is not stored was not decided */
		}
	}
	free(p);
}

bool site_is_demotion(const struct policy_segment *from, const struct policy_segment *to)
{
	return from != to && !from->is_default && to->level <= from->level;
}

void site_place(
        struct site *site, struct site_attachment *a, const struct site_placement *placement, time_ms now)
{
	const struct policy_segment *to = site_segment(site, placement, now);
	bool is_worse = site_is_demotion(site_segment(site, &a->handed, now), to) ||
	        site_is_demotion(site_segment(site, &a->decided, now), to);
	judged_begin_write(site);
	if (*a->decided.certificate && strcmp(a->decided.certificate, placement->certificate) != 0)
		store_revoke_certificate(site->store, a->decided.certificate, now);
	a->decided = *placement;
	a->pending++;
	site_save_attachment(site, a);
	if (is_worse) {
		site->counters.demotions++;
		a->handed = a->present ? a->decided
		                       : (struct site_placement){ .generation = a->decided.generation };
		site->effects.place(site->context, a, true);
		store_when_durable(site->store, demotion_is_durable, a);
		return;
	}
	struct pending_placement *p = xmalloc(sizeof(*p));
	*p = (struct pending_placement){ site, a, placement->generation };
	store_when_durable(site->store, placement_is_durable, p);
}

static const char *state_words(const struct site_outcome *o)
{
	return o->rejected ? "rejected" : o->compliant ? "compliant" : "not compliant";
}

static void note_move(struct site *site, const struct site_node *node, const struct site_attachment *a,
        const char *from, const struct site_outcome *o, const char *cause, time_ms now)
{
	size_t n = o->decision.n_findings + o->unsigned_posture;
	char until[CLOCK_TEXT_SIZE];
	if (strcmp(from, o->segment) != 0 || !o->kept_by)
		site_note(site, now, "placement", node, a, "%s -> %s by %s: %s, %zu finding%s", from,
		        o->segment, cause, state_words(o), n, n == 1 ? "" : "s");
	if (o->kept_by)
		site_note(site, now, "kept", node, a,
		        "in %s, would be %s by %s: %s, %zu finding%s; kept by %s%s%s", o->segment,
		        o->would_be, cause, state_words(o), n, n == 1 ? "" : "s", site_kept_name(o->kept_by),
		        o->kept_until ? " until " : "",
		        o->kept_until ? clock_format(o->kept_until, until) : "");
}

/* ---- between verdict and placement ---- */

/* The outcome's segment is the verdict; it becomes where the attachment is put. */
static void moderate(struct site *site, struct site_node *node, struct site_attachment *a,
        struct site_outcome *o, const char *cause, bool same, time_ms now)
{
	/* Another host may be behind it, or its authentication wants it elsewhere. */
	const bool is_doubtful = strcmp(cause, "session") == 0 || cause_is_doubt(site, node, a, o, now);
	const struct policy_segment *verdict = policy_segment_by_name(site->policy, o->segment);
	const struct keep_verdict v = { .segment = verdict,
		.cause = cause,
		.at_once = o->unsigned_posture || node->revoked || o->decision.emergency || !o->has_posture ||
		        is_doubtful,
		.no_grace = o->rejected,
		.same = same };
	const struct policy_segment *to = keep_moderate(site, a, &v, now);
	o->would_be[0] = '\0';
	o->kept_by = a->keep.by;
	o->kept_until = a->keep.until;
	if (to == verdict)
		return;
	site->counters.demotions_kept += !keep_watched(site, a) || to->level > verdict->level;
	snprintf(o->would_be, sizeof(o->would_be), "%s", verdict->name);
	snprintf(o->segment, sizeof(o->segment), "%s", to->name);
	o->level = to->level;
}

uint64_t site_findings_hash(const char *text)
{
	uint8_t digest[32];
	uint64_t h;
	sha256_bytes(text, strlen(text), digest);
	memcpy(&h, digest, sizeof(h));
	return h | 1;
}

/* ---- judging ---- */

static void judge_without_place(
        struct site *site, struct site_node *node, const char *cause, time_ms now, struct site_outcome *o)
{
	const struct policy_segment *fallback = site_floor(site);
	o->note = "not attached to a known enforcement point";
	o->compliant = false;
	snprintf(o->segment, sizeof(o->segment), "%s", fallback->name);
	o->level = fallback->level;
	site->counters.attachments_unproven++;
	char *findings = verdict_findings(o);
	record(site, node, o, cause, findings, now);
	free(findings);
	site_note(site, now, "inspection", node, NULL, "inspected, but %s: no placement", o->note);
}

static void judge_at(struct site *site, struct site_node *node, const char *cause, const uint8_t *nonce,
        time_ms now, struct site_outcome *o)
{
	struct site_attachment *a = o->attachment;
	struct site_placement placement = { .compliant = o->compliant,
		.rejected = o->rejected,
		.generation = o->generation,
		.policy_fingerprint = policy_fingerprint(site->policy),
		.advisory_generation = o->decision.advisory_generation };
	const char *from = site_segment(site, &a->decided, now)->name;
	const bool same = a->node == node;
	const enum site_kept was_kept = a->keep.by;
	if (!same)
		keep_end(site, a);
	site_bind(site, a, node);
	moderate(site, node, a, o, cause, same, now);
	bool moved = strcmp(from, o->segment) != 0 || !same || o->kept_by != was_kept;
	const int64_t lifetime = policy_certificate_lifetime_ms(site->policy);
	o->expires = placement.expires = now + lifetime;
	if (o->kept_by == SITE_KEPT_GRACE)
		o->expires = placement.expires = MIN(o->expires, o->kept_until);
	o->next_inspection = now +
	        MIN(policy_inspect_interval_ms(site->policy),
	                lifetime - MIN(SITE_RETRY_MARGIN_MS, lifetime / 4));
	snprintf(placement.segment, sizeof(placement.segment), "%s", o->segment);
	if (!o->rejected && !o->unsigned_posture && o->has_posture)
		certify(site, node, o, nonce, &placement, now);
	char *findings = verdict_findings(o);
	record(site, node, o, cause, findings, now);
	a->findings_hash = site_findings_hash(findings);
	free(findings);
	a->next_inspection = o->next_inspection;
	a->retry_asked = false;
	a->retry_waits = 0;
	if (moved)
		note_move(site, node, a, from, o, cause, now);
	site_place(site, a, &placement, now);
}

void site_judge(struct site *site, struct site_node *node, struct site_attachment *a, const char *cause,
        const uint8_t *nonce, time_ms now, struct site_outcome *ret)
{
	struct error err;
	*ret = (struct site_outcome){ .attachment = a };
	evaluate(site, node, a, now, ret);
	cause_find_own_doing(site, node, a, ret, now);
	ret->generation = store_next_generation(site->store, &err);
	if (!ret->generation) { /* the store is failing: nothing new is decided, what is placed runs out */
		ret->attachment = NULL;
		ret->compliant = false;
		ret->note = "the server cannot store decisions at the moment";
		snprintf(ret->segment, sizeof(ret->segment), "%s", site_floor(site)->name);
		ret->level = 0;
	} else if (a) {
		judge_at(site, node, cause, nonce, now, ret);
		if (strcmp(cause, "inspection") == 0) {
			a->round = site->round;
			site_observe(site, node, a, now);
		}
	} else {
		judge_without_place(site, node, cause, now, ret);
	}
	node->replaced = posture_free(node->replaced);
	site_release_posture(node);
}

struct pending_retry {
	struct site *site;
	struct site_attachment *attachment;
	enum retry_class class;
	time_ms now;
};

static void retry_is_due(int result, void *context)
{
	struct pending_retry *p = context;
	struct site_attachment *a = p->attachment;
	a->pending--;
	if (result != -ECANCELED)
		retry_soon(p->site, a, p->class, p->now);
	free(p);
}

/* The node is told last: when the decision is on the disk, and its enforcement point knows. */
static void retry_when_durable(
        struct site *site, struct site_attachment *a, enum retry_class class, time_ms now)
{
	struct pending_retry *p = xmalloc(sizeof(*p));
	*p = (struct pending_retry){ site, a, class, now };
	a->pending++;
	store_when_durable(site->store, retry_is_due, p);
}

/* One attachment of a node whose stored posture was judged again. */
static void apply_again(struct site *site, struct site_node *node, struct site_attachment *a,
        struct site_outcome *o, const char *findings, const char *cause, time_ms now)
{
	const struct policy_segment *in = site_segment(site, &a->decided, now);
	const char *from = in->name;
	const struct site_keep was = a->keep;
	moderate(site, node, a, o, cause, true, now);
	bool moved = strcmp(from, o->segment) != 0 || a->decided.compliant != o->compliant ||
	        was.by != a->keep.by || strcmp(was.verdict, a->keep.verdict) != 0;
	uint64_t hash = site_findings_hash(findings);
	if (!moved && (a->findings_hash == hash || (site->is_leisure && !a->findings_hash))) {
		a->findings_hash = hash;
		return;
	}
	o->generation = store_next_generation(site->store, NULL);
	if (!o->generation && o->compliant)
		return; /* the store is failing: nothing gets better */
	o->attachment = a;
	o->expires = a->decided.expires;
	if (o->kept_by == SITE_KEPT_GRACE)
		o->expires = MIN(o->expires, o->kept_until);
	a->findings_hash = hash;
	struct site_placement placement = a->decided;
	if (moved) {
		placement.compliant = o->compliant;
		placement.rejected = o->rejected;
		placement.generation = o->generation;
		placement.expires = o->expires;
		placement.certificate[0] = '\0';
		snprintf(placement.segment, sizeof(placement.segment), "%s", o->segment);
		site_place(site, a, &placement, now); /* before the rest: a demotion leaves at once */
		note_move(site, node, a, from, o, cause, now);
	}
	if (o->generation)
		record(site, node, o, cause, findings, now);
	retry_when_durable(site, a,
	        o->decision.emergency          ? RETRY_EMERGENCY
	                : o->level < in->level ? RETRY_WORSE
	                : moved                ? RETRY_MOVED
	                                       : RETRY_SAME,
	        now);
}

static bool is_limited(const struct site_attachment *a)
{
	return a->segment && *a->segment;
}

/* A placement that no verdict made is not made better or worse by one that nobody asked for. */
static bool is_judged(const struct site_attachment *a, time_ms now)
{
	return a->decided.expires > now && !a->keep.resting;
}

/* Whether the verdict is better than what some attachment has, and worse than what none has. */
static bool only_improves(
        const struct site *site, const struct site_node *node, const struct site_outcome *o, time_ms now)
{
	bool better = false, worse = false;
	for (const struct site_attachment *a = node->attachments; a; a = a->next_of_node) {
		const struct policy_segment *in = site_segment(site, &a->decided, now);
		better |= is_judged(a, now) && in->level < o->level;
		worse |= is_judged(a, now) && in->level > o->level;
	}
	return better && !worse;
}

/* At only, or at all that no authentication has limited to a segment. False where it may wait and does. */
static bool judge_again_at(struct site *site, struct site_node *node, struct site_attachment *only,
        const char *cause, bool may_wait, time_ms now)
{
	struct site_outcome o = { 0 };
	evaluate(site, node, only, now, &o);
	site->counters.judgements_again++;
	if (may_wait && only_improves(site, node, &o, now)) {
		site_outcome_clear(&o);
		return false;
	}
	char *findings = verdict_findings(&o), verdict[sizeof(o.segment)];
	const int level = o.level;
	snprintf(verdict, sizeof(verdict), "%s", o.segment);
	for (struct site_attachment *a = node->attachments; a; a = a->next_of_node) {
		if (!is_judged(a, now) || (only ? a != only : is_limited(a)))
			continue;
		snprintf(o.segment, sizeof(o.segment), "%s", verdict);
		o.level = level;
		apply_again(site, node, a, &o, findings, cause, now);
	}
	free(findings);
	site_outcome_clear(&o);
	return true;
}

bool judge_again(struct site *site, struct site_node *node, const char *cause, bool may_wait, time_ms now)
{
	bool free_ones = false, done = true;
	if (!node->inspected)
		return true;
	for (struct site_attachment *a = node->attachments; a; a = a->next_of_node)
		if (is_judged(a, now) && is_limited(a))
			done &= judge_again_at(site, node, a, cause, may_wait, now);
		else
			free_ones |= is_judged(a, now);
	if (free_ones)
		done &= judge_again_at(site, node, NULL, cause, may_wait, now);
	site_release_posture(node);
	return done;
}

void site_judge_again(struct site *site, struct site_node *node, const char *cause, time_ms now)
{
	(void)judge_again(site, node, cause, false, now);
}

void site_drop(struct site *site, struct site_attachment *a, const char *cause, const char *why, time_ms now)
{
	const struct policy_segment *from = site_segment(site, &a->decided, now),
	                            *watched = keep_watched(site, a),
	                            *to = watched ? watched : policy_default_segment(site->policy);
	struct site_placement placement = { 0 };
	keep_end(site, a);
	if (keep_must_rest(site, a))
		keep_rest(site, a, to, &placement, now);
	else
		placement.generation = store_next_generation(site->store, NULL);
	struct site_outcome o = { .attachment = a,
		.generation = placement.generation,
		.note = why,
		.level = to->level,
		.expires = placement.expires };
	snprintf(o.segment, sizeof(o.segment), "%s", to->name);
	site_place(site, a, &placement, now);
	a->next_inspection = 0;
	a->findings_hash = 0;
	if (a->node && o.generation)
		record(site, a->node, &o, cause, "[]", now);
	site_note(site, now, "placement", a->node, a, "%s -> %s by %s: %s", from->name, to->name, cause, why);
}

void site_set_present(struct site *site, struct site_attachment *a, bool present, time_ms now)
{
	bool was_placed = site_segment(site, &a->handed, now) != site_floor(site);
	if (a->present == present)
		return;
	a->present = present;
	if (!present && a->keep.resting && !keep_watched(site, a) && a->decided.expires > now &&
	        site_segment(site, &a->decided, now)->level > 0) {
		/* Nobody ever proved who it is: who comes back is somebody else. */
		site_drop(site, a, "gone", "it is gone, and was never inspected", now);
	} else if (!present && was_placed) {
		a->handed = (struct site_placement){ .generation = a->decided.generation };
		site->effects.place(site->context, a, true);
	}
	if (present && a->decided.expires > now)
		site_ask(site, a);
}

void site_outcome_clear(struct site_outcome *o)
{
	policy_decision_clear(&o->decision);
	free(o->certificate);
	memset(o, 0, sizeof(*o));
}
