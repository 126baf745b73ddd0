/* SPDX-License-Identifier: ISC */
/*
 * Command lines: what a unit's ExecStart=, a crontab or /proc/PID/cmdline runs. A command names a program,
 * and where that is an interpreter, a script. The words are whoever's who wrote them: they are only looked
 * up.
 */
#pragma once

#include "agent/root.h"

#define COMMAND_LINE_WORDS_MAX 64
#define COMMAND_LINE_TEXT_MAX 8192

struct command_line {
	char text[COMMAND_LINE_TEXT_MAX]; /* the words, each with its NUL */
	const char *words[COMMAND_LINE_WORDS_MAX];
	size_t n;
};

/* Splits at blanks, with quotes ' and " and \ before a character as sh(1) and systemd.service(5) have them.
 * shell: the characters ; & | ( ) < > and a newline end a word, too. What has no room is cut. */
void command_line_split(const char *text, size_t length, bool shell, struct command_line *ret);
/* From the text of /proc/PID/cmdline: each word ends with a NUL. */
void command_line_take_arguments(const char *text, size_t length, struct command_line *ret);

/* Whether a program of this path is one that runs others: a shell, python3, perl, java, the dynamic loader
 * ... */
bool command_line_is_interpreter(const char *path);
/* The file that an interpreter runs: the first word after words[first] that is no option and names a regular
 * file; relative ones are looked for in folder (NULL: not at all). In memory that the caller frees; NULL
 * where there is none, or the code is in the command line itself (-c, -e, -m). */
char *command_line_script(
        const struct root *root, const struct command_line *c, size_t first, const char *folder);
/* The program of a word: a path, or a name that is looked for where the system's programs are; links are
 * followed. NULL where there is no such regular file. Caller frees. */
char *command_line_program(const struct root *root, const char *word);
