/* SPDX-License-Identifier: ISC */
/* pratique-agent: its subcommands, each in a file of its own, with argv[0] the word that chose it. What one
 * returns is the exit code. */
#pragma once

#include "base/error.h"

enum agent_exit { AGENT_OK = 0, AGENT_FAILURE = 1, AGENT_USAGE = 2 };

int agent_enrol(int argc, char **argv);
int agent_inspect(int argc, char **argv);
int agent_run(int argc, char **argv);
int agent_status(int argc, char **argv);

/* "pratique-agent COMMAND: text" on stderr; returns AGENT_FAILURE. */
int agent_fail(const char *command, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same, and where the help is; returns AGENT_USAGE. */
int agent_usage(const char *command, const char *format, ...) PRINTF_LIKE(2, 3);
