/* SPDX-License-Identifier: ISC */
#include "softwire/process.h"

#include "net/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static int keep_descriptors(const struct process_spec *spec)
{
	if (close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return -errno;
	for (size_t i = 0; i < spec->n_named; i++)
		if (fcntl(spec->named[i].fd, F_SETFD, 0) < 0)
			return -errno;
	for (size_t i = 0; i < spec->n_others; i++)
		if (fcntl(spec->others[i], F_SETFD, 0) < 0)
			return -errno;
	return 0;
}

static _Noreturn void become(const struct process_spec *spec, char **argv, pid_t parent)
{
	static const int handled[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGPIPE };
	const struct rlimit no_core = { 0, 0 };
	struct error err = { "" };
	sigset_t none;
	for (size_t i = 0; i < ARRAY_LENGTH(handled); i++)
		(void)signal(handled[i], SIG_DFL);
	/* An interrupt from the terminal is the keeper's, who ends the others in order. */
	(void)setpgid(0, 0);
	int r = keep_descriptors(spec);
	if (r == 0 && setrlimit(RLIMIT_CORE, &no_core) < 0)
		r = -errno;
	if (r == 0)
		r = daemon_drop_privileges(NULL, NULL, 0, &err);
	/* After the capabilities went: losing them forgets the death signal (prctl(2)). */
	if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		r = -errno;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (r == 0 && getppid() == parent)
		execv("/proc/self/exe", argv);
	dprintf(STDERR_FILENO, "pratique-softwire: error: %s cannot be started: %s\n", spec->role,
	        *err.text ? err.text : strerror(r < 0 ? -r : errno));
	_exit(127);
}

int process_start(const struct process_spec *spec, pid_t *ret, struct error *err)
{
	char *argv[PROCESS_ARGUMENTS_MAX + PROCESS_NAMED_MAX + 4] = { (char *)(uintptr_t) "pratique-softwire",
		(char *)(uintptr_t)spec->role };
	char words[PROCESS_NAMED_MAX][32];
	size_t n = 2;
	sigset_t all, before;
	for (size_t i = 0; i < spec->n_named; i++) {
		snprintf(words[i], sizeof(words[i]), "%s=%d", spec->named[i].name, spec->named[i].fd);
		argv[n++] = words[i];
	}
	argv[n++] = (char *)(uintptr_t) "--";
	for (size_t i = 0; spec->arguments[i]; i++) {
		if (i == PROCESS_ARGUMENTS_MAX)
			return error_set(err, -E2BIG, "%s: too many arguments", spec->role);
		argv[n++] = (char *)(uintptr_t)spec->arguments[i];
	}
	argv[n] = NULL;
	/* A signal between fork() and become() would run the keeper's handler in the child. */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		become(spec, argv, parent);
	int code = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return error_set(err, -code, "%s: fork: %s", spec->role, strerror(code));
	*ret = pid;
	return 0;
}

int process_inherit(int argc, char **argv, struct process_inheritance *ret, struct error *err)
{
	int i;
	*ret = (struct process_inheritance){ 0 };
	for (i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
		char *equals = strchr(argv[i], '=');
		char *end = NULL;
		long fd = equals ? strtol(equals + 1, &end, 10) : -1;
		if (fd <= STDERR_FILENO || fd > INT_MAX || *end || ret->count == PROCESS_NAMED_MAX ||
		        fcntl((int)fd, F_GETFD) < 0)
			return error_set(err, -EINVAL, "%s: only the keeper starts this", argv[1]);
		(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
		*equals = '\0';
		ret->items[ret->count++] = (struct process_inherited){ argv[i], (int)fd };
	}
	if (i >= argc)
		return error_set(err, -EINVAL, "%s: only the keeper starts this", argv[1]);
	ret->arguments = i + 1;
	return 0;
}

int process_descriptor(const struct process_inheritance *i, const char *name)
{
	for (size_t k = 0; k < i->count; k++)
		if (strcmp(i->items[k].name, name) == 0)
			return i->items[k].fd;
	return -1;
}

int process_harden(struct error *err)
{
	const struct rlimit no_core = { 0, 0 };
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
		return error_set(err, -errno, "prctl: %s", strerror(errno));
	return 0;
}
