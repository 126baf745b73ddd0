/* SPDX-License-Identifier: ISC */
/*
 * Semantic Versioning 2.0.0, section 11, as npm, Go and Cargo use it:
 * MAJOR.MINOR.PATCH[-pre-release][+build], with the leading "v" that Go writes and npm takes. Build metadata
 * does not order. As in npm, the three numbers are at most 2^53-1 and the whole at most 256 bytes.
 *
 * Key: three numbers; pre-release identifiers led by their rank and closed by END, or RELEASE, which is
 * newer.
 */
#include "vuln/version_key.h"

#define SEMVER_MAX 256
#define SEMVER_NUMBER_MAX "9007199254740991"

enum { RANK_END = 0, RANK_NUMBER, RANK_TEXT, RANK_RELEASE };

static bool is_identifier(char c)
{
	return version_is_digit(c) || version_is_alpha(c) || c == '-';
}

static bool take_number(struct version_text *t, struct version_key *k, struct error *err)
{
	struct version_text digits = version_take_digits(t);
	size_t n = version_length(digits), n_max = strlen(SEMVER_NUMBER_MAX);
	if (n == 0 || (n > 1 && *digits.at == '0')) {
		error_set(err, -EINVAL, "it is not MAJOR.MINOR.PATCH");
		return false;
	}
	if (n > n_max || (n == n_max && memcmp(digits.at, SEMVER_NUMBER_MAX, n) > 0)) {
		error_set(err, -EINVAL, "a number above " SEMVER_NUMBER_MAX);
		return false;
	}
	version_put_number(k, digits);
	return true;
}

/* One dot-separated identifier; k is NULL for build metadata, where leading zeros are fine too. */
static int take_identifier(struct version_text *t, struct version_key *k, struct error *err)
{
	struct version_text id = { t->at, t->at };
	bool number = true;
	for (; id.end < t->end && is_identifier(*id.end); id.end++)
		number = number && version_is_digit(*id.end);
	t->at = id.end;
	if (version_length(id) == 0)
		return error_set(err, -EINVAL, "an identifier is empty");
	if (!k)
		return 0;
	if (number && version_length(id) > 1 && *id.at == '0')
		return error_set(err, -EINVAL, "a pre-release number with a leading zero");
	version_put(k, number ? RANK_NUMBER : RANK_TEXT);
	if (number) {
		version_put_number(k, id);
	} else {
		version_put_text(k, id);
		version_put(k, 0);
	}
	return 0;
}

static int take_identifiers(struct version_text *t, struct version_key *k, struct error *err)
{
	int r;
	do {
		r = take_identifier(t, k, err);
	} while (r == 0 && version_take(t, '.'));
	return r;
}

int version_semver_key(struct version_text t, struct version_key *ret, struct error *err)
{
	if (version_length(t) > SEMVER_MAX)
		return error_set(err, -EINVAL, "longer than %d bytes", SEMVER_MAX);
	version_take(&t, 'v');
	for (int i = 0; i < 3; i++) {
		if (i > 0 && !version_take(&t, '.'))
			return error_set(err, -EINVAL, "it is not MAJOR.MINOR.PATCH");
		if (!take_number(&t, ret, err))
			return -EINVAL;
	}
	if (version_take(&t, '-')) {
		int r = take_identifiers(&t, ret, err);
		if (r < 0)
			return r;
		version_put(ret, RANK_END);
	} else {
		version_put(ret, RANK_RELEASE);
	}
	if (version_take(&t, '+')) {
		int r = take_identifiers(&t, NULL, err);
		if (r < 0)
			return r;
	}
	if (t.at < t.end)
		return error_set(
		        err, -EINVAL, "\"%.*s\" is not allowed there", (int)MIN(version_length(t), 40), t.at);
	return 0;
}
