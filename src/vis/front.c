/* SPDX-License-Identifier: ISC */
/* The parent's side of the front, and its keeper. */
#include "vis/front.h"

#include "base/log.h"
#include "net/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS 30000 /* names may have to be looked up */
#define STOP_MS 3000
#define AGAIN_FIRST_MS 100
#define AGAIN_LAST_MS 10000
#define LIVED_MS 60000 /* one that lived so long did not die of its start */

struct front {
	struct ipc_packet *packet;
	pid_t keeper;
	uint64_t generation;
	struct vis_http_counters *counters;
	void (*on_message)(struct front *f, const struct ipc_message *m, void *user);
	void *user;
};

/* ---- the keeper ---- */

struct keeper {
	const struct front_config *config;
	struct vis_http_counters *counters;
};

static void sleep_ms(int ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000L };
	(void)nanosleep(&t, NULL);
}

static int keep_one(int fd, const struct keeper *k)
{
	int status;
	pid_t keeper = getpid(), pid = fork();
	if (pid == 0) {
		child_follow_parent(keeper);
		(void)prctl(PR_SET_NAME, "vis-front");
		_exit(front_serve(fd, k->config, k->counters));
	}
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFSIGNALED(status))
		log_error("the front was killed by signal %d (%s)", WTERMSIG(status),
		        strsignal(WTERMSIG(status)));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int keep(int fd, pid_t parent, void *context)
{
	int wait_ms = AGAIN_FIRST_MS;
	bool first = true;
	child_follow_parent(parent);
	(void)prctl(PR_SET_NAME, "vis-keeper");
	for (;;) {
		const time_ms began = clock_monotonic_ms();
		int status = keep_one(fd, context);
		if (status == 0 || (first && status == FRONT_CANNOT_START))
			return status;
		first = false;
		if (clock_monotonic_ms() - began >= LIVED_MS)
			wait_ms = AGAIN_FIRST_MS;
		log_error("the front ended; it is started again in %d ms", wait_ms);
		sleep_ms(wait_ms);
		wait_ms = MIN(2 * wait_ms, AGAIN_LAST_MS);
	}
}

/* ---- the parent ---- */

static void tell(struct front *f)
{
	struct error err;
	const struct ipc_advisories a = { .generation = f->generation, .all = true };
	if (ipc_packet_send(f->packet, IPC_ADVISORIES, &a, &err) < 0)
		log_error("the front cannot be told: %s", err.text);
}

static void on_message(struct ipc_packet *p, const struct ipc_message *m, void *user)
{
	struct front *f = user;
	if (m->number == IPC_HELLO)
		tell(f);
	if (f->on_message)
		f->on_message(f, m, f->user);
}

static void on_close(struct ipc_packet *p, const char *reason, void *user)
{
	log_error("nobody answers requests any more: %s", reason);
}

static const struct ipc_packet_handlers handlers = { on_message, on_close };

/* Its HELLO stays in the socket, for the loop. */
static int await_hello(int fd, struct error *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;
	int n;
	do
		n = poll(&p, 1, START_MS);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return error_set(
		        err, -ETIMEDOUT, "the listener has not started within %d s", START_MS / 1000);
	if (n < 0 || recv(fd, &byte, 1, MSG_PEEK) <= 0)
		return error_set(err, -ENOTCONN, "the listener cannot start");
	return 0;
}

int front_start(struct event_base *base, const struct front_config *config,
        void (*on_other)(struct front *f, const struct ipc_message *m, void *user), void *user,
        struct front **ret, struct error *err)
{
	int fd, r = vis_http_check(&config->http, err);
	if (r < 0)
		return r;
	struct vis_http_counters *counters =
	        mmap(NULL, sizeof(*counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counters == MAP_FAILED)
		return error_set(err, -errno, "shared memory: %s", strerror(errno));
	struct front *f = xcalloc(1, sizeof(*f));
	struct keeper k = { config, counters };
	f->counters = counters;
	f->on_message = on_other;
	f->user = user;
	r = child_run(SOCK_SEQPACKET, keep, &k, &f->keeper, &fd, err);
	if (r == 0) {
		f->packet = ipc_packet_new(base, fd, &handlers, f);
		r = await_hello(fd, err);
	}
	if (r < 0) {
		front_stop(f);
		return r;
	}
	*ret = f;
	return 0;
}

/* The front sees the end of the socketpair; where it does not, the kernel ends it after us. */
struct front *front_stop(struct front *f)
{
	if (!f)
		return NULL;
	ipc_packet_free(f->packet);
	for (int ms = 0; f->keeper && ms < STOP_MS && waitpid(f->keeper, NULL, WNOHANG) == 0; ms += 10)
		sleep_ms(10);
	(void)munmap(f->counters, sizeof(*f->counters));
	free(f);
	return NULL;
}

void front_tell(struct front *f, uint64_t generation)
{
	f->generation = generation;
	tell(f);
}

void front_send(struct front *f, enum ipc_number number, const void *body)
{
	struct error err;
	if (ipc_packet_send(f->packet, number, body, &err) < 0)
		log_error("the front cannot be told: %s", err.text);
}

const struct vis_http_counters *front_counters(const struct front *f)
{
	return f->counters;
}
