/* SPDX-License-Identifier: ISC */
/*
 * Packagist's versions in the order of PHP's version_compare(), which Composer uses: parts between . - _ +
 * and changes from digit to anything else. A part is a number or a word; words count by what they begin with:
 * any other < dev < alpha, a < beta, b < RC, rc < the end and any number < pl, p. A leading "v" does not
 * count.
 *
 * A part "#" equals every number and the end, so that PHP goes in circles about it; no version of Composer's
 * holds one, so it is invalid, and only version_packagist_compare() orders it.
 *
 * Key: the rank of each part, and of a number its value; closed by END.
 */
#include "vuln/version_key.h"

enum { RANK_OTHER = 1, RANK_DEV, RANK_ALPHA, RANK_BETA, RANK_RC, RANK_END, RANK_NUMBER, RANK_PATCH };

static const struct {
	const char *word;
	uint8_t rank;
} words[] = { { "dev", RANK_DEV }, { "alpha", RANK_ALPHA }, { "a", RANK_ALPHA }, { "beta", RANK_BETA },
	{ "b", RANK_BETA }, { "RC", RANK_RC }, { "rc", RANK_RC }, { "pl", RANK_PATCH }, { "p", RANK_PATCH } };

static bool is_separator(char c)
{
	return c == '.' || c == '-' || c == '_' || c == '+';
}

static uint8_t rank_of(struct version_text part)
{
	if (version_is_digit(*part.at))
		return RANK_NUMBER;
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		size_t n = strlen(words[i].word);
		if (version_length(part) >= n && memcmp(part.at, words[i].word, n) == 0)
			return words[i].rank;
	}
	return RANK_OTHER;
}

static void skip_v(struct version_text *t)
{
	if (version_to_lower(version_peek(t)) == 'v')
		t->at++;
}

/* The next part; false at the end. Parts are never empty. */
static bool take_part(struct version_text *t, struct version_text *ret)
{
	while (t->at < t->end && is_separator(*t->at))
		t->at++;
	if (t->at == t->end)
		return false;
	if (version_is_digit(*t->at)) {
		*ret = version_take_digits(t);
		return true;
	}
	ret->at = t->at;
	while (t->at < t->end && !version_is_digit(*t->at) && !is_separator(*t->at))
		t->at++;
	ret->end = t->at;
	return true;
}

int version_packagist_key(struct version_text t, struct version_key *ret, struct error *err)
{
	struct version_text part;
	skip_v(&t);
	for (const char *c = t.at; c < t.end; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '#')
			return error_set(err, -EINVAL, "white space, # or a control character");
	while (take_part(&t, &part)) {
		uint8_t rank = rank_of(part);
		version_put(ret, rank);
		if (rank == RANK_NUMBER)
			version_put_number(ret, part);
	}
	version_put(ret, RANK_END);
	return 0;
}

/* Between words and numbers, "#" and the end stand where numbers do. */
static int order_ranks(uint8_t a, uint8_t b)
{
	int x = a == RANK_NUMBER ? RANK_END : a, y = b == RANK_NUMBER ? RANK_END : b;
	return (x > y) - (x < y);
}

static int order_numbers(struct version_text a, struct version_text b)
{
	struct version_key x = { .length = 0 }, y = { .length = 0 };
	version_put_number(&x, a);
	version_put_number(&y, b);
	return version_key_order(&x, &y);
}

int version_packagist_compare(struct version_text a, struct version_text b)
{
	struct version_text x, y;
	skip_v(&a);
	skip_v(&b);
	for (;;) {
		bool more_a = take_part(&a, &x), more_b = take_part(&b, &y);
		if (!more_a && !more_b)
			return 0;
		bool hash_a = more_a && *x.at == '#', hash_b = more_b && *y.at == '#';
		uint8_t rank_a = more_a && !hash_a ? rank_of(x) : RANK_END;
		uint8_t rank_b = more_b && !hash_b ? rank_of(y) : RANK_END;
		int order = order_ranks(rank_a, rank_b);
		if (order == 0 && rank_a == RANK_NUMBER && rank_b == RANK_NUMBER)
			order = order_numbers(x, y);
		else if (order == 0 && !more_a && rank_b == RANK_NUMBER)
			order = -1;
		else if (order == 0 && !more_b && rank_a == RANK_NUMBER)
			order = 1;
		if (order)
			return order;
	}
}
