/* SPDX-License-Identifier: ISC */
/* First byte: ecosystem; then three versions, NUL between. The order of valid ones is total. */
#include "vuln/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int sign(int order)
{
	return (order > 0) - (order < 0);
}

static int compare(enum version_ecosystem e, const char *a, const char *b)
{
	int order = 0;
	if (version_compare(e, a, b, &order, NULL) < 0)
		abort();
	return sign(order);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	enum version_ecosystem e = (enum version_ecosystem)(data[0] % (VERSION_PYPI + 1));
	char *copy FREE_ON_EXIT = xmemdup(data, size);
	const char *v[3] = { "", "", "" };
	size_t n = 0, start = 1;
	char *strings[3] = { NULL, NULL, NULL };
	for (size_t i = 1; i <= size && n < 3; i++)
		if (i == size || copy[i] == '\0') {
			strings[n] = xstrndup(copy + start, i - start);
			v[n] = strings[n];
			n++;
			start = i + 1;
		}
	struct version_key key;
	struct error err;
	size_t valid = 0;
	for (size_t i = 0; i < n; i++) {
		if (version_key_make(e, v[i], &key, &err) < 0)
			continue;
		v[valid++] = v[i];
		if (compare(e, v[i], v[i]) != 0)
			abort();
	}
	for (size_t i = 0; i < valid; i++)
		for (size_t j = 0; j < valid; j++) {
			if (compare(e, v[i], v[j]) != -compare(e, v[j], v[i]))
				abort();
			for (size_t k = 0; k < valid; k++)
				if (compare(e, v[i], v[j]) <= 0 && compare(e, v[j], v[k]) <= 0 &&
				        compare(e, v[i], v[k]) > 0)
					abort();
		}
	for (size_t i = 0; i < n; i++)
		free(strings[i]);
	return 0;
}
