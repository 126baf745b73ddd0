/* SPDX-License-Identifier: ISC */
/* `pratique`: finds the subcommand in the table and hands over. */
#include "ctl/command.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

const struct ctl_command ctl_commands[] = {
#define COMMAND(words, function, summary) { words, function, summary },
#include "ctl/commands.def"
#undef COMMAND
	{ NULL, NULL, NULL },
};

static void print_message(const char *words, const char *format, va_list args)
{
	fprintf(stderr, "pratique%s%s: ", *words ? " " : "", words);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

int ctl_fail(const char *words, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	print_message(words, format, args);
	va_end(args);
	return CTL_FAILURE;
}

int ctl_usage(const char *words, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	print_message(words, format, args);
	va_end(args);
	fprintf(stderr, "See `pratique%s%s --help`.\n", *words ? " " : "", words);
	return CTL_USAGE;
}

bool ctl_colour(FILE *out)
{
	const char *no = getenv("NO_COLOR");
	return isatty(fileno(out)) && !(no && *no);
}

static void print_help(FILE *out)
{
	fputs("usage: pratique COMMAND [OPTIONS]\n\n"
	      "Admits hosts into the network segment that their proven state of health deserves.\n\n"
	      "Commands:\n",
	        out);
	for (const struct ctl_command *c = ctl_commands; c->words; c++)
		fprintf(out, "  %-20s %s\n", c->words, c->summary);
	fputs("\nOptions:\n"
	      "  -h, --help           this text; `pratique COMMAND --help` for one command\n"
	      "  -V, --version        the version\n\n"
	      "Exit status: 0 done, 1 failed (or the answer is no), 2 wrong usage.\n\n"
	      "Examples:\n"
	      "  pratique status                    who is where, and whether all parts are well\n"
	      "  pratique explain bob               why bob is in the segment where it is\n"
	      "  pratique events --follow           what happens, as it happens\n",
	        out);
}

/* Whether argv starts with the command's words; *ret_n is how many arguments those are. */
static bool command_matches(const struct ctl_command *c, int argc, char **argv, int *ret_n)
{
	const char *space = strchr(c->words, ' ');
	size_t first = space ? (size_t)(space - c->words) : strlen(c->words);
	if (strlen(argv[0]) != first || strncmp(argv[0], c->words, first) != 0)
		return false;
	*ret_n = space ? 2 : 1;
	return !space || (argc > 1 && strcmp(argv[1], space + 1) == 0);
}

/* "pratique policy" or "pratique policy --help": the commands of that family, and which is not one of them.
 */
static int print_family(const char *word, const char *unknown, bool asked)
{
	FILE *out = asked ? stdout : stderr;
	size_t length = strlen(word);
	bool any = false;
	for (const struct ctl_command *c = ctl_commands; c->words; c++) {
		if (strncmp(c->words, word, length) != 0 || c->words[length] != ' ')
			continue;
		if (!any && unknown)
			fprintf(out, "pratique %s: no command \"%s\"\n\n", word, unknown);
		if (!any)
			fprintf(out, "usage: pratique %s COMMAND [OPTIONS]\n\n", word);
		any = true;
		fprintf(out, "  %-20s %s\n", c->words, c->summary);
	}
	if (!any)
		return ctl_usage("", "no command \"%s\"", word);
	return asked ? CTL_OK : CTL_USAGE;
}

const struct ctl_command *ctl_find_command(int argc, char **argv, int *ret_n)
{
	const struct ctl_command *best = NULL;
	int best_n = 0, n;
	for (const struct ctl_command *c = ctl_commands; c->words; c++)
		if (command_matches(c, argc, argv, &n) && n > best_n) {
			best = c;
			best_n = n;
		}
	*ret_n = best_n;
	return best;
}

static int run_command(int argc, char **argv)
{
	int n = 0;
	const struct ctl_command *best = ctl_find_command(argc, argv, &n);
	if (!best) {
		const bool asked = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
		return print_family(argv[0], asked || argc < 2 ? NULL : argv[1], asked);
	}
	argv[n - 1] = (char *)best->words;
	int code = best->run(argc - n + 1, argv + n - 1);
	if (fflush(stdout) != 0 && code == CTL_OK)
		return ctl_fail(best->words, "cannot write the output");
	return code;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return CTL_USAGE;
	}
	if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return CTL_OK;
	}
	if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0) {
		puts("pratique " PRATIQUE_VERSION);
		return CTL_OK;
	}
	return run_command(argc - 1, argv + 1);
}
