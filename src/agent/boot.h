/* SPDX-License-Identifier: ISC */
/*
 * What starts at boot: the services that systemd starts by itself or lets a socket, a timer or a path start
 * (boot_units.c), the scripts of System V and OpenRC, rc.local, and cron's @reboot (boot.c). A program that
 * is not there, or that is only named by what it was started with (specifiers, variables, a relative path),
 * is passed over.
 */
#pragma once

#include "agent/program.h"
#include "agent/root.h"

#define BOOT_UNITS_MAX 16384
#define BOOT_FILES_MAX 16384 /* of each folder, that are looked at */

/* Adds to `starts` of the programs. 0, or what could not be read. */
int boot_look(const struct root *root, struct programs *programs, struct error *err);

/* The half of it about units. */
int boot_look_at_units(const struct root *root, struct programs *programs, struct error *err);
/* words[first..] are a command: adds its program, and the script that it runs. */
struct command_line;
void boot_take_command(
        const struct root *root, struct programs *programs, const struct command_line *c, const char *how);
/* Calls for each name in a folder of the root, in no order; a folder that is not there is empty. */
int boot_each_name(const struct root *root, const char *folder,
        int (*take)(const char *folder, const char *name, void *context), void *context, struct error *err);
