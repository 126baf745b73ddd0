/* SPDX-License-Identifier: ISC */
#include "base/clock.h"
#include "net/daemon.h"
#include "softwire/ike_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 30 /* whether charon listens */
#define LOOKS_MAX 500
#define AGAIN_FIRST_MS 200
#define AGAIN_LAST_MS 5000
#define AGAIN_FORGET_MS 10000 /* a charon that lived this long starts again at once */
#define RELOAD_AGAIN_MS 1000
#define STOP_MS 3000
#define SWANCTL "/usr/sbin/swanctl"

enum ike_state {
	IKE_DOWN,     /* the timer starts charon */
	IKE_STARTING, /* the timer looks whether charon listens */
	IKE_LOADING,  /* swanctl runs */
	IKE_RUNNING,
	IKE_STOPPING, /* the timer kills charon */
};

struct ike_service {
	struct event *timer;
	const struct ike_setup *setup;
	struct ike_events events;
	enum ike_state state;
	char *plugin;
	pid_t charon, loader; /* 0: none */
	int64_t again_ms;
	int64_t started_ms;
	unsigned looks;
	bool load_again;
};

/* ---- processes ---- */

/* Ambient capabilities are what an exec by an ordinary user leaves; kernel mode needs two. */
static int drop(const struct ike_setup *s, bool charon, struct error *err)
{
	static const cap_value_t keep[] = { CAP_NET_ADMIN, CAP_NET_BIND_SERVICE };
	const struct passwd *user = geteuid() == 0 ? getpwuid(s->uid) : NULL;
	const char *name = user ? user->pw_name : NULL;
	if (geteuid() == 0 ? !user : geteuid() != s->uid)
		return error_set(err, -ENOENT, "user %u is not one that we can become", s->uid);
	if (!s->kernel || !charon)
		return daemon_drop_privileges(name, NULL, 0, err);
	daemon_keep_inheritable(keep, ARRAY_LENGTH(keep));
	int r = daemon_drop_privileges(name, keep, ARRAY_LENGTH(keep), err);
	for (size_t i = 0; r == 0 && i < ARRAY_LENGTH(keep); i++)
		if (cap_set_ambient(keep[i], CAP_SET) < 0)
			r = error_set(err, -errno, "ambient capabilities: %s", strerror(errno));
	return r;
}

static void become_user(const struct ike_setup *s, bool charon)
{
	struct error err;
	if (drop(s, charon, &err) < 0) {
		(void)dprintf(STDERR_FILENO, "charon: %s\n", err.text);
		_exit(126);
	}
}

/* Nothing of ours goes on in the child: descriptors, handlers, environment. */
static _Noreturn void run_program(const struct ike_setup *s, const char *const *argv,
        const char *const *environment, bool charon, pid_t parent)
{
	const struct rlimit no_core = { 0, 0 };
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (null >= 0)
		(void)dup2(null, STDIN_FILENO);
	if (!charon)
		(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	(void)close_range(3, ~0u, 0);
	become_user(s, charon);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	/* After the ids: changing them forgets the death signal (prctl(2)). */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent)
		(void)execve(argv[0], (char *const *)argv, (char *const *)environment);
	(void)dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static pid_t start_program(const struct ike_setup *s, const char *const *argv, const char *const *environment,
        bool charon, struct error *err)
{
	sigset_t all, before;
	/* A signal between fork() and exec would run the caller's handler in the child. */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		run_program(s, argv, environment, charon, parent);
	int failed = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? error_set(err, -failed, "fork: %s", strerror(failed)) : pid;
}

static int start_charon(struct ike_service *s, struct error *err)
{
	char *preload FREE_ON_EXIT = xasprintf("LD_PRELOAD=%s", s->plugin);
	char *conf FREE_ON_EXIT = xasprintf("STRONGSWAN_CONF=%s/strongswan.conf", s->setup->run_directory);
	const char *const argv[] = { s->setup->options->charon, NULL };
	const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", preload, conf,
		NULL };
	pid_t pid = start_program(s->setup, argv, environment, true, err);
	if (pid < 0)
		return pid;
	s->charon = pid;
	s->started_ms = clock_monotonic_ms();
	return 0;
}

static int start_loader(struct ike_service *s, struct error *err)
{
	char *conf FREE_ON_EXIT = xasprintf("STRONGSWAN_CONF=%s/strongswan.conf", s->setup->run_directory);
	char *folder FREE_ON_EXIT = xasprintf("SWANCTL_DIR=%s/swanctl", s->setup->run_directory);
	char *uri FREE_ON_EXIT = xasprintf("unix://%s/charon.vici", s->setup->run_directory);
	const char *const argv[] = { SWANCTL, "--load-all", "--clear", "--noprompt", "--uri", uri, NULL };
	const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", conf, folder,
		NULL };
	pid_t pid = start_program(s->setup, argv, environment, false, err);
	if (pid < 0)
		return pid;
	s->loader = pid;
	s->load_again = false;
	return 0;
}

static bool charon_listens(const struct ike_service *s)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/charon.vici", s->setup->run_directory);
	bool listens = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	if (fd >= 0)
		close(fd);
	return listens;
}

/* ---- states ---- */

static void wait_ms(struct ike_service *s, int64_t ms)
{
	const struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	(void)event_add(s->timer, &t);
}

static void tell_failure(struct ike_service *s, const char *text, int64_t again_ms)
{
	wait_ms(s, again_ms);
	if (s->events.failed)
		s->events.failed(s->events.user, text, again_ms);
}

static void retry(struct ike_service *s, const char *text)
{
	int64_t ms = s->again_ms;
	s->state = IKE_DOWN;
	s->again_ms = MIN(s->again_ms * 2, AGAIN_LAST_MS);
	tell_failure(s, text, ms);
}

static void enter_starting(struct ike_service *s)
{
	struct error err;
	if (start_charon(s, &err) < 0) {
		retry(s, err.text);
		return;
	}
	s->state = IKE_STARTING;
	s->looks = 0;
	wait_ms(s, LOOK_MS);
}

static void enter_loading(struct ike_service *s)
{
	struct error err;
	s->state = IKE_LOADING;
	if (start_loader(s, &err) < 0)
		tell_failure(s, err.text, RELOAD_AGAIN_MS);
}

static void look(struct ike_service *s)
{
	if (charon_listens(s)) {
		enter_loading(s);
	} else if (++s->looks < LOOKS_MAX) {
		wait_ms(s, LOOK_MS);
	} else {
		(void)kill(s->charon, SIGKILL); /* reaping it starts another */
	}
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
	struct ike_service *s = user;
	switch (s->state) {
	case IKE_DOWN:
		enter_starting(s);
		break;
	case IKE_STARTING:
		look(s);
		break;
	case IKE_LOADING:
		if (!s->loader)
			enter_loading(s);
		break;
	case IKE_RUNNING:
		break;
	case IKE_STOPPING:
		if (s->charon)
			(void)kill(s->charon, SIGKILL);
		break;
	}
}

static void describe_end(const char *what, int status, char text[96])
{
	if (WIFSIGNALED(status))
		snprintf(text, 96, "%s was ended by signal %d", what, WTERMSIG(status));
	else
		snprintf(text, 96, "%s ended with status %d", what, WEXITSTATUS(status));
}

static void charon_ended(struct ike_service *s, int status)
{
	char text[96];
	s->charon = 0;
	(void)event_del(s->timer);
	if (s->state == IKE_STOPPING) {
		if (s->events.stopped)
			s->events.stopped(s->events.user);
		return;
	}
	if (clock_monotonic_ms() - s->started_ms > AGAIN_FORGET_MS)
		s->again_ms = AGAIN_FIRST_MS;
	describe_end("charon", status, text);
	retry(s, text);
}

static void loader_ended(struct ike_service *s, int status)
{
	char text[96];
	s->loader = 0;
	if (s->state != IKE_LOADING)
		return;
	if (s->load_again) {
		enter_loading(s);
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		s->state = IKE_RUNNING;
		if (s->events.ready)
			s->events.ready(s->events.user);
	} else {
		describe_end("swanctl", status, text);
		tell_failure(s, text, RELOAD_AGAIN_MS);
	}
}

bool ike_reaped(struct ike_service *s, pid_t pid, int status)
{
	if (!s || pid <= 0 || (pid != s->charon && pid != s->loader))
		return false;
	if (pid == s->charon)
		charon_ended(s, status);
	else
		loader_ended(s, status);
	return true;
}

/* ---- from outside ---- */

int ike_start(struct event_base *base, const struct ike_setup *setup, const struct ike_events *events,
        struct ike_service **ret, struct error *err)
{
	char *plugin = NULL;
	int r = ike_write_configuration(setup, err);
	if (r == 0)
		r = ike_find_plugin(setup, &plugin, err);
	if (r < 0)
		return r;
	struct ike_service *s = xcalloc(1, sizeof(*s));
	s->setup = setup;
	s->events = *events;
	s->plugin = plugin;
	s->again_ms = AGAIN_FIRST_MS;
	s->timer = event_new(base, -1, 0, on_timer, s);
	enter_starting(s);
	*ret = s;
	return 0;
}

int ike_reload(struct ike_service *s, struct error *err)
{
	int r = ike_write_configuration(s->setup, err);
	if (r < 0)
		return r;
	if (s->loader)
		s->load_again = true;
	else if (s->state == IKE_RUNNING)
		enter_loading(s);
	return 0;
}

void ike_stop(struct ike_service *s)
{
	s->state = IKE_STOPPING;
	(void)event_del(s->timer);
	if (s->loader)
		(void)kill(s->loader, SIGKILL);
	if (s->charon) {
		(void)kill(s->charon, SIGTERM);
		wait_ms(s, STOP_MS);
	} else if (s->events.stopped) {
		s->events.stopped(s->events.user);
	}
}

struct ike_service *ike_free(struct ike_service *s)
{
	if (!s)
		return NULL;
	if (s->loader)
		(void)kill(s->loader, SIGKILL);
	if (s->charon)
		(void)kill(s->charon, SIGKILL);
	event_free(s->timer);
	free(s->plugin);
	free(s);
	return NULL;
}
