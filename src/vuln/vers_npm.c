/* SPDX-License-Identifier: ISC */
/*
 * npm's ranges as vers-spec's cases have them: missing numbers are 0 ("<=1.0" is "<=1.0.0"), an "x" is a
 * range whatever stands before it (">=2.2.x" is ">=2.2.0|<2.3.0"), and a tilde before a pre-release is the
 * pre-releases of that patch and, apart, the releases up to the next minor.
 */
#include "vuln/npm_range.h"
#include "vuln/vers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define VERSION_SIZE (NPM_RANGE_MAX + 80)

static int add(struct vers *vers, enum vers_comparator comparator, uint64_t major, uint64_t minor,
        uint64_t patch, const struct npm_partial *pre, struct error *err)
{
	char text[VERSION_SIZE];
	bool has_pre = pre && pre->pre;
	int n = snprintf(text, sizeof(text), "%llu.%llu.%llu%s%.*s", (unsigned long long)major,
	        (unsigned long long)minor, (unsigned long long)patch, has_pre ? "-" : "",
	        has_pre ? (int)pre->pre_length : 0, has_pre ? pre->pre : "");
	return vers_add(vers, comparator, text, (size_t)n, err);
}

static int add_version(
        struct vers *vers, enum vers_comparator comparator, const struct npm_partial *v, struct error *err)
{
	return add(vers, comparator, v->number[0], v->number[1], v->number[2], v, err);
}

/* Below the next of the number at this place. */
static int add_next(struct vers *vers, const struct npm_partial *v, unsigned place, struct error *err)
{
	return add(vers, VERS_LESS, v->number[0] + (place == 0), place == 0 ? 0 : v->number[1] + (place == 1),
	        place == 2 ? v->number[2] + 1 : 0, NULL, err);
}

static int add_tilde(struct vers *vers, const struct npm_partial *v, struct error *err)
{
	int r = add_version(vers, VERS_GREATER_EQUAL, v, err);
	if (r < 0 || !v->pre)
		return r < 0 ? r : add_next(vers, v, v->n == 1 ? 0 : 1, err);
	/* The next minor of X.Y.0-pre is X.Y.0 there. */
	r = v->number[2] == 0 ? add(vers, VERS_LESS, v->number[0], v->number[1], 0, NULL, err)
	                      : add_next(vers, v, 1, err);
	if (r == 0)
		r = add(vers, VERS_GREATER_EQUAL, v->number[0], v->number[1], v->number[2], NULL, err);
	return r < 0 ? r : add_next(vers, v, 2, err);
}

static int add_caret(struct vers *vers, const struct npm_partial *v, struct error *err)
{
	unsigned place = 0;
	int r = add_version(vers, VERS_GREATER_EQUAL, v, err);
	while (place + 1 < v->n && v->number[place] == 0)
		place++;
	return r < 0 ? r : add_next(vers, v, place, err);
}

static int add_hyphen(struct vers *vers, const struct npm_term *t, struct error *err)
{
	int r = add_version(vers, VERS_GREATER_EQUAL, &t->version, err);
	if (r < 0 || t->to.n == 0)
		return r;
	return t->to.n == 3 ? add_version(vers, VERS_LESS_EQUAL, &t->to, err)
	                    : add_next(vers, &t->to, t->to.n - 1, err);
}

static int add_term(struct vers *vers, const struct npm_term *t, struct error *err)
{
	static const enum vers_comparator comparators[] = { [NPM_NONE] = VERS_EQUAL,
		[NPM_EQUAL] = VERS_EQUAL,
		[NPM_LESS] = VERS_LESS,
		[NPM_LESS_EQUAL] = VERS_LESS_EQUAL,
		[NPM_GREATER] = VERS_GREATER,
		[NPM_GREATER_EQUAL] = VERS_GREATER_EQUAL };
	const struct npm_partial *v = &t->version;
	if (t->hyphen)
		return add_hyphen(vers, t, err);
	if (v->n == 0) {
		vers->all = true;
		return 0;
	}
	if (t->operator== NPM_TILDE)
		return add_tilde(vers, v, err);
	if (t->operator== NPM_CARET)
		return add_caret(vers, v, err);
	bool bounded = v->n < 3 && v->any;
	if (!bounded)
		return add_version(vers, comparators[t->operator], v, err);
	if (t->operator== NPM_LESS)
		return add_version(vers, VERS_LESS, v, err);
	if (t->operator== NPM_LESS_EQUAL)
		return add_next(vers, v, v->n - 1, err);
	if (t->operator== NPM_GREATER)
		return add(vers, VERS_GREATER_EQUAL, v->number[0] + (v->n == 1),
		        v->n == 1 ? 0 : v->number[1] + 1, 0, NULL, err);
	int r = add_version(vers, VERS_GREATER_EQUAL, v, err);
	return r < 0 ? r : add_next(vers, v, v->n - 1, err);
}

int vers_from_npm(struct vers *vers, const char *range, struct error *err)
{
	struct npm_term terms[NPM_TERMS_MAX];
	int n = npm_range_read(range, true, terms, err), r = n < 0 ? n : 0;
	for (int i = 0; r == 0 && i < n; i++)
		r = add_term(vers, &terms[i], err);
	if (r == 0 && vers->all)
		for (; vers->n_constraints > 0; vers->n_constraints--)
			free(vers->constraints[vers->n_constraints - 1].version);
	return r;
}
