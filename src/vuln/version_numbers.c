/* SPDX-License-Identifier: ISC */
/*
 * Versions that are numbers alone: Haskell's package versioning policy (Data.Version: dots; 1.0 is older than
 * 1.0.0), R's package_version (dots and hyphens, likewise), nginx and whatever else VERS calls "intdot"
 * (likewise).
 *
 * Key: each number led by MORE, closed by END.
 */
#include "vuln/version_key.h"

enum { RANK_END = 0, RANK_MORE };

static int put_numbers(
        struct version_text t, const char *separators, struct version_key *k, struct error *err)
{
	for (;;) {
		struct version_text digits = version_take_digits(&t);
		if (version_length(digits) == 0)
			return error_set(err, -EINVAL, "a number is missing");
		version_put(k, RANK_MORE);
		version_put_number(k, digits);
		if (t.at == t.end)
			break;
		if (!strchr(separators, *t.at))
			return error_set(err, -EINVAL, "\"%.*s\" is not allowed there",
			        (int)MIN(version_length(t), 40), t.at);
		t.at++;
	}
	version_put(k, RANK_END);
	return 0;
}

int version_numbers_key(struct version_text t, struct version_key *ret, struct error *err)
{
	return put_numbers(t, ".", ret, err);
}

int version_cran_key(struct version_text t, struct version_key *ret, struct error *err)
{
	return put_numbers(t, ".-", ret, err);
}
