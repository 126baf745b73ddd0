/* SPDX-License-Identifier: ISC */
#include "agent/privileges.h"

#include "net/daemon.h"
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

int privileges_drop(const char *user, pid_t parent, struct error *err)
{
	const struct rlimit no_core = { 0, 0 };
	const char *usual = getpwnam("pratique") ? "pratique" : "nobody";
	const char *name = geteuid() != 0 ? NULL : *user ? user : usual;
	int r = daemon_drop_privileges(name, NULL, 0, err);
	if (r < 0)
		return r;
	if (name && geteuid() == 0)
		return error_set(err, -EPERM, "user: %s is root, and the network half must not be", name);
	/* After the ids: changing them forgets the death signal (prctl(2)). */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
	        setrlimit(RLIMIT_CORE, &no_core) < 0)
		return error_set(err, -errno, "prctl: %s", strerror(errno));
	if (getppid() != parent)
		return error_set(err, -ESRCH, "the collector has ended");
	return 0;
}
