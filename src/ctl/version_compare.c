/* SPDX-License-Identifier: ISC */
/* `pratique version-compare ECOSYSTEM A B`: which of two versions is newer, by the ecosystem's own order. */
#include "ctl/ctl.h"
#include "vuln/vuln.h"

#include <getopt.h>

#define WORDS "version-compare"

static void print_help(void)
{
	puts("usage: pratique version-compare ECOSYSTEM A B\n\n"
	     "Prints <, = or >: how version A stands to version B in the order of the ecosystem's own tool.\n"
	     "ECOSYSTEM is dpkg, rpm, apk, semver or pypi. A version that the ecosystem does not allow is "
	     "an\n"
	     "error, and the exit status is 2.\n\n"
	     "Options:\n"
	     "  -h, --help      this text\n\n"
	     "Examples:\n"
	     "  pratique version-compare dpkg 1.0~rc1-1 1.0-1        prints <\n"
	     "  pratique version-compare pypi 1.0 1.0.0              prints =");
}

int ctl_version_compare(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	for (int o; (o = getopt_long(argc, argv, "+h", options, NULL)) != -1;) {
		if (o != 'h')
			return ctl_usage(WORDS, "wrong options");
		print_help();
		return CTL_OK;
	}
	if (argc - optind != 3)
		return ctl_usage(WORDS, "ECOSYSTEM and two versions are needed");
	enum version_ecosystem e;
	if (version_ecosystem_parse(argv[optind], &e) < 0)
		return ctl_usage(WORDS, "no ecosystem \"%s\": dpkg, rpm, apk, semver or pypi", argv[optind]);
	int order;
	struct error err;
	if (version_compare(e, argv[optind + 1], argv[optind + 2], &order, &err) < 0) {
		ctl_fail(WORDS, "%s", err.text);
		return CTL_USAGE;
	}
	puts(order < 0 ? "<" : order > 0 ? ">" : "=");
	return CTL_OK;
}
