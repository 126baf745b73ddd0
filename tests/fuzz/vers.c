/* SPDX-License-Identifier: ISC */
/*
 * Lines: a range (vers:..., or SCHEME:NATIVE), and a version. What is taken reads back as itself, is
 * canonical unless it names a version twice, and says of a version whether it is inside, one way only.
 */
#include "vuln/vers.h"
#include "vuln/npm_range.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(struct vers *vers, const char *version)
{
	char *text FREE_ON_EXIT = vers_write(vers), *again = NULL;
	struct vers *back;
	bool inside = false, inside_back = true;
	if (strlen(text) <= VERS_TEXT_MAX) {
		require(vers_parse(text, VERS_AS_WRITTEN, &back, NULL) == 0);
		again = vers_write(back);
		require(strcmp(text, again) == 0);
		int r = vers_contains(vers, version, &inside, NULL);
		require(r == vers_contains(back, version, &inside_back, NULL));
		if (r == 0)
			require(inside == inside_back);
		vers_free(back);
	}
	free(again);
	vers_free(vers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text FREE_ON_EXIT = xstrndup((const char *)data, size);
	char *newline = strchr(text, '\n'), *colon = strchr(text, ':');
	const char *version = newline ? newline + 1 : "1.0.0";
	struct vers *vers;
	bool inside;
	if (newline)
		*newline = '\0';
	if (vers_parse(text, VERS_CANONICAL, &vers, NULL) == 0)
		check(vers, version);
	if (vers_parse(text, VERS_AS_WRITTEN, &vers, NULL) == 0)
		check(vers, version);
	if (!colon || (newline && colon > newline))
		return 0;
	*colon = '\0';
	if (vers_from_native(text, colon + 1, &vers, NULL) == 0)
		check(vers, version);
	(void)npm_range_contains(colon + 1, version, 0, &inside, NULL);
	(void)npm_range_contains(colon + 1, version, NPM_LOOSE | NPM_PRERELEASES, &inside, NULL);
	return 0;
}
