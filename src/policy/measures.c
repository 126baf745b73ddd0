/* SPDX-License-Identifier: ISC */
/*
 * What a policy says for bad days: monitor mode, demotion after a while, waivers, the brake on mass
 * demotions and what goes past it. Only the words and their meaning; the server acts by them.
 */
#include "policy/ast.h"

#include <inttypes.h>
#include <string.h>

#define NEW(p, type) ((type *)policy_arena_alloc((p)->arena, sizeof(type)))

/* ---- the grammar's actions ---- */

void policy_segment_demote(struct policy_parser *p, int64_t ms, struct policy_span at)
{
	if (p->segment->demote_at.line)
		policy_problem(p, at, "segment `%s` already says when it demotes", p->segment->name.text);
	p->segment->demote_at = at;
	p->segment->demote_ms = ms;
}

void policy_mode_add(struct policy_parser *p, const struct policy_name *target, struct policy_word *roles,
        struct policy_span at)
{
	struct policy_mode *m = NEW(p, struct policy_mode);
	if (target)
		m->target = *target;
	m->roles = roles;
	m->at = at;
	m->text = policy_span_text(p, at);
	policy_limit_words(p, roles, "roles");
	*p->tree->modes_tail = m;
	p->tree->modes_tail = &m->next;
	policy_count_one(p, &p->tree->n_modes, POLICY_MODES_MAX, "modes", at);
}

void policy_waiver_add(struct policy_parser *p, const struct policy_waiver_node *waiver)
{
	struct policy_waiver_node *w = NEW(p, struct policy_waiver_node);
	*w = *waiver;
	policy_limit_words(p, w->what, w->is_advisory ? "advisories" : "requirements");
	policy_limit_words(p, w->whom.nodes, "nodes");
	policy_limit_words(p, w->whom.roles, "roles");
	*p->tree->waivers_tail = w;
	p->tree->waivers_tail = &w->next;
	policy_count_one(p, &p->tree->n_waivers, POLICY_WAIVERS_MAX, "waivers", w->at);
}

void policy_brake_set(struct policy_parser *p, const struct policy_brake *brake, struct policy_span at)
{
	if (p->tree->brake_at.line)
		policy_problem(p, at, "the brake was already set in line %u", p->tree->brake_at.line);
	p->tree->brake_at = at;
	p->tree->brake = *brake;
}

static void set_pace(struct policy_parser *p, const struct policy_pace *pace, struct policy_span at,
        struct policy_pace *to, struct policy_span *to_at)
{
	if (to_at->line)
		policy_problem(p, at, "this was already said in line %u", to_at->line);
	*to_at = at;
	*to = *pace;
}

void policy_reinspect_set(struct policy_parser *p, const struct policy_pace *pace, struct policy_span at)
{
	set_pace(p, pace, at, &p->tree->reinspect, &p->tree->reinspect_at);
}

void policy_asking_set(struct policy_parser *p, const struct policy_pace *pace, struct policy_span at)
{
	set_pace(p, pace, at, &p->tree->asking, &p->tree->asking_at);
}

void policy_emergency_add(struct policy_parser *p, struct policy_word **list, struct policy_word *more)
{
	for (const struct policy_word *w = more; w; w = w->next)
		policy_count_one(
		        p, &p->tree->n_emergencies, POLICY_EMERGENCIES_MAX, "emergencies", w->name.at);
	if (!*list) {
		*list = more;
	} else if (more) {
		(*list)->last->next = more;
		(*list)->last = more->last;
	}
}

/* ---- checking ---- */

/* NULL: the site. */
static bool says_mode_of(const struct policy_mode *m, const char *role)
{
	if (!role || !m->roles)
		return !role && !m->roles;
	for (const struct policy_word *w = m->roles; w; w = w->next)
		if (strcmp(w->name.text, role) == 0)
			return true;
	return false;
}

static const struct policy_mode *find_mode(
        const struct policy_tree *t, const char *role, const struct policy_mode *until)
{
	for (const struct policy_mode *m = t->modes; m && m != until; m = m->next)
		if (says_mode_of(m, role))
			return m;
	return NULL;
}

static void check_mode(struct policy_parser *p, struct policy_mode *m)
{
	const struct policy_mode *before = m->roles ? NULL : find_mode(p->tree, NULL, m);
	for (const struct policy_word *w = m->roles; w && !before; w = w->next)
		before = find_mode(p->tree, w->name.text, m);
	if (before)
		policy_problem(p, m->at, "its mode was already said in line %u", before->at.line);
	if (!m->target.text)
		return;
	m->segment = policy_target_segment(p, &m->target);
	if (m->segment && m->segment->level == 0)
		policy_problem(p, m->target.at,
		        "nodes that are only watched go on as before: segment `%s` has no level, and keeps "
		        "them "
		        "from that",
		        m->target.text);
	if (!p->tree->brake_at.line)
		policy_warning(p, m->at,
		        "without a `brake`, nodes that are not compliant lose their segments all at once "
		        "when "
		        "decisions are carried out");
}

static void check_brake(struct policy_parser *p)
{
	const struct policy_brake *b = &p->tree->brake;
	const struct policy_span at = p->tree->brake_at;
	if (!at.line)
		return;
	if (b->percent > 100)
		policy_problem(p, at, "a share is at most 100%%");
	if (b->percent == 100)
		policy_warning(p, at, "a brake at 100%% never holds");
	if (b->per_ms < 1000 || b->per_ms > POLICY_BRAKE_PER_MAX_MS)
		policy_problem(p, at, "a brake counts for a time from one second to one day");
	if (b->hold_ms < 60000 || b->hold_ms > POLICY_HOLD_MAX_MS)
		policy_problem(p, at, "a brake holds for a time from one minute to seven days");
}

static void check_pace(struct policy_parser *p, const struct policy_pace *pace, struct policy_span at)
{
	if (!at.line)
		return;
	if (pace->nodes < 1 || pace->nodes > POLICY_PACE_NODES_MAX)
		policy_problem(p, at, "between 1 and %d nodes can be asked at a time", POLICY_PACE_NODES_MAX);
	if (pace->per_ms < 1000 || pace->per_ms > POLICY_PACE_PER_MAX_MS)
		policy_problem(p, at, "the pace is given for a time from one second to one hour");
}

static void check_waiver(struct policy_parser *p, struct policy_waiver_node *w)
{
	for (const struct policy_word *word = w->what; word && !w->is_advisory; word = word->next)
		if (!policy_requirement_find(p->tree, word->name.text))
			policy_problem(p, word->name.at, "there is no requirement `%s`", word->name.text);
}

static void check_demotions(struct policy_parser *p)
{
	for (const struct policy_segment_node *s = p->tree->segments; s; s = s->next) {
		if (!s->demote_at.line)
			continue;
		if (s->demote_ms > POLICY_DEMOTE_MAX_MS)
			policy_problem(p, s->demote_at, "a node may keep a segment for at most seven days");
		if (s->level == 0)
			policy_problem(p, s->demote_at,
			        "nodes are not demoted from segment `%s`: it has no level", s->name.text);
	}
}

static void publish_waivers(struct policy_parser *p)
{
	size_t i = 0;
	p->policy->waivers =
	        policy_arena_alloc(p->arena, (p->tree->n_waivers + 1) * sizeof(struct policy_waiver));
	for (struct policy_waiver_node *w = p->tree->waivers; w; w = w->next) {
		w->public = &p->policy->waivers[i++];
		*w->public = (struct policy_waiver){ .what = policy_waiver_words(p->arena, w),
			.until = w->until,
			.owner = w->owner,
			.reason = w->reason,
			.line = w->at.line };
	}
}

void policy_measures_check(struct policy_parser *p)
{
	check_demotions(p);
	check_brake(p);
	check_pace(p, &p->tree->reinspect, p->tree->reinspect_at);
	check_pace(p, &p->tree->asking, p->tree->asking_at);
	for (struct policy_mode *m = p->tree->modes; m; m = m->next)
		check_mode(p, m);
	for (struct policy_waiver_node *w = p->tree->waivers; w; w = w->next)
		check_waiver(p, w);
	publish_waivers(p);
}

/* ---- what its readers ask ---- */

const struct policy_segment *policy_monitor_segment(const struct policy *p, const char *role)
{
	const struct policy_mode *m = role ? find_mode(&p->tree, role, NULL) : NULL;
	if (!m)
		m = find_mode(&p->tree, NULL, NULL);
	return m && m->segment ? &p->segments[m->segment->index] : NULL;
}

const struct policy_segment *policy_floor_segment(const struct policy *p)
{
	const struct policy_segment *watched = policy_monitor_segment(p, NULL);
	return watched ? watched : policy_default_segment(p);
}

const struct policy_brake *policy_brake(const struct policy *p)
{
	return p->tree.brake_at.line ? &p->tree.brake : NULL;
}

const struct policy_pace *policy_reinspect_pace(const struct policy *p)
{
	return p->tree.reinspect_at.line ? &p->tree.reinspect : NULL;
}

const struct policy_pace *policy_asking_pace(const struct policy *p)
{
	static const struct policy_pace usual = { POLICY_ASKING_NODES, POLICY_PACE_PER_MS };
	return p->tree.asking_at.line ? &p->tree.asking : &usual;
}

const struct policy_waiver *policy_waivers(const struct policy *p, size_t *ret_count)
{
	*ret_count = p->tree.n_waivers;
	return p->waivers;
}

static bool word_is(const struct policy_word *list, const char *text)
{
	for (; list && text; list = list->next)
		if (strcmp(list->name.text, text) == 0)
			return true;
	return false;
}

bool policy_whom_means(const struct policy_whom *whom, const char *node, const char *role)
{
	return (!whom->nodes && !whom->roles) || word_is(whom->nodes, node) || word_is(whom->roles, role);
}

bool policy_waiver_ended(const struct policy *p, const char *node, time_ms from, time_ms to)
{
	for (const struct policy_waiver_node *w = p->tree.waivers; w; w = w->next)
		if (w->until > from && w->until <= to &&
		        policy_whom_means(&w->whom, node, policy_node_role(p, node)))
			return true;
	return false;
}

/* ---- words ---- */

static const char *words_joined(struct policy_arena *a, const struct policy_word *list)
{
	const char *all = "";
	for (const struct policy_word *w = list; w; w = w->next)
		all = policy_arena_format(a, "%s%s%s", all, *all ? ", " : "", w->name.text);
	return all;
}

const char *policy_waiver_words(struct policy_arena *a, const struct policy_waiver_node *w)
{
	const struct policy_word *whom = w->whom.nodes ? w->whom.nodes : w->whom.roles;
	return policy_arena_format(a, "%s%s for %s%s", w->is_advisory ? "advisory " : "",
	        words_joined(a, w->what),
	        w->whom.nodes           ? "node "
	                : w->whom.roles ? "role "
	                                : "any",
	        words_joined(a, whom));
}

/* The last day on which it counts. */
static const char *day_of(time_ms until, char text[CLOCK_TEXT_SIZE])
{
	clock_format(until - 1, text);
	text[10] = '\0';
	return text;
}

static const char *length_words(int64_t ms, char text[32])
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = { { 86400000, "day" }, { 3600000, "hour" }, { 60000, "min" }, { 1000, "s" } };
	size_t i = 0;
	while (ms % units[i].ms)
		i++;
	snprintf(text, 32, "%" PRId64 " %s%s", ms / units[i].ms, units[i].unit,
	        i < 2 && ms != units[i].ms ? "s" : "");
	return text;
}

static void describe_brake(FILE *out, const struct policy_brake *b)
{
	char per[32], hold[32], share[32] = "";
	if (b->percent)
		snprintf(share, sizeof(share), "%" PRId64 "%% or ", b->percent);
	fprintf(out, "brake: demotions above %s%" PRId64 " node%s per %s are held for at most %s\n", share,
	        b->nodes, b->nodes == 1 ? "" : "s", length_words(b->per_ms, per),
	        length_words(b->hold_ms, hold));
}

static void describe_emergencies(FILE *out, const struct policy_word *list, const char *what)
{
	for (const struct policy_word *w = list; w; w = w->next)
		fprintf(out, "%s%s", w == list ? what : ", ", w->name.text);
	if (list)
		fputs(" go past the brake and every delay\n", out);
}

void policy_measures_describe(FILE *out, const struct policy *p, time_ms now)
{
	char day[CLOCK_TEXT_SIZE], per[32];
	size_t n;
	const struct policy_waiver *w = policy_waivers(p, &n);
	for (const struct policy_mode *m = p->tree.modes; m; m = m->next)
		fprintf(out, "%s\n", m->text);
	if (policy_brake(p))
		describe_brake(out, policy_brake(p));
	if (policy_reinspect_pace(p))
		fprintf(out,
		        "inspect after advisories: all nodes are asked again, %" PRId64 " node%s per %s\n",
		        p->tree.reinspect.nodes, p->tree.reinspect.nodes == 1 ? "" : "s",
		        length_words(p->tree.reinspect.per_ms, per));
	if (p->tree.asking_at.line)
		fprintf(out,
		        "inspect rate: who has another decision is asked again, %" PRId64 " node%s per %s\n",
		        p->tree.asking.nodes, p->tree.asking.nodes == 1 ? "" : "s",
		        length_words(p->tree.asking.per_ms, per));
	describe_emergencies(out, p->tree.emergency_ids, "emergencies: advisories ");
	describe_emergencies(out, p->tree.emergency_sources, "emergencies: advisories from ");
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s %s until the end of %s by %s: %s\n",
		        w[i].until <= now ? "waived no more:" : "waived:", w[i].what, day_of(w[i].until, day),
		        w[i].owner, w[i].reason);
}

void policy_report_waivers(
        const struct policy *p, const char *name, time_ms now, policy_report_fn report, void *context)
{
	char day[CLOCK_TEXT_SIZE];
	for (const struct policy_waiver_node *w = p->tree.waivers; w; w = w->next) {
		const bool ended = w->until <= now;
		if (!ended && w->until - now > POLICY_WAIVER_SOON_MS)
			continue;
		char *text FREE_ON_EXIT = xasprintf("%s:%u:%u: warning: the waiver of %s by %s %s %s", name,
		        w->at.line, w->at.column, w->public->what, w->owner,
		        ended ? "does not count any more: it ended with" : "ends soon, with",
		        day_of(w->until, day));
		report(text, context);
	}
}
