/* SPDX-License-Identifier: ISC */
/*
 * Maven versions (POM reference, "Version Order Specification"): tokens between dots, hyphens and changes
 * from digit to letter, which count as hyphens; a token has the prefix that stood before it. Null tokens (0,
 * "", final, ga, release) at the end and before a hyphen do not count. What one version has more is compared
 * with null tokens of the same prefix: alpha, beta, milestone, rc and snapshot are older than these, all else
 * is newer.
 *
 * Maven goes in circles where ".0" comes before a word: 1.0.rc1 < 1 < 1-1 < 1.0.rc1. version_maven_compare()
 * is Maven's own comparison; in the order of the keys the word decides, so that a pre-release is never taken
 * for the release.
 *
 * Key: tokens led by their rank, closed by END. What is older than the end because of a word, behind any
 * number of
 * ".0", leads with the count of these; a word with a dot is older than one with a hyphen.
 */
#include "vuln/version_key.h"

enum {
	RANK_OLDER_WORD = 0,
	RANK_END,
	RANK_DOT_WORD,
	RANK_HYPHEN_WORD,
	RANK_HYPHEN_NUMBER,
	RANK_ZERO,
	RANK_NUMBER
};
enum { WORD_ALPHA = 0, WORD_BETA, WORD_MILESTONE, WORD_RC, WORD_SNAPSHOT, WORD_NULL, WORD_SP, WORD_OTHER };

struct token {
	bool hyphen, number;
	uint8_t word; /* where it is no number */
	struct version_text text;
};

static const struct {
	const char *text;
	uint8_t word;
	bool before_digit; /* only there is it short for that */
} words[] = { { "alpha", WORD_ALPHA, false }, { "beta", WORD_BETA, false },
	{ "milestone", WORD_MILESTONE, false }, { "rc", WORD_RC, false }, { "cr", WORD_RC, false },
	{ "snapshot", WORD_SNAPSHOT, false }, { "final", WORD_NULL, false }, { "ga", WORD_NULL, false },
	{ "release", WORD_NULL, false }, { "sp", WORD_SP, false }, { "a", WORD_ALPHA, true },
	{ "b", WORD_BETA, true }, { "m", WORD_MILESTONE, true } };

static uint8_t word_of(struct version_text text, bool before_digit)
{
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (version_is_word(text, words[i].text) && (before_digit || !words[i].before_digit))
			return words[i].word;
	return WORD_OTHER;
}

/* An empty token is 0. hyphen: the one before ended where a digit met a letter. */
static bool take_token(struct version_text *t, bool first, struct token *ret)
{
	if (t->at >= t->end)
		return false;
	char c = *t->at;
	bool separated = !first && (c == '.' || c == '-');
	*ret = (struct token){ .hyphen = !first && c != '.', .number = true };
	if (separated)
		t->at++;
	ret->text.at = ret->text.end = t->at;
	if (version_is_digit(version_peek(t))) {
		ret->text = version_take_digits(t);
		return true;
	}
	while (t->at < t->end && *t->at != '.' && *t->at != '-' && !version_is_digit(*t->at))
		t->at++;
	ret->text.end = t->at;
	if (version_length(ret->text) > 0) {
		ret->number = false;
		ret->word = word_of(ret->text, version_is_digit(version_peek(t)));
	}
	return true;
}

static bool is_null(const struct token *token)
{
	if (!token->number)
		return token->word == WORD_NULL;
	for (const char *c = token->text.at; c < token->text.end; c++)
		if (*c != '0')
			return false;
	return true;
}

static bool is_older(const struct token *token)
{
	return !token->number && token->word < WORD_NULL;
}

/* At most one token a byte. */
static size_t take_tokens(struct version_text t, struct token tokens[VERSION_MAX])
{
	size_t n = 0;
	struct token token;
	while (n < VERSION_MAX && take_token(&t, n == 0, &token)) {
		if (token.hyphen)
			while (n > 1 && is_null(&tokens[n - 1]))
				n--;
		tokens[n++] = token;
	}
	while (n > 1 && is_null(&tokens[n - 1]))
		n--;
	return n;
}

/* zeros: of the ".0" before it. */
static void put_token(struct version_key *k, const struct token *token, size_t zeros)
{
	if (is_older(token)) {
		version_put(k, RANK_OLDER_WORD);
		version_put_count(k, token->hyphen ? 1 : zeros ? zeros + 1 : 0);
		version_put(k, token->word);
		return;
	}
	for (; zeros > 0; zeros--)
		version_put(k, RANK_ZERO);
	if (token->number) {
		version_put(k, token->hyphen ? RANK_HYPHEN_NUMBER : RANK_NUMBER);
		version_put_number(k, token->text);
		return;
	}
	version_put(k, token->hyphen ? RANK_HYPHEN_WORD : RANK_DOT_WORD);
	version_put(k, token->word);
	if (token->word == WORD_OTHER)
		version_put_lower(k, token->text);
}

int version_maven_key(struct version_text t, struct version_key *ret, struct error *err)
{
	NOT_CLEARED struct token tokens[VERSION_MAX];
	int r = version_check_visible(t, err);
	if (r < 0)
		return r;
	size_t n = take_tokens(t, tokens), zeros = 0;
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && !tokens[i].hyphen && is_null(&tokens[i])) {
			zeros++;
			continue;
		}
		put_token(ret, &tokens[i], zeros);
		zeros = 0;
	}
	version_put(ret, RANK_END);
	return 0;
}

static int order_texts(struct version_text a, struct version_text b)
{
	for (; a.at < a.end && b.at < b.end; a.at++, b.at++)
		if (version_to_lower(*a.at) != version_to_lower(*b.at))
			return (unsigned char)version_to_lower(*a.at) < (unsigned char)version_to_lower(*b.at)
			        ? -1
			        : 1;
	return (a.at < a.end) - (b.at < b.end);
}

static int order_numbers(struct version_text a, struct version_text b)
{
	while (version_take(&a, '0'))
		;
	while (version_take(&b, '0'))
		;
	size_t n = version_length(a), m = version_length(b);
	return n != m ? (n > m) - (n < m) : order_texts(a, b);
}

/* ".word" < "-word" < "-number" < ".number" */
static int prefix_rank(const struct token *t)
{
	return t->number ? (t->hyphen ? 2 : 3) : t->hyphen;
}

static int order_tokens(const struct token *a, const struct token *b)
{
	int x = prefix_rank(a), y = prefix_rank(b);
	if (x != y)
		return (x > y) - (x < y);
	if (a->number)
		return order_numbers(a->text, b->text);
	if (a->word != b->word)
		return a->word < b->word ? -1 : 1;
	return a->word == WORD_OTHER ? order_texts(a->text, b->text) : 0;
}

/* How a token stands to nothing. */
static int order_with_end(const struct token *t)
{
	if (t->number)
		return t->hyphen || !is_null(t);
	return (t->word > WORD_NULL) - (t->word < WORD_NULL);
}

int version_maven_compare(struct version_text a, struct version_text b)
{
	NOT_CLEARED struct token x[VERSION_MAX], y[VERSION_MAX];
	size_t n = take_tokens(a, x), m = take_tokens(b, y);
	for (size_t i = 0; i < n || i < m; i++) {
		int order = i >= m ? order_with_end(&x[i])
		        : i >= n   ? -order_with_end(&y[i])
		                   : order_tokens(&x[i], &y[i]);
		if (order)
			return order;
	}
	return 0;
}
