/* SPDX-License-Identifier: ISC */
#include "enforcer/privileges.h"
#include "base/file.h"
#include "net/daemon.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <pwd.h>

#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PRIORITY -20 /* a move must not wait for what else the gateway does */
#define REAL_TIME 1  /* below everything else of that class */
#define SLICE_NS \
	200000 /* it runs for that long mostly: who asks for little is let in at once (Linux 6.12) \
	        */

static int check_capability(struct error *err)
{
	cap_flag_value_t has = CAP_CLEAR;
	cap_t c = cap_get_proc();
	if (c)
		cap_get_flag(c, CAP_NET_ADMIN, CAP_EFFECTIVE, &has);
	cap_free(c);
	return has == CAP_SET
	        ? 0
	        : error_set(err, -EPERM, "CAP_NET_ADMIN is missing: start as root, or grant it");
}

/* The directory's owner is who the daemon becomes. */
static int give(const char *state, const struct passwd *p, struct error *err)
{
	if (chown(state, p->pw_uid, p->pw_gid) < 0)
		return error_set(err, -errno, "%s: %s", state, strerror(errno));
	return 0;
}

void privileges_hurry(bool hurry)
{
	struct sched_attr a = { .size = sizeof(a), .sched_policy = hurry ? SCHED_RR : SCHED_NORMAL };
	if (hurry) {
		a.sched_priority = REAL_TIME;
	} else {
		a.sched_nice = getpriority(PRIO_PROCESS, 0);
		a.sched_runtime = SLICE_NS;
	}
	(void)syscall(SYS_sched_setattr, 0, &a, 0);
}

/* What the user that we become may do, too. */
static void permit_hurry(void)
{
	const struct rlimit real_time = { REAL_TIME, REAL_TIME };
	(void)setrlimit(RLIMIT_RTPRIO, &real_time);
	(void)setpriority(PRIO_PROCESS, 0, PRIORITY);
	privileges_hurry(false);
}

int privileges_drop(const char *user, const char *state, bool *ret_fallback, struct error *err)
{
	static const cap_value_t keep[] = { CAP_NET_ADMIN };
	bool root = geteuid() == 0;
	int r = check_capability(err);
	*ret_fallback = false;
	permit_hurry();
	if (r == 0)
		r = file_make_directory(state, 0700, err);
	if (r < 0 || !root)
		return r < 0 ? r : daemon_drop_privileges(NULL, keep, 1, err);
	const struct passwd *p = getpwnam(user);
	*ret_fallback = !p;
	if (!p)
		p = getpwnam("nobody");
	if (!p)
		return error_set(err, -ENOENT,
		        "there is neither a user %s nor nobody: create one, or set `user`", user);
	/* A copy: what getpwnam() returned changes with the next call. */
	char *name FREE_ON_EXIT = xstrdup(p->pw_name);
	r = give(state, p, err);
	return r < 0 ? r : daemon_drop_privileges(name, keep, 1, err);
}
