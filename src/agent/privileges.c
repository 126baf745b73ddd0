/* SPDX-License-Identifier: ISC */
#include "agent/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static int find_user(const char *user, uid_t *ret_uid, gid_t *ret_gid, struct error *err)
{
	const char *const names[] = { *user ? user : "pratique", *user ? user : "nobody" };
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		errno = 0;
		const struct passwd *pw = getpwnam(names[i]);
		if (!pw)
			continue;
		if (pw->pw_uid == 0)
			return error_set(err, -EPERM, "user: %s is root", names[i]);
		*ret_uid = pw->pw_uid;
		*ret_gid = pw->pw_gid;
		return 0;
	}
	return error_set(err, -ENOENT, "user: there is no user %s", names[0]);
}

static int become(uid_t uid, gid_t gid, struct error *err)
{
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return error_set(err, -errno, "cannot become user %u: %s", uid, strerror(errno));
	if (setuid(0) == 0 || geteuid() != uid || getegid() != gid)
		return error_set(err, -EPERM, "still root after becoming user %u", uid);
	return 0;
}

static int drop_capabilities(struct error *err)
{
	cap_t none = cap_init();
	int r = none && cap_set_proc(none) == 0 ? 0 : -errno;
	cap_free(none);
	return r < 0 ? error_set(err, r, "cannot drop capabilities: %s", strerror(-r)) : 0;
}

int privileges_drop(const char *user, pid_t parent, struct error *err)
{
	const struct rlimit no_core = { 0, 0 };
	int r = 0;
	if (geteuid() == 0) {
		uid_t uid = 0;
		gid_t gid = 0;
		r = find_user(user, &uid, &gid, err);
		if (r == 0)
			r = become(uid, gid, err);
	}
	if (r == 0)
		r = drop_capabilities(err);
	if (r < 0)
		return r;
	/* After the ids: changing them forgets the death signal (prctl(2)). */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
		return error_set(err, -errno, "prctl: %s", strerror(errno));
	if (getppid() != parent)
		return error_set(err, -ESRCH, "the collector has ended");
	return 0;
}
