/* SPDX-License-Identifier: ISC */
/*
 * A disk that takes its time, for LD_PRELOAD: fdatasync() returns when the file that SLOW_DISK names is not
 * there (any more).
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int fdatasync(int fd)
{
	const char *gate = getenv("SLOW_DISK");
	while (gate && access(gate, F_OK) == 0)
		(void)usleep(10000);
	return (int)syscall(SYS_fdatasync, fd);
}
