/* SPDX-License-Identifier: ISC */
#include "agent/remedy.h"

#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct remedy {
	const char *command;
	int64_t limit_ms;
	struct event *timer;
	pid_t pid;  /* 0: none runs; leads a process group of its own */
	bool asked; /* to end */
	bool has_last;
	uint8_t last[32]; /* hash of the findings that it was run for */
};

static void set_timer(struct remedy *r, int64_t ms)
{
	const struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	event_add(r->timer, &tv);
}

static void on_limit(evutil_socket_t fd, short what, void *user)
{
	struct remedy *r = user;
	if (r->pid == 0)
		return;
	log_warning("remediation: %s", r->asked ? "killed" : "its time is over, asking it to end");
	(void)kill(-r->pid, r->asked ? SIGKILL : SIGTERM);
	if (!r->asked)
		set_timer(r, REMEDY_KILL_MS);
	r->asked = true;
}

struct remedy *remedy_new(struct event_base *base, const char *command, int64_t limit_ms)
{
	struct remedy *r = xcalloc(1, sizeof(*r));
	r->command = command;
	r->limit_ms = limit_ms;
	r->timer = event_new(base, -1, 0, on_limit, r);
	return r;
}

struct remedy *remedy_free(struct remedy *r)
{
	if (!r)
		return NULL;
	event_free(r->timer);
	free(r);
	return NULL;
}

/* The findings as they are: a new one, or another fixed version, is another set. */
static bool hash_findings(const json_t *findings, uint8_t ret[32])
{
	char *text FREE_ON_EXIT = json_dumps(findings, JSON_COMPACT | JSON_SORT_KEYS);
	return text && EVP_Digest(text, strlen(text), ret, NULL, EVP_sha256(), NULL);
}

static void run_command(const char *command)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setpgid(0, 0);
	if (null >= 0)
		(void)dup2(null, STDIN_FILENO);
	/* What it prints goes where the agent's own log goes. */
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static bool start(struct remedy *r)
{
	pid_t pid = fork();
	if (pid < 0) {
		log_error("remediation: cannot be started: %s", strerror(errno));
		return false;
	}
	if (pid == 0)
		run_command(r->command);
	(void)setpgid(pid, pid);
	r->pid = pid;
	r->asked = false;
	set_timer(r, r->limit_ms);
	log_notice("remediation: started: %s", r->command);
	return true;
}

bool remedy_consider(struct remedy *r, const json_t *decision)
{
	const json_t *findings = json_object_get(decision, "findings");
	uint8_t hash[32];
	if (!*r->command || r->pid || !json_is_false(json_object_get(decision, "compliant")) ||
	        !json_is_array(findings) || json_array_size(findings) == 0 || !hash_findings(findings, hash))
		return false;
	if (r->has_last && memcmp(hash, r->last, sizeof(hash)) == 0)
		return false;
	r->has_last = true;
	memcpy(r->last, hash, sizeof(hash));
	return start(r);
}

bool remedy_reap(struct remedy *r, pid_t pid, int status)
{
	if (r->pid == 0 || pid != r->pid)
		return false;
	r->pid = 0;
	event_del(r->timer);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		log_notice("remediation: done");
	else if (WIFEXITED(status))
		log_warning("remediation: ended with status %d", WEXITSTATUS(status));
	else
		log_warning("remediation: ended by signal %d", WTERMSIG(status));
	return true;
}
