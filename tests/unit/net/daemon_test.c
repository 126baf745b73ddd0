/* SPDX-License-Identifier: ISC */
#include "net/daemon.h"
#include "tests/unit/directory.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static void readiness_is_told(void **state)
{
	char *dir = directory_make();
	char *path FREE_ON_EXIT = xasprintf("%s/notify", dir);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char got[64] = "";
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_int_equal(daemon_notify("READY=1"), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	assert_int_equal(daemon_notify("READY=1"), 0);
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 7);
	assert_string_equal(got, "READY=1");
	close(fd);
	/* The abstract namespace. */
	char *name FREE_ON_EXIT = xasprintf("@pratique-test-%d", getpid());
	memset(&address, 0, sizeof(address));
	address.sun_family = AF_UNIX;
	memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
	                         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
	        0);
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(daemon_notify("STOPPING=1"), 0);
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 10);
	close(fd);
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(daemon_notify("READY=1"), -EINVAL);
	unsetenv("NOTIFY_SOCKET");
	directory_remove(dir);
}

static int stops, reloads;
static struct event_base *base;

static void on_stop(void *user)
{
	stops++;
	event_base_loopbreak(base);
}

static void on_reload(void *user)
{
	reloads++;
	event_base_loopbreak(base);
}

static void signals_become_calls(void **state)
{
	struct daemon_signals *s;
	base = event_base_new();
	assert_int_equal(daemon_signals_new(base, on_stop, on_reload, NULL, &s), 0);
	raise(SIGHUP);
	event_base_dispatch(base);
	assert_int_equal(reloads, 1);
	raise(SIGTERM);
	event_base_dispatch(base);
	raise(SIGINT);
	event_base_dispatch(base);
	assert_int_equal(stops, 2);
	raise(SIGPIPE); /* ignored */
	daemon_signals_free(s);
	event_base_free(base);
}

/* In a child: 0 where all is as it should be, else the number of what is not. */
static int drop_and_look(const char *user, cap_value_t keep)
{
	struct error err;
	cap_flag_value_t kept = CAP_CLEAR, other = CAP_SET;
	if (daemon_drop_privileges(user, &keep, 1, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	cap_t now = cap_get_proc();
	cap_get_flag(now, keep, CAP_EFFECTIVE, &kept);
	cap_get_flag(now, CAP_SYS_ADMIN, CAP_PERMITTED, &other);
	cap_free(now);
	if (kept != CAP_SET || other != CAP_CLEAR)
		return 2;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 3;
	if (getuid() == 0 || geteuid() == 0 || setuid(0) == 0)
		return 4;
	return cap_get_bound(CAP_SYS_ADMIN) == 0 ? 0 : 5;
}

static void privileges_are_given_up(void **state)
{
	cap_flag_value_t may = CAP_CLEAR;
	cap_t now = cap_get_proc();
	cap_get_flag(now, CAP_SETPCAP, CAP_EFFECTIVE, &may);
	cap_free(now);
	if (geteuid() != 0 || may != CAP_SET || !getpwnam("nobody"))
		skip();
	pid_t child = fork();
	if (child == 0)
		_exit(drop_and_look("nobody", CAP_NET_BIND_SERVICE));
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	child = fork();
	if (child == 0)
		_exit(daemon_drop_privileges("no such user", NULL, 0, NULL) == -ENOENT ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readiness_is_told),
		cmocka_unit_test(signals_become_calls),
		cmocka_unit_test(privileges_are_given_up),
	};
	return cmocka_run_group_tests_name("daemon", tests, NULL, NULL);
}
