/* SPDX-License-Identifier: ISC */
/*
 * RPM versions, [epoch:]version[-release], in rpm's order (rpm-version(7)): runs of digits and runs of
 * letters, all else only separates; '~' sorts before the end, '^' after the end but before anything more; a
 * number is newer than letters. rpm itself takes any text; empty ones, white space and control characters are
 * invalid here.
 *
 * Key: epoch; version and release as tokens, each led by its rank, closed by END; no release is RELEASE_NONE.
 */
#include "vuln/version_key.h"

enum { RANK_TILDE = 1, RANK_END, RANK_CARET, RANK_ALPHA, RANK_NUMBER };
enum { RELEASE_NONE = 0, RELEASE_GIVEN };

static void put_part(struct version_key *k, struct version_text t)
{
	while (t.at < t.end) {
		if (version_take(&t, '~')) {
			version_put(k, RANK_TILDE);
		} else if (version_take(&t, '^')) {
			version_put(k, RANK_CARET);
		} else if (version_is_digit(*t.at)) {
			version_put(k, RANK_NUMBER);
			version_put_number(k, version_take_digits(&t));
		} else if (version_is_alpha(*t.at)) {
			version_put(k, RANK_ALPHA);
			for (; version_is_alpha(version_peek(&t)); t.at++)
				version_put(k, (uint8_t)*t.at);
			version_put(k, 0);
		} else {
			t.at++;
		}
	}
	version_put(k, RANK_END);
}

int version_rpm_key(struct version_text t, struct version_key *ret, struct error *err)
{
	struct version_text epoch;
	int r = version_take_epoch(&t, &epoch, err);
	if (r < 0)
		return r;
	const char *dash = memrchr(t.at, '-', version_length(t));
	version_put_number(ret, epoch);
	put_part(ret, (struct version_text){ t.at, dash ? dash : t.end });
	version_put(ret, dash ? RELEASE_GIVEN : RELEASE_NONE);
	if (dash)
		put_part(ret, (struct version_text){ dash + 1, t.end });
	return 0;
}
