/* SPDX-License-Identifier: ISC */
/* Builds the tree of a policy file: what the actions of the grammar do, with the limits of each list. */
#include "policy/ast.h"

#include <string.h>

#define NEW(p, type) ((type *)policy_arena_alloc((p)->arena, sizeof(type)))

/* Appends an item to a list whose tail pointer is kept. */
#define APPEND(tail, item) \
	do { \
		*(tail) = (item); \
		(tail) = &(item)->next; \
	} while (0)

void policy_tree_init(struct policy_tree *t)
{
	t->defines_tail = &t->defines;
	t->segments_tail = &t->segments;
	t->enforcers_tail = &t->enforcers;
	t->roles_tail = &t->roles;
	t->members_tail = &t->members;
	t->requirements_tail = &t->requirements;
	t->admissions_tail = &t->admissions;
	t->rejections_tail = &t->rejections;
	t->modes_tail = &t->modes;
	t->waivers_tail = &t->waivers;
}

void policy_count_one(
        struct policy_parser *p, size_t *count, size_t limit, const char *what, struct policy_span at)
{
	if (++*count <= limit)
		return;
	policy_problem(p, at, "a policy may have at most %zu %s", limit, what);
	p->stop = true;
}

struct policy_name policy_name_checked(struct policy_parser *p, const char *text, struct policy_span at)
{
	size_t n = strlen(text);
	bool good = n > 0 && ((text[0] | 0x20) >= 'a' && (text[0] | 0x20) <= 'z');
	for (size_t i = 0; i < n && good; i++) {
		char c = text[i];
		good = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
		        c == '-';
	}
	if (!good)
		policy_problem(
		        p, at, "a name begins with a letter and goes on with letters, digits, `-` and `_`");
	else if (n > POLICY_NAME_MAX)
		policy_problem(p, at, "a name may have at most %d bytes", POLICY_NAME_MAX);
	return (struct policy_name){ text, at };
}

/* An arena array that doubles; what it leaves behind stays in the arena. */
static void *grown(struct policy_parser *p, void *items, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return items;
	*capacity = *capacity ? *capacity * 2 : 4;
	void *more = policy_arena_alloc(p->arena, *capacity * size);
	if (count)
		memcpy(more, items, count * size);
	return more;
}

void policy_prefix_add(
        struct policy_parser *p, struct policy_prefix_list *list, const struct ip_prefix *prefix)
{
	list->items = grown(p, list->items, list->count, &list->capacity, sizeof(*list->items));
	list->items[list->count++] = *prefix;
}

void policy_site_add(struct policy_parser *p, const struct ip_prefix *prefix, struct policy_span at)
{
	if (p->tree->site.count == POLICY_SITE_PREFIXES_MAX) {
		policy_problem(p, at, "a site may have at most %d prefixes", POLICY_SITE_PREFIXES_MAX);
		p->stop = true;
		return;
	}
	policy_prefix_add(p, &p->tree->site, prefix);
}

void policy_define_begin(struct policy_parser *p, struct policy_name name)
{
	struct policy_define *d = NEW(p, struct policy_define);
	d->name = name;
	d->services_tail = &d->services;
	APPEND(p->tree->defines_tail, d);
	p->define = d;
	policy_count_one(p, &p->tree->n_defines, POLICY_DEFINES_MAX, "definitions", name.at);
}

void policy_segment_begin(struct policy_parser *p, struct policy_name name)
{
	struct policy_segment_node *s = NEW(p, struct policy_segment_node);
	s->name = name;
	s->reaches_tail = &s->reaches;
	s->index = p->tree->n_segments;
	APPEND(p->tree->segments_tail, s);
	p->segment = s;
	p->define = NULL;
	policy_count_one(p, &p->tree->n_segments, POLICY_SEGMENTS_MAX, "segments", name.at);
}

void policy_segment_grace(struct policy_parser *p, int64_t ms, struct policy_span at)
{
	if (p->segment->grace_at.line)
		policy_problem(p, at, "segment `%s` already has a grace", p->segment->name.text);
	p->segment->grace_at = at;
	p->segment->grace_ms = ms;
}

int64_t policy_bandwidth(struct policy_parser *p, int64_t number, int64_t unit, struct policy_span at)
{
	/* number is at most POLICY_NUMBER_MAX, unit 10^9: no overflow. */
	int64_t rate = number * unit;
	if (rate >= POLICY_RATE_MIN && rate <= POLICY_RATE_MAX)
		return rate;
	policy_problem(p, at, "a rate is from 64 kbit/s to 100 Gbit/s");
	return POLICY_RATE_MIN;
}

void policy_segment_rate(struct policy_parser *p, int64_t up, int64_t down, struct policy_span at)
{
	if (p->segment->rate_at.line)
		policy_problem(p, at, "segment `%s` already has a rate", p->segment->name.text);
	p->segment->rate_at = at;
	p->segment->rate_up = up;
	p->segment->rate_down = down;
}

void policy_segment_route(struct policy_parser *p, struct policy_name name, struct policy_span at)
{
	if (p->segment->route_at.line)
		policy_problem(p, at, "segment `%s` already has a route", p->segment->name.text);
	p->segment->route_at = at;
	p->segment->route = name;
	policy_count_one(p, &p->tree->n_routes, POLICY_ROUTES_MAX, "segments with a route", at);
}

void policy_reach_begin(struct policy_parser *p, enum policy_direction direction)
{
	struct policy_reach *r = NEW(p, struct policy_reach);
	r->direction = direction;
	r->peers_tail = &r->peers;
	r->services_tail = &r->services;
	p->reach = r;
}

/* Only a rule that was read to its end belongs to the segment. */
void policy_reach_end(struct policy_parser *p, struct policy_span at)
{
	p->reach->at = at;
	p->reach->text = policy_span_text(p, at) +
	        strlen(p->reach->direction == POLICY_TO ? "allow to " : "allow from ");
	APPEND(p->segment->reaches_tail, p->reach);
}

void policy_peer_add(struct policy_parser *p, enum policy_reach_kind kind, struct policy_name name,
        const struct ip_prefix *prefix)
{
	struct policy_reach_peer *peer = NEW(p, struct policy_reach_peer);
	peer->kind = kind;
	peer->name = name;
	if (prefix)
		peer->prefix = *prefix;
	APPEND(p->reach->peers_tail, peer);
}

void policy_service_begin(struct policy_parser *p, int64_t protocol, struct policy_span at)
{
	struct policy_service *s = NEW(p, struct policy_service);
	s->protocol = (uint8_t)protocol;
	s->at = at;
	p->service = s;
	if (p->define)
		APPEND(p->define->services_tail, s);
	else
		APPEND(p->reach->services_tail, s);
}

void policy_ports_add(struct policy_parser *p, int64_t first, int64_t last, struct policy_span at)
{
	struct policy_service *s = p->service;
	if (first < 1 || last > 65535)
		policy_problem(p, at, "a port is a number from 1 to 65535");
	else if (first > last)
		policy_problem(p, at, "this range of ports ends before it begins");
	else if (s->protocol != 6 && s->protocol != 17)
		policy_problem(p, at, "only tcp and udp have ports");
	s->ports = grown(p, s->ports, s->n_ports, &s->ports_capacity, sizeof(*s->ports));
	s->ports[s->n_ports++] = (struct policy_ports){ (uint16_t)first, (uint16_t)last };
}

void policy_enforcer_begin(struct policy_parser *p, struct policy_name name)
{
	struct policy_enforcer *e = NEW(p, struct policy_enforcer);
	e->name = name;
	APPEND(p->tree->enforcers_tail, e);
	p->enforcer = e;
	policy_count_one(p, &p->tree->n_enforcers, POLICY_ENFORCERS_MAX, "enforcement points", name.at);
}

void policy_role_add(struct policy_parser *p, struct policy_name name, struct policy_word *nodes)
{
	struct policy_role *r = NEW(p, struct policy_role);
	r->name = name;
	APPEND(p->tree->roles_tail, r);
	policy_member_add(p, nodes, name.text);
}

void policy_member_add(struct policy_parser *p, struct policy_word *nodes, const char *role)
{
	for (struct policy_word *w = nodes; w; w = w->next) {
		struct policy_member *m = NEW(p, struct policy_member);
		m->node = w->name;
		m->role = role;
		APPEND(p->tree->members_tail, m);
	}
}

void policy_requirement_add(struct policy_parser *p, struct policy_name name, struct policy_expression *e)
{
	struct policy_requirement *r = NEW(p, struct policy_requirement);
	r->name = name;
	r->expression = e;
	r->index = p->tree->n_requirements;
	APPEND(p->tree->requirements_tail, r);
	policy_count_one(p, &p->tree->n_requirements, POLICY_REQUIREMENTS_MAX, "requirements", name.at);
}

void policy_limit_words(struct policy_parser *p, const struct policy_word *list, const char *what)
{
	size_t n = 0;
	for (const struct policy_word *w = list; w; w = w->next) {
		if (++n <= POLICY_WORDS_MAX)
			continue;
		policy_problem(p, w->name.at, "one statement may name at most %d %s", POLICY_WORDS_MAX, what);
		p->stop = true;
		return;
	}
}

void policy_admission_add(struct policy_parser *p, struct policy_word *roles, struct policy_name target,
        struct policy_word *when, struct policy_span at)
{
	struct policy_admission *a = NEW(p, struct policy_admission);
	a->roles = roles;
	a->target = target;
	a->when = when;
	a->at = at;
	policy_limit_words(p, roles, "roles");
	policy_limit_words(p, when, "requirements");
	a->text = policy_span_text(p, at);
	APPEND(p->tree->admissions_tail, a);
	policy_count_one(p, &p->tree->n_admissions, POLICY_ADMISSIONS_MAX, "admissions", at);
}

void policy_rejection_add(struct policy_parser *p, struct policy_word *roles, struct policy_expression *e,
        struct policy_span at)
{
	struct policy_rejection *r = NEW(p, struct policy_rejection);
	r->roles = roles;
	r->expression = e;
	r->at = at;
	policy_limit_words(p, roles, "roles");
	r->text = policy_span_text(p, at);
	APPEND(p->tree->rejections_tail, r);
	policy_count_one(p, &p->tree->n_rejections, POLICY_REJECTIONS_MAX, "rejections", at);
}

void policy_otherwise_set(
        struct policy_parser *p, struct policy_name target, bool open, struct policy_span at)
{
	struct policy_tree *t = p->tree;
	if (t->otherwise_at.line)
		policy_problem(p, at, "`otherwise` was already said in line %u", t->otherwise_at.line);
	t->otherwise = target;
	t->otherwise_open = open;
	t->otherwise_at = at;
	t->otherwise_text = policy_span_text(p, at);
}

void policy_setting_set(struct policy_parser *p, struct policy_setting *s, int64_t ms, struct policy_span at)
{
	if (s->at.line)
		policy_problem(p, at, "this was already said in line %u", s->at.line);
	s->at = at;
	s->value_ms = ms;
}

struct policy_word *policy_word_add(
        struct policy_parser *p, struct policy_word *list, struct policy_name name)
{
	struct policy_word *w = NEW(p, struct policy_word);
	w->name = name;
	w->last = w;
	if (!list)
		return w;
	list->last->next = w;
	list->last = w;
	return list;
}

struct policy_expression *policy_expression_new(
        struct policy_parser *p, enum policy_expression_kind kind, struct policy_span at)
{
	struct policy_expression *e = NEW(p, struct policy_expression);
	e->kind = kind;
	e->at = at;
	e->depth = 1;
	policy_count_one(p, &p->n_expressions, POLICY_EXPRESSIONS_MAX, "terms in its expressions", at);
	return e;
}

static void adopt(struct policy_parser *p, struct policy_expression *parent, struct policy_expression *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->depth = MAX(parent->depth, child->depth + 1);
	if (parent->depth == POLICY_DEPTH_MAX + 1) {
		policy_problem(p, parent->at, "an expression may nest at most %d deep", POLICY_DEPTH_MAX);
		p->stop = true;
	}
}

/* a and b and c is one node with three children, so that long lists do not nest. */
struct policy_expression *policy_expression_join(struct policy_parser *p, enum policy_expression_kind kind,
        struct policy_expression *a, struct policy_expression *b, struct policy_span at)
{
	struct policy_expression *e = a;
	if (a->kind != kind || a->closed) {
		e = policy_expression_new(p, kind, at);
		adopt(p, e, a);
	}
	e->at = at;
	adopt(p, e, b);
	return e;
}

struct policy_expression *policy_expression_over(struct policy_parser *p, enum policy_expression_kind kind,
        struct policy_expression *child, struct policy_span at)
{
	struct policy_expression *e = policy_expression_new(p, kind, at);
	adopt(p, e, child);
	return e;
}

struct policy_expression *policy_setting_new(
        struct policy_parser *p, struct policy_name what, struct policy_name name, struct policy_span at)
{
	bool sshd = strcmp(what.text, "sshd") == 0;
	if (!sshd && strcmp(what.text, "setting") != 0)
		policy_problem(p, what.at,
		        "`%s` takes no name in quotes; what does is `setting`, `sshd` and `package`",
		        what.text);
	struct policy_expression *e =
	        policy_expression_new(p, sshd ? POLICY_SSHD_SETTING : POLICY_KERNEL_SETTING, at);
	e->name = name;
	return e;
}

struct policy_expression *policy_source_age_new(
        struct policy_parser *p, struct policy_name what, struct policy_name source, struct policy_span at)
{
	if (strcmp(what.text, "age") != 0)
		policy_problem(p, what.at,
		        "of a source the policy can ask its `age`: write source \"%s\" age < 1 day",
		        source.text);
	struct policy_expression *e = policy_expression_new(p, POLICY_SOURCE_AGE, at);
	e->name = source;
	return e;
}

struct policy_expression *policy_no_interface_new(struct policy_parser *p, struct policy_name what,
        struct policy_expression *traits, struct policy_span at)
{
	if (strcmp(what.text, "interface") != 0)
		policy_problem(p, what.at, "what a node may have none of is an `advisory` or an `interface`");
	return policy_expression_over(p, POLICY_NO_INTERFACE, traits, at);
}
