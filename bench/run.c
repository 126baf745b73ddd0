/* SPDX-License-Identifier: ISC */
/*
 * Runs whole commands side by side, in turns, and prints medians of wall time and peak memory, and how the
 * first compares with each of the others. A program of its own because a child's peak memory counts that of
 * the process that forked it: this one is small.
 *
 *   run RUNS NAME COMMAND [NAME COMMAND]...      COMMAND is for /bin/sh; its output goes to /dev/null
 */
#include "base/clock.h"
#include "base/defs.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUNS_MAX 1000

struct contender {
	const char *name, *command;
	double *seconds, *cpu, *megabytes;
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static double seconds_of(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

static int run_once(struct contender *c, size_t run, const posix_spawn_file_actions_t *quiet)
{
	char *const argv[] = { (char *)"sh", (char *)"-c", (char *)(uintptr_t)c->command, NULL };
	struct rusage usage;
	int status;
	int64_t begun = clock_monotonic_us();
	pid_t pid;
	int r = posix_spawn(&pid, "/bin/sh", quiet, NULL, argv, environ);
	if (r != 0 || wait4(pid, &status, 0, &usage) < 0) {
		fprintf(stderr, "run: /bin/sh: %s\n", strerror(r ? r : errno));
		return -1;
	}
	c->seconds[run] = (double)(clock_monotonic_us() - begun) / 1e6;
	c->cpu[run] = seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime);
	c->megabytes[run] = (double)usage.ru_maxrss / 1024;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	fprintf(stderr, "run: %s: failed: %s\n", c->name, c->command);
	return -1;
}

static void print_results(const struct contender *list, size_t n, size_t runs)
{
	double first_seconds = 0, first_megabytes = 0;
	for (size_t i = 0; i < n; i++) {
		double seconds = median(list[i].seconds, runs), megabytes = median(list[i].megabytes, runs);
		printf("  %-28s %9.3f s wall (%.3f to %.3f)  %8.3f s CPU  %8.1f MB peak\n", list[i].name,
		        seconds, list[i].seconds[0], list[i].seconds[runs - 1], median(list[i].cpu, runs),
		        megabytes);
		if (i == 0) {
			first_seconds = seconds;
			first_megabytes = megabytes;
			continue;
		}
		printf("  ratio: %s takes %.2f times the wall time of %s (%.3f s : %.3f s) and %.2f times "
		       "its "
		       "memory (%.1f MB : %.1f MB)\n",
		        list[i].name, seconds / first_seconds, list[0].name, seconds, first_seconds,
		        megabytes / first_megabytes, megabytes, first_megabytes);
	}
}

int main(int argc, char **argv)
{
	size_t runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, n = argc > 3 ? (size_t)(argc - 2) / 2 : 0;
	if (runs == 0 || runs > RUNS_MAX || n == 0 || argc % 2) {
		fputs("usage: run RUNS NAME COMMAND [NAME COMMAND]...\n", stderr);
		return 2;
	}
	struct contender *list = xcalloc(n, sizeof(*list));
	posix_spawn_file_actions_t quiet;
	int code = posix_spawn_file_actions_init(&quiet);
	if (code == 0)
		code = posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	for (size_t i = 0; i < n; i++)
		list[i] = (struct contender){ argv[2 + 2 * i], argv[3 + 2 * i], xcalloc(runs, sizeof(double)),
			xcalloc(runs, sizeof(double)), xcalloc(runs, sizeof(double)) };
	for (size_t run = 0; run < runs && code == 0; run++)
		for (size_t i = 0; i < n && code == 0; i++)
			code = run_once(&list[i], run, &quiet);
	if (code == 0)
		print_results(list, n, runs);
	for (size_t i = 0; i < n; i++) {
		free(list[i].seconds);
		free(list[i].cpu);
		free(list[i].megabytes);
	}
	free(list);
	(void)posix_spawn_file_actions_destroy(&quiet);
	return code ? 1 : 0;
}
