/* SPDX-License-Identifier: ISC */
/*
 * A server that dies at a point of its choice, for LD_PRELOAD. The file that KILL_AT names is mapped while
 * there is privilege: the name of a point, and what has happened since it was written there, a letter each.
 *
 *   place, placed    before and after differences of placements are written to an enforcer  (P)
 *   sync, synced     before and after a commit is synced to the disk                        (S)
 *   retry, retried   before and after a node is asked to be inspected again                 (R)
 */
#include "ipc/ipc.h"
#include "proto/pbtnc/pbtnc.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PTTLS_HEADER 16
#define PLACE_FULL_AT (IPC_HEADER_SIZE + 8) /* behind the generation */

struct ssl_st;
int SSL_write(struct ssl_st *ssl, const void *data, int length);

static struct kill_at {
	char point[16], trace[16];
} * state;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("KILL_AT");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *at = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	state = at == MAP_FAILED ? NULL : at;
	(void)close(fd);
}

static void pass(const char *point)
{
	if (state && strncmp(state->point, point, sizeof(state->point)) == 0)
		_exit(137); /* as SIGKILL: nothing is flushed, nothing is said; sockets end */
}

static void note(char what)
{
	const size_t n =
	        state && *state->point ? strnlen(state->trace, sizeof(state->trace)) : sizeof(state->trace);
	if (n < sizeof(state->trace))
		state->trace[n] = what;
}

static uint32_t u32_at(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Some message of those that are written at once is a difference of placements. */
static bool has_place(const uint8_t *at, size_t left)
{
	while (left > PLACE_FULL_AT) {
		const uint32_t length = u32_at(at);
		if (length < 2 || length > IPC_FRAME_MAX)
			return false;
		if (at[4] == 0 && at[5] == IPC_PLACE && at[PLACE_FULL_AT] == 0)
			return true;
		if (length + 4 >= left)
			return false;
		at += length + 4;
		left -= length + 4;
	}
	return false;
}

static bool has_retry(const uint8_t *at, size_t left)
{
	return left > PTTLS_HEADER + 3 && u32_at(at) == 0 && at[PTTLS_HEADER] == PBTNC_VERSION &&
	        (at[PTTLS_HEADER + 3] & 0x0f) == PBTNC_SRETRY;
}

int SSL_write(struct ssl_st *ssl, const void *data, int length)
{
	static int (*next)(struct ssl_st * ssl, const void *data, int length);
	const bool is_place = has_place(data, (size_t)length), is_retry = has_retry(data, (size_t)length);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "SSL_write");
	if (is_place || is_retry)
		pass(is_place ? "place" : "retry");
	const int r = next(ssl, data, length);
	if ((!is_place && !is_retry) || r <= 0)
		return r;
	note(is_place ? 'P' : 'R');
	pass(is_place ? "placed" : "retried");
	return r;
}

static int sync_at(long number, int fd)
{
	pass("sync");
	const int r = (int)syscall(number, fd);
	note('S');
	pass("synced");
	return r;
}

int fdatasync(int fd)
{
	return sync_at(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	return sync_at(SYS_fsync, fd);
}
