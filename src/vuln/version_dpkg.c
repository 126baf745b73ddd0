/* SPDX-License-Identifier: ISC */
/*
 * Debian versions, [epoch:]upstream[-revision], Debian Policy 5.6.12 and dpkg's order: each part alternates
 * between non-digits and numbers; among non-digits '~' sorts before the end, letters before everything else.
 * What `dpkg --validate-version` complains about is invalid.
 *
 * Key: epoch number; then for upstream and revision: (non-digits, END, number)..., END. A missing revision
 * is an empty one, which equals "0".
 */
#include "vuln/version_key.h"

#define EPOCH_MAX "2147483647" /* dpkg keeps it in an int */

enum { WEIGHT_TILDE = 1, WEIGHT_END = 2, WEIGHT_OTHER = 128 };

/* '~' < end < letters < the rest; letters keep their code, which is above WEIGHT_END. */
static uint8_t weight(char c)
{
	if (c == '~')
		return WEIGHT_TILDE;
	return version_is_alpha(c) ? (uint8_t)c : (uint8_t)(c + WEIGHT_OTHER);
}

static bool is_allowed(char c, const char *others)
{
	return version_is_digit(c) || version_is_alpha(c) || (c && strchr(others, c));
}

static int put_part(struct version_key *k, struct version_text t, const char *others)
{
	do {
		for (; t.at < t.end && !version_is_digit(*t.at); t.at++) {
			if (!is_allowed(*t.at, others))
				return -EINVAL;
			version_put(k, weight(*t.at));
		}
		version_put(k, WEIGHT_END);
		version_put_number(k, version_take_digits(&t));
	} while (t.at < t.end);
	version_put(k, WEIGHT_END);
	return 0;
}

static int take_epoch(struct version_text *t, struct version_key *k, struct error *err)
{
	const char *colon = memchr(t->at, ':', version_length(*t));
	if (!colon) {
		version_put(k, 0);
		return 0;
	}
	bool negative = version_take(t, '-'); /* dpkg reads the epoch with strtol() */
	if (!negative)
		version_take(t, '+');
	struct version_text epoch = version_take_digits(t);
	if (version_length(epoch) == 0 || t->at != colon)
		return error_set(err, -EINVAL, "the epoch is not a number");
	t->at = colon + 1;
	while (epoch.at < epoch.end && *epoch.at == '0')
		epoch.at++;
	size_t n = version_length(epoch), n_max = strlen(EPOCH_MAX);
	if (n > n_max || (n == n_max && memcmp(epoch.at, EPOCH_MAX, n) > 0) || (negative && n > 0))
		return error_set(err, -EINVAL, "the epoch is not within 0 to " EPOCH_MAX);
	version_put_number(k, epoch);
	return 0;
}

int version_dpkg_key(struct version_text t, struct version_key *ret, struct error *err)
{
	int r = take_epoch(&t, ret, err);
	if (r < 0)
		return r;
	const char *dash = memrchr(t.at, '-', version_length(t));
	struct version_text upstream = { t.at, dash ? dash : t.end };
	struct version_text revision = { dash ? dash + 1 : t.end, t.end };
	if (dash && version_length(revision) == 0)
		return error_set(err, -EINVAL, "the revision is empty");
	if (!version_is_digit(version_peek(&upstream)))
		return error_set(err, -EINVAL, "it does not start with a digit");
	if (put_part(ret, upstream, ".-+~:") < 0)
		return error_set(err, -EINVAL, "a character that is not allowed in a version");
	if (put_part(ret, revision, ".+~") < 0)
		return error_set(err, -EINVAL, "a character that is not allowed in a revision");
	return 0;
}
