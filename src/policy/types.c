/* SPDX-License-Identifier: ISC */
/* Gives the names in expressions their meaning and refuses comparisons that cannot mean anything. */
#include "policy/fields.h"
#include "policy/traits.h"
#include "posture/settings.h"

#include <stdio.h>
#include <string.h>

static const char *type_name(enum policy_type t)
{
	static const char *const names[] = { [POLICY_BOOLEAN] = "yes or no",
		[POLICY_TEXT] = "text",
		[POLICY_VERSION] = "a version",
		[POLICY_NUMBER] = "a number",
		[POLICY_DURATION] = "a length of time" };
	return names[t];
}

static const char *type_example(enum policy_type t)
{
	static const char *const examples[] = { [POLICY_BOOLEAN] = "",
		[POLICY_TEXT] = "\"...\"",
		[POLICY_VERSION] = "\"12\"",
		[POLICY_NUMBER] = "3",
		[POLICY_DURATION] = "3 days" };
	return examples[t];
}

struct policy_requirement *policy_requirement_find(struct policy_tree *t, const char *name)
{
	for (struct policy_requirement *r = t->requirements; r; r = r->next)
		if (strcmp(r->name.text, name) == 0)
			return r;
	return NULL;
}

static bool literal_fits(enum policy_type field, enum policy_type literal)
{
	return literal == field || (field == POLICY_VERSION && literal == POLICY_TEXT);
}

static void check_version_literal(struct policy_parser *p, const struct policy_literal *l)
{
	struct error err;
	int order;
	if (version_compare(VERSION_DPKG, l->text, l->text, &order, &err) < 0)
		policy_problem(p, l->at, "\"%s\" is not a version: %s", l->text, err.text);
}

/* Only equality has a meaning for what has no order. */
static void check_equality(struct policy_parser *p, const struct policy_expression *e, const char *what)
{
	if (e->operator!= POLICY_EQ && e->operator!= POLICY_NE)
		policy_problem(p, e->at, "%s has no order: compare it with = or !=", what);
}

static void check_compare(struct policy_parser *p, struct policy_expression *e)
{
	const struct policy_field *f = e->field;
	char what[96];
	snprintf(what, sizeof(what), "`%s` is text and", f->name);
	if (f->type == POLICY_BOOLEAN)
		policy_problem(
		        p, e->at, "`%s` is yes or no: write `%s` or `not %s`", f->name, f->name, f->name);
	else if (!literal_fits(f->type, e->literal.type))
		policy_problem(p, e->literal.at, "`%s` is %s and cannot be compared with %s; write it as %s",
		        f->name, type_name(f->type), type_name(e->literal.type), type_example(f->type));
	else if (f->type == POLICY_TEXT)
		check_equality(p, e, what);
	else if (f->type == POLICY_VERSION)
		check_version_literal(p, &e->literal);
}

/* How many letters have to be put in, taken out or changed; longer names than buffers hold are far. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b);
	if (n >= ARRAY_LENGTH(row) || strlen(a) > 2 * ARRAY_LENGTH(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			size_t change = diagonal + (a[i] != b[j]);
			diagonal = row[j + 1];
			row[j + 1] = MIN(MIN(row[j], diagonal) + 1, change);
		}
	}
	return row[n];
}

static void unknown_field(struct policy_parser *p, const struct policy_name *name)
{
	size_t n, best = SIZE_MAX;
	const char *nearest = NULL;
	const struct policy_field *fields = policy_fields(&n);
	for (size_t i = 0; i < n; i++) {
		size_t d = distance(name->text, fields[i].name);
		if (d >= best)
			continue;
		best = d;
		nearest = fields[i].name;
	}
	if (nearest && best <= strlen(name->text) / 3)
		policy_problem(p, name->at,
		        "there is no field `%s`; is `%s` meant? pratique-policy(5) has them all", name->text,
		        nearest);
	else
		policy_problem(
		        p, name->at, "there is no field `%s`; pratique-policy(5) has them all", name->text);
}

/* A bare name: a field that is yes or no, or an earlier requirement. */
static void check_name(
        struct policy_parser *p, struct policy_expression *e, const struct policy_requirement *limit)
{
	e->field = policy_field_find(e->name.text);
	if (e->field && e->field->type != POLICY_BOOLEAN) {
		policy_problem(p, e->at, "`%s` is %s: compare it with something, as in `%s = %s`",
		        e->field->name, type_name(e->field->type), e->field->name,
		        type_example(e->field->type));
	} else if (!e->field) {
		struct policy_requirement *r = policy_requirement_find(p->tree, e->name.text);
		if (!r && !strchr(e->name.text, '.')) {
			policy_problem(p, e->at, "there is no requirement `%s`", e->name.text);
		} else if (!r) {
			unknown_field(p, &e->name);
		} else if (limit && r->index >= limit->index) {
			policy_problem(p, e->at,
			        "a requirement may only refer to those above it, and `%s` is not",
			        r->name.text);
		} else {
			e->kind = POLICY_REQUIREMENT;
			e->requirement = r;
			r->used = true;
		}
	}
}

/* Appends to a list that lives in the arena. */
static size_t append(struct policy_parser *p, struct policy_expression ***list, size_t *n, size_t *capacity,
        struct policy_expression *e)
{
	if (*n == *capacity) {
		*capacity = *capacity ? *capacity * 2 : 8;
		struct policy_expression **more =
		        policy_arena_alloc(p->arena, *capacity * sizeof(struct policy_expression *));
		for (size_t i = 0; i < *n; i++)
			more[i] = (*list)[i];
		*list = more;
	}
	(*list)[*n] = e;
	return (*n)++;
}

static void add_term(struct policy_parser *p, struct policy_expression *e)
{
	struct policy_tree *t = p->tree;
	e->term = append(p, &t->terms, &t->n_terms, &t->terms_capacity, e);
}

static void add_age(struct policy_parser *p, struct policy_expression *e)
{
	struct policy_tree *t = p->tree;
	(void)append(p, &t->ages, &t->n_ages, &t->ages_capacity, e);
}

static void add_leaf(struct policy_parser *p, struct policy_expression *e)
{
	struct policy_tree *t = p->tree;
	e->leaf = append(p, &t->leaves, &t->n_leaves, &t->leaves_capacity, e) + 1;
}

static bool asks_posture(const struct policy_expression *e)
{
	switch (e->kind) {
	case POLICY_FIELD:
	case POLICY_COMPARE:
		return e->field && e->field->reported_as;
	case POLICY_KERNEL_SETTING:
	case POLICY_SSHD_SETTING:
	case POLICY_NO_INTERFACE:
		return true;
	default:
		return false;
	}
}

static void check_source_age(struct policy_parser *p, struct policy_expression *e)
{
	if (e->literal.type != POLICY_DURATION)
		policy_problem(p, e->literal.at,
		        "the age of a source is a length of time: compare it with one, as in 1 day");
	add_age(p, e);
}

static void check_setting(
        struct policy_parser *p, struct policy_expression *e, const char *const *list, const char *what)
{
	const char *name = posture_setting_name(list, e->name.text);
	if (!name)
		policy_problem(p, e->name.at,
		        "no agent reports the %s setting \"%s\"; pratique-policy(5) has those that are", what,
		        e->name.text);
	else
		e->name.text = name;
	if (e->literal.type == POLICY_TEXT)
		check_equality(p, e, "text");
	else if (e->literal.type != POLICY_NUMBER)
		policy_problem(p, e->literal.at, "a setting is compared with a number or with text");
}

static void check_trait(struct policy_parser *p, struct policy_expression *e)
{
	bool text = e->kind == POLICY_INTERFACE_TEXT;
	e->trait = policy_trait_find(e->name.text);
	if (!e->trait && policy_field_find(e->name.text))
		policy_problem(p, e->name.at,
		        "`%s` is about the node, not about an interface: write (no interface where ...) and "
		        "%s ...",
		        e->name.text, e->name.text);
	else if (!e->trait)
		policy_problem(p, e->name.at, "an interface has no `%s`; it has %s", e->name.text,
		        policy_trait_names());
	else if (text && !e->trait->text)
		policy_problem(p, e->at, "`%s` is yes or no: write `%s` or `not %s`", e->name.text,
		        e->name.text, e->name.text);
	else if (!text && e->trait->text)
		policy_problem(p, e->at, "`%s` is text: compare it with something, as in `%s = \"...\"`",
		        e->name.text, e->name.text);
	else if (text && e->literal.type != POLICY_TEXT)
		policy_problem(p, e->literal.at, "`%s` is text: write it as \"...\"", e->name.text);
	else if (text)
		check_equality(p, e, "what an interface is called");
}

void policy_check_expression(
        struct policy_parser *p, struct policy_expression *e, const struct policy_requirement *limit)
{
	e->text = policy_span_text(p, e->at);
	switch (e->kind) {
	case POLICY_FIELD:
		check_name(p, e, limit);
		break;
	case POLICY_COMPARE:
		e->field = policy_field_find(e->name.text);
		if (e->field)
			check_compare(p, e);
		else
			unknown_field(p, &e->name);
		if (e->field && policy_field_is_freshness(e->field))
			add_age(p, e);
		break;
	case POLICY_SOURCE_AGE:
		check_source_age(p, e);
		break;
	case POLICY_PACKAGE_VERSION:
		if (e->literal.type != POLICY_TEXT)
			policy_problem(p, e->literal.at, "a version is written in quotes, as in \"1.2\"");
		else
			check_version_literal(p, &e->literal);
		break;
	case POLICY_NO_ADVISORY:
		add_term(p, e);
		break;
	case POLICY_ADVISORIES:
		if (e->literal.type != POLICY_NUMBER)
			policy_problem(p, e->literal.at, "the count of advisories is compared with a number");
		add_term(p, e);
		break;
	case POLICY_KERNEL_SETTING:
		check_setting(p, e, posture_kernel_settings, "kernel");
		break;
	case POLICY_SSHD_SETTING:
		check_setting(p, e, posture_sshd_settings, "sshd");
		break;
	case POLICY_INTERFACE_IS:
	case POLICY_INTERFACE_TEXT:
		check_trait(p, e);
		break;
	case POLICY_ADVISORY_ID:
		check_equality(p, e, "an id");
		break;
	case POLICY_ADVISORY_PACKAGE:
		check_equality(p, e, "a package's name");
		break;
	case POLICY_ADVISORY_SOURCE:
		check_equality(p, e, "a source");
		break;
	default:
		break;
	}
	if (asks_posture(e))
		add_leaf(p, e);
	for (struct policy_expression *c = e->first; c; c = c->next)
		policy_check_expression(p, c, limit);
}
