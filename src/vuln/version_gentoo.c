/* SPDX-License-Identifier: ISC */
/*
 * Gentoo versions (Package Manager Specification, 3.2 and 3.3): N{.N}...[a-z]{_suffix[N]}...[-rN]. Numbers
 * after the first that begin with zero compare as text without their trailing zeros, and are older than all
 * others; one more number is newer than a letter.
 *
 * Key: the numbers, each led by MORE, closed by END; the letter or 0; the suffixes by rank with their
 * numbers, closed by NONE, which lies between rc and p; the revision.
 */
#include "vuln/version_key.h"

enum { RANK_END = 0, RANK_MORE };
enum { SUFFIX_ALPHA = 0, SUFFIX_BETA, SUFFIX_PRE, SUFFIX_RC, SUFFIX_NONE, SUFFIX_P };

static const struct {
	const char *word;
	uint8_t rank;
} suffixes[] = { { "alpha", SUFFIX_ALPHA }, { "beta", SUFFIX_BETA }, { "pre", SUFFIX_PRE },
	{ "rc", SUFFIX_RC }, { "p", SUFFIX_P } };

static void put_later_number(struct version_key *k, struct version_text digits)
{
	bool as_text = *digits.at == '0';
	version_put(k, RANK_MORE);
	version_put(k, !as_text);
	if (!as_text) {
		version_put_number(k, digits);
		return;
	}
	while (digits.end > digits.at && digits.end[-1] == '0')
		digits.end--;
	version_put_text(k, digits);
	version_put(k, 0);
}

static bool take_suffix(struct version_text *t, struct version_key *k)
{
	struct version_text word = version_take_letters(t);
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++)
		if (version_length(word) == strlen(suffixes[i].word) &&
		        memcmp(word.at, suffixes[i].word, version_length(word)) == 0) {
			version_put(k, suffixes[i].rank);
			version_put_number(k, version_take_digits(t));
			return true;
		}
	return false;
}

static int take_numbers(struct version_text *t, struct version_key *k, struct error *err)
{
	struct version_text digits = version_take_digits(t);
	if (version_length(digits) == 0)
		return error_set(err, -EINVAL, "it does not start with a digit");
	version_put_number(k, digits);
	while (version_take(t, '.')) {
		digits = version_take_digits(t);
		if (version_length(digits) == 0)
			return error_set(err, -EINVAL, "a number is missing");
		put_later_number(k, digits);
	}
	version_put(k, RANK_END);
	return 0;
}

int version_gentoo_key(struct version_text t, struct version_key *ret, struct error *err)
{
	struct version_text revision = { NULL, NULL };
	int r = take_numbers(&t, ret, err);
	if (r < 0)
		return r;
	char letter = version_peek(&t);
	bool has_letter = letter >= 'a' && letter <= 'z';
	version_put(ret, has_letter ? (uint8_t)letter : 0);
	t.at += has_letter;
	while (version_take(&t, '_'))
		if (!take_suffix(&t, ret))
			return error_set(err, -EINVAL, "a suffix that is not known");
	version_put(ret, SUFFIX_NONE);
	if (version_take(&t, '-')) {
		if (version_take(&t, 'r'))
			revision = version_take_digits(&t);
		if (version_length(revision) == 0)
			return error_set(err, -EINVAL, "the revision is not r and a number");
	}
	version_put_number(ret, revision);
	if (t.at < t.end)
		return error_set(
		        err, -EINVAL, "\"%.*s\" is not allowed there", (int)MIN(version_length(t), 40), t.at);
	return 0;
}
