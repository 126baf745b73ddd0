/* SPDX-License-Identifier: ISC */
/*
 * OpenSSL's versions. Up to 1.1.1: three numbers and the letters of a fix release, which compare as text
 * (1.0.2za is newer than 1.0.2z); since 3.0.0 Semantic Versioning. Pre-releases are "-dev", "-alpha1",
 * "-beta2", "-pre3".
 *
 * Key: the numbers; the letters; PRE_GIVEN, word and number, or PRE_NONE.
 */
#include "vuln/version_key.h"

enum { RANK_END = 0, RANK_MORE };
enum { PRE_GIVEN = 0, PRE_NONE };

static const char *const pre_words[] = { "dev", "alpha", "beta", "pre", "rc" }; /* in their order */

static bool take_pre(struct version_text *t, struct version_key *k)
{
	struct version_text word = version_take_letters(t);
	for (size_t i = 0; i < ARRAY_LENGTH(pre_words); i++)
		if (version_is_word(word, pre_words[i])) {
			version_put(k, (uint8_t)i);
			version_put_number(k, version_take_digits(t));
			return true;
		}
	return false;
}

int version_openssl_key(struct version_text t, struct version_key *ret, struct error *err)
{
	do {
		struct version_text digits = version_take_digits(&t);
		if (version_length(digits) == 0)
			return error_set(err, -EINVAL, "a number is missing");
		version_put(ret, RANK_MORE);
		version_put_number(ret, digits);
	} while (version_take(&t, '.'));
	version_put(ret, RANK_END);
	version_put_lower(ret, version_take_letters(&t));
	if (version_take(&t, '-')) {
		version_put(ret, PRE_GIVEN);
		if (!take_pre(&t, ret))
			return error_set(
			        err, -EINVAL, "a pre-release that is none of dev, alpha, beta, pre and rc");
	} else {
		version_put(ret, PRE_NONE);
	}
	if (t.at < t.end)
		return error_set(
		        err, -EINVAL, "\"%.*s\" is not allowed there", (int)MIN(version_length(t), 40), t.at);
	return 0;
}
