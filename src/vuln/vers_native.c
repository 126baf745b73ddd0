/* SPDX-License-Identifier: ISC */
/* Ranges in the notations of the ecosystems' own tools, as VERS. */
#include "vuln/ecosystem.h"
#include "vuln/vers.h"
#include "vuln/version_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct version_text trim(struct version_text t)
{
	while (t.at < t.end && is_blank(*t.at))
		t.at++;
	while (t.end > t.at && is_blank(t.end[-1]))
		t.end--;
	return t;
}

/* The piece before the next separator, trimmed; false at the end. */
static bool cut(struct version_text *rest, char separator, struct version_text *ret)
{
	if (!rest->at)
		return false;
	const char *at = memchr(rest->at, separator, version_length(*rest));
	*ret = trim((struct version_text){ rest->at, at ? at : rest->end });
	rest->at = at ? at + 1 : NULL;
	return true;
}

static int refuse(struct version_text t, struct error *err)
{
	return error_set(err, -EINVAL, "\"%.*s\" is no range", (int)MIN(version_length(t), (size_t)80), t.at);
}

static int add(struct vers *vers, enum vers_comparator comparator, struct version_text t, struct error *err)
{
	t = trim(t);
	if (version_length(t) > VERSION_MAX)
		return error_set(err, -EINVAL, "a version longer than %d bytes", VERSION_MAX);
	return vers_add(vers, comparator, t.at, version_length(t), err);
}

/* Below the version whose first `keep` numbers are those of t, the last of them one higher; suffix behind it.
 */
static int add_next(
        struct vers *vers, struct version_text t, size_t keep, const char *suffix, struct error *err)
{
	char text[VERSION_MAX + 32];
	struct version_text first = t, digits = { t.at, t.at };
	for (size_t i = 0; i < keep; i++) {
		if (i > 0 && !version_take(&t, '.'))
			break;
		digits = version_take_digits(&t);
	}
	if (version_length(digits) == 0 || version_length(digits) > 15 || version_length(first) > VERSION_MAX)
		return refuse(first, err);
	int n = snprintf(text, sizeof(text), "%.*s%llu%s", (int)(digits.at - first.at), first.at,
	        strtoull(digits.at, NULL, 10) + 1, suffix);
	return vers_add(vers, VERS_LESS, text, (size_t)n, err);
}

/* How many numbers with dots a version begins with. */
static size_t count_numbers(struct version_text t)
{
	size_t n = 0;
	do
		if (version_length(version_take_digits(&t)) == 0)
			return n;
		else
			n++;
	while (version_take(&t, '.'));
	return n;
}

/* The comparators of all tools; longer ones first. */
enum sign { SIGN_PLAIN = VERS_GREATER_EQUAL + 1, SIGN_COMPATIBLE, SIGN_TILDE, SIGN_CARET };
static const struct {
	const char *text;
	int sign; /* enum vers_comparator or enum sign */
} signs[] = { { "===", VERS_EQUAL }, { "==", VERS_EQUAL }, { "!=", VERS_NOT_EQUAL },
	{ "<=", VERS_LESS_EQUAL }, { ">=", VERS_GREATER_EQUAL }, { "<<", VERS_LESS }, { ">>", VERS_GREATER },
	{ "~>", SIGN_COMPATIBLE }, { "~=", SIGN_COMPATIBLE }, { "<", VERS_LESS }, { ">", VERS_GREATER },
	{ "=", VERS_EQUAL }, { "~", SIGN_TILDE }, { "^", SIGN_CARET } };

static int take_sign(struct version_text *t)
{
	for (size_t i = 0; i < ARRAY_LENGTH(signs); i++) {
		size_t n = strlen(signs[i].text);
		if (version_length(*t) >= n && memcmp(t->at, signs[i].text, n) == 0) {
			t->at += n;
			*t = trim(*t);
			return signs[i].sign;
		}
	}
	return SIGN_PLAIN;
}

/* "~> 2.0.8" and "~= 2.0.8": from there to the next of the number before the last one. */
static int add_compatible(struct vers *vers, struct version_text t, struct error *err)
{
	size_t numbers = count_numbers(t);
	int r = numbers ? add(vers, VERS_GREATER_EQUAL, t, err) : refuse(t, err);
	return r < 0 ? r : add_next(vers, t, numbers > 1 ? numbers - 1 : 1, "", err);
}

/* Comparators between commas: gem, pypi, and whatever has no notation of its own. */
static int read_list(struct vers *vers, struct version_text t, struct error *err)
{
	struct version_text one;
	int r = 0;
	while (r == 0 && cut(&t, ',', &one)) {
		struct version_text whole = one;
		int sign = take_sign(&one);
		if (version_length(one) == 0 || sign == SIGN_TILDE || sign == SIGN_CARET)
			return refuse(whole, err);
		if (version_length(one) == 1 && *one.at == '*')
			return error_set(err, -EINVAL, "\"*\" stands alone");
		if (sign == SIGN_COMPATIBLE)
			r = add_compatible(vers, one, err);
		else
			r = add(vers, sign == SIGN_PLAIN ? VERS_EQUAL : (enum vers_comparator)sign, one, err);
	}
	return r;
}

/* pypi: "==1.4.*" is from 1.4 to 1.5. */
static int read_pypi(struct vers *vers, struct version_text t, struct error *err)
{
	struct version_text one;
	int r = 0;
	while (r == 0 && cut(&t, ',', &one)) {
		struct version_text version = one;
		int sign = take_sign(&version);
		size_t n = version_length(version);
		bool prefix = n > 2 && memcmp(version.end - 2, ".*", 2) == 0;
		if (!prefix) {
			r = read_list(vers, one, err);
			continue;
		}
		version.end -= 2;
		if (sign != VERS_EQUAL || count_numbers(version) == 0)
			return refuse(one, err);
		r = add(vers, VERS_GREATER_EQUAL, version, err);
		if (r == 0)
			r = add_next(vers, version, count_numbers(version), "", err);
	}
	return r;
}

/* "[1.0,2.0)" and the like of maven and nuget; a version alone is that for maven, and a lower bound for
 * nuget. */
static int read_interval(struct vers *vers, struct version_text *t, struct error *err)
{
	const struct version_text whole = *t;
	bool with_low = *t->at++ == '[';
	const char *end = t->at;
	while (end < t->end && *end != ']' && *end != ')')
		end++;
	if (end == t->end)
		return refuse(whole, err);
	struct version_text low, high = { NULL, NULL }, rest = { t->at, end };
	bool with_high = *end == ']';
	t->at = end + 1;
	(void)cut(&rest, ',', &low);
	if (!rest.at)
		return with_low && with_high && version_length(low) ? add(vers, VERS_EQUAL, low, err)
		                                                    : refuse(whole, err);
	(void)cut(&rest, ',', &high);
	if (rest.at || version_length(low) + version_length(high) == 0)
		return refuse(whole, err);
	int r = 0;
	if (version_length(low))
		r = add(vers, with_low ? VERS_GREATER_EQUAL : VERS_GREATER, low, err);
	if (r == 0 && version_length(high))
		r = add(vers, with_high ? VERS_LESS_EQUAL : VERS_LESS, high, err);
	return r;
}

static int read_intervals(struct vers *vers, struct version_text t, struct error *err)
{
	int r = 0;
	t = trim(t);
	if (version_length(t) && *t.at != '[' && *t.at != '(')
		return memchr(t.at, ',', version_length(t))
		        ? refuse(t, err)
		        : add(vers, vers->order == VERSION_NUGET ? VERS_GREATER_EQUAL : VERS_EQUAL, t, err);
	while (r == 0 && version_length(t)) {
		if (*t.at != '[' && *t.at != '(')
			return refuse(t, err);
		r = read_interval(vers, &t, err);
		t = trim(t);
		if (version_take(&t, ','))
			t = trim(t);
	}
	return r;
}

/* conan: the place of the number that "^" lets grow is the first that is not zero. */
static size_t caret_place(struct version_text t)
{
	for (size_t i = 1;; i++) {
		struct version_text digits = version_take_digits(&t);
		while (version_take(&digits, '0'))
			;
		if (version_length(digits) || !version_take(&t, '.') || !version_is_digit(version_peek(&t)))
			return i;
	}
}

/* A hyphen at the end says that pre-releases count; VERS has no word for that. */
static int add_conan(struct vers *vers, struct version_text t, struct error *err)
{
	static const char zero[] = "0.0.0";
	const struct version_text whole = t;
	int sign = take_sign(&t);
	if (t.end > t.at && t.end[-1] == '-')
		t.end--;
	if (version_length(t) == 0)
		return refuse(whole, err);
	if (version_length(t) == 1 && *t.at == '*')
		return add(vers, VERS_GREATER_EQUAL, (struct version_text){ zero, zero + 5 }, err);
	if (sign != SIGN_TILDE && sign != SIGN_CARET)
		return sign == SIGN_COMPATIBLE
		        ? refuse(whole, err)
		        : add(vers, sign == SIGN_PLAIN ? VERS_EQUAL : (enum vers_comparator)sign, t, err);
	int r = add(vers, VERS_GREATER_EQUAL, t, err);
	if (r < 0)
		return r;
	size_t place = sign == SIGN_CARET ? caret_place(t) : MIN(count_numbers(t), (size_t)2);
	return add_next(vers, t, place, "-", err);
}

/* Comparators with blanks between them, "||" between sets, options behind a comma. */
static int read_conan(struct vers *vers, struct version_text t, struct error *err)
{
	const char *comma = memchr(t.at, ',', version_length(t));
	int r = 0;
	if (comma)
		t.end = comma;
	while (r == 0) {
		while (t.at < t.end && (is_blank(*t.at) || *t.at == '|'))
			t.at++;
		struct version_text one = { t.at, t.at };
		while (one.end < t.end && !is_blank(*one.end) && *one.end != '|')
			one.end++;
		if (version_length(one) == 0)
			break;
		t.at = one.end;
		r = add_conan(vers, one, err);
	}
	return r;
}

/* nginx's advisories: "0.7.52-0.8.39", "1.4.1+" for the rest of a stable branch (even minor), "1.5.0+" for
 * that and all that follows. */
static int add_nginx(struct vers *vers, struct version_text t, struct error *err)
{
	const char *dash = memchr(t.at, '-', version_length(t));
	if (dash) {
		int r = add(vers, VERS_GREATER_EQUAL, (struct version_text){ t.at, dash }, err);
		return r < 0 ? r : add(vers, VERS_LESS_EQUAL, (struct version_text){ dash + 1, t.end }, err);
	}
	if (version_length(t) == 0 || t.end[-1] != '+')
		return add(vers, VERS_EQUAL, t, err);
	t.end--;
	struct version_text rest = t;
	version_take_digits(&rest);
	version_take(&rest, '.');
	struct version_text minor = version_take_digits(&rest);
	int r = version_length(minor) ? add(vers, VERS_GREATER_EQUAL, t, err) : refuse(t, err);
	bool stable = r == 0 && (minor.end[-1] - '0') % 2 == 0;
	return stable ? add_next(vers, t, 2, ".0", err) : r;
}

static int read_nginx(struct vers *vers, struct version_text t, struct error *err)
{
	struct version_text one;
	int r = 0;
	while (r == 0 && cut(&t, ',', &one))
		r = add_nginx(vers, one, err);
	return r;
}

static int read_native(struct vers *vers, const char *range, struct error *err)
{
	struct version_text t = trim((struct version_text){ range, range + strlen(range) });
	if (vers->order == VERSION_CONAN)
		return read_conan(vers, t, err);
	if (version_length(t) == 1 && *t.at == '*') {
		vers->all = true;
		return 0;
	}
	switch (vers->order) {
	case VERSION_SEMVER:
		return vers_from_npm(vers, range, err);
	case VERSION_PYPI:
		return read_pypi(vers, t, err);
	case VERSION_MAVEN:
	case VERSION_NUGET:
		return read_intervals(vers, t, err);
	case VERSION_NGINX:
		return read_nginx(vers, t, err);
	default:
		return read_list(vers, t, err);
	}
}

int vers_from_native(const char *scheme, const char *range, struct vers **ret, struct error *err)
{
	enum version_ecosystem order;
	if (strnlen(range, VERS_TEXT_MAX + 1) > VERS_TEXT_MAX)
		return error_set(err, -EINVAL, "a range longer than %d bytes", VERS_TEXT_MAX);
	if (strlen(scheme) >= VERS_SCHEME_MAX)
		return error_set(err, -ENOTSUP, "a scheme longer than %d bytes", VERS_SCHEME_MAX - 1);
	int r = vers_scheme_order(scheme, &order, err);
	if (r < 0)
		return r;
	struct vers *vers = vers_new(scheme, order);
	r = read_native(vers, range, err);
	if (r == 0)
		r = vers_sort(vers, err);
	if (r < 0) {
		vers_free(vers);
		return r;
	}
	*ret = vers;
	return 0;
}
