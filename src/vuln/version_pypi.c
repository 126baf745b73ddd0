/* SPDX-License-Identifier: ISC */
/*
 * Python versions, PEP 440 with its normalisations: [N!]N(.N)*[{a|b|rc}N][.postN][.devN][+local]. Versions
 * that are not PEP 440 ("legacy") are invalid, as in packaging 22 and pip.
 * Those have an order of old, older than every version of PEP 440 (packaging up to 21, LegacyVersion): parts
 * of digits, letters, dots and hyphens as texts, of which words make a pre-release or count as final.
 *
 * Key: epoch; release numbers without trailing zeros; then pre, post, dev and local, each led by its rank. A
 * lone
 * ".dev" sorts before "a", no pre-release after "rc", no post before post, no dev after dev, no local before
 * local.
 */
#include "vuln/version_key.h"

enum { PRE_DEV_ONLY = 1, PRE_ALPHA, PRE_BETA, PRE_RC, PRE_NONE };
enum { POST_NONE = 0, POST_GIVEN };
enum { DEV_GIVEN = 0, DEV_NONE };
enum { SEGMENT_END = 0, SEGMENT_TEXT, SEGMENT_NUMBER };

struct word {
	const char *text;
	uint8_t rank;
};

/* The longer of two words with one beginning comes first. */
static const struct word pre_words[] = { { "alpha", PRE_ALPHA }, { "a", PRE_ALPHA }, { "beta", PRE_BETA },
	{ "b", PRE_BETA }, { "preview", PRE_RC }, { "pre", PRE_RC }, { "rc", PRE_RC }, { "c", PRE_RC },
	{ NULL, 0 } };
static const struct word post_words[] = { { "post", POST_GIVEN }, { "rev", POST_GIVEN }, { "r", POST_GIVEN },
	{ NULL, 0 } };
static const struct word dev_words[] = { { "dev", DEV_GIVEN }, { NULL, 0 } };

static void take_separator(struct version_text *t)
{
	char c = version_peek(t);
	if (c == '-' || c == '_' || c == '.')
		t->at++;
}

static bool take_word(struct version_text *t, const char *word)
{
	size_t n = strlen(word);
	if (version_length(*t) < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (version_to_lower(t->at[i]) != word[i])
			return false;
	t->at += n;
	return true;
}

/* [separator]word[separator][N]; leaves t alone where none of the words is next. */
static const struct word *take_phase(
        struct version_text *t, const struct word *words, struct version_text *ret_number)
{
	struct version_text rest = *t;
	take_separator(&rest);
	for (; words->text; words++) {
		if (!take_word(&rest, words->text))
			continue;
		take_separator(&rest);
		*ret_number = version_take_digits(&rest);
		*t = rest;
		return words;
	}
	return NULL;
}

static bool take_release(struct version_text *t, struct version_key *k)
{
	struct version_text first = *t, digits = version_take_digits(t);
	if (version_length(digits) == 0)
		return false;
	if (version_take(t, '!')) {
		version_put_number(k, digits);
		first = *t;
		if (version_length(version_take_digits(t)) == 0)
			return false;
	} else {
		version_put(k, 0);
	}
	while (version_peek(t) == '.' && t->at + 1 < t->end && version_is_digit(t->at[1])) {
		t->at++;
		version_take_digits(t);
	}
	first.end = t->at;
	while (first.end > first.at && first.end[-1] == '0') {
		/* A zero counts as trailing only if its whole number is zeros. */
		const char *zeros = first.end;
		while (zeros > first.at && zeros[-1] == '0')
			zeros--;
		if (zeros > first.at && zeros[-1] != '.')
			break;
		first.end = zeros > first.at ? zeros - 1 : zeros;
	}
	while (first.at < first.end) {
		version_put(k, 1);
		version_put_number(k, version_take_digits(&first));
		version_take(&first, '.');
	}
	version_put(k, 0);
	return true;
}

/* Post-release: also the implicit "1.0-1". */
static bool take_post(struct version_text *t, struct version_text *ret_number)
{
	if (version_peek(t) == '-' && t->at + 1 < t->end && version_is_digit(t->at[1])) {
		t->at++;
		*ret_number = version_take_digits(t);
		return true;
	}
	return take_phase(t, post_words, ret_number) != NULL;
}

static bool take_local(struct version_text *t, struct version_key *k)
{
	do {
		struct version_text segment = { t->at, t->at };
		bool number = true;
		for (; segment.end < t->end &&
		        (version_is_digit(*segment.end) || version_is_alpha(*segment.end));
		        segment.end++)
			number = number && version_is_digit(*segment.end);
		if (version_length(segment) == 0)
			return false;
		t->at = segment.end;
		version_put(k, number ? SEGMENT_NUMBER : SEGMENT_TEXT);
		if (number) {
			version_put_number(k, segment);
			continue;
		}
		for (; segment.at < segment.end; segment.at++)
			version_put(k, (uint8_t)version_to_lower(*segment.at));
		version_put(k, 0);
	} while (version_take(t, '.') || version_take(t, '-') || version_take(t, '_'));
	return true;
}

int version_pypi_key(struct version_text t, struct version_key *ret, struct error *err)
{
	if (version_to_lower(version_peek(&t)) == 'v')
		t.at++;
	if (!take_release(&t, ret))
		return error_set(err, -EINVAL, "no release number");
	struct version_text pre_number, post_number, dev_number;
	const struct word *pre = take_phase(&t, pre_words, &pre_number);
	bool post = take_post(&t, &post_number);
	bool dev = take_phase(&t, dev_words, &dev_number) != NULL;
	if (pre) {
		version_put(ret, pre->rank);
		version_put_number(ret, pre_number);
	} else {
		version_put(ret, !post && dev ? PRE_DEV_ONLY : PRE_NONE);
	}
	version_put(ret, post ? POST_GIVEN : POST_NONE);
	if (post)
		version_put_number(ret, post_number);
	version_put(ret, dev ? DEV_GIVEN : DEV_NONE);
	if (dev)
		version_put_number(ret, dev_number);
	if (version_take(&t, '+') && !take_local(&t, ret))
		return error_set(err, -EINVAL, "an empty part in the local version");
	version_put(ret, SEGMENT_END);
	if (t.at < t.end)
		return error_set(
		        err, -EINVAL, "\"%.*s\" is not allowed there", (int)MIN(version_length(t), 40), t.at);
	return 0;
}

#define LEGACY_MAX 256 /* bytes; a part takes up to nine bytes of key for one of its own */
#define LEGACY_PARTS_MAX (LEGACY_MAX + 1)
#define LEGACY_DIGITS 8

/* "final-" is what a hyphen counts as, "final" what the end does; words are marked with a star. */
struct legacy_part {
	struct version_text text;
	bool number;
};
static const char final_text[] = "final-";

static struct legacy_part legacy_word(const char *text)
{
	return (struct legacy_part){ .text = { text, text + strlen(text) } };
}

static bool is_zero(const struct legacy_part *part)
{
	struct version_text t = part->text;
	while (version_take(&t, '0'))
		;
	return part->number && version_length(t) == 0 && version_length(part->text) <= LEGACY_DIGITS;
}

static bool is_before_final(struct version_text t)
{
	const char *f = "final";
	for (; t.at < t.end && *f; t.at++, f++)
		if (version_to_lower(*t.at) != *f)
			return version_to_lower(*t.at) < *f;
	return *f != '\0' && t.at == t.end;
}

/* A word that is older than the end drops hyphens before it, and every word the zeros before it. */
static size_t add_legacy_part(struct legacy_part *parts, size_t n, struct legacy_part part)
{
	if (!part.number && is_before_final(part.text))
		while (n > 0 && parts[n - 1].text.at == final_text)
			n--;
	if (!part.number)
		while (n > 0 && is_zero(&parts[n - 1]))
			n--;
	parts[n] = part;
	return n + 1;
}

static struct legacy_part take_legacy_part(struct version_text *t)
{
	static const struct {
		const char *word, *stands_for;
	} words[] = { { "pre", "c" }, { "preview", "c" }, { "rc", "c" }, { "dev", "@" } };
	if (version_is_digit(*t->at))
		return (struct legacy_part){ .text = version_take_digits(t), .number = true };
	if (version_take(t, '-'))
		return legacy_word(final_text);
	struct legacy_part part = { .text = version_take_letters(t) };
	if (version_length(part.text) == 0)
		while (t->at < t->end && !version_is_digit(*t->at) && !version_is_alpha(*t->at) &&
		        *t->at != '.' && *t->at != '-')
			part.text.end = ++t->at;
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (version_is_word(part.text, words[i].word))
			return legacy_word(words[i].stands_for);
	return part;
}

int version_pypi_loose_key(struct version_text t, struct version_key *ret, struct error *err)
{
	NOT_CLEARED struct legacy_part parts[LEGACY_PARTS_MAX];
	size_t n = 0;
	if (version_length(t) > LEGACY_MAX)
		return error_set(err, -EINVAL, "a legacy version longer than %d bytes", LEGACY_MAX);
	while (t.at < t.end)
		if (!version_take(&t, '.'))
			n = add_legacy_part(parts, n, take_legacy_part(&t));
	n = add_legacy_part(parts, n, legacy_word("final"));
	for (int i = 0; i < 3; i++)
		version_put(ret, 0); /* below every epoch, release and pre-release */
	for (size_t i = 0; i < n; i++) {
		if (!parts[i].number)
			version_put(ret, '*');
		for (size_t pad = version_length(parts[i].text); parts[i].number && pad < LEGACY_DIGITS;
		        pad++)
			version_put(ret, '0');
		version_put_lower(ret, parts[i].text);
	}
	return 0;
}
