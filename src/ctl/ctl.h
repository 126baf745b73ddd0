/* SPDX-License-Identifier: ISC */
/*
 * The command line `pratique`: one table of subcommands (commands.def), each `int ctl_NAME(int argc, char
 * **argv)` in a file of its own, with argv[0] the words that chose it ("policy check"). A subcommand has
 * its options in a table (base/command_line.h), from which its --help is printed. What it returns is the exit
 * code.
 */
#pragma once

#include "base/command_line.h"
#include <stdbool.h>
#include <stdio.h>

/* Exit codes: done; it could not be done (or the answer is no); the command line is wrong. */
enum ctl_exit { CTL_OK = 0, CTL_FAILURE = 1, CTL_USAGE = 2 };

#define COMMAND(words, function, summary) int function(int argc, char **argv);
#include "ctl/commands.def"
#undef COMMAND

/* `pratique enrol --new`, to which enrol.c hands over. */
int ctl_enrol_new(int argc, char **argv);

/* "pratique WORDS: text" on stderr; returns CTL_FAILURE. */
int ctl_fail(const char *words, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same, and where the help is; returns CTL_USAGE. */
int ctl_usage(const char *words, const char *format, ...) PRINTF_LIKE(2, 3);
/* Whether out is a terminal that wants colour (NO_COLOR is honoured). */
bool ctl_colour(FILE *out);
