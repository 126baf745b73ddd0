/* SPDX-License-Identifier: ISC */
/*
 * Alpine versions in the order of apk-tools 2.14 and 3: digit{.digit}...{letter}{_suffix{#}}...{~hash}{-r#}.
 * Where two versions differ in the kind of token, the kind decides: a pre-release suffix is older than the
 * end, the end older than a revision, then hash, suffix number, later suffix, letter, and one more number is
 * newest. Numbers after the first compare as text when one of them starts with zero. What `apk version
 * --check` refuses is invalid, except that digits may follow the letter ("6.6.2p1"), as in apk-tools up
 * to 2.12: Alpine has published such versions.
 *
 * apk up to 2.14 orders, in its way, what it does not allow: a number that is missing is older than any, what
 * begins no token is older than the end, and nothing after it counts.
 *
 * Key: each token led by its rank, closed by END.
 */
#include "vuln/version_key.h"

enum {
	RANK_INVALID = 0, /* these two in the loose order alone */
	RANK_EMPTY,
	RANK_PRE_SUFFIX,
	RANK_END,
	RANK_REVISION,
	RANK_HASH,
	RANK_SUFFIX_NUMBER,
	RANK_POST_SUFFIX,
	RANK_LETTER,
	RANK_NUMBER,
};

static const struct {
	const char *word;
	uint8_t rank;
} suffixes[] = { /* in their order */
	{ "alpha", RANK_PRE_SUFFIX }, { "beta", RANK_PRE_SUFFIX }, { "pre", RANK_PRE_SUFFIX },
	{ "rc", RANK_PRE_SUFFIX }, { "cvs", RANK_POST_SUFFIX }, { "svn", RANK_POST_SUFFIX },
	{ "git", RANK_POST_SUFFIX }, { "hg", RANK_POST_SUFFIX }, { "p", RANK_POST_SUFFIX }
};

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_hex(char c)
{
	return version_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Text that starts with zero sorts before every other number, and as text among its like. */
static void put_later_number(struct version_key *k, struct version_text digits)
{
	version_put(k, RANK_NUMBER);
	if (*digits.at != '0') {
		version_put(k, 1);
		version_put_number(k, digits);
		return;
	}
	version_put(k, 0);
	version_put_text(k, digits);
	version_put(k, 0);
}

/* The word after "_" and its number. */
static bool take_suffix(struct version_text *t, struct version_key *k)
{
	struct version_text word = { t->at, t->at };
	while (word.end < t->end && is_lower(*word.end))
		word.end++;
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		size_t n = strlen(suffixes[i].word);
		if (n != version_length(word) || memcmp(word.at, suffixes[i].word, n) != 0)
			continue;
		t->at = word.end;
		version_put(k, suffixes[i].rank);
		version_put(k, (uint8_t)i);
		struct version_text digits = version_take_digits(t);
		if (version_length(digits) > 0) {
			version_put(k, RANK_SUFFIX_NUMBER);
			version_put_number(k, digits);
		}
		return true;
	}
	return false;
}

static bool take_hash(struct version_text *t, struct version_key *k)
{
	if (!is_hex(version_peek(t)))
		return false;
	version_put(k, RANK_HASH);
	for (; is_hex(version_peek(t)); t->at++)
		version_put(k, (uint8_t)*t->at);
	version_put(k, 0);
	return true;
}

/* digit{.digit}...{letter{digit}} */
static bool take_numbers(struct version_text *t, struct version_key *k)
{
	struct version_text digits = version_take_digits(t);
	if (version_length(digits) == 0)
		return false;
	version_put_number(k, digits);
	while (version_take(t, '.')) {
		digits = version_take_digits(t);
		if (version_length(digits) == 0)
			return false;
		put_later_number(k, digits);
	}
	if (is_lower(version_peek(t))) {
		version_put(k, RANK_LETTER);
		version_put(k, (uint8_t)*t->at++);
		digits = version_take_digits(t);
		if (version_length(digits) > 0)
			put_later_number(k, digits);
	}
	return true;
}

int version_apk_key(struct version_text t, struct version_key *ret, struct error *err)
{
	if (!take_numbers(&t, ret))
		return error_set(err, -EINVAL, "a number is missing");
	while (version_take(&t, '_'))
		if (!take_suffix(&t, ret))
			return error_set(err, -EINVAL, "a suffix that is not known");
	if (version_take(&t, '~') && !take_hash(&t, ret))
		return error_set(err, -EINVAL, "the commit hash is empty");
	if (version_take(&t, '-')) {
		struct version_text digits = { NULL, NULL };
		if (version_take(&t, 'r'))
			digits = version_take_digits(&t);
		if (version_length(digits) == 0)
			return error_set(err, -EINVAL, "the revision is not r and a number");
		version_put(ret, RANK_REVISION);
		version_put_number(ret, digits);
	}
	if (t.at < t.end)
		return error_set(
		        err, -EINVAL, "\"%.*s\" is not allowed there", (int)MIN(version_length(t), 40), t.at);
	version_put(ret, RANK_END);
	return 0;
}

/* "-r" without a number is "-r0" where nothing or another hyphen follows. */
static bool take_loose_revision(struct version_text *t, struct version_key *k)
{
	struct version_text rest = *t;
	if (!version_take(&rest, 'r') || version_is_alpha(version_peek(&rest)))
		return false;
	version_put(k, RANK_REVISION);
	version_put_number(k, version_take_digits(&rest));
	*t = rest;
	return true;
}

static bool take_loose_token(struct version_text *t, struct version_key *k)
{
	char c = *t->at++;
	if (c == '_')
		return take_suffix(t, k);
	if (c == '-')
		return take_loose_revision(t, k);
	if (c == '~')
		return take_hash(t, k);
	if (c != '.' && !version_is_alpha(c))
		return false;
	if (c != '.') {
		version_put(k, RANK_LETTER);
		version_put(k, (uint8_t)c);
	}
	struct version_text digits = version_take_digits(t);
	if (version_length(digits) > 0)
		put_later_number(k, digits);
	else if (c == '.')
		version_put(k, RANK_EMPTY);
	return true;
}

int version_apk_loose_key(struct version_text t, struct version_key *ret, struct error *err)
{
	version_put_number(ret, version_take_digits(&t));
	while (t.at < t.end)
		if (!take_loose_token(&t, ret)) {
			version_put(ret, RANK_INVALID);
			return 0;
		}
	version_put(ret, RANK_END);
	return 0;
}
