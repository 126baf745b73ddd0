/* SPDX-License-Identifier: ISC */
/* `pratique-agent`: finds the subcommand in the table and hands over. */
#include "agent/agent.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "inspect", agent_inspect, "read the posture of this host and print it; contacts nobody" },
	{ "enrol", agent_enrol, "get this node's key and certificate from the site" },
	{ "run", agent_run, "keep this host inspected" },
	{ "status", agent_status, "where this host is, until when, and what to do about it" },
};

static void print_message(const char *command, const char *format, va_list arguments)
{
	fprintf(stderr, "pratique-agent%s%s: ", *command ? " " : "", command);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

int agent_fail(const char *command, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	print_message(command, format, arguments);
	va_end(arguments);
	return AGENT_FAILURE;
}

int agent_usage(const char *command, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	print_message(command, format, arguments);
	va_end(arguments);
	fprintf(stderr, "See `pratique-agent%s%s --help`.\n", *command ? " " : "", command);
	return AGENT_USAGE;
}

static void print_help(FILE *out)
{
	fputs("usage: pratique-agent COMMAND [OPTIONS]\n\n"
	      "The quarantine inspection agent: inspects its host, presents it to the server, watches for "
	      "change.\n\n"
	      "Commands:\n",
	        out);
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\nOptions:\n"
	      "  -h, --help     this text; `pratique-agent COMMAND --help` for one command\n"
	      "  -V, --version  the version\n\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage.\n\n"
	      "Examples:\n"
	      "  pratique-agent inspect                    what an inspection of this host would report\n"
	      "  pratique-agent inspect --json > alice.json\n"
	      "  pratique-agent run --config /etc/pratique/agent.conf\n"
	      "  pratique-agent status\n",
	        out);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return AGENT_USAGE;
	}
	if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return AGENT_OK;
	}
	if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0) {
		puts("pratique-agent " PRATIQUE_VERSION);
		return AGENT_OK;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		int code = commands[i].run(argc - 1, argv + 1);
		return fflush(stdout) != 0 && code == AGENT_OK
		        ? agent_fail(argv[1], "cannot write the output")
		        : code;
	}
	return agent_usage("", "no command \"%s\"", argv[1]);
}
