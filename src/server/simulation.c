/* SPDX-License-Identifier: ISC */
#include "server/simulation.h"

#include "policy/facts.h"
#include "server/keep.h"
#include "server/named.h"
#include "server/reverse.h"
#include <stdio.h>
#include <string.h>

#define REASONS 3 /* of one move */

struct between { /* moves from one segment to another */
	char *from, *to;
	size_t n;
};

struct simulation {
	struct site *site;
	struct policy *own; /* NULL: the site's */
	const struct policy *policy;
	struct overlay *overlay; /* NULL: none */
	struct policy_memo *memo;
	roaring_bitmap_t *nodes; /* that may be concerned */
	roaring_uint32_iterator_t at;
	uint64_t packages_gone; /* of the site, when the memo began */
	time_ms now;
	size_t judged, unread, worse, better, level, by_monitor, by_grace, n_left_out;
	struct asked { /* demotions that the brake is asked about */
		struct site_node *node;
		unsigned urgency;
		json_t *move; /* NULL: it is not listed */
	} * asked;
	size_t n_asked, asked_capacity;
	json_t *moves;
	struct between *between;
	size_t n_between, between_capacity;
};

/* ---- whom ---- */

static void add_named(struct simulation *s)
{
	const struct table *names = overlay_names(s->overlay);
	TABLE_FOREACH(it, names) {
		const uint32_t *ids;
		const size_t n = reverse_packages_of(s->site->reverse, it.value, &ids);
		for (size_t i = 0; i < n; i++)
			reverse_add_nodes(s->site->reverse, ids[i], s->nodes);
	}
}

static void add_others(struct simulation *s)
{
	for (size_t i = 0; i < s->site->n_numbered; i++)
		if (s->own || !s->site->numbered[i]->package_ids)
			roaring_bitmap_add(s->nodes, (uint32_t)i);
}

static void begin_memo(struct simulation *s)
{
	policy_memo_begin(s->memo, s->policy, s->site->index);
	if (s->overlay)
		policy_memo_overlay(s->memo, overlay_index(s->overlay), overlay_is_meant, s->overlay);
	s->packages_gone = s->site->packages_gone;
}

struct simulation *simulation_new(
        struct site *site, struct policy *policy, struct overlay *overlay, time_ms now)
{
	struct simulation *s = xcalloc(1, sizeof(*s));
	*s = (struct simulation){ .site = site,
		.own = policy,
		.policy = policy ? policy : site->policy,
		.overlay = overlay,
		.memo = policy_memo_new(site->catalogue),
		.nodes = roaring_bitmap_create(),
		.now = now,
		.moves = json_array() };
	if (!s->nodes)
		abort();
	begin_memo(s);
	for (uint32_t i = 0; i < policy_memo_platforms(site->memo); i++) { /* the same numbers */
		const struct posture platform = policy_memo_platform_posture(site->memo, i);
		(void)policy_memo_platform(s->memo, &platform);
	}
	if (overlay)
		add_named(s);
	add_others(s);
	roaring_init_iterator(s->nodes, &s->at);
	return s;
}

struct simulation *simulation_free(struct simulation *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->n_between; i++) {
		free(s->between[i].from);
		free(s->between[i].to);
	}
	free(s->between);
	for (size_t i = 0; i < s->n_asked; i++)
		json_decref(s->asked[i].move);
	free(s->asked);
	json_decref(s->moves);
	roaring_bitmap_free(s->nodes);
	policy_memo_free(s->memo);
	overlay_free(s->overlay);
	policy_free(s->own);
	free(s);
	return NULL;
}

/* ---- judging ---- */

struct verdict {
	struct policy_decision decision;
	const struct policy_segment *segment;
	bool rejected, at_once;
};

/* A decision as judge.c makes it; false where nothing can be said of the node. */
static bool evaluate(struct simulation *s, struct site_node *node, const char *segment, struct verdict *ret)
{
	const bool is_doubted = node->doubtful_until > s->now;
	struct policy_inventory inventory = { s->memo, node->platform, node->package_ids,
		node->n_package_ids };
	struct policy_input in = { .node = node->name,
		.role = policy_node_role(s->policy, node->name),
		.inventory = &inventory,
		.index = s->site->index,
		.segment = segment,
		.unique = is_doubted ? TRI_NO : TRI_YES,
		.facts = node->facts,
		.named = node->has_named ? &node->named : NULL,
		.origins = named_origins(s->site->named),
		.now = s->now };
	bool done = node->package_ids && node->platform != POLICY_MEMO_NO_PLATFORM &&
	        policy_facts_hold(node->facts, s->policy, s->now) &&
	        policy_evaluate_again(s->policy, &in, &ret->decision);
	if (!done) {
		in.facts = NULL;
		in.posture = site_node_posture(s->site, node);
		if (in.posture)
			inventory.platform = policy_memo_platform(s->memo, in.posture);
		if (!in.posture || !node->package_ids || inventory.platform == POLICY_MEMO_NO_PLATFORM)
			return false;
		policy_evaluate(s->policy, &in, &ret->decision);
	}
	ret->rejected = ret->decision.rejected || node->revoked;
	ret->at_once = !node->posture_signed || node->revoked || is_doubted || ret->decision.emergency;
	ret->segment = ret->rejected || !node->posture_signed ? policy_default_segment(s->policy)
	                                                      : ret->decision.segment;
	return true;
}

/* ---- what would be ---- */

static void count_between(struct simulation *s, const char *from, const char *to)
{
	for (size_t i = 0; i < s->n_between; i++)
		if (strcmp(s->between[i].from, from) == 0 && strcmp(s->between[i].to, to) == 0) {
			s->between[i].n++;
			return;
		}
	ARRAY_RESERVE_ONE(s->between, s->n_between, s->between_capacity);
	s->between[s->n_between++] = (struct between){ xstrdup(from), xstrdup(to), 1 };
}

/* What would keep the attachment where it is, the brake aside. */
static enum site_kept keeps(const struct simulation *s, const struct site_attachment *a,
        const struct policy_segment *in, const struct verdict *v)
{
	if (!v->rejected && policy_monitor_segment(s->policy, policy_node_role(s->policy, a->node->name)))
		return SITE_KEPT_MONITOR;
	if (v->at_once || a->contested)
		return SITE_NOT_KEPT;
	if (!v->rejected && in->demote_ms > 0)
		return SITE_KEPT_GRACE;
	return policy_brake(s->policy) && !a->keep.released && a->keep.dismissed_until > s->now
	        ? SITE_KEPT_DISMISSED
	        : SITE_NOT_KEPT;
}

static json_t *text_or_null(const char *text)
{
	json_t *j = text ? json_string(text) : NULL;
	return j ? j : json_null();
}

/* Borrowed; NULL where there are too many to list. */
static json_t *list_move(struct simulation *s, const struct site_attachment *a, const char *from,
        const struct verdict *v, const char *change, enum site_kept kept)
{
	char mac[MAC_TEXT_SIZE];
	if (json_array_size(s->moves) == SIMULATION_MOVES_MAX) {
		s->n_left_out++;
		return NULL;
	}
	json_t *why = json_array();
	for (size_t i = 0; i < MIN(v->decision.n_findings, (size_t)REASONS); i++)
		json_array_append_new(why, text_or_null(v->decision.findings[i].text));
	json_t *move = json_object();
	json_object_set_new(move, "node", text_or_null(a->node->name));
	json_object_set_new(move, "enforcement_point", text_or_null(a->enforcement_point));
	json_object_set_new(move, "port", text_or_null(a->port));
	json_object_set_new(move, "mac", json_string(mac_format(&a->mac, mac)));
	json_object_set_new(move, "from", text_or_null(from));
	json_object_set_new(move, "to", text_or_null(v->segment->name));
	json_object_set_new(move, "change", json_string(change));
	json_object_set_new(move, "kept_by", text_or_null(site_kept_name(kept)));
	json_object_set_new(move, "findings", json_integer((json_int_t)v->decision.n_findings));
	json_object_set_new(move, "why", why);
	json_array_append_new(s->moves, move);
	return move;
}

/* When it is judged: with advisories the worst first, as changes.c has it. */
static unsigned urgency_of(const struct simulation *s, const struct verdict *v)
{
	static const unsigned by_severity[] = { POLICY_CHANGE_HIGH, POLICY_CHANGE_LOW, POLICY_CHANGE_MEDIUM,
		POLICY_CHANGE_HIGH, POLICY_CHANGE_CRITICAL };
	unsigned urgency = POLICY_CHANGE_OTHER;
	if (s->own)
		return urgency;
	for (size_t i = 0; i < v->decision.n_findings; i++)
		if (v->decision.findings[i].kind == POLICY_FINDING_ADVISORY)
			urgency = MIN(urgency, by_severity[v->decision.findings[i].severity]);
	return v->decision.emergency ? POLICY_CHANGE_EMERGENCY : urgency;
}

static void ask_brake(
        struct simulation *s, const struct site_attachment *a, const struct verdict *v, json_t *move)
{
	ARRAY_RESERVE_ONE(s->asked, s->n_asked, s->asked_capacity);
	s->asked[s->n_asked++] = (struct asked){ a->node, urgency_of(s, v), json_incref(move) };
}

static void take_move(struct simulation *s, const struct site_attachment *a, const struct verdict *v)
{
	const struct policy_segment *in = site_segment(s->site, &a->decided, s->now);
	const char *from = a->keep.by != SITE_NOT_KEPT && *a->keep.verdict ? a->keep.verdict : in->name;
	if (strcmp(from, v->segment->name) == 0)
		return;
	const struct policy_segment *was = policy_segment_by_name(s->site->policy, from);
	const int level = was ? was->level : 0;
	const bool is_worse = v->segment->level < level;
	const enum site_kept kept = is_worse ? keeps(s, a, in, v) : SITE_NOT_KEPT;
	s->worse += is_worse;
	s->better += v->segment->level > level;
	s->level += v->segment->level == level;
	s->by_monitor += kept == SITE_KEPT_MONITOR;
	s->by_grace += kept == SITE_KEPT_GRACE;
	count_between(s, from, v->segment->name);
	json_t *move = list_move(s, a, from, v,
	        is_worse                            ? "worse"
	                : v->segment->level > level ? "better"
	                                            : "other",
	        kept);
	if (is_worse && kept == SITE_NOT_KEPT && policy_brake(s->policy) && !v->at_once && !a->keep.own &&
	        !a->keep.released && !a->contested)
		ask_brake(s, a, v, move);
}

static bool is_judged(const struct simulation *s, const struct site_attachment *a)
{
	return a->decided.expires > s->now && !a->keep.resting;
}

static void judge(struct simulation *s, struct site_node *node)
{
	bool any = false, read = true;
	for (struct site_attachment *a = node->attachments; a; a = a->next_of_node) {
		struct verdict v;
		if (!is_judged(s, a))
			continue;
		any = true;
		if (!evaluate(s, node, a->segment, &v)) {
			read = false;
			continue;
		}
		take_move(s, a, &v);
		policy_decision_clear(&v.decision);
	}
	site_release_posture(node);
	s->judged += any && read;
	s->unread += any && !read;
}

bool simulation_work(struct simulation *s, size_t most)
{
	if (s->packages_gone != s->site->packages_gone)
		begin_memo(s);
	for (; most && s->at.has_value; most--) {
		const uint32_t number = s->at.current_value;
		(void)roaring_advance_uint32_iterator(&s->at);
		if (number < s->site->n_numbered)
			judge(s, s->site->numbered[number]);
	}
	return s->at.has_value;
}

/* ---- the answer ---- */

static json_t *between_to_json(const struct simulation *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->n_between; i++) {
		json_t *j = json_object();
		json_object_set_new(j, "from", text_or_null(s->between[i].from));
		json_object_set_new(j, "to", text_or_null(s->between[i].to));
		json_object_set_new(j, "attachments", json_integer((json_int_t)s->between[i].n));
		json_array_append_new(list, j);
	}
	return list;
}

static int by_turn(const void *a_, const void *b_)
{
	const struct asked *a = a_, *b = b_;
	if (a->urgency != b->urgency)
		return a->urgency < b->urgency ? -1 : 1;
	if (a->node->platform != b->node->platform)
		return a->node->platform < b->node->platform ? -1 : 1;
	return a->node->number < b->node->number ? -1 : a->node->number > b->node->number;
}

/* In the order in which they would be judged, the first ones pass. A node counts once, with all of its
 * attachments; but none of them passes a brake that has no room. */
static json_t *brake_to_json(struct simulation *s)
{
	const struct policy_brake *b = policy_brake(s->policy);
	if (!b)
		return json_null();
	size_t room = brake_room_by(s->site, b, s->now), passes = 0, holds = 0;
	json_t *held = json_array();
	const struct site_node *counted = NULL, *kept = NULL;
	if (s->n_asked)
		qsort(s->asked, s->n_asked, sizeof(*s->asked), by_turn);
	for (size_t i = 0; i < s->n_asked; i++) {
		const struct asked *a = &s->asked[i];
		if (room > 0) {
			passes += a->node != counted;
			room -= a->node != counted;
			counted = a->node;
			continue;
		}
		if (a->move)
			json_object_set_new(
			        a->move, "kept_by", text_or_null(site_kept_name(SITE_KEPT_BRAKE)));
		if (a->node == kept)
			continue;
		kept = a->node;
		holds++;
		if (json_array_size(held) < SIMULATION_MOVES_MAX)
			json_array_append_new(held, text_or_null(a->node->name));
	}
	return json_pack(
	        "{s:I, s:I, s:o}", "passes", (json_int_t)passes, "holds", (json_int_t)holds, "held", held);
}

json_t *simulation_to_json(struct simulation *s)
{
	const struct {
		const char *name;
		size_t value;
	} counts[] = { { "nodes", s->judged }, { "unread", s->unread }, { "waiting", site_waiting(s->site) },
		{ "worse", s->worse }, { "better", s->better }, { "other", s->level },
		{ "kept_by_monitor", s->by_monitor }, { "kept_by_grace", s->by_grace },
		{ "moves_left_out", s->n_left_out } };
	json_t *j = json_object();
	for (size_t i = 0; i < ARRAY_LENGTH(counts); i++)
		json_object_set_new(j, counts[i].name, json_integer((json_int_t)counts[i].value));
	json_object_set_new(j, "brake", brake_to_json(s));
	json_object_set_new(j, "between", between_to_json(s));
	json_object_set(j, "moves", s->moves);
	return j;
}
