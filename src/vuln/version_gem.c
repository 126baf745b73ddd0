/* SPDX-License-Identifier: ISC */
/*
 * RubyGems versions, Gem::Version: runs of digits and runs of letters, all else separates. A run of letters
 * makes a pre-release: it is older than any number, and so than the zeros that stand for what is missing.
 * Zeros at the end and before the first letters do not count; "-" is ".pre.".
 *
 * A version is so an endless row of words and numbers that ends in zeros. Key: what differs from zero, with
 * the count of zeros before it; words, then END, then numbers, those behind fewer zeros being newer.
 */
#include "vuln/version_key.h"

enum { RANK_WORD = 1, RANK_END, RANK_NUMBER };

struct gem {
	struct version_key *key;
	size_t zeros;
	bool has_word;
};

static void put_word(struct gem *g, struct version_text word)
{
	version_put(g->key, RANK_WORD);
	version_put_count(g->key, g->has_word ? g->zeros : 0);
	version_put_text(g->key, word);
	version_put(g->key, 0);
	g->zeros = 0;
	g->has_word = true;
}

static void put_digits(struct gem *g, struct version_text digits)
{
	struct version_text rest = digits;
	while (version_take(&rest, '0'))
		;
	if (version_length(rest) == 0) {
		g->zeros++;
		return;
	}
	version_put(g->key, RANK_NUMBER);
	version_put_count_down(g->key, g->zeros);
	version_put_number(g->key, digits);
	g->zeros = 0;
}

int version_gem_key(struct version_text t, struct version_key *ret, struct error *err)
{
	static const char pre[] = "pre";
	struct gem g = { .key = ret };
	if (!version_is_digit(version_peek(&t)))
		return error_set(err, -EINVAL, "it does not start with a digit");
	while (t.at < t.end) {
		if (version_is_digit(*t.at)) {
			put_digits(&g, version_take_digits(&t));
		} else if (version_is_alpha(*t.at)) {
			put_word(&g, version_take_letters(&t));
		} else if (*t.at == '.' || *t.at == '-') {
			bool hyphen = *t.at++ == '-';
			if (t.at == t.end || *t.at == '.')
				return error_set(err, -EINVAL, "a part is empty");
			if (hyphen)
				put_word(&g, (struct version_text){ pre, pre + 3 });
		} else {
			return error_set(err, -EINVAL, "a character that is not allowed in a version");
		}
	}
	version_put(ret, RANK_END);
	return 0;
}
