/* SPDX-License-Identifier: ISC */
/* The table of subcommands as a value: for those that go through all of them. */
#pragma once

#include "ctl/ctl.h"

struct ctl_command {
	const char *words;
	int (*run)(int argc, char **argv);
	const char *summary;
};

/* The last one's words are NULL. */
extern const struct ctl_command ctl_commands[];
/* The command that argv begins with; *ret_n is how many of its arguments its words are. NULL: none. */
const struct ctl_command *ctl_find_command(int argc, char **argv, int *ret_n);
