/* SPDX-License-Identifier: ISC */
/*
 * `pratique complete`: what may stand where the last word is, for the shells' completion, which therefore
 * never says anything else than the program does. Commands are those of the table, options are what the
 * command itself lists, names of nodes are asked from the server.
 */
#include "ctl/client.h"
#include "ctl/command.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 512

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* A first word of its own, or of a family, once. */
static void print_first_words(const char *with)
{
	for (const struct ctl_command *c = ctl_commands; c->words; c++) {
		size_t n = strcspn(c->words, " ");
		bool known = false;
		for (const struct ctl_command *before = ctl_commands; before != c; before++)
			known |= strncmp(before->words, c->words, n) == 0 && strcspn(before->words, " ") == n;
		if (known || !begins(c->words, with))
			continue;
		if (c->words[n])
			printf("%.*s\t%.*s ...\n", (int)n, c->words, (int)n, c->words);
		else
			printf("%s\t%s\n", c->words, c->summary);
	}
}

static void print_second_words(const char *family, const char *with)
{
	size_t n = strlen(family);
	for (const struct ctl_command *c = ctl_commands; c->words; c++)
		if (begins(c->words, family) && c->words[n] == ' ' && begins(c->words + n + 1, with))
			printf("%s\t%s\n", c->words + n + 1, c->summary);
}

/* What a command says of itself (base/command_line.h), from the start; NULL where it cannot. Caller closes.
 */
static FILE *ask_command(const struct ctl_command *c)
{
	char *argv[] = { (char *)(uintptr_t)c->words, (char *)"--list-options", NULL };
	FILE *out = tmpfile();
	int saved = dup(STDOUT_FILENO);
	if (!out || saved < 0 || fflush(stdout) != 0 || dup2(fileno(out), STDOUT_FILENO) < 0) {
		if (out)
			fclose(out);
		out = NULL;
	} else {
		(void)c->run(2, argv);
		(void)fflush(stdout);
		(void)dup2(saved, STDOUT_FILENO);
		rewind(out);
	}
	if (saved >= 0)
		close(saved);
	return out;
}

/* The server's nodes; nobody hears of it where there is no server. */
static void print_nodes(int argc, char **argv, const char *with)
{
	static const struct command_line line = { .words = "nodes", .synopsis = "", .about = "" };
	struct ctl_asking a = { 0 };
	char *words[16] = { (char *)"nodes" };
	int n = 1, nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	size_t i;
	json_t *j, *node;
	/* Whom to ask is what was said on the line. */
	for (int k = 0; k + 1 < argc && n < 13; k++)
		if (strcmp(argv[k], "--socket") == 0 || strcmp(argv[k], "-s") == 0 ||
		        strcmp(argv[k], "--server") == 0 || strcmp(argv[k], "--token-file") == 0 ||
		        strcmp(argv[k], "--ca") == 0) {
			words[n++] = argv[k];
			words[n++] = argv[++k];
		}
	if (nowhere >= 0)
		(void)dup2(nowhere, STDERR_FILENO);
	char *after FREE_ON_EXIT = xasprintf("node %.*s", (int)MAX(strlen(with), 1u) - 1, with);
	char *encoded FREE_ON_EXIT = ctl_encode(after),
	              *path FREE_ON_EXIT = xasprintf("/v1/nodes?after=%s", encoded);
	(void)ctl_asking_get(&a, &line, n, words, path, &j);
	json_array_foreach(json_object_get(j, "nodes"), i, node)
		if (begins(ctl_string(node, "name"), with))
			printf("%s\t%s\n", ctl_string(node, "name"), ctl_string(node, "segment"));
	json_decref(j);
}

/* The last word, after the command's own. */
static void complete_arguments(const struct ctl_command *c, int argc, char **argv)
{
	const char *with = argv[argc - 1], *before = argc > 1 ? argv[argc - 2] : "";
	char line[LINE_SIZE];
	bool of_option = false, node = false;
	FILE *lines = ask_command(c);
	while (lines && fgets(line, sizeof(line), lines)) {
		size_t n = strcspn(line, "=\t");
		of_option |= line[n] == '=' && strlen(before) == n && strncmp(line, before, n) == 0;
		node |= begins(line, "ARGUMENT\t") && strstr(line, "NODE");
		if (*with != '-' || !begins(line, with) || *line != '-')
			continue;
		line[strcspn(line, "\n")] = '\0';
		printf("%.*s%s\n", (int)n, line, strchr(line, '\t'));
	}
	if (lines)
		fclose(lines);
	if (node && !of_option && *with != '-')
		print_nodes(argc, argv, with);
}

static int complete(int argc, char **argv)
{
	int n;
	if (argc <= 1) {
		print_first_words(argc ? argv[0] : "");
		return CTL_OK;
	}
	/* Only what stands before the last word is there for good. */
	const struct ctl_command *c = ctl_find_command(argc - 1, argv, &n);
	if (argc == 2)
		print_second_words(argv[0], argv[1]);
	if (c)
		complete_arguments(c, argc - n, argv + n);
	return CTL_OK;
}

int ctl_complete(int argc, char **argv)
{
	static const struct command_line line = {
		.program = "pratique",
		.words = "complete",
		.synopsis = "[WORD...]",
		.about = "Prints what may stand in the place of the last WORD of a command line, each on a "
		         "line with a tab\n"
		         "and what it is. For the completion of shells.",
		.closing = "Examples:\n"
		           "  pratique complete ''\n"
		           "  pratique complete explain ''\n"
		           "  pratique complete vuln match --",
		.most = SIZE_MAX,
		.argument = "words",
	};
	/* What is completed may look like an option of this command. */
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "--list-options") == 0))
		return command_line_parse(&line, argc, argv, NULL);
	return complete(argc - 1, argv + 1);
}
