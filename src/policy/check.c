/* SPDX-License-Identifier: ISC */
/*
 * Refuses a policy that cannot be carried out or that does not say what happens: names without meaning or
 * with two, no default segment, no `otherwise`, admissions that never match, times out of bounds.
 */
#include "base/table.h"
#include "policy/ast.h"

#include <string.h>

struct policy_segment_node *policy_segment_find(struct policy_tree *t, const char *name)
{
	for (struct policy_segment_node *s = t->segments; s; s = s->next)
		if (strcmp(s->name.text, name) == 0)
			return s;
	return NULL;
}

struct policy_define *policy_define_find(struct policy_tree *t, const char *name)
{
	for (struct policy_define *d = t->defines; d; d = d->next)
		if (strcmp(d->name.text, name) == 0)
			return d;
	return NULL;
}

/* Reports the second of two equal names. The table maps a name to its first place. */
static void note_name(
        struct policy_parser *p, struct table *names, struct policy_name *name, const char *what)
{
	struct policy_name *before = table_get_string(names, name->text);
	if (before)
		policy_problem(
		        p, name->at, "%s `%s` is already in line %u", what, name->text, before->at.line);
	else
		(void)table_set_string(names, name->text, name);
}

static void check_duplicates(struct policy_parser *p)
{
	struct policy_tree *t = p->tree;
	struct table *segments = table_new(), *defines = table_new(), *requirements = table_new(),
	             *points = table_new();
	struct table *roles = table_new();
	for (struct policy_segment_node *s = t->segments; s; s = s->next)
		note_name(p, segments, &s->name, "segment");
	for (struct policy_define *d = t->defines; d; d = d->next)
		note_name(p, defines, &d->name, "definition");
	for (struct policy_requirement *r = t->requirements; r; r = r->next)
		note_name(p, requirements, &r->name, "requirement");
	for (struct policy_enforcer *e = t->enforcers; e; e = e->next)
		note_name(p, points, &e->name, "enforcement point");
	for (struct policy_role *r = t->roles; r; r = r->next)
		note_name(p, roles, &r->name, "role");
	table_free(segments, NULL);
	table_free(defines, NULL);
	table_free(requirements, NULL);
	table_free(points, NULL);
	table_free(roles, NULL);
}

/* A node has one role: the admissions are in order, and two roles would make their order matter in a hidden
 * way. */
static void check_members(struct policy_parser *p)
{
	p->policy->members = table_new();
	struct table *places = table_new();
	for (struct policy_member *m = p->tree->members; m; m = m->next) {
		struct policy_member *before = table_get_string(places, m->node.text);
		if (before) {
			policy_problem(p, m->node.at, "node \"%s\" already has the role \"%s\" in line %u",
			        m->node.text, before->role, before->node.at.line);
		} else {
			(void)table_set_string(places, m->node.text, m);
			(void)table_set_string(p->policy->members, m->node.text, (void *)m->role);
		}
	}
	table_free(places, NULL);
}

static void check_segments(struct policy_parser *p)
{
	const struct policy_segment_node *first = NULL;
	for (struct policy_segment_node *s = p->tree->segments; s; s = s->next) {
		if (s->default_at.line && first)
			policy_problem(p, s->default_at,
			        "there is one default segment, and it is `%s` in line %u", first->name.text,
			        first->name.at.line);
		else if (s->default_at.line)
			first = s;
		if (s->default_at.line && s->level_at.line)
			policy_problem(p, s->level_at,
			        "the default segment takes every node that was not inspected: it has no "
			        "level");
		else if (s->level_at.line && (s->level < 1 || s->level > 1000))
			policy_problem(p, s->level_at, "a level is a number from 1 to 1000");
		if (s->grace_at.line && s->grace_ms > POLICY_GRACE_MAX_MS)
			policy_problem(p, s->grace_at, "a grace may last at most one day");
		if (s->grace_at.line && s->default_at.line)
			policy_warning(p, s->grace_at, "a grace means nothing in the default segment");
	}
	if (!p->tree->segments)
		policy_problem(p, policy_end_of_text(p), "the policy has no segment");
	else if (!first)
		policy_problem(p, policy_end_of_text(p),
		        "no segment is the default: one must take the nodes that were not inspected");
}

struct policy_segment_node *policy_target_segment(struct policy_parser *p, const struct policy_name *name)
{
	struct policy_segment_node *s = policy_segment_find(p->tree, name->text);
	if (s)
		s->used = true;
	else
		policy_problem(p, name->at, "there is no segment `%s`", name->text);
	return s;
}

static bool word_in(const struct policy_word *list, const char *text)
{
	for (; list; list = list->next)
		if (strcmp(list->name.text, text) == 0)
			return true;
	return false;
}

/* Whether whatever a asks of a node is also asked by b, so that b never sees a node that a has not taken. */
static bool admission_covers(const struct policy_admission *a, const struct policy_admission *b)
{
	if (a->roles && !b->roles)
		return false;
	for (const struct policy_word *w = a->roles ? b->roles : NULL; w; w = w->next)
		if (!word_in(a->roles, w->name.text))
			return false;
	for (const struct policy_word *w = a->when; w; w = w->next)
		if (!word_in(b->when, w->name.text))
			return false;
	return true;
}

static void check_when(struct policy_parser *p, struct policy_admission *a)
{
	for (struct policy_word *w = a->when; w; w = w->next) {
		struct policy_requirement *r = policy_requirement_find(p->tree, w->name.text);
		if (r)
			r->used = true;
		else
			policy_problem(p, w->name.at, "there is no requirement `%s`", w->name.text);
		w->requirement = r;
	}
}

static void check_admissions(struct policy_parser *p)
{
	for (struct policy_admission *a = p->tree->admissions; a; a = a->next) {
		a->segment = policy_target_segment(p, &a->target);
		if (a->segment && a->segment->level == 0)
			policy_problem(p, a->target.at,
			        "nodes are admitted to normal segments: give segment `%s` a level, as in "
			        "`segment %s level 1`",
			        a->target.text, a->target.text);
		check_when(p, a);
		for (const struct policy_admission *b = p->tree->admissions; b != a; b = b->next) {
			if (admission_covers(b, a)) {
				policy_problem(p, a->at,
				        "this admission can never match: the one in line %u takes the same "
				        "nodes first",
				        b->at.line);
				break;
			}
		}
	}
}

static void check_otherwise(struct policy_parser *p)
{
	struct policy_tree *t = p->tree;
	if (!t->otherwise_at.line) {
		policy_problem(p, policy_end_of_text(p),
		        "the policy does not say where a node goes that no `admit` takes: add `otherwise "
		        "SEGMENT`");
		return;
	}
	t->otherwise_segment = policy_target_segment(p, &t->otherwise);
	if (!t->otherwise_segment)
		return;
	if (t->otherwise_segment->level > 0 && !t->otherwise_open)
		policy_problem(p, t->otherwise.at,
		        "`otherwise` admits nodes that failed to the normal segment `%s`; if that is meant, "
		        "write `otherwise fail open to %s`",
		        t->otherwise.text, t->otherwise.text);
	else if (t->otherwise_open && t->otherwise_segment->level == 0)
		policy_problem(p, t->otherwise.at,
		        "segment `%s` has no level: `fail open` is not needed to go there",
		        t->otherwise.text);
}

static void check_times(struct policy_parser *p)
{
	struct policy_setting *i = &p->tree->inspect, *c = &p->tree->certificate;
	if (!i->at.line)
		policy_problem(p, policy_end_of_text(p),
		        "the policy does not say how often nodes are inspected: add "
		        "`inspect every 30 min`");
	else if (i->value_ms > POLICY_INTERVAL_MAX_MS)
		policy_problem(p, i->at, "nodes are inspected at least once an hour");
	else if (i->value_ms < POLICY_INTERVAL_MIN_MS)
		policy_problem(p, i->at, "nodes are inspected at most once a second");
	if (!c->at.line)
		policy_problem(p, policy_end_of_text(p),
		        "the policy does not say how long a certificate lives: add "
		        "`certificate lifetime 45 min`");
	else if (c->value_ms > POLICY_INTERVAL_MAX_MS)
		policy_problem(p, c->at, "a certificate lives at most an hour");
	else if (i->at.line && c->value_ms < i->value_ms)
		policy_problem(p, c->at,
		        "a certificate must outlive the interval of inspections (line %u), or nodes fall "
		        "into the default segment in between",
		        i->at.line);
	else if (i->at.line && c->value_ms == i->value_ms)
		policy_warning(p, c->at,
		        "the certificate ends just when the next inspection begins: a little longer keeps "
		        "nodes where they are");
}

/* How deep judging an expression goes, through the requirements that it refers to. */
static unsigned int whole_depth(const struct policy_expression *e)
{
	unsigned int deepest = e->requirement ? e->requirement->depth : 0;
	for (const struct policy_expression *c = e->first; c; c = c->next)
		deepest = MAX(deepest, whole_depth(c));
	return deepest + 1;
}

static void check_depth(
        struct policy_parser *p, const struct policy_expression *e, struct policy_span at, unsigned int *ret)
{
	*ret = whole_depth(e);
	if (*ret <= POLICY_DEPTH_MAX)
		return;
	policy_problem(p, at, "with the requirements that it refers to, this nests more than %d deep",
	        POLICY_DEPTH_MAX);
	*ret = 0; /* said once, not again for all that refer to this one */
}

static void check_requirements(struct policy_parser *p)
{
	unsigned int depth;
	for (struct policy_requirement *r = p->tree->requirements; r; r = r->next) {
		policy_check_expression(p, r->expression, r);
		check_depth(p, r->expression, r->name.at, &r->depth);
	}
	for (struct policy_rejection *r = p->tree->rejections; r; r = r->next) {
		policy_check_expression(p, r->expression, NULL);
		check_depth(p, r->expression, r->at, &depth);
	}
}

static bool prefix_in_list(const struct policy_prefix_list *list, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < list->count; i++)
		if (policy_prefix_contains(&list->items[i], prefix))
			return true;
	return false;
}

static void check_enforcers(struct policy_parser *p)
{
	char text[IP_TEXT_SIZE];
	for (struct policy_enforcer *e = p->tree->enforcers; e; e = e->next)
		for (size_t i = 0; i < e->nodes.count && p->tree->site.count > 0; i++)
			if (!prefix_in_list(&p->tree->site, &e->nodes.items[i]))
				policy_problem(p, e->name.at,
				        "the nodes of enforcer \"%s\" in %s are not within the site",
				        e->name.text, ip_prefix_format(&e->nodes.items[i], text));
}

/* What is sent to another node goes through the next hop too, and comes back as from something that is no
 * node.
 */
static void warn_routed(struct policy_parser *p)
{
	for (struct policy_segment_node *s = p->tree->segments; s; s = s->next)
		for (const struct policy_reach *r = s->reaches; r; r = r->next)
			for (const struct policy_reach_peer *peer = r->peers; peer; peer = peer->next) {
				const struct policy_segment_node *other = peer->kind == REACH_SEGMENT
				        ? policy_segment_find(p->tree, peer->name.text)
				        : NULL;
				const struct policy_segment_node *opener =
				        r->direction == POLICY_TO ? s : other;
				if (other && opener->route_at.line)
					policy_warning(p, peer->name.at,
					        "what segment `%s` sends goes via `%s` and comes back as "
					        "from "
					        "something that is no node: this has no effect",
					        opener->name.text, opener->route.text);
			}
}

static void warn_unused(struct policy_parser *p)
{
	for (struct policy_requirement *r = p->tree->requirements; r; r = r->next)
		if (!r->used)
			policy_warning(p, r->name.at, "nothing asks for requirement `%s`", r->name.text);
	for (struct policy_segment_node *s = p->tree->segments; s; s = s->next)
		if (!s->used && !s->default_at.line)
			policy_warning(p, s->name.at, "nothing puts a node into segment `%s`", s->name.text);
	for (struct policy_define *d = p->tree->defines; d; d = d->next)
		if (!d->used && strcmp(d->name.text, "server") != 0)
			policy_warning(p, d->name.at, "`%s` is defined and not used", d->name.text);
}

void policy_check(struct policy_parser *p)
{
	check_duplicates(p);
	check_segments(p);
	check_enforcers(p);
	check_members(p);
	check_requirements(p);
	check_admissions(p);
	check_otherwise(p);
	check_times(p);
	policy_measures_check(p);
	policy_compile(p);
	policy_check_server(p);
	if (p->n_errors == 0) {
		warn_unused(p);
		warn_routed(p);
	}
}
