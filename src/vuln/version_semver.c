/* SPDX-License-Identifier: ISC */
/*
 * Semantic Versioning 2.0.0, section 11, as npm, Go, Cargo, Hex and Swift use it:
 * MAJOR.MINOR.PATCH[-pre-release][+build], with the leading "v" that Go writes and npm takes. Build metadata
 * does not order, but in Dart's pub it does. As in npm, the three numbers are at most 2^53-1 and the whole at
 * most 256 bytes; pub has no such limits.
 *
 * npm's loose mode also takes "v", "=" and blanks in front, leading zeros and a pre-release without its
 * hyphen; beyond that, here, numbers of any size, fewer than three, the others being 0, and more, of which
 * the later ones count as build.
 *
 * Key: three numbers; pre-release identifiers led by their rank and closed by END, or RELEASE, which is
 * newer; for pub the identifiers of the build, closed by END.
 */
#include "vuln/version_key.h"

#define SEMVER_MAX 256
#define SEMVER_NUMBER_MAX "9007199254740991"

enum { RANK_END = 0, RANK_NUMBER, RANK_TEXT, RANK_RELEASE };

static bool is_identifier(char c)
{
	return version_is_digit(c) || version_is_alpha(c) || c == '-';
}

static void put_identifier(struct version_key *k, struct version_text id, bool number, bool fold)
{
	version_put(k, number ? RANK_NUMBER : RANK_TEXT);
	if (number) {
		version_put_number(k, id);
	} else if (fold) {
		version_put_lower(k, id);
	} else {
		version_put_text(k, id);
		version_put(k, 0);
	}
}

/* Dot-separated identifiers; k is NULL for a build that does not order, where leading zeros are fine too. */
static int take_identifiers(struct version_text *t, unsigned flags, struct version_key *k, struct error *err)
{
	do {
		struct version_text id = { t->at, t->at };
		bool number = true;
		for (; id.end < t->end && is_identifier(*id.end); id.end++)
			number = number && version_is_digit(*id.end);
		t->at = id.end;
		if (version_length(id) == 0)
			return error_set(err, -EINVAL, "an identifier is empty");
		if (!k)
			continue;
		if (!flags && number && version_length(id) > 1 && *id.at == '0')
			return error_set(err, -EINVAL, "a pre-release number with a leading zero");
		put_identifier(k, id, number, flags & SEMVER_FOLD_CASE);
	} while (version_take(t, '.'));
	if (k)
		version_put(k, RANK_END);
	return 0;
}

int version_put_semver_rest(struct version_text *t, unsigned flags, struct version_key *k, struct error *err)
{
	int r = 0;
	bool loose = flags & SEMVER_LOOSE;
	bool pre = version_take(t, '-') || (loose && version_is_alpha(version_peek(t)));
	if (pre)
		r = take_identifiers(t, flags, k, err);
	else
		version_put(k, RANK_RELEASE);
	if (r < 0)
		return r;
	bool ordered = flags & SEMVER_ORDER_BUILD;
	if (version_take(t, '+') || (loose && version_take(t, '.')))
		r = take_identifiers(t, flags | SEMVER_LOOSE, ordered ? k : NULL, err);
	else if (ordered)
		version_put(k, RANK_END);
	if (r == 0 && t->at < t->end)
		return error_set(err, -EINVAL, "\"%.*s\" is not allowed there",
		        (int)MIN(version_length(*t), 40), t->at);
	return r;
}

static int check_number(struct version_text digits, struct error *err)
{
	size_t n = version_length(digits), n_max = strlen(SEMVER_NUMBER_MAX);
	if (n > n_max || (n == n_max && memcmp(digits.at, SEMVER_NUMBER_MAX, n) > 0))
		return error_set(err, -EINVAL, "a number above " SEMVER_NUMBER_MAX);
	return 0;
}

static int take_numbers(
        struct version_text *t, bool strict, bool limited, struct version_key *k, struct error *err)
{
	for (int i = 0; i < 3; i++) {
		struct version_text digits = { t->at, t->at };
		if (i == 0 || version_take(t, '.'))
			digits = version_take_digits(t);
		size_t n = version_length(digits);
		bool missing = n == 0 && (strict || i == 0 || t->at < t->end);
		if (missing || (strict && n > 1 && *digits.at == '0'))
			return error_set(err, -EINVAL, "it is not MAJOR.MINOR.PATCH");
		if (limited && check_number(digits, err) < 0)
			return -EINVAL;
		version_put_number(k, digits);
	}
	return 0;
}

int version_semver_key(struct version_text t, struct version_key *ret, struct error *err)
{
	if (version_length(t) > SEMVER_MAX)
		return error_set(err, -EINVAL, "longer than %d bytes", SEMVER_MAX);
	version_take(&t, 'v');
	int r = take_numbers(&t, true, true, ret, err);
	return r < 0 ? r : version_put_semver_rest(&t, 0, ret, err);
}

int version_pub_key(struct version_text t, struct version_key *ret, struct error *err)
{
	version_take(&t, 'v');
	int r = take_numbers(&t, true, false, ret, err);
	return r < 0 ? r : version_put_semver_rest(&t, SEMVER_ORDER_BUILD, ret, err);
}

static int make_loose(struct version_text t, unsigned flags, struct version_key *ret, struct error *err)
{
	while (t.at < t.end && strchr("v= \t", *t.at))
		t.at++;
	int r = take_numbers(&t, false, false, ret, err);
	return r < 0 ? r : version_put_semver_rest(&t, flags | SEMVER_LOOSE, ret, err);
}

int version_semver_loose_key(struct version_text t, struct version_key *ret, struct error *err)
{
	return make_loose(t, 0, ret, err);
}

int version_pub_loose_key(struct version_text t, struct version_key *ret, struct error *err)
{
	return make_loose(t, SEMVER_ORDER_BUILD, ret, err);
}
