/* SPDX-License-Identifier: ISC */
/*
 * Arch Linux's versions, [epoch:]version[-release], in the order of pacman's vercmp(8): runs of digits and
 * runs of letters; letters that follow a number at once make a pre-release, letters behind a separator do
 * not; more separators are newer. A release counts only where both versions have one: version_alpm_compare()
 * says so, for keys cannot. pacman takes any text, and orders what ends with a separator in circles: such are
 * invalid here.
 *
 * Key: epoch; tokens of version led by their rank, closed by END; RELEASE_NONE, or RELEASE_GIVEN and its
 * tokens.
 */
#include "vuln/version_key.h"

enum { RANK_LETTERS_AT_ONCE = 1, RANK_END, RANK_NUMBER_AT_ONCE, RANK_SEPARATED };
enum { KIND_LETTERS = 0, KIND_NUMBER };
enum { RELEASE_NONE = 0, RELEASE_GIVEN };

static bool is_separator(char c)
{
	return !version_is_digit(c) && !version_is_alpha(c);
}

static int put_part(struct version_text t, struct version_key *k, struct error *err)
{
	if (t.at == t.end || is_separator(t.end[-1]))
		return error_set(err, -EINVAL, "a part is empty or ends with a separator");
	while (t.at < t.end) {
		size_t n = 0;
		for (; is_separator(*t.at); t.at++)
			n++;
		bool number = version_is_digit(*t.at);
		if (n == 0) {
			version_put(k, number ? RANK_NUMBER_AT_ONCE : RANK_LETTERS_AT_ONCE);
		} else {
			version_put(k, RANK_SEPARATED);
			version_put_count(k, n);
			version_put(k, number ? KIND_NUMBER : KIND_LETTERS);
		}
		if (number) {
			version_put_number(k, version_take_digits(&t));
		} else {
			version_put_text(k, version_take_letters(&t));
			version_put(k, 0);
		}
	}
	version_put(k, RANK_END);
	return 0;
}

int version_alpm_key(struct version_text t, struct version_key *ret, struct error *err)
{
	struct version_text epoch;
	int r = version_take_epoch(&t, &epoch, err);
	if (r < 0)
		return r;
	version_put_number(ret, epoch);
	const char *dash = memrchr(t.at, '-', version_length(t));
	r = put_part((struct version_text){ t.at, dash ? dash : t.end }, ret, err);
	version_put(ret, dash ? RELEASE_GIVEN : RELEASE_NONE);
	if (r == 0 && dash)
		r = put_part((struct version_text){ dash + 1, t.end }, ret, err);
	return r;
}

/* A key without release ends with RELEASE_NONE; what stands before that is the beginning of no other version.
 */
static bool has_same_version(const struct version_key *without, const struct version_key *other)
{
	size_t n = without->length - 1;
	return without->bytes[n] == RELEASE_NONE && other->length > n &&
	        memcmp(without->bytes, other->bytes, n) == 0;
}

int version_alpm_compare(struct version_text a, struct version_text b)
{
	struct version_key x = { .length = 0 }, y = { .length = 0 };
	if (version_alpm_key(a, &x, NULL) < 0 || version_alpm_key(b, &y, NULL) < 0 ||
	        has_same_version(&x, &y) || has_same_version(&y, &x))
		return 0;
	return version_key_order(&x, &y);
}
