/* SPDX-License-Identifier: ISC */
/*
 * First byte: ecosystem; then three versions, NUL between. The order of the keys is total, strict and loose;
 * the tool's comparison has a way back; and the two agree, but where version_key.h says that they cannot.
 */
#include "vuln/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VERSIONS 3

static int sign(int order)
{
	return (order > 0) - (order < 0);
}

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* pacman's comparison sees no release that only one of the two has; Maven's is in circles about words after
 * dots. */
static bool keys_decide(enum version_ecosystem e, const char *a, const char *b)
{
	const char *const texts[] = { a, b };
	if (e == VERSION_ALPM)
		return !strchr(a, '-') == !strchr(b, '-');
	if (e != VERSION_MAVEN)
		return true;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		for (const char *c = texts[i]; *c; c++)
			if (*c == '.' && (c[1] < '0' || c[1] > '9'))
				return false;
	return true;
}

static void compare(enum version_ecosystem e, const char *a, const char *b)
{
	struct version_key ka, kb;
	int order, back, loose, loose_back;
	int r = version_compare_loosely(e, a, b, &loose, NULL);
	require(r == version_compare_loosely(e, b, a, &loose_back, NULL));
	if (r == 0)
		require(sign(loose) == -sign(loose_back));
	if (version_compare(e, a, b, &order, NULL) < 0)
		return;
	require(r == 0 && sign(loose) == sign(order));
	require(version_compare(e, b, a, &back, NULL) == 0 && sign(order) == -sign(back));
	require(version_key_make(e, a, &ka, NULL) == 0 && version_key_make(e, b, &kb, NULL) == 0);
	require(ka.length < VERSION_KEY_MAX && kb.length < VERSION_KEY_MAX);
	if (keys_decide(e, a, b))
		require(sign(version_key_order(&ka, &kb)) == sign(order));
}

static void check(enum version_ecosystem e, char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			compare(e, v[i], v[j]);
	struct version_key keys[VERSIONS];
	size_t valid = 0;
	for (size_t i = 0; i < n; i++)
		valid += version_key_make_loosely(e, v[i], &keys[valid], NULL) == 0;
	for (size_t i = 0; i < valid; i++)
		for (size_t j = 0; j < valid; j++)
			for (size_t k = 0; k < valid; k++)
				require(version_key_order(&keys[i], &keys[j]) > 0 ||
				        version_key_order(&keys[j], &keys[k]) > 0 ||
				        version_key_order(&keys[i], &keys[k]) <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	enum version_ecosystem e = (enum version_ecosystem)(data[0] % VERSION_ECOSYSTEMS);
	char *v[VERSIONS];
	size_t n = 0, start = 1;
	for (size_t i = 1; i <= size && n < VERSIONS; i++)
		if (i == size || data[i] == '\0') {
			v[n++] = xstrndup((const char *)data + start, i - start);
			start = i + 1;
		}
	check(e, v, n);
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	return 0;
}
