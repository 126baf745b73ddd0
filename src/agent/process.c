/* SPDX-License-Identifier: ISC */
#include "agent/process.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#define SYSTEM_USER_MAX 999 /* adduser's and useradd's SYS_UID_MAX */

static bool is_run_by(const char *pid, const struct stat *program)
{
	char path[64];
	struct stat executable, process;
	snprintf(path, sizeof(path), "/proc/%.20s", pid);
	if (stat(path, &process) < 0 || process.st_uid > SYSTEM_USER_MAX)
		return false;
	snprintf(path, sizeof(path), "/proc/%.20s/exe", pid);
	return stat(path, &executable) == 0 && executable.st_dev == program->st_dev &&
	        executable.st_ino == program->st_ino;
}

enum tristate process_runs(const char *path)
{
	struct stat program;
	if (stat(path, &program) < 0)
		return TRI_NO;
	DIR *dir = opendir("/proc");
	if (!dir)
		return TRI_UNKNOWN;
	bool runs = false;
	for (struct dirent *e; !runs && (e = readdir(dir));)
		runs = isdigit((unsigned char)*e->d_name) && is_run_by(e->d_name, &program);
	closedir(dir);
	return runs ? TRI_YES : TRI_NO;
}
