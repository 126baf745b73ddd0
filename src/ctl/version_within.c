/* SPDX-License-Identifier: ISC */
/* `pratique version-within RANGE [VERSION]`: whether a version is in a range, and what the range is as VERS.
 */
#include "ctl/ctl.h"
#include "vuln/npm_range.h"
#include "vuln/vers.h"

#include <string.h>

#define WORDS "version-within"

static const struct command_line within_line = {
	.program = "pratique",
	.words = WORDS,
	.synopsis = "RANGE [VERSION]",
	.about = "Says whether a version is in a range: \"inside\" or \"outside\"; without VERSION it prints "
	         "the range "
	         "in its\n"
	         "canonical form. RANGE is VERS (vers:SCHEME/CONSTRAINTS), or SCHEME: and what the scheme's "
	         "own tool\n"
	         "writes: npm, pypi, gem, maven, nuget, conan and nginx have their notations, others are "
	         "lists of\n"
	         "comparators. A version is in a range of npm's notation by npm's rules for pre-releases.",
	.closing =
	        "The exit status is 0 inside, 1 outside, 2 where one of them is none.\n"
	        "\n"
	        "Examples:\n"
	        "  pratique version-within 'vers:deb/>=1.0|<1.0-3' 1.0-2      prints inside\n"
	        "  pratique version-within 'npm:^1.2.3 || 3.x' 2.0.0          prints outside\n"
	        "  pratique version-within 'maven:[1.0,2.0)'                  prints vers:maven/>=1.0|<2.0",
	.least = 1,
	.most = 2,
	.argument = "a range and a version",
	.options_first = true,
};

static int fail(const struct error *err)
{
	ctl_fail(WORDS, "%s", err->text);
	return CTL_USAGE;
}

static int answer(bool inside)
{
	puts(inside ? "inside" : "outside");
	return inside ? CTL_OK : CTL_FAILURE;
}

static int ask(const struct vers *vers, const char *version)
{
	struct error err;
	bool inside;
	if (!version) {
		char *text FREE_ON_EXIT = vers_write(vers);
		puts(text);
		return CTL_OK;
	}
	return vers_contains(vers, version, &inside, &err) < 0 ? fail(&err) : answer(inside);
}

int ctl_version_within(int argc, char **argv)
{
	char **words;
	struct vers *vers;
	struct error err;
	bool inside;
	int code = command_line_parse(&within_line, argc, argv, &words), r;
	if (code != COMMAND_GO_ON)
		return code;
	const char *colon = strchr(words[0], ':');
	if (!colon)
		return ctl_usage(WORDS, "\"%s\" is no range: it is vers:SCHEME/... or SCHEME:...", words[0]);
	char *scheme FREE_ON_EXIT = xstrndup(words[0], (size_t)(colon - words[0]));
	if (strcmp(scheme, "npm") == 0 && words[1])
		return npm_range_contains(colon + 1, words[1], 0, &inside, &err) < 0 ? fail(&err)
		                                                                     : answer(inside);
	r = strcmp(scheme, "vers") == 0 ? vers_parse(words[0], VERS_AS_WRITTEN, &vers, &err)
	                                : vers_from_native(scheme, colon + 1, &vers, &err);
	if (r < 0)
		return fail(&err);
	code = ask(vers, words[1]);
	vers_free(vers);
	return code;
}
