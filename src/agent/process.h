/* SPDX-License-Identifier: ISC */
/* Whether a daemon runs on this machine. */
#pragma once

#include "posture/posture.h"

/* path: its executable. Counts what runs that very file (device and inode, whatever a process calls itself),
 * as a user of the system; anybody can start a copy. NO also where there is no such file; UNKNOWN where /proc
 * cannot be read. */
enum tristate process_runs(const char *path);
