/* SPDX-License-Identifier: ISC */
#include "net/sandbox.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALLOWED 0
#define KILLED (-1)

/* What a deed comes to inside: ALLOWED, an errno value, or KILLED. */
static int inside(unsigned allowed, int (*deed)(void))
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct error err;
		if (sandbox_enter(allowed, &err) < 0)
			_exit(255);
		errno = 0;
		_exit(deed() < 0 ? errno : ALLOWED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGSYS);
		return KILLED;
	}
	assert_int_not_equal(WEXITSTATUS(status), 255);
	return WEXITSTATUS(status);
}

static int nothing(void)
{
	return 0;
}

static int read_file(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static int write_file(void)
{
	return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static int truncate_file(void)
{
	return open("/dev/null", O_RDONLY | O_TRUNC | O_CLOEXEC);
}

static int make_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int make_inet_socket(void)
{
	return socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int make_netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
}

static int make_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
}

static void *run_thread(void *context)
{
	*(bool *)context = true;
	return NULL;
}

static int make_thread(void)
{
	pthread_t thread;
	bool ran = false;
	errno = pthread_create(&thread, NULL, run_thread, &ran);
	return errno == 0 && pthread_join(thread, NULL) == 0 && ran ? 0 : -1;
}

static int write_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? -1 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int map_code(void)
{
	return mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
	                                                                                                  : 0;
}

static int type_into_terminal(void)
{
	return ioctl(STDIN_FILENO, TIOCSTI, "x");
}

static int change_namespace(void)
{
	return unshare(CLONE_NEWNET);
}

static int mount_something(void)
{
	return mount("none", "/mnt", "tmpfs", 0, NULL);
}

static int load_bpf(void)
{
	return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int load_module(void)
{
	return (int)syscall(SYS_init_module, NULL, 0, "");
}

static int trace_memory(void)
{
	return (int)syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

static int signal_parent(void)
{
	return kill(getppid(), 0);
}

static void it_gives_what_is_named(void **state)
{
	static const struct {
		unsigned allowed;
		int (*deed)(void);
		int expected;
	} rows[] = {
		{ 0, nothing, ALLOWED },
		{ 0, read_file, EPERM },
		{ SANDBOX_READ, read_file, ALLOWED },
		{ SANDBOX_READ, write_file, EPERM },
		{ SANDBOX_READ, truncate_file, EPERM },
		{ SANDBOX_READ | SANDBOX_WRITE, write_file, ALLOWED },
		{ SANDBOX_READ | SANDBOX_WRITE, make_unix_socket, EPERM },
		{ SANDBOX_SOCKETS, make_unix_socket, ALLOWED },
		{ SANDBOX_SOCKETS, make_inet_socket, ALLOWED },
		{ SANDBOX_SOCKETS, make_netlink_socket, EPERM },
		{ SANDBOX_SOCKETS | SANDBOX_NETLINK, make_netlink_socket, ALLOWED },
		{ SANDBOX_SOCKETS | SANDBOX_NETLINK, make_packet_socket, EPERM },
		{ SANDBOX_THREADS, make_thread, ALLOWED },
		{ SANDBOX_SIGNALS, signal_parent, ALLOWED },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		int got = inside(rows[i].allowed, rows[i].deed);
		if (got != rows[i].expected)
			fail_msg("row %zu: %d, expected %d", i, got, rows[i].expected);
	}
}

static void it_never_gives_the_host(void **state)
{
	static const unsigned all =
	        SANDBOX_READ | SANDBOX_WRITE | SANDBOX_SOCKETS | SANDBOX_NETLINK | SANDBOX_THREADS;
	int (*const deeds[])(void) = { write_code, map_code, change_namespace, mount_something, load_bpf,
		load_module, trace_memory };
	for (size_t i = 0; i < ARRAY_LENGTH(deeds); i++)
		if (inside(all, deeds[i]) != KILLED)
			fail_msg("deed %zu does not end the process", i);
	assert_int_equal(inside(all, type_into_terminal), EPERM);
	assert_int_equal(inside(all, signal_parent), EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_gives_what_is_named),
		cmocka_unit_test(it_never_gives_the_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
