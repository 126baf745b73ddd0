/* SPDX-License-Identifier: ISC */
/* `pratique version-compare ECOSYSTEM A B`: which of two versions is newer, by the ecosystem's own order. */
#include "ctl/ctl.h"
#include "vuln/vers.h"
#include "vuln/version.h"

#define WORDS "version-compare"

static bool loose;

static const struct command_option compare_options[] = {
	{ 'l', "loose", NULL, "order also what the ecosystem's tool orders although it is no valid version",
	        COMMAND_FLAG, &loose },
};

static const struct command_line compare_line = {
	.program = "pratique",
	.words = WORDS,
	.synopsis = "[--loose] ECOSYSTEM A B",
	.about = "Prints <, = or >: how version A stands to version B in the order of the ecosystem's own "
	         "tool.\n"
	         "ECOSYSTEM is dpkg, rpm, apk, alpm, gentoo, semver, pypi, maven, gem, nuget, packagist, "
	         "hackage,\n"
	         "cran, pub, conan, openssl, nginx, intdot, datetime or lexicographic, or a type of package "
	         "URLs\n"
	         "(deb, npm, composer). A version that the ecosystem does not allow is an error, and the "
	         "exit\n"
	         "status is 2.",
	.options = compare_options,
	.n_options = ARRAY_LENGTH(compare_options),
	.closing = "Examples:\n"
	           "  pratique version-compare dpkg 1.0~rc1-1 1.0-1        prints <\n"
	           "  pratique version-compare pypi 1.0 1.0.0              prints =\n"
	           "  pratique version-compare --loose npm v1.2.3beta 1.2.3   prints <",
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
	if (vers_scheme_order(words[0], &e, &err) < 0)
		return ctl_usage(
		        WORDS, "no ecosystem \"%s\": `pratique version-compare --help` lists them", words[0]);
	int r = loose ? version_compare_loosely(e, words[1], words[2], &order, &err)
	              : version_compare(e, words[1], words[2], &order, &err);
	if (r < 0) {
		ctl_fail(WORDS, "%s", err.text);
		return CTL_USAGE;
	}
	puts(order < 0 ? "<" : order > 0 ? ">" : "=");
	return CTL_OK;
}
