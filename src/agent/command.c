/* SPDX-License-Identifier: ISC */
#include "agent/command.h"

#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMPLAINT_MAX 512

struct command {
	pid_t pid;
	int fds[2]; /* its output, its complaints; -1: at the end */
	char *output;
	size_t length, capacity;
	char complaint[COMPLAINT_MAX + 1];
	size_t complaint_length;
};

static int check_program(const char *path, struct error *err)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH))
		return error_set(err, -EPERM, "%s is not run: others than root can write it", path);
	return 0;
}

_Noreturn static void become(const char *const argv[], int output, int complaints)
{
	static char *const environment[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C",
		NULL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(complaints, 2) < 0 || chdir("/") < 0)
		_exit(127);
	(void)close_range(3, ~0u, 0);
	(void)setpgid(0, 0);
	(void)signal(SIGPIPE, SIG_DFL);
	execve(argv[0], (char *const *)argv, environment);
	_exit(127);
}

static int start(struct command *c, const char *const argv[], struct error *err)
{
	int output[2], complaints[2];
	if (pipe2(output, O_CLOEXEC) < 0)
		return error_set(err, -errno, "%s: %s", argv[0], strerror(errno));
	if (pipe2(complaints, O_CLOEXEC) < 0) {
		int r = error_set(err, -errno, "%s: %s", argv[0], strerror(errno));
		close(output[0]);
		close(output[1]);
		return r;
	}
	c->pid = fork();
	if (c->pid == 0)
		become(argv, output[1], complaints[1]);
	int r = c->pid < 0 ? error_set(err, -errno, "%s: %s", argv[0], strerror(errno)) : 0;
	close(output[1]);
	close(complaints[1]);
	c->fds[0] = output[0];
	c->fds[1] = complaints[0];
	return r;
}

static int take_output(struct command *c, const char *bytes, size_t n)
{
	if (c->length + n > COMMAND_OUTPUT_MAX)
		return -EFBIG;
	if (c->length + n >= c->capacity) {
		c->capacity = 2 * (c->length + n) + 1;
		c->output = xrealloc_array(c->output, c->capacity, 1);
	}
	memcpy(c->output + c->length, bytes, n);
	c->length += n;
	c->output[c->length] = '\0';
	return 0;
}

static int read_from(struct command *c, size_t i)
{
	char bytes[8192];
	ssize_t n = read(c->fds[i], bytes, sizeof(bytes));
	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0) {
		close(c->fds[i]);
		c->fds[i] = -1;
		return 0;
	}
	if (i == 0)
		return take_output(c, bytes, (size_t)n);
	size_t room = MIN((size_t)n, COMPLAINT_MAX - c->complaint_length);
	memcpy(c->complaint + c->complaint_length, bytes, room);
	c->complaint_length += room;
	return 0;
}

static int read_both(struct command *c, time_ms end)
{
	while (c->fds[0] >= 0 || c->fds[1] >= 0) {
		struct pollfd fds[2] = { { .fd = c->fds[0], .events = POLLIN },
			{ .fd = c->fds[1], .events = POLLIN } };
		time_ms left = end - clock_monotonic_ms();
		int n = left <= 0 ? 0 : poll(fds, 2, (int)left);
		if (n == 0)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return -errno;
		for (size_t i = 0; n > 0 && i < ARRAY_LENGTH(fds); i++) {
			int r = fds[i].revents ? read_from(c, i) : 0;
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static void kill_group(const struct command *c)
{
	if (kill(-c->pid, SIGKILL) < 0)
		(void)kill(c->pid, SIGKILL);
}

/* Its status once it has ended. What does not end in time is killed, with its whole group; *in_time is then
 * false.
 */
static int finish(struct command *c, time_ms end, bool *in_time)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	int status = 0;
	pid_t pid;
	if (!*in_time)
		kill_group(c);
	while ((pid = waitpid(c->pid, &status, *in_time ? WNOHANG : 0)) != c->pid) {
		if (pid < 0 && errno != EINTR)
			return -1;
		if (*in_time && clock_monotonic_ms() >= end) {
			*in_time = false;
			kill_group(c);
		} else if (*in_time) {
			(void)nanosleep(&pause, NULL);
		}
	}
	return status;
}

int command_run(const char *const argv[], char **ret_output, size_t *ret_length, struct error *err)
{
	struct command c = { .fds = { -1, -1 } };
	int r = check_program(argv[0], err);
	if (r < 0)
		return r;
	r = start(&c, argv, err);
	if (r == 0) {
		const time_ms end = clock_monotonic_ms() + COMMAND_TIME_MAX_MS;
		r = read_both(&c, end);
		bool in_time = r == 0;
		int status = finish(&c, end, &in_time);
		r = r == 0 && !in_time ? -ETIMEDOUT : r;
		c.complaint[strcspn(c.complaint, "\r\n")] = '\0';
		if (r < 0)
			r = error_set(err, r, "%s: %s", argv[0], strerror(-r));
		else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			r = error_set(err, -EIO, "%s failed: %s", argv[0],
			        *c.complaint ? c.complaint : "it does not say why");
	}
	for (size_t i = 0; i < ARRAY_LENGTH(c.fds); i++)
		if (c.fds[i] >= 0)
			close(c.fds[i]);
	if (r < 0) {
		free(c.output);
		return r;
	}
	*ret_output = c.output ? c.output : xstrdup("");
	*ret_length = c.length;
	return 0;
}
