/* SPDX-License-Identifier: ISC */
#include "vis/loader.h"

#include "base/log.h"
#include "net/child.h"
#include "net/ipc_packet.h"
#include "net/sandbox.h"
#include "vuln/proof.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- in the loader, and in the load ---- */

static int send_message(int fd, enum ipc_number number, const void *body)
{
	struct writer w = wr_make(IPC_PACKET_FRAME_MAX);
	int r = ipc_encode(&w, number, body, NULL);
	while (r == 0 && send(fd, w.data, w.length, MSG_NOSIGNAL) < 0)
		r = errno == EINTR ? 0 : -errno;
	wr_free(&w);
	return r;
}

/* The next message's number, and the source that it names; negative where there is none to come. */
static int receive_any(int fd, int64_t *ret_source)
{
	uint8_t frame[256];
	ssize_t n;
	struct ipc_message m;
	do
		n = recv(fd, frame, sizeof(frame), 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0 || ipc_decode(frame, (size_t)n, &m, NULL) < 0)
		return -ECONNRESET;
	const int number = (int)m.number;
	if (number == IPC_LOAD)
		*ret_source = ((const struct ipc_load *)m.body)->source;
	else if (number == IPC_LOAD_COMMIT)
		*ret_source = ((const struct ipc_load_commit *)m.body)->source;
	ipc_message_clear(&m);
	return number == IPC_LOAD || number == IPC_LOAD_COMMIT ? number : -EPROTO;
}

/* That a load should have given way, and had ended meanwhile, is nothing to who waits for the next one. */
static int64_t receive(int fd, enum ipc_number wanted)
{
	int64_t source = -EPROTO;
	int number;
	do
		number = receive_any(fd, &source);
	while (number == IPC_LOAD_COMMIT && wanted == IPC_LOAD);
	return number < 0 ? number : number == (int)wanted ? source : -EPROTO;
}

static int ask(const struct load_job *job, void *fd_)
{
	int fd = *(int *)fd_;
	const struct ipc_load_commit commit = { .source = (uint32_t)job->source };
	int r = send_message(fd, IPC_LOAD_COMMIT, &commit);
	return r < 0 ? r : receive(fd, IPC_LOAD_COMMIT) == (int64_t)job->source ? 0 : -ECONNRESET;
}

/* Also where pratique-vis has gone, which ask() then finds out. */
static bool hurry(int wait_ms, void *fd_)
{
	int fd = *(int *)fd_;
	struct pollfd in = { .fd = fd, .events = POLLIN };
	if (poll(&in, 1, wait_ms) <= 0)
		return false;
	(void)receive(fd, IPC_LOAD_COMMIT);
	return true;
}

/* A packet that is too large for what changed says "everything". */
static void answer(int fd, struct ipc_loaded *l)
{
	if (send_message(fd, IPC_LOADED, l) == 0)
		return;
	struct ipc_loaded shorter = *l;
	shorter.all |= l->n_changed > 0;
	shorter.changed = NULL;
	shorter.n_changed = 0;
	(void)send_message(fd, IPC_LOADED, &shorter);
}

static void limit(int what, rlim_t most)
{
	const struct rlimit l = { most, most };
	(void)setrlimit(what, &l);
}

static int run_prover(int fd, pid_t parent, void *context)
{
	struct error err;
	child_follow_parent(parent);
	(void)prctl(PR_SET_NAME, "vis-prover");
	return sandbox_enter(SANDBOX_READ | SANDBOX_PROGRAMS, &err) < 0 || proof_serve(fd) < 0;
}

/* What reads a source runs no program: who runs gpgv for it reads nothing. */
static int confine(struct load_job *job, struct error *err)
{
	pid_t prover;
	int r = 0;
	if (*job->config->sources[job->source]->keyring)
		r = child_run(SOCK_SEQPACKET, run_prover, NULL, &prover, &job->prover, err);
	return r == 0 ? sandbox_enter(SANDBOX_READ | SANDBOX_WRITE | SANDBOX_SOCKETS | SANDBOX_THREADS, err)
	              : r;
}

_Noreturn static void run_load(int fd, pid_t loader, const struct vis_config *config, size_t source)
{
	struct ipc_loaded loaded = { .source = (uint32_t)source };
	struct load_job job = { config, source, 0, ask, hurry, &fd, LOADER_WAY_MS };
	struct error err;
	child_follow_parent(loader);
	(void)prctl(PR_SET_NAME, "vis-load");
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, LOADER_SECONDS_MAX);
#if !defined(__SANITIZE_ADDRESS__)
	limit(RLIMIT_DATA, LOADER_MEMORY_MAX);
#endif
	if (confine(&job, &err) < 0)
		loaded.failure = xstrdup(err.text);
	else
		load_job_run(&job, &loaded);
	answer(fd, &loaded);
	load_job_clear(&loaded);
	_exit(0);
}

static int load_one(int fd, const struct vis_config *config, size_t source)
{
	int status = 0;
	pid_t loader = getpid(), pid = fork();
	if (pid == 0)
		run_load(fd, loader, config, source);
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	char *why FREE_ON_EXIT = pid < 0 ? xasprintf("no process for it: %s", strerror(errno))
	        : WIFSIGNALED(status)    ? xasprintf("its load was ended by signal %d (%s)", WTERMSIG(status),
	                                           strsignal(WTERMSIG(status)))
	                                 : xasprintf("its load ended with %d", WEXITSTATUS(status));
	const struct ipc_loaded failed = { .source = (uint32_t)source, .failure = why, .crashed = true };
	return send_message(fd, IPC_LOADED, &failed);
}

static int run_loader(int fd, pid_t parent, void *config_)
{
	const struct vis_config *config = config_;
	struct error err;
	child_follow_parent(parent);
	(void)prctl(PR_SET_NAME, "vis-loader");
	if (sandbox_enter(SANDBOX_READ | SANDBOX_WRITE | SANDBOX_SOCKETS | SANDBOX_THREADS | SANDBOX_PROGRAMS,
	            &err) < 0)
		return 1;
	for (;;) {
		int64_t source = receive(fd, IPC_LOAD);
		if (source < 0 || (uint64_t)source >= config->n_sources)
			return source < 0 ? 0 : 1;
		if (load_one(fd, config, (size_t)source) < 0)
			return 1;
	}
}

/* ---- in pratique-vis ---- */

struct loader {
	struct loaders *all;
	struct ipc_packet *packet;
	pid_t pid;
	int64_t source; /* that it loads; -1: it is idle */
	bool asks, commits, dead;
	bool hurried; /* since it commits */
};

struct loaders {
	struct loader loaders[LOADERS];
	bool waiting[VIS_SOURCES_MAX];
	size_t n_sources, next;
	const struct loaders_handlers *handlers;
	void *user;
	struct loaders_counters counters;
};

bool loaders_committing(const struct loaders *l)
{
	for (size_t i = 0; i < LOADERS; i++)
		if (l->loaders[i].commits)
			return true;
	return false;
}

bool loaders_busy(const struct loaders *l)
{
	for (size_t i = 0; i < LOADERS; i++)
		if (l->loaders[i].source >= 0)
			return true;
	for (size_t i = 0; i < l->n_sources; i++)
		if (l->waiting[i])
			return true;
	return false;
}

const struct loaders_counters *loaders_counters(const struct loaders *l)
{
	return &l->counters;
}

static void send_to(struct loader *one, enum ipc_number number, const void *body)
{
	struct error err;
	if (ipc_packet_send(one->packet, number, body, &err) < 0)
		log_error("a loader cannot be told: %s", err.text);
}

void loaders_hurry(struct loaders *l)
{
	for (size_t i = 0; i < LOADERS; i++) {
		struct loader *one = &l->loaders[i];
		if (!one->commits || one->hurried)
			continue;
		one->hurried = true;
		send_to(one, IPC_LOAD_COMMIT, &(struct ipc_load_commit){ .source = (uint32_t)one->source });
	}
}

/* The next one that asks, where nobody has the index. */
static void let_commit(struct loaders *l)
{
	for (size_t i = 0; i < LOADERS && !loaders_committing(l); i++) {
		struct loader *one = &l->loaders[i];
		if (!one->asks)
			continue;
		one->asks = one->hurried = false;
		one->commits = true;
		send_to(one, IPC_LOAD_COMMIT, &(struct ipc_load_commit){ .source = (uint32_t)one->source });
	}
}

/* Sources in turn, so that none waits for ever. */
static void give_work(struct loaders *l)
{
	for (size_t i = 0; i < LOADERS; i++) {
		struct loader *one = &l->loaders[i];
		for (size_t k = 0; k < l->n_sources && one->source < 0 && !one->dead; k++) {
			size_t source = (l->next + k) % l->n_sources;
			if (!l->waiting[source])
				continue;
			l->waiting[source] = false;
			l->next = source + 1;
			one->source = (int64_t)source;
			l->counters.loads++;
			send_to(one, IPC_LOAD, &(struct ipc_load){ .source = (uint32_t)source });
		}
	}
}

static void finish(struct loader *one, const struct ipc_loaded *loaded)
{
	struct loaders *l = one->all;
	bool committed = one->commits;
	one->source = -1;
	one->asks = one->commits = false;
	l->counters.failures += loaded->failure && *loaded->failure;
	l->counters.crashes += loaded->crashed;
	l->handlers->on_loaded(loaded, l->user);
	if (committed)
		l->handlers->on_free(l->user);
	let_commit(l);
	give_work(l);
}

/* It has the index no more, and comes behind all others that ask. */
static void give_way(struct loader *one)
{
	struct loaders *l = one->all;
	one->commits = false;
	l->counters.given_way++;
	l->handlers->on_free(l->user);
	let_commit(l);
	one->asks = true;
	let_commit(l);
}

static void on_message(struct ipc_packet *p, const struct ipc_message *m, void *user)
{
	struct loader *one = user;
	if (m->number == IPC_LOAD_COMMIT && one->source >= 0 && !one->commits) {
		one->asks = true;
		let_commit(one->all);
	} else if (m->number == IPC_LOAD_COMMIT && one->commits && one->hurried) {
		give_way(one);
	} else if (m->number == IPC_LOADED && one->source >= 0 &&
	        ((const struct ipc_loaded *)m->body)->source == (uint64_t)one->source) {
		finish(one, m->body);
	} else {
		log_error("a loader said what it was not asked (message %d)", (int)m->number);
	}
}

static bool all_dead(const struct loaders *l)
{
	for (size_t i = 0; i < LOADERS; i++)
		if (!l->loaders[i].dead)
			return false;
	return true;
}

/* It does nothing by itself, so somebody ended it; the others go on with what there is. */
static void on_close(struct ipc_packet *p, const char *reason, void *user)
{
	struct loader *one = user;
	one->dead = true;
	log_error("a loader has gone: %s", reason);
	if (one->source >= 0)
		finish(one,
		        &(struct ipc_loaded){ .source = (uint32_t)one->source,
		                .failure = (char *)"its loader has gone",
		                .crashed = true });
	if (all_dead(one->all))
		one->all->handlers->on_none(one->all->user);
}

static const struct ipc_packet_handlers packet_handlers = { on_message, on_close };

int loaders_start(struct event_base *base, const struct vis_config *config,
        const struct loaders_handlers *handlers, void *user, struct loaders **ret, struct error *err)
{
	struct loaders *l = xcalloc(1, sizeof(*l));
	int r = 0;
	l->handlers = handlers;
	l->user = user;
	l->n_sources = config->n_sources;
	for (size_t i = 0; i < LOADERS && r == 0; i++) {
		struct loader *one = &l->loaders[i];
		int fd;
		one->all = l;
		one->source = -1;
		r = child_run(SOCK_SEQPACKET, run_loader, (void *)(uintptr_t)config, &one->pid, &fd, err);
		if (r == 0)
			one->packet = ipc_packet_new(base, fd, &packet_handlers, one);
	}
	if (r < 0) {
		loaders_stop(l);
		return r;
	}
	*ret = l;
	return 0;
}

struct loaders *loaders_stop(struct loaders *l)
{
	if (!l)
		return NULL;
	for (size_t i = 0; i < LOADERS; i++) {
		struct loader *one = &l->loaders[i];
		ipc_packet_free(one->packet);
		if (!one->pid)
			continue;
		(void)kill(one->pid, SIGKILL); /* its load ends with it */
		while (waitpid(one->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	free(l);
	return NULL;
}

void loaders_load(struct loaders *l, size_t source)
{
	for (size_t i = 0; i < LOADERS; i++)
		if (l->loaders[i].source == (int64_t)source)
			return;
	l->waiting[source] = true;
	give_work(l);
}

/* What a load came to. A source that cannot be read keeps what it said before. */
void loaders_log(const char *name, const struct ipc_loaded *l)
{
	for (size_t i = 0; i < l->n_reasons; i++)
		log_warning("refused: %s", l->reasons[i].text);
	for (size_t i = 0; i < l->n_notes; i++)
		log_warning("%s", l->notes[i].text);
	if (*l->failure)
		log_error("source %s stays as it was: %s", name, l->failure);
	else if (!l->unchanged)
		log_notice("%s: %" PRIu64 " records read: %" PRIu64 " mapped, %" PRIu64 " unmapped, %" PRIu64
		           " refused; %" PRIu64 " proven",
		        name, l->read, l->mapped, l->unmapped, l->refused, l->proven);
}
