/* SPDX-License-Identifier: ISC */
/*
 * NuGet versions: Semantic Versioning 2.0.0 with one to four numbers, leading zeros, and pre-release
 * identifiers without regard to case. What is missing of the four numbers is 0; build metadata does not
 * order.
 *
 * Key: four numbers, then the pre-release as in version_semver.c.
 */
#include "vuln/version_key.h"

#define NUMBERS 4

int version_nuget_key(struct version_text t, struct version_key *ret, struct error *err)
{
	struct version_text none = { NULL, NULL };
	size_t n = 0;
	do {
		struct version_text digits = version_take_digits(&t);
		if (version_length(digits) == 0)
			return error_set(err, -EINVAL, "a number is missing");
		if (n++ == NUMBERS)
			return error_set(err, -EINVAL, "more than four numbers");
		version_put_number(ret, digits);
	} while (version_take(&t, '.'));
	for (; n < NUMBERS; n++)
		version_put_number(ret, none);
	return version_put_semver_rest(&t, SEMVER_FOLD_CASE, ret, err);
}
