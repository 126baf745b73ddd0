/* SPDX-License-Identifier: ISC */
#include "base/command_line.h"
#include "base/config.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#define LONG_BASE 256 /* getopt's value of option i is that and i */
#define LIST_OPTIONS "list-options"
#define HELP_COLUMN_MAX 34

static const struct command_option help_option = {
	.letter = 'h', .name = "help", .help = "this text", .kind = COMMAND_FLAG
};

/* Option i, --help last; NULL behind it. */
static const struct command_option *option_at(const struct command_line *c, size_t i)
{
	if (i < c->n_options)
		return &c->options[i];
	if (i < c->n_options + c->n_more)
		return &c->more[i - c->n_options];
	return i == c->n_options + c->n_more ? &help_option : NULL;
}

int command_line_wrong(const struct command_line *c, const char *format, ...)
{
	const char *space = *c->words ? " " : "";
	va_list args;
	fprintf(stderr, "%s%s%s: ", c->program, space, c->words);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nSee `%s%s%s --help`.\n", c->program, space, c->words);
	return 2;
}

/* ---- help ---- */

static void print_synopsis(const struct command_line *c)
{
	const char *line = c->synopsis;
	for (bool first = true; line; first = false) {
		size_t n = strcspn(line, "\n");
		printf("%s%s%s%s%s%.*s\n", first ? "usage: " : "       ", c->program, *c->words ? " " : "",
		        c->words, n ? " " : "", (int)n, line);
		line = line[n] ? line + n + 1 : NULL;
	}
}

static int print_left(const struct command_option *o, FILE *out)
{
	char letter[8] = "    ";
	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	return fprintf(
	        out, "  %s--%s%s%s", letter, o->name, o->argument ? " " : "", o->argument ? o->argument : "");
}

static int left_width(const struct command_option *o)
{
	return 8 + (int)strlen(o->name) + (o->argument ? 1 + (int)strlen(o->argument) : 0);
}

static void print_options(const struct command_line *c)
{
	const struct command_option *o;
	int column = 0;
	for (size_t i = 0; (o = option_at(c, i)); i++)
		if (left_width(o) + 2 > column && left_width(o) + 2 <= HELP_COLUMN_MAX)
			column = left_width(o) + 2;
	for (size_t i = 0; (o = option_at(c, i)); i++) {
		int at = print_left(o, stdout);
		for (const char *line = o->help; line;) {
			size_t n = strcspn(line, "\n");
			if (at + 2 > column) {
				putchar('\n');
				at = 0;
			}
			printf("%*s%.*s\n", column - at, "", (int)n, line);
			at = 0;
			line = line[n] ? line + n + 1 : NULL;
		}
	}
}

static int print_help(const struct command_line *c)
{
	print_synopsis(c);
	printf("\n%s\n\nOptions:\n", c->about);
	print_options(c);
	if (c->closing)
		printf("\n%s\n", c->closing);
	return 0;
}

static int list_options(const struct command_line *c)
{
	const struct command_option *o;
	for (size_t i = 0; (o = option_at(c, i)); i++)
		printf("--%s%s\t%.*s\n", o->name, o->argument ? "=" : "", (int)strcspn(o->help, "\n"),
		        o->help);
	if (c->argument)
		printf("ARGUMENT\t%s\n", c->argument);
	return 0;
}

/* ---- reading ---- */

static int take_number(const struct command_line *c, const struct command_option *o, const char *text)
{
	char *end;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (end == text || *end || errno || value < o->least || value > o->most)
		return command_line_wrong(c, "--%s is a number from %lld to %lld", o->name,
		        (long long)o->least, (long long)o->most);
	*(int64_t *)o->target = value;
	return COMMAND_GO_ON;
}

static int take(const struct command_line *c, const struct command_option *o, const char *text)
{
	struct command_texts *texts = o->target;
	switch (o->kind) {
	case COMMAND_FLAG:
		*(bool *)o->target = true;
		return COMMAND_GO_ON;
	case COMMAND_TEXT:
		*(const char **)o->target = text;
		return COMMAND_GO_ON;
	case COMMAND_TEXTS:
		if (texts->n == COMMAND_TEXTS_MAX)
			return command_line_wrong(
			        c, "--%s: more than %d are too many", o->name, COMMAND_TEXTS_MAX);
		texts->items[texts->n++] = text;
		return COMMAND_GO_ON;
	case COMMAND_NUMBER:
		return take_number(c, o, text);
	default:
		if (config_parse_duration(text, o->target) == 0)
			return COMMAND_GO_ON;
		return command_line_wrong(
		        c, "--%s: \"%s\" is not a duration such as \"10 min\"", o->name, text);
	}
}

/* getopt's two tables, from ours. */
static void make_tables(const struct command_line *c, struct option *longs, char *shorts)
{
	const struct command_option *o;
	size_t i = 0;
	if (c->options_first)
		*shorts++ = '+';
	*shorts++ = ':';
	for (; (o = option_at(c, i)); i++) {
		longs[i] = (struct option){ o->name, o->argument ? required_argument : no_argument, NULL,
			LONG_BASE + (int)i };
		if (o->letter) {
			*shorts++ = o->letter;
			if (o->argument)
				*shorts++ = ':';
		}
	}
	longs[i] = (struct option){ 0 };
	*shorts = '\0';
}

static const struct command_option *find_option(const struct command_line *c, int found)
{
	const struct command_option *o = NULL;
	if (found >= LONG_BASE)
		return option_at(c, (size_t)(found - LONG_BASE));
	for (size_t i = 0; (o = option_at(c, i)) && o->letter != found; i++)
		;
	return o;
}

static int check_needed(const struct command_line *c)
{
	const struct command_option *o;
	for (size_t i = 0; (o = option_at(c, i)); i++)
		if (o->kind == COMMAND_TEXT && o->least && !*(const char **)o->target)
			return command_line_wrong(c, "--%s %s is needed", o->name, o->argument);
	return COMMAND_GO_ON;
}

static int check_arguments(const struct command_line *c, size_t n)
{
	if (n >= c->least && n <= c->most)
		return COMMAND_GO_ON;
	return command_line_wrong(c, "takes %s", c->argument ? c->argument : "no arguments");
}

int command_line_parse(const struct command_line *c, int argc, char **argv, char ***ret_arguments)
{
	struct option longs[COMMAND_OPTIONS_MAX + 1];
	char shorts[2 * COMMAND_OPTIONS_MAX + 3];
	if (c->n_options + c->n_more >= COMMAND_OPTIONS_MAX)
		abort();
	if (argc == 2 && strcmp(argv[1], "--" LIST_OPTIONS) == 0)
		return list_options(c);
	make_tables(c, longs, shorts);
	optind = 0;
	for (int found; (found = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
		if (found == ':')
			return command_line_wrong(c, "%s wants a value", argv[optind - 1]);
		const struct command_option *o = found == '?' ? NULL : find_option(c, found);
		if (!o)
			return command_line_wrong(c, "there is no option %s", argv[optind - 1]);
		if (o == &help_option)
			return print_help(c);
		int code = take(c, o, optarg);
		if (code != COMMAND_GO_ON)
			return code;
	}
	if (ret_arguments)
		*ret_arguments = argv + optind;
	int code = check_needed(c);
	return code == COMMAND_GO_ON ? check_arguments(c, (size_t)(argc - optind)) : code;
}
