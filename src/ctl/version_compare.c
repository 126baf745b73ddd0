/* SPDX-License-Identifier: ISC */
/* `pratique version-compare ECOSYSTEM A B`: which of two versions is newer, by the ecosystem's own order. */
#include "ctl/ctl.h"
#include "vuln/vuln.h"

#define WORDS "version-compare"

static const struct command_line compare_line = {
	.program = "pratique",
	.words = WORDS,
	.synopsis = "ECOSYSTEM A B",
	.about = "Prints <, = or >: how version A stands to version B in the order of the ecosystem's own "
	         "tool.\n"
	         "ECOSYSTEM is dpkg, rpm, apk, semver or pypi. A version that the ecosystem does not allow "
	         "is an\n"
	         "error, and the exit status is 2.",
	.closing = "Examples:\n"
	           "  pratique version-compare dpkg 1.0~rc1-1 1.0-1        prints <\n"
	           "  pratique version-compare pypi 1.0 1.0.0              prints =",
	.least = 3,
	.most = 3,
	.argument = "ECOSYSTEM and two versions",
	.options_first = true,
};

int ctl_version_compare(int argc, char **argv)
{
	char **words;
	enum version_ecosystem e;
	int order, code = command_line_parse(&compare_line, argc, argv, &words);
	struct error err;
	if (code != COMMAND_GO_ON)
		return code;
	if (version_ecosystem_parse(words[0], &e) < 0)
		return ctl_usage(WORDS, "no ecosystem \"%s\": dpkg, rpm, apk, semver or pypi", words[0]);
	if (version_compare(e, words[1], words[2], &order, &err) < 0) {
		ctl_fail(WORDS, "%s", err.text);
		return CTL_USAGE;
	}
	puts(order < 0 ? "<" : order > 0 ? ">" : "=");
	return CTL_OK;
}
