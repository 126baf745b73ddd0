/* SPDX-License-Identifier: ISC */
/*
 * What a process may ask of the kernel once it is set up (seccomp(2)): the calls of an event loop over the
 * descriptors that it has, and what it names. Anything else fails with EPERM and is left in the kernel's log
 * (type=1326); what none of our daemons ever asks for, and whoever took one over would, ends the process at
 * once: to trace others, to load code into the kernel, to mount, to change name spaces, to make memory
 * executable.
 *
 * Programs that are started inherit it, so a process that starts strangers' programs (the agent's collector,
 * which runs the host's package manager; the keeper of softwires, which runs charon) does without. One that
 * runs a program which can live with so little (gpgv) has SANDBOX_PROGRAMS, and may leave less to those that
 * it starts by entering again.
 */
#pragma once

#include "base/error.h"

#define SANDBOX_READ 0x1u    /* opens files for reading */
#define SANDBOX_WRITE 0x2u   /* makes, changes, names and removes files */
#define SANDBOX_SOCKETS 0x4u /* makes sockets: Unix, IPv4, IPv6 */
#define SANDBOX_NETLINK 0x8u /* makes netlink sockets */
#define SANDBOX_THREADS 0x10u
#define SANDBOX_PROGRAMS 0x20u /* starts processes, in no name space of their own, and executes programs */
#define SANDBOX_SIGNALS 0x40u  /* to processes of its user: to end those that it has started */

/* For good, and for all threads. -ENOSYS where the kernel has no seccomp. */
int sandbox_enter(unsigned allowed, struct error *err);
