/* SPDX-License-Identifier: ISC */
#include "vuln/npm_range.h"

#include "vuln/version.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_MAX 9007199254740991ull

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}
static bool is_identifier(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.';
}

static const char *skip_blanks(const char *at)
{
	while (is_blank(*at))
		at++;
	return at;
}

/* A number, or x, X or *: then nothing after it counts. Zeros lead in the loose mode alone. */
static bool take_number(const char **at, bool loose, struct npm_partial *p)
{
	if (**at == 'x' || **at == 'X' || **at == '*') {
		++*at;
		p->any = true;
		return true;
	}
	uint64_t number = 0;
	if (!is_digit(**at) || (!loose && **at == '0' && is_digit((*at)[1])))
		return false;
	for (; is_digit(**at); ++*at) {
		number = number * 10 + (uint64_t)(**at - '0');
		if (number > NUMBER_MAX)
			return false;
	}
	if (!p->any)
		p->number[p->n++] = number;
	return true;
}

/* None is empty, and none a number that zeros lead (Semantic Versioning 9). */
static bool are_strict(const char *at, size_t length)
{
	for (const char *end = at + length, *next; at <= end; at = next + 1) {
		bool number = true;
		for (next = at; next < end && *next != '.'; next++)
			number = number && is_digit(*next);
		if (next == at || (number && *at == '0' && next - at > 1))
			return false;
	}
	return true;
}

static bool take_pre(const char **at, bool loose, struct npm_partial *p)
{
	bool hyphen = **at == '-';
	if (!hyphen && !(loose && is_identifier(**at) && **at != '.' && !is_digit(**at)))
		return true;
	*at += hyphen;
	p->pre = *at;
	while (is_identifier(**at))
		++*at;
	p->pre_length = (size_t)(*at - p->pre);
	return p->pre_length > 0 && (loose || are_strict(p->pre, p->pre_length));
}

/* [v=]M[.m[.p[-pre]]][+build] */
static bool take_partial(const char **at, bool loose, struct npm_partial *ret)
{
	unsigned parts = 0;
	*ret = (struct npm_partial){ .n = 0 };
	while (**at == 'v' || **at == '=' || is_blank(**at))
		++*at;
	do {
		if (!take_number(at, loose, ret))
			return false;
		parts++;
	} while (parts < 3 && **at == '.' && ++*at);
	if (parts == 3 && !take_pre(at, loose, ret))
		return false;
	if (**at == '+') {
		if (!is_identifier(*++*at))
			return false;
		while (is_identifier(**at))
			++*at;
	}
	if (ret->n < 3)
		ret->pre = NULL;
	return !**at || is_blank(**at) || **at == '|';
}

static enum npm_operator take_operator(const char **at)
{
	static const struct {
		const char *sign;
		enum npm_operator operator;
	} signs[] = { { "<=", NPM_LESS_EQUAL }, { ">=", NPM_GREATER_EQUAL }, { "~>", NPM_TILDE },
		{ "<", NPM_LESS }, { ">", NPM_GREATER }, { "=", NPM_EQUAL }, { "~", NPM_TILDE },
		{ "^", NPM_CARET } };
	for (size_t i = 0; i < ARRAY_LENGTH(signs); i++)
		if (strncmp(*at, signs[i].sign, strlen(signs[i].sign)) == 0) {
			*at = skip_blanks(*at + strlen(signs[i].sign));
			return signs[i].operator;
		}
	return NPM_NONE;
}

static bool take_term(const char **at, bool loose, struct npm_term *t)
{
	t->operator= take_operator(at);
	if (!take_partial(at, loose, &t->version))
		return false;
	const char *rest = skip_blanks(*at);
	if (t->operator== NPM_NONE && is_blank(**at) && rest[0] == '-' && is_blank(rest[1])) {
		t->hyphen = true;
		*at = skip_blanks(rest + 1);
		return take_partial(at, loose, &t->to);
	}
	return true;
}

int npm_range_read(const char *text, bool loose, struct npm_term terms[NPM_TERMS_MAX], struct error *err)
{
	int n = 0;
	bool new_set = true;
	const char *at = skip_blanks(text);
	if (strnlen(text, NPM_RANGE_MAX + 1) > NPM_RANGE_MAX)
		return error_set(err, -EINVAL, "a range longer than %d bytes", NPM_RANGE_MAX);
	for (;;) {
		bool end = !*at, bar = at[0] == '|' && at[1] == '|';
		if (n >= NPM_TERMS_MAX)
			return error_set(err, -EINVAL, "a range of more than %d comparators", NPM_TERMS_MAX);
		if ((end || bar) && new_set) {
			terms[n++] = (struct npm_term){ .new_set = true };
		} else if (!end && !bar) {
			terms[n] = (struct npm_term){ .new_set = new_set };
			if (!take_term(&at, loose, &terms[n]))
				return error_set(err, -EINVAL, "\"%.80s\" is no range of npm's", text);
			n++;
			new_set = false;
		}
		if (end)
			return n;
		if (bar) {
			at += 2;
			new_set = true;
		}
		at = skip_blanks(at);
	}
}

/* A comparator as node-semver makes it: the operator is none of TILDE and CARET, and all three numbers are
 * there. */
struct comparator {
	enum npm_operator operator;
	uint64_t number[3];
	const char *pre;
	size_t pre_length;
};

struct comparators {
	struct comparator list[4];
	size_t n;
	bool prereleases, too_large;
};

static void put(struct comparators *c, enum npm_operator operator, uint64_t major, uint64_t minor,
        uint64_t patch, const char *pre, size_t pre_length)
{
	c->list[c->n++] = (struct comparator){ operator, { major, minor, patch }, pre, pre_length };
	c->too_large = c->too_large || major > NUMBER_MAX || minor > NUMBER_MAX || patch > NUMBER_MAX;
}

/* Up to, without, and without its pre-releases. */
static void put_below(struct comparators *c, uint64_t major, uint64_t minor, uint64_t patch)
{
	put(c, NPM_LESS, major, minor, patch, "0", 1);
}

static void put_from(struct comparators *c, const struct npm_partial *v)
{
	bool lowest = v->n < 3 && c->prereleases;
	put(c, NPM_GREATER_EQUAL, v->number[0], v->number[1], v->number[2], lowest ? "0" : v->pre,
	        lowest ? 1 : v->pre_length);
}

/* Up to the next of the number at this place. */
static void put_up_to_next(struct comparators *c, const struct npm_partial *v, unsigned place)
{
	put_below(c, v->number[0] + (place == 0), place == 0 ? 0 : v->number[1] + (place == 1),
	        place == 2 ? v->number[2] + 1 : 0);
}

static void put_caret(struct comparators *c, const struct npm_partial *v)
{
	unsigned place = 0;
	while (place + 1 < v->n && v->number[place] == 0)
		place++;
	put_from(c, v);
	put_up_to_next(c, v, place);
}

static void put_hyphen(struct comparators *c, const struct npm_partial *from, const struct npm_partial *to)
{
	if (from->n > 0) {
		put_from(c, from);
		if (c->prereleases && !from->pre)
			c->list[c->n - 1].pre = "0", c->list[c->n - 1].pre_length = 1;
	}
	if (to->n == 0)
		return;
	if (to->n < 3)
		put_up_to_next(c, to, to->n - 1);
	else if (!to->pre && c->prereleases)
		put_up_to_next(c, to, 2);
	else
		put(c, NPM_LESS_EQUAL, to->number[0], to->number[1], to->number[2], to->pre, to->pre_length);
}

/* An operator before a version of which parts are missing: ">1.2" is ">=1.3.0", "<=1.2" is "<1.3.0-0". */
static void put_partial(struct comparators *c, enum npm_operator operator, const struct npm_partial * v)
{
	bool next = operator== NPM_GREATER || operator== NPM_LESS_EQUAL;
	uint64_t major = v->number[0] + (next && v->n == 1), minor = v->n == 2 ? v->number[1] + next : 0;
	bool below = operator== NPM_LESS || operator== NPM_LESS_EQUAL;
	if (below)
		put_below(c, major, minor, 0);
	else
		put(c, NPM_GREATER_EQUAL, major, minor, 0, c->prereleases ? "0" : NULL, c->prereleases);
}

static void expand(struct comparators *c, const struct npm_term *t)
{
	const struct npm_partial *v = &t->version;
	if (t->hyphen) {
		put_hyphen(c, v, &t->to);
	} else if (v->n == 0) {
		if (t->operator== NPM_LESS || t->operator== NPM_GREATER)
			put_below(c, 0, 0, 0); /* nothing is */
	} else if (t->operator== NPM_CARET) {
		put_caret(c, v);
	} else if (t->operator== NPM_TILDE) {
		put_from(c, v);
		put_up_to_next(c, v, v->n == 1 ? 0 : 1);
	} else if (v->n == 3) {
		put(c, t->operator== NPM_NONE ? NPM_EQUAL : t->operator, v->number[0], v->number[1],
		        v->number[2], v->pre, v->pre_length);
	} else if (t->operator== NPM_NONE || t->operator== NPM_EQUAL) {
		put_from(c, v);
		put_up_to_next(c, v, v->n - 1);
	} else {
		put_partial(c, t->operator, v);
	}
}

static bool holds(enum npm_operator operator, int order)
{
	switch (operator) {
	case NPM_LESS:
		return order < 0;
	case NPM_LESS_EQUAL:
		return order <= 0;
	case NPM_GREATER:
		return order > 0;
	case NPM_GREATER_EQUAL:
		return order >= 0;
	default:
		return order == 0;
	}
}

/* The version that is asked about. */
struct asked {
	const char *text;
	struct npm_partial parts;
	bool prereleases;
};

/* One set: all of its comparators hold, and a pre-release is named by one. */
struct verdict {
	bool all, named;
};

static int judge_term(const struct asked *asked, const struct npm_term *t, struct verdict *v)
{
	struct comparators c = { .prereleases = asked->prereleases };
	expand(&c, t);
	if (c.too_large)
		return -EINVAL;
	for (size_t i = 0; i < c.n; i++) {
		char text[VERSION_MAX + 1];
		const struct comparator *one = &c.list[i];
		int order;
		snprintf(text, sizeof(text), "%llu.%llu.%llu%s%.*s", (unsigned long long)one->number[0],
		        (unsigned long long)one->number[1], (unsigned long long)one->number[2],
		        one->pre ? "-" : "", (int)MIN(one->pre_length, (size_t)VERSION_MAX),
		        one->pre ? one->pre : "");
		if (version_compare_loosely(VERSION_SEMVER, asked->text, text, &order, NULL) < 0)
			return -EINVAL;
		v->all = v->all && holds(one->operator, order);
		v->named = v->named ||
		        (one->pre && memcmp(one->number, asked->parts.number, sizeof(one->number)) == 0);
	}
	return 0;
}

int npm_range_contains(const char *range, const char *version, unsigned flags, bool *ret, struct error *err)
{
	struct npm_term terms[NPM_TERMS_MAX] = { { .new_set = true } };
	struct asked asked = { .text = version, .prereleases = flags & NPM_PRERELEASES };
	struct version_key key;
	const char *at = skip_blanks(version);
	int r = flags & NPM_LOOSE ? version_key_make_loosely(VERSION_SEMVER, version, &key, err)
	                          : version_key_make(VERSION_SEMVER, version, &key, err);
	if (r < 0)
		return r;
	if (!take_partial(&at, flags & NPM_LOOSE, &asked.parts) || asked.parts.n < 3)
		return error_set(err, -EINVAL, "\"%.80s\" is no version of npm's", version);
	int n = npm_range_read(range, flags & NPM_LOOSE, terms, err);
	if (n < 0)
		return n;
	struct verdict v = { true, false };
	bool any = false;
	for (int i = 0; i < n; i++) {
		if (terms[i].new_set)
			v = (struct verdict){ true, asked.prereleases || !asked.parts.pre };
		if (judge_term(&asked, &terms[i], &v) < 0)
			return error_set(err, -EINVAL, "\"%.80s\" is no range of npm's", range);
		if (i + 1 == n || terms[i + 1].new_set)
			any = any || (v.all && v.named);
	}
	*ret = any;
	return 0;
}
