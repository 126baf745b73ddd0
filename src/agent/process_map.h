/* SPDX-License-Identifier: ISC */
/*
 * /proc/PID/maps, proc_pid_maps(5): which files a process runs that were replaced or removed since. A file
 * counts where it is mapped to be executed, its name ends in " (deleted)", and it lies where a system keeps
 * its programs: not below /dev, /home, /proc, /root, /run, /sys, /tmp or /var/tmp, and not in memory only
 * (memfd, System V shared memory, what drivers map).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PROCESS_MAP_PATH_MAX 4096

struct process_map {
	const char *at, *end;
};

/* Writes the path of the next such file, as it was before it was replaced: without the mark, and without what
 * dpkg and rpm append to the names of files that they are about to rename. False at the end. Lines of another
 * form, and longer paths, are passed over. */
bool process_map_next(struct process_map *m, char ret_path[PROCESS_MAP_PATH_MAX]);

/* The same for a path alone, in place: takes the mark and the endings off; false where there is no mark. */
bool process_map_take_mark(char *path);
