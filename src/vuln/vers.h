/* SPDX-License-Identifier: ISC */
/*
 * VERS, version ranges of any ecosystem (the vers-spec of Package-URL): vers:SCHEME/CONSTRAINT|CONSTRAINT...,
 * each a comparator (none for "=") and a version, percent-encoded. The constraints of a range are those of
 * all its intervals, in the order of their versions; "*" alone is every version.
 */
#pragma once

#include "base/error.h"
#include "vuln/vuln.h"
#include <stdbool.h>

#define VERS_TEXT_MAX 65536
#define VERS_SCHEME_MAX 32 /* with the NUL */
#define VERS_CONSTRAINTS_MAX 1024

enum vers_comparator {
	VERS_EQUAL,
	VERS_NOT_EQUAL,
	VERS_LESS,
	VERS_LESS_EQUAL,
	VERS_GREATER,
	VERS_GREATER_EQUAL
};

struct vers {
	char scheme[VERS_SCHEME_MAX];
	enum version_ecosystem order;
	bool all; /* "*" */
	struct vers_constraint {
		enum vers_comparator comparator;
		char *version;   /* decoded */
		uint32_t serial; /* keeps the order of those with one version */
	} * constraints;
	size_t n_constraints, capacity;
};

/* VERS_CANONICAL refuses what vers_write() would write otherwise. VERS_AS_WRITTEN takes blanks, empty
 * constraints and any order, and sorts; of what is there twice nothing is dropped. -EINVAL with the reason,
 * -ENOTSUP for a scheme that has no order here. */
enum vers_rules { VERS_AS_WRITTEN, VERS_CANONICAL };
int vers_parse(const char *text, enum vers_rules rules, struct vers **ret, struct error *err);
struct vers *vers_free(struct vers *vers); /* NULL in, NULL out */
char *vers_write(const struct vers *vers); /* caller frees */

/* A range in the notation of the scheme's own tool: "^1.2 || 3.x" of npm, "[1.0,2.0)" of maven and nuget,
 * "~> 2.0.8" of gem, "1.5.0+, 1.4.1+" of nginx, and lists of comparators elsewhere. What comes out is what
 * vers-spec's cases have, which for npm's partial versions (">=2.2.x") is narrower than npm itself:
 * npm_range.h judges by npm's own rules. */
int vers_from_native(const char *scheme, const char *range, struct vers **ret, struct error *err);

/* Whether the version is in the range. -EINVAL for one that has no place in the scheme's order. */
int vers_contains(const struct vers *vers, const char *version, bool *ret, struct error *err);

/* The intervals that the range is made of, each version that it names alone as one: from and to are the same
 * constraint then; NULL is no bound on that side. -ENOTSUP where it leaves a version out ("!="). */
struct vers_interval {
	const struct vers_constraint *from, *to;
};
int vers_intervals(const struct vers *vers, struct vers_interval ret[VERS_CONSTRAINTS_MAX], size_t *ret_n,
        struct error *err);

/* The order of a scheme or purl type. -ENOTSUP with the reason. */
int vers_scheme_order(const char *scheme, enum version_ecosystem *ret, struct error *err);

/* Private to src/vuln/vers*.c. */
struct vers *vers_new(const char *scheme, enum version_ecosystem order);
int vers_add(struct vers *vers, enum vers_comparator comparator, const char *version, size_t length,
        struct error *err);
/* Sorts; -EINVAL where a version has no place in the order. */
int vers_sort(struct vers *vers, struct error *err);
int vers_from_npm(struct vers *vers, const char *range, struct error *err);
