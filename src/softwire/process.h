/* SPDX-License-Identifier: ISC */
/*
 * The keeper's children: this program again (/proc/self/exe) with a hidden first argument, without any
 * capability and any way to get one, without core dumps, with exactly the descriptors that it is given (under
 * the numbers that they have here), and with its life tied to the keeper's.
 */
#pragma once

#include "base/error.h"
#include <stdbool.h>
#include <sys/types.h>

#define PROCESS_NAMED_MAX 4
#define PROCESS_ARGUMENTS_MAX 256

/* A descriptor and what the child calls it. */
struct process_inherited {
	const char *name;
	int fd;
};

struct process_spec {
	const char *role;             /* the hidden argument */
	const char *const *arguments; /* of the program, as it was started; NULL-terminated */
	struct process_inherited named[PROCESS_NAMED_MAX];
	size_t n_named;
	const int *others; /* further descriptors, which the child knows by other means */
	size_t n_others;
};

/* Starts one; the caller reaps it. */
int process_start(const struct process_spec *spec, pid_t *ret, struct error *err);

/* In the child. argv[1] is the role, then NAME=FD words up to "--", then the program's arguments. */
struct process_inheritance {
	struct process_inherited items[PROCESS_NAMED_MAX];
	size_t count;
	int arguments; /* where in argv the program's begin */
};
int process_inherit(int argc, char **argv, struct process_inheritance *ret, struct error *err);
/* The descriptor of that name; -1: there is none. */
int process_descriptor(const struct process_inheritance *i, const char *name);
/* First thing in the child: no traces, no core (execve() made it dumpable again). */
int process_harden(struct error *err);
