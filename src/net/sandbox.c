/* SPDX-License-Identifier: ISC */
#include "net/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>

/* Names and no numbers: what this library or this architecture does not know is passed over. */
static const char *const always[] = { "accept4", "brk", "clock_getres", "clock_gettime", "clock_nanosleep",
	"close", "close_range", "dup", "dup2", "dup3", "epoll_create1", "epoll_ctl", "epoll_pwait",
	"epoll_pwait2", "epoll_wait", "eventfd2", "exit", "exit_group", "fcntl", "fdatasync", "fstat",
	"fsync", "futex", "getegid", "geteuid", "getgid", "getgroups", "getpeername", "getpid", "getppid",
	"getpriority", "getrandom", "getresgid", "getresuid", "getrlimit", "getrusage", "getsockname",
	"getsockopt", "gettid", "gettimeofday", "getuid", "lseek", "madvise", "membarrier", "mremap",
	"munmap", "nanosleep", "newfstatat", "pipe2", "poll", "ppoll", "prctl", "pread64", "preadv",
	"prlimit64", "pselect6", "pwrite64", "pwritev", "read", "readv", "recvfrom", "recvmmsg", "recvmsg",
	"restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn",
	"rt_sigsuspend", "rt_sigtimedwait", "sched_getaffinity", "sched_setaffinity", "sched_setattr",
	"sched_yield", "select", "sendmmsg", "sendmsg", "sendto", "set_robust_list", "setrlimit",
	"setsockopt", "shutdown", "sigaltstack", "socketpair", "sysinfo", "tgkill", "time", "timerfd_create",
	"timerfd_gettime", "timerfd_settime", "times", "umask", "uname", "wait4", "waitid", "write",
	"writev" };

static const char *const reading[] = { "access", "faccessat", "faccessat2", "fadvise64", "fgetxattr", "flock",
	"fstatfs", "getcwd", "getdents64", "getxattr", "inotify_add_watch", "inotify_init1",
	"inotify_rm_watch", "lgetxattr", "lstat", "pidfd_open", "readahead", "readlink", "readlinkat", "stat",
	"statfs", "statx" };

static const char *const writing[] = { "chmod", "chown", "copy_file_range", "creat", "fallocate", "fchmod",
	"fchmodat", "fchown", "fchownat", "ftruncate", "link", "linkat", "memfd_create", "mkdir", "mkdirat",
	"msync", "open", "openat", "rename", "renameat", "renameat2", "rmdir", "sync_file_range", "truncate",
	"unlink", "unlinkat", "utimensat" };

static const char *const sockets[] = { "bind", "connect", "listen" };

static const char *const programs[] = { "arch_prctl", "chdir", "execve", "fork", "seccomp", "set_tid_address",
	"vfork" };

/* What ends the process. */
static const char *const never[] = { "acct", "add_key", "bpf", "chroot", "delete_module", "execve",
	"execveat", "finit_module", "fsconfig", "fsmount", "fsopen", "init_module", "io_uring_setup",
	"ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl", "mount", "mount_setattr",
	"move_mount", "open_by_handle_at", "open_tree", "perf_event_open", "pivot_root", "process_vm_readv",
	"process_vm_writev", "ptrace", "quotactl", "reboot", "request_key", "setns", "swapoff", "swapon",
	"syslog", "umount2", "unshare", "userfaultfd" };

#ifndef __has_feature /* clang's way to ask */
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
/* A sanitizer looks for leaks from a process of its own, which traces this one, and has another program name
 * what it found. */
static const char *const sanitizers[] = { "clone", "execve", "getdents", "personality", "ptrace", "fork",
	"vfork" };
#else
static const char *const sanitizers[] = {};
#endif

static int allow(scmp_filter_ctx f, const char *const *names, size_t n)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		int call = seccomp_syscall_resolve_name(names[i]);
		if (call >= 0)
			r = seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 0);
	}
	return r;
}

static bool is_among(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool is_of_sanitizers(const char *name)
{
	return is_among(name, sanitizers, ARRAY_LENGTH(sanitizers));
}

/* The rest of never. */
static int kill_at(scmp_filter_ctx f, unsigned allowed)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LENGTH(never); i++) {
		int call = seccomp_syscall_resolve_name(never[i]);
		bool wanted = is_of_sanitizers(never[i]) ||
		        ((allowed & SANDBOX_PROGRAMS) &&
		                is_among(never[i], programs, ARRAY_LENGTH(programs)));
		if (call >= 0 && !wanted)
			r = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, call, 0);
	}
	return r;
}

/* Code comes from files that are mapped, never from memory that was written to. */
static int limit_memory(scmp_filter_ctx f)
{
	int r = seccomp_rule_add(
	        f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
		        SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC));
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(mmap), 1,
		        SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC | PROT_WRITE));
	if (r == 0)
		r = seccomp_rule_add(
		        f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(mprotect), 1,
		        SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
	return r;
}

/* Neither to type into terminals nor to change an interface. */
static int limit_ioctl(scmp_filter_ctx f)
{
	static const unsigned requests[] = { FIONBIO, FIONREAD, FIOCLEX, TCGETS, TIOCGWINSZ, SIOCGIFINDEX,
		SIOCGIFNAME };
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LENGTH(requests); i++)
		r = seccomp_rule_add(
		        f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1_32(SCMP_CMP_EQ, requests[i]));
	return r;
}

static int allow_reading(scmp_filter_ctx f)
{
	const scmp_datum_t changing = O_ACCMODE | O_CREAT | O_TRUNC;
	int r = allow(f, reading, ARRAY_LENGTH(reading));
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
		        SCMP_A2(SCMP_CMP_MASKED_EQ, changing, O_RDONLY));
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
		        SCMP_A1(SCMP_CMP_MASKED_EQ, changing, O_RDONLY));
	return r;
}

static int allow_sockets(scmp_filter_ctx f, unsigned allowed)
{
	static const struct {
		unsigned flag;
		int family;
	} families[] = { { SANDBOX_SOCKETS, AF_UNIX }, { SANDBOX_SOCKETS, AF_INET },
		{ SANDBOX_SOCKETS, AF_INET6 }, { SANDBOX_NETLINK, AF_NETLINK } };
	int r = allow(f, sockets, ARRAY_LENGTH(sockets));
	for (size_t i = 0; r == 0 && i < ARRAY_LENGTH(families); i++)
		if (allowed & families[i].flag)
			r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
			        SCMP_A0_32(SCMP_CMP_EQ, (scmp_datum_t)families[i].family));
	return r;
}

/* clone3() has its flags where no filter can look: the C library is told that it is not there, and takes
 * clone(). */
static int allow_clone(scmp_filter_ctx f, unsigned allowed)
{
	const scmp_datum_t spaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
	        CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
	int r = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (r < 0 || is_of_sanitizers("clone"))
		return r;
	if (allowed & SANDBOX_PROGRAMS)
		r = seccomp_rule_add(
		        f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, spaces, 0));
	else if (allowed & SANDBOX_THREADS)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	return r;
}

static int fill(scmp_filter_ctx f, unsigned allowed)
{
	int r = allow(f, always, ARRAY_LENGTH(always));
	if (r == 0)
		r = allow(f, sanitizers, ARRAY_LENGTH(sanitizers));
	if (r == 0)
		r = kill_at(f, allowed);
	if (r == 0)
		r = limit_memory(f);
	if (r == 0)
		r = limit_ioctl(f);
	if (r == 0)
		r = allow_clone(f, allowed);
	if (r == 0 && (allowed & SANDBOX_PROGRAMS))
		r = allow(f, programs, ARRAY_LENGTH(programs));
	if (r == 0 && (allowed & SANDBOX_SIGNALS))
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(kill), 0);
	if (r == 0 && (allowed & SANDBOX_READ))
		r = allow_reading(f);
	if (r == 0 && (allowed & SANDBOX_WRITE))
		r = allow(f, writing, ARRAY_LENGTH(writing));
	if (r == 0 && (allowed & (SANDBOX_SOCKETS | SANDBOX_NETLINK)))
		r = allow_sockets(f, allowed);
	return r;
}

int sandbox_enter(unsigned allowed, struct error *err)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = f ? 0 : -ENOMEM;
	if (r == 0)
		r = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (r == 0)
		r = seccomp_attr_set(f, SCMP_FLTATR_CTL_LOG, 1);
	if (r == 0)
		r = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree by number instead of a list */
	if (r == 0)
		r = fill(f, allowed);
	if (r == 0)
		r = seccomp_load(f);
	if (f)
		seccomp_release(f);
	return r == 0 ? 0 : error_set(err, r, "seccomp: %s", strerror(-r));
}
