/* SPDX-License-Identifier: ISC */
#include "net/child.h"

#include "base/defs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHILD_FD 3

/* Nothing of the parent's is left to the child: no descriptors, no handlers that would write into the
 * parent's event loop. */
static void leave_parent(int fd, const sigset_t *mask)
{
	static const int handled[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP };
	for (size_t i = 0; i < ARRAY_LENGTH(handled); i++)
		(void)signal(handled[i], SIG_DFL);
	if (fd != CHILD_FD)
		(void)dup3(fd, CHILD_FD, O_CLOEXEC);
	(void)close_range(CHILD_FD + 1, ~0u, 0);
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
}

int child_run(int type, int (*run)(int fd, pid_t parent, void *context), void *context, pid_t *ret_pid,
        int *ret_fd, struct error *err)
{
	int pair[2];
	sigset_t all, before;
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, -errno, "socketpair: %s", strerror(errno));
	/* A signal between fork() and leave_parent() would run the parent's handler in the child. */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid_t parent = getpid(), pid = fork();
	if (pid == 0) {
		leave_parent(pair[1], &before);
		_exit(run(CHILD_FD, parent, context));
	}
	int r = pid < 0 ? error_set(err, -errno, "fork: %s", strerror(errno)) : 0;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	*ret_pid = pid;
	*ret_fd = pair[0];
	return 0;
}

void child_follow_parent(pid_t parent)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	for (size_t i = 0; i < ARRAY_LENGTH(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
}
