/* SPDX-License-Identifier: ISC */
#include "net/daemon.h"

#include "base/file.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Privileges. */

/* What of keep is inheritable now stays so. */
static void copy_inheritable(cap_t caps, const cap_value_t *keep, size_t n_keep)
{
	cap_t now = cap_get_proc();
	for (size_t i = 0; now && i < n_keep; i++) {
		cap_flag_value_t value = CAP_CLEAR;
		if (cap_get_flag(now, keep[i], CAP_INHERITABLE, &value) == 0)
			(void)cap_set_flag(caps, CAP_INHERITABLE, 1, &keep[i], value);
	}
	cap_free(now);
}

static int set_capabilities(const cap_value_t *keep, size_t n_keep, struct error *err)
{
	cap_t caps = cap_init(); /* empty */
	if (caps)
		copy_inheritable(caps, keep, n_keep);
	bool ok = caps &&
	        (n_keep == 0 ||
	                (cap_set_flag(caps, CAP_PERMITTED, (int)n_keep, keep, CAP_SET) == 0 &&
	                        cap_set_flag(caps, CAP_EFFECTIVE, (int)n_keep, keep, CAP_SET) == 0)) &&
	        cap_set_proc(caps) == 0;
	int code = errno;
	if (caps)
		cap_free(caps);
	return ok ? 0
	          : error_set(err, -code, "capabilities: %s; start as root or give them to the service",
	                    strerror(code));
}

void daemon_keep_inheritable(const cap_value_t *keep, size_t n_keep)
{
	cap_t caps = cap_get_proc();
	if (caps && cap_set_flag(caps, CAP_INHERITABLE, (int)n_keep, keep, CAP_SET) == 0)
		(void)cap_set_proc(caps);
	cap_free(caps);
}

/* Needs CAP_SETPCAP, so it comes before the capabilities go. */
static int empty_bounding_set(struct error *err)
{
	for (cap_value_t c = 0; cap_get_bound(c) >= 0; c++)
		if (cap_get_bound(c) > 0 && cap_drop_bound(c) < 0 && errno != EPERM)
			return error_set(err, -errno, "bounding set: %s", strerror(errno));
	return 0;
}

static int switch_user(const char *user, struct error *err)
{
	const struct passwd *pw = getpwnam(user);
	if (!pw)
		return error_set(err, -ENOENT, "there is no user %s", user);
	if (getuid() == pw->pw_uid && geteuid() == pw->pw_uid)
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || initgroups(pw->pw_name, pw->pw_gid) < 0 ||
	        setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	        setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
		return error_set(err, -errno, "cannot become user %s: %s", user, strerror(errno));
	return 0;
}

int daemon_drop_privileges(const char *user, const cap_value_t *keep, size_t n_keep, struct error *err)
{
	int r = empty_bounding_set(err);
	if (r == 0 && user)
		r = switch_user(user, err);
	if (r == 0)
		r = set_capabilities(keep, n_keep, err);
	if (r < 0)
		return r;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, -errno, "cannot rule out new privileges: %s", strerror(errno));
	return 0;
}

/* Directories. */

int daemon_make_socket_directory(const char *path, const char *user, struct error *err)
{
	char *copy FREE_ON_EXIT = xstrdup(path);
	const char *dir = dirname(copy);
	if (access(dir, F_OK) == 0)
		return 0;
	const struct passwd *pw = user ? getpwnam(user) : NULL;
	if (user && !pw)
		return error_set(err, -ENOENT, "there is no user %s", user);
	int r = file_make_directory(dir, 0755, err);
	if (r == 0 && pw && chown(dir, pw->pw_uid, pw->pw_gid) < 0)
		r = error_set(err, -errno, "%s: %s", dir, strerror(errno));
	return r;
}

/* The service manager. */

int daemon_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (!path || !*path)
		return 0;
	size_t length = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || length >= sizeof(address.sun_path))
		return -EINVAL;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* the abstract namespace */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ssize_t n = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
	        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	int code = n < 0 ? -errno : 0;
	close(fd);
	return code;
}

/* Signals. */

static const int signal_numbers[] = { SIGTERM, SIGINT, SIGHUP };

struct daemon_signals {
	struct event *events[ARRAY_LENGTH(signal_numbers)];
	void (*on_stop)(void *user);
	void (*on_reload)(void *user);
	void *user;
};

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct daemon_signals *s = arg;
	if (number != SIGHUP)
		s->on_stop(s->user);
	else if (s->on_reload)
		s->on_reload(s->user);
}

int daemon_signals_new(struct event_base *base, void (*on_stop)(void *user), void (*on_reload)(void *user),
        void *user, struct daemon_signals **ret)
{
	struct daemon_signals *s = xcalloc(1, sizeof(*s));
	*s = (struct daemon_signals){ .on_stop = on_stop, .on_reload = on_reload, .user = user };
	for (size_t i = 0; i < ARRAY_LENGTH(signal_numbers); i++) {
		s->events[i] = evsignal_new(base, signal_numbers[i], on_signal, s);
		if (!s->events[i] || event_add(s->events[i], NULL) < 0) {
			daemon_signals_free(s);
			return -ENOMEM;
		}
	}
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
		daemon_signals_free(s);
		return -errno;
	}
	*ret = s;
	return 0;
}

struct daemon_signals *daemon_signals_free(struct daemon_signals *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(signal_numbers); i++)
		if (s->events[i])
			event_free(s->events[i]);
	free(s);
	return NULL;
}
