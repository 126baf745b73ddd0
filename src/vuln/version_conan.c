/* SPDX-License-Identifier: ISC */
/*
 * Conan versions: items between dots, then "-" and a pre-release, then "+" and a build, both of items again.
 * Trailing zeros do not count; a pre-release is older, a build newer than none. Conan compares items as
 * numbers where both are numbers and as text otherwise, which goes in circles (9 < 10 < 1a < 9). Here an item
 * is its leading number and then its text ("1k" between 1 and 2); items without a number are newer than those
 * with one.
 *
 * Key: items led by their rank, closed by END; PRE_GIVEN and items or PRE_NONE; BUILD_GIVEN and items or
 * BUILD_NONE.
 */
#include "vuln/version_key.h"

enum { RANK_END = 0, RANK_NUMBER, RANK_TEXT };
enum { PRE_GIVEN = 0, PRE_NONE };
enum { BUILD_NONE = 0, BUILD_GIVEN };

static void put_item(struct version_key *k, struct version_text item)
{
	bool number = item.at < item.end && version_is_digit(*item.at);
	version_put(k, number ? RANK_NUMBER : RANK_TEXT);
	if (number)
		version_put_number(k, version_take_digits(&item));
	version_put_text(k, item);
	version_put(k, 0);
}

/* Items that are zeros are not put before something else follows. */
static void put_items(struct version_key *k, struct version_text t)
{
	size_t zeros = 0;
	static const char zero[] = "0";
	for (;;) {
		struct version_text item = { t.at, t.at };
		bool null = true;
		for (; item.end < t.end && *item.end != '.'; item.end++)
			null = null && *item.end == '0';
		if (null && item.end > item.at) {
			zeros++;
		} else {
			for (; zeros > 0; zeros--)
				put_item(k, (struct version_text){ zero, zero + 1 });
			put_item(k, item);
		}
		if (item.end == t.end)
			break;
		t.at = item.end + 1;
	}
	version_put(k, RANK_END);
}

int version_conan_key(struct version_text t, struct version_key *ret, struct error *err)
{
	int r = version_check_visible(t, err);
	if (r < 0)
		return r;
	const char *plus = memrchr(t.at, '+', version_length(t));
	struct version_text build = { plus ? plus + 1 : t.end, t.end };
	t.end = plus ? plus : t.end;
	const char *dash = memchr(t.at, '-', version_length(t));
	struct version_text pre = { dash ? dash + 1 : t.end, t.end };
	t.end = dash ? dash : t.end;
	put_items(ret, t);
	version_put(ret, dash ? PRE_GIVEN : PRE_NONE);
	if (dash)
		put_items(ret, pre);
	version_put(ret, plus ? BUILD_GIVEN : BUILD_NONE);
	if (plus)
		put_items(ret, build);
	return 0;
}
