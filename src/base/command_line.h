/* SPDX-License-Identifier: ISC */
/*
 * The command line of one command: a table of options, from which the arguments are read, the help is printed
 * and a shell completes. --help (-h) is always there; so is --list-options, for completion: an option a line,
 * "--name" or "--name=", a tab, and what it is for; and "ARGUMENT", a tab, and what else is taken.
 */
#pragma once

#include "base/error.h"
#include <stdbool.h>
#include <stdio.h>

#define COMMAND_OPTIONS_MAX 24
#define COMMAND_TEXTS_MAX 64

enum command_kind {
	COMMAND_FLAG,     /* bool *: set */
	COMMAND_TEXT,     /* const char ** */
	COMMAND_TEXTS,    /* struct command_texts *: may be repeated */
	COMMAND_NUMBER,   /* int64_t * within least..most */
	COMMAND_DURATION, /* int64_t * milliseconds */
};

struct command_texts {
	const char *items[COMMAND_TEXTS_MAX + 1]; /* NULL-terminated */
	size_t n;
};

struct command_option {
	char letter; /* 0: none */
	const char *name;
	const char *argument; /* "PATH"; NULL for a flag */
	const char *help;     /* lines */
	enum command_kind kind;
	void *target;
	int64_t least, most; /* of a number; of a text, least 1: it must be given */
};

struct command_line {
	const char *program, *words; /* "pratique", "policy check" */
	const char *synopsis;        /* behind them: "[OPTIONS] NODE"; one line a way to call it */
	const char *about;           /* lines */
	const struct command_option *options;
	size_t n_options;
	const struct command_option *more; /* that several commands share; may be NULL */
	size_t n_more;
	const char *closing;  /* lines: exit status, examples */
	size_t least, most;   /* arguments */
	const char *argument; /* for the words of a refusal: "takes one NODE" */
	bool options_first;   /* what follows the first argument is none, whatever it looks like */
};

/* Goes on behind the options, else the exit code: 0, the help was printed; 2, the line is wrong, which was
 * said. argv[0] is not looked at; *ret_arguments (may be NULL where none are taken) is what is not an option,
 * NULL-terminated. */
#define COMMAND_GO_ON (-1)
int command_line_parse(const struct command_line *c, int argc, char **argv, char ***ret_arguments);
/* "PROGRAM WORDS: text" and where the help is, on standard error. Returns 2. */
int command_line_wrong(const struct command_line *c, const char *format, ...) PRINTF_LIKE(2, 3);
