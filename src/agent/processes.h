/* SPDX-License-Identifier: ISC */
/*
 * A look at all processes, /proc/PID: which run files that were replaced (process_map.h), and which have the
 * sockets that listen (socket_table.h). Processes of another root, containers and the like, run what is not
 * this system's software: their replaced files are not looked at, but a socket of theirs that listens in this
 * network name space counts.
 */
#pragma once

#include "agent/program.h"
#include "agent/root.h"
#include "base/error.h"

#define PROCESSES_DESCRIPTORS_MAX 2000000 /* of all processes, that are looked at */
#define PROCESSES_MAPS_MAX (512u << 20)   /* bytes, of all processes */
#define PROCESSES_SOCKETS_MAX 65536       /* that listen */

struct processes_look {
	struct programs *programs; /* filled: outdated, replaced, listens */
	size_t processes;
	size_t unreadable; /* processes that could not be looked into, for want of rights or above a limit */
	char reason[256];  /* of the first of them */
	int sockets;       /* 0, or why the sockets could not be read: then no program has any */
	struct error sockets_error;
};

/* 0, or what could not be read at all. -ENOENT: the root has no processes (it is not a running system's). */
int processes_look(const struct root *root, struct processes_look *look, struct error *err);
