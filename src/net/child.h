/* SPDX-License-Identifier: ISC */
/* A process of our own beside this one: no program is executed, nothing of the parent's is left to it. */
#pragma once

#include "base/error.h"
#include <sys/types.h>

/* Forks; run has the whole life of the child, and returns its exit code. The child has no descriptor of the
 * parent's but its end of a socketpair of that type (SOCK_STREAM, SOCK_SEQPACKET) as fd, and those below it.
 * *ret_fd: the parent's end. */
int child_run(int type, int (*run)(int fd, pid_t parent, void *context), void *context, pid_t *ret_pid,
        int *ret_fd, struct error *err);
/* For such a child, and its own: it ends when its parent does; whoever asks a whole group to end means the
 * parent. */
void child_follow_parent(pid_t parent);
