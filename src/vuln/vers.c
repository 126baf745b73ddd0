/* SPDX-License-Identifier: ISC */
#include "vuln/vers.h"

#include "base/cursor.h"
#include "vuln/ecosystem.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Schemes that are called otherwise than their order and than a purl type. */
static const struct {
	const char *scheme;
	enum version_ecosystem order;
} schemes[] = {
	{ "gentoo", VERSION_GENTOO },
	{ "arch", VERSION_ALPM },
	{ "alpine", VERSION_APK },
	{ "redhat", VERSION_RPM },
	{ "debian", VERSION_DPKG },
	{ "generic", VERSION_LEXICOGRAPHIC },
};

int vers_scheme_order(const char *scheme, enum version_ecosystem *ret, struct error *err)
{
	if (version_ecosystem_parse(scheme, ret) == 0 || ecosystem_order_of_type(scheme, ret) == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++)
		if (strcmp(schemes[i].scheme, scheme) == 0) {
			*ret = schemes[i].order;
			return 0;
		}
	return error_set(err, -ENOTSUP, "the versions of \"%.40s\" have no order here", scheme);
}

struct vers *vers_new(const char *scheme, enum version_ecosystem order)
{
	struct vers *v = xcalloc(1, sizeof(*v));
	v->order = order;
	memcpy(v->scheme, scheme, MIN(strlen(scheme), sizeof(v->scheme) - 1));
	return v;
}

struct vers *vers_free(struct vers *vers)
{
	if (!vers)
		return NULL;
	for (size_t i = 0; i < vers->n_constraints; i++)
		free(vers->constraints[i].version);
	free(vers->constraints);
	free(vers);
	return NULL;
}

int vers_add(struct vers *vers, enum vers_comparator comparator, const char *version, size_t length,
        struct error *err)
{
	if (vers->n_constraints >= VERS_CONSTRAINTS_MAX)
		return error_set(err, -EINVAL, "more than %d constraints", VERS_CONSTRAINTS_MAX);
	if (length == 0)
		return error_set(err, -EINVAL, "a constraint without a version");
	ARRAY_RESERVE_ONE(vers->constraints, vers->n_constraints, vers->capacity);
	vers->constraints[vers->n_constraints] = (struct vers_constraint){ .comparator = comparator,
		.version = xstrndup(version, length),
		.serial = (uint32_t)vers->n_constraints };
	vers->n_constraints++;
	return 0;
}

static bool is_below(enum vers_comparator c)
{
	return c == VERS_LESS || c == VERS_LESS_EQUAL;
}
static bool is_above(enum vers_comparator c)
{
	return c == VERS_GREATER || c == VERS_GREATER_EQUAL;
}

/* By their keys, whose order is total: that in which Maven, Composer and pacman compare two odd versions is
 * not. 0 for what has none: vers_sort() has looked. */
static int order_versions(enum version_ecosystem e, const char *a, const char *b)
{
	struct version_key ka, kb;
	if (version_key_make_loosely(e, a, &ka, NULL) < 0 || version_key_make_loosely(e, b, &kb, NULL) < 0)
		return 0;
	return version_key_order(&ka, &kb);
}

/* Of one version, what ends an interval comes before what begins one. */
static int order_constraints(const void *a_, const void *b_, void *vers_)
{
	const struct vers_constraint *a = a_, *b = b_;
	const struct vers *vers = vers_;
	int order = order_versions(vers->order, a->version, b->version);
	if (!order)
		order = is_above(a->comparator) - is_above(b->comparator);
	return order ? order : (a->serial > b->serial) - (a->serial < b->serial);
}

/* What has no key may be compared with one other version (packagist's), but has no place among many. */
int vers_sort(struct vers *vers, struct error *err)
{
	struct version_key key;
	for (size_t i = 0; i < vers->n_constraints; i++) {
		int r = version_key_make_loosely(vers->order, vers->constraints[i].version, &key, err);
		if (r < 0)
			return r;
	}
	if (vers->n_constraints)
		qsort_r(vers->constraints, vers->n_constraints, sizeof(*vers->constraints), order_constraints,
		        vers);
	return 0;
}

/* Letters, digits, . - _ ~ and the colon stand for themselves, as in package URLs. */
static bool stands_for_itself(unsigned char c)
{
	return isalnum(c) || c == '.' || c == '-' || c == '_' || c == '~' || c == ':';
}

static const char *const comparators[] = { [VERS_EQUAL] = "",
	[VERS_NOT_EQUAL] = "!=",
	[VERS_LESS] = "<",
	[VERS_LESS_EQUAL] = "<=",
	[VERS_GREATER] = ">",
	[VERS_GREATER_EQUAL] = ">=" };

char *vers_write(const struct vers *vers)
{
	static const char digits[] = "0123456789ABCDEF";
	struct writer w = wr_make(SIZE_MAX);
	size_t length = 0;
	wr_bytes(&w, "vers:", 5);
	wr_bytes(&w, vers->scheme, strlen(vers->scheme));
	wr_u8(&w, '/');
	if (vers->all)
		wr_u8(&w, '*');
	for (size_t i = 0; i < vers->n_constraints && !vers->all; i++) {
		const char *sign = comparators[vers->constraints[i].comparator];
		if (i > 0)
			wr_u8(&w, '|');
		wr_bytes(&w, sign, strlen(sign));
		for (const char *c = vers->constraints[i].version; *c; c++) {
			const char escape[3] = { '%', digits[(uint8_t)*c >> 4], digits[(uint8_t)*c & 15] };
			bool plain = stands_for_itself((unsigned char)*c);
			wr_bytes(&w, plain ? c : escape, plain ? 1 : 3);
		}
	}
	wr_u8(&w, '\0');
	return (char *)wr_take(&w, &length);
}

#define NOT_CANONICAL "non-canonical VERS: "

static const char bad_escape[] = NOT_CANONICAL "invalid percent-encoding in version";

/* Decodes [at, end) in place and returns what is wrong; *ret_length is that of the version. */
static const char *decode(
        char *at, const char *end, bool is_datetime, size_t *ret_length, bool *ret_canonical)
{
	char *to = at;
	const char *wrong = NULL;
	*ret_canonical = true;
	for (const char *from = at; from < end; from++) {
		if (*from != '%') {
			*ret_canonical = *ret_canonical && stands_for_itself((unsigned char)*from);
			*to++ = *from;
			continue;
		}
		int high = end - from < 3 ? -1 : text_hex_digit(from[1]),
		    low = high < 0 ? -1 : text_hex_digit(from[2]);
		if (low < 0 || (high | low) == 0)
			return bad_escape;
		char c = (char)(high << 4 | low);
		if (islower((unsigned char)from[1]) || islower((unsigned char)from[2]))
			wrong = NOT_CANONICAL "percent-encoding in version is not canonical";
		else if (is_datetime && c == ':' && !wrong)
			wrong = NOT_CANONICAL "datetime time colons must be unencoded";
		*ret_canonical = *ret_canonical && !wrong && !stands_for_itself((unsigned char)c);
		*to++ = c;
		from += 2;
	}
	*ret_length = (size_t)(to - at);
	return wrong;
}

static enum vers_comparator take_comparator(char **at)
{
	static const enum vers_comparator longest_first[] = { VERS_NOT_EQUAL, VERS_LESS_EQUAL,
		VERS_GREATER_EQUAL, VERS_LESS, VERS_GREATER };
	for (size_t i = 0; i < ARRAY_LENGTH(longest_first); i++) {
		const char *sign = comparators[longest_first[i]];
		if (strncmp(*at, sign, strlen(sign)) == 0) {
			*at += strlen(sign);
			return longest_first[i];
		}
	}
	if (**at == '=')
		++*at;
	return VERS_EQUAL;
}

static int add_text(struct vers *vers, char *at, char *end, enum vers_rules rules, struct error *err)
{
	bool canonical, is_datetime = vers->order == VERSION_DATETIME, signed_equal = *at == '=';
	size_t length = 0;
	if (end - at == 1 && *at == '*') {
		vers->all = true;
		return 0;
	}
	enum vers_comparator comparator = take_comparator(&at);
	const char *wrong = decode(at, end, is_datetime, &length, &canonical);
	if (wrong && (rules == VERS_CANONICAL || wrong == bad_escape))
		return error_set(err, -EINVAL, "%s", wrong);
	if (rules == VERS_CANONICAL && is_datetime && (memchr(at, 't', length) || memchr(at, 'z', length)))
		return error_set(err, -EINVAL, NOT_CANONICAL "datetime must use uppercase T and Z");
	if (rules == VERS_CANONICAL && (!canonical || signed_equal))
		return error_set(err, -EINVAL, NOT_CANONICAL "%s",
		        signed_equal ? "the comparator \"=\" is not written"
		                     : "percent-encoding in version is not canonical");
	return vers_add(vers, comparator, at, length, err);
}

/* Where the constraints begin. */
static int open_text(
        const char *text, enum vers_rules rules, struct vers **ret, const char **ret_at, struct error *err)
{
	char scheme[VERS_SCHEME_MAX];
	enum version_ecosystem order;
	if (strnlen(text, VERS_TEXT_MAX + 1) > VERS_TEXT_MAX)
		return error_set(err, -EINVAL, "longer than %d bytes", VERS_TEXT_MAX);
	if (rules == VERS_CANONICAL && text[strcspn(text, " \t\r\n\v\f")])
		return error_set(err, -EINVAL, NOT_CANONICAL "whitespace is not permitted");
	const char *slash = strchr(text, '/');
	size_t n = slash && strncmp(text, "vers:", 5) == 0 ? (size_t)(slash - text) - 5 : 0;
	if (n == 0 || n >= sizeof(scheme))
		return error_set(err, -EINVAL, "a version range is vers:SCHEME/CONSTRAINTS");
	for (size_t i = 0; i < n; i++) {
		scheme[i] = text[5 + i];
		if (!(scheme[i] >= 'a' && scheme[i] <= 'z') && !(scheme[i] >= '0' && scheme[i] <= '9') &&
		        !strchr(".-", scheme[i]))
			return error_set(err, -EINVAL,
			        "the scheme of a version range is small letters, digits and .-");
	}
	scheme[n] = '\0';
	int r = vers_scheme_order(scheme, &order, err);
	if (r < 0)
		return r;
	*ret = vers_new(scheme, order);
	*ret_at = slash + 1;
	return 0;
}

static int check_pipes(const char *at, struct error *err)
{
	size_t n = strlen(at);
	if (n == 0)
		return error_set(err, -EINVAL, NOT_CANONICAL "there are no constraints");
	if (*at == '|')
		return error_set(err, -EINVAL, NOT_CANONICAL "leading pipe is not permitted");
	if (at[n - 1] == '|')
		return error_set(err, -EINVAL, NOT_CANONICAL "trailing pipe is not permitted");
	if (strstr(at, "||"))
		return error_set(err, -EINVAL, NOT_CANONICAL "consecutive pipes are not permitted");
	return 0;
}

/* One version needs no order, and may be what the scheme does not allow. */
static int settle_order(struct vers *vers, enum vers_rules rules, struct error *err)
{
	if (vers->all && vers->n_constraints)
		return error_set(err, -EINVAL, "\"*\" stands alone");
	if (vers->n_constraints < 2)
		return 0;
	int r = vers_sort(vers, err);
	for (size_t i = 0; r == 0 && rules == VERS_CANONICAL && i < vers->n_constraints; i++)
		if (vers->constraints[i].serial != i)
			r = error_set(err, -EINVAL, NOT_CANONICAL "constraints are not sorted by version");
	return r;
}

int vers_parse(const char *text, enum vers_rules rules, struct vers **ret, struct error *err)
{
	struct vers *vers = NULL;
	const char *at = NULL;
	int r = open_text(text, rules, &vers, &at, err);
	if (!vers)
		return r;
	char *copy FREE_ON_EXIT = xstrdup(at), *to = copy;
	if (rules == VERS_CANONICAL)
		r = check_pipes(copy, err);
	for (const char *c = copy; *c; c++)
		if (!isspace((unsigned char)*c))
			*to++ = *c;
	*to = '\0';
	for (char *one = copy; r == 0 && one;) {
		char *end = one + strcspn(one, "|");
		bool last = !*end;
		*end = '\0';
		if (end > one)
			r = add_text(vers, one, end, rules, err);
		one = last ? NULL : end + 1;
	}
	if (r == 0)
		r = settle_order(vers, rules, err);
	if (r < 0) {
		vers_free(vers);
		return r;
	}
	*ret = vers;
	return 0;
}

/* Of bounds that follow each other in one direction the widest stays: the first lower and the last upper one.
 */
static size_t widen(const struct vers *vers, const struct vers_constraint **bounds)
{
	size_t n = 0;
	for (size_t i = 0; i < vers->n_constraints; i++) {
		const struct vers_constraint *c = &vers->constraints[i];
		if (!is_below(c->comparator) && !is_above(c->comparator))
			continue;
		if (n > 0 && is_below(c->comparator) && is_below(bounds[n - 1]->comparator))
			n--;
		else if (n > 0 && is_above(c->comparator) && is_above(bounds[n - 1]->comparator))
			continue;
		bounds[n++] = c;
	}
	return n;
}

/* By how a version stands to each constraint's: 1 or 0 where one names just it; -1: none of them does. */
static int find_equal(const struct vers *vers, const int *orders)
{
	int found = -1;
	for (size_t i = 0; i < vers->n_constraints; i++) {
		enum vers_comparator c = vers->constraints[i].comparator;
		if (orders[i] == 0 && c == VERS_NOT_EQUAL)
			return 0;
		if (orders[i] == 0 && (c == VERS_EQUAL || c == VERS_LESS_EQUAL || c == VERS_GREATER_EQUAL))
			found = 1;
	}
	return found;
}

int vers_contains(const struct vers *vers, const char *version, bool *ret, struct error *err)
{
	const struct vers_constraint *bounds[VERS_CONSTRAINTS_MAX];
	int orders[VERS_CONSTRAINTS_MAX] = { 0 }, order;
	int r = version_compare_loosely(vers->order, version, version, &order, err);
	bool excludes_alone = vers->n_constraints > 0;
	for (size_t i = 0; r == 0 && i < vers->n_constraints; i++) {
		r = version_compare_loosely(
		        vers->order, version, vers->constraints[i].version, &orders[i], err);
		excludes_alone = excludes_alone && vers->constraints[i].comparator == VERS_NOT_EQUAL;
	}
	if (r < 0)
		return r;
	int equal = find_equal(vers, orders);
	if (vers->all || equal >= 0 || excludes_alone) {
		*ret = vers->all || equal != 0;
		return 0;
	}
	*ret = false;
	size_t n = widen(vers, bounds);
	for (size_t i = 0; i < n; i++) {
		bool above = orders[bounds[i] - vers->constraints] > 0;
		bool below_next = i + 1 == n || orders[bounds[i + 1] - vers->constraints] < 0;
		if (is_below(bounds[i]->comparator))
			*ret = *ret || (i == 0 && orders[bounds[i] - vers->constraints] < 0);
		else
			*ret = *ret || (above && below_next);
	}
	return 0;
}

int vers_intervals(const struct vers *vers, struct vers_interval ret[VERS_CONSTRAINTS_MAX], size_t *ret_n,
        struct error *err)
{
	const struct vers_constraint *bounds[VERS_CONSTRAINTS_MAX];
	size_t n = vers->all ? 1 : 0;
	if (vers->all)
		ret[0] = (struct vers_interval){ NULL, NULL };
	for (size_t i = 0; i < vers->n_constraints; i++) {
		const struct vers_constraint *c = &vers->constraints[i];
		if (c->comparator == VERS_NOT_EQUAL)
			return error_set(err, -ENOTSUP, "a range that leaves out %.80s", c->version);
		if (c->comparator == VERS_EQUAL)
			ret[n++] = (struct vers_interval){ c, c };
	}
	size_t n_bounds = widen(vers, bounds);
	for (size_t i = 0; i < n_bounds; i++) {
		bool closed = i + 1 < n_bounds && is_below(bounds[i + 1]->comparator);
		if (is_above(bounds[i]->comparator))
			ret[n++] = (struct vers_interval){ bounds[i], closed ? bounds[i + 1] : NULL };
		else if (i == 0)
			ret[n++] = (struct vers_interval){ NULL, bounds[i] };
	}
	*ret_n = n;
	return 0;
}
