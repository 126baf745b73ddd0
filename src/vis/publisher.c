/* SPDX-License-Identifier: ISC */
#include "vis/publisher.h"

#include "base/log.h"
#include "net/child.h"
#include "net/sandbox.h"
#include "vuln/vuln.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 2000 /* for a new root */
#define AGAIN_FIRST_MS 500
#define AGAIN_LAST_MS 30000
#define STOP_MS 3000
#define BUSY_MS 5000 /* until another publisher has gone */

struct publisher {
	pid_t keeper;
	int fd;
	struct publisher_state *state;
	char repository[TREE_NAME_SIZE];
};

struct life {
	const struct publisher_config *config;
	struct publisher_state *state;
};

/* ---- the process ---- */

static void free_keys(EVP_PKEY *keys[TREE_PUBLISH_KEYS_MAX])
{
	for (size_t i = 0; i < TREE_PUBLISH_KEYS_MAX; i++)
		EVP_PKEY_free(keys[i]);
}

static int open_repository(const struct publisher_config *c, struct tree_publisher **ret, struct error *err)
{
	EVP_PKEY *keys[TREE_PUBLISH_KEYS_MAX] = { NULL };
	const struct tree_publish_config config = {
		.dir = c->dir, .keys = keys, .n_keys = c->n_keys, .lifetime_ms = c->lifetime_ms
	};
	int r = 0;
	for (size_t i = 0; i < c->n_keys && r == 0; i++)
		r = key_load(c->keys[i], &keys[i], err);
	if (r == 0)
		r = tree_publisher_open(&config, ret, err);
	free_keys(keys);
	return r;
}

static void note(struct publisher_state *s, const struct tree_publisher *p,
        const struct tree_publish_result *r, const struct tree_taken *taken)
{
	char point[TREE_POINT_SIZE];
	bool changed = tree_point_order(r->point, s->point) != 0;
	s->point = r->point;
	s->expires = tree_publisher_index(p)->expires;
	s->records = taken->records;
	s->refused = taken->refused;
	s->bytes += r->bytes;
	s->commits += changed;
	if (changed && r->shards_changed)
		log_notice("published %s: %zu advisories put, %zu removed, %" PRIu64 " bytes",
		        tree_point_format(r->point, point), r->records_put, r->records_removed, r->bytes);
	if (changed && taken->refused)
		log_warning("%" PRIu64 " advisories cannot be published, the first: %s", taken->refused,
		        taken->first_refused);
}

static int publish(
        struct tree_publisher *p, struct vuln_index *index, struct publisher_state *s, struct error *err)
{
	struct tree_publish_result result;
	struct tree_taken taken;
	int r = tree_publisher_take_index(p, index, &taken, err);
	if (r == 0)
		r = tree_publisher_commit(p, clock_wall_ms(), &result, err);
	if (r == 0)
		note(s, p, &result, &taken);
	return r;
}

static bool new_root(const struct life *l, const struct tree_publisher *p)
{
	char *path FREE_ON_EXIT =
	        xasprintf("%s/%" PRIu64 ".root.json", l->config->dir, tree_publisher_root(p)->version + 1);
	return access(path, F_OK) == 0;
}

/* 1: there is something to do; 0: the parent has gone. */
static int await(int fd, const struct life *l, const struct tree_publisher *p)
{
	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		char bytes[256];
		int n = poll(&poll_fd, 1, LOOK_MS);
		if (n > 0) {
			ssize_t got = read(fd, bytes, sizeof(bytes));
			return got > 0 || (got < 0 && errno == EINTR);
		}
		if (l->state->told && (clock_wall_ms() >= tree_publisher_due(p) || new_root(l, p)))
			return 1;
	}
}

/* 0: the parent has gone. Every failure ends it, so that the next one begins with what the disk says. */
static int live(int fd, const struct life *l, struct error *err)
{
	struct tree_publisher *p = NULL;
	struct vuln_index *index = NULL;
	int r = open_repository(l->config, &p, err);
	if (r == 0)
		r = vuln_index_open(l->config->index, &index, err);
	if (r == 0)
		r = sandbox_enter(SANDBOX_READ | SANDBOX_WRITE, err);
	while (r == 0 && (l->state->told || await(fd, l, p))) {
		r = publish(p, index, l->state, err);
		if (r == 0 && !await(fd, l, p))
			break;
	}
	vuln_index_close(index);
	tree_publisher_close(p);
	return r;
}

static int keep_one(int fd, const struct life *l)
{
	int status;
	pid_t keeper = getpid(), pid = fork();
	if (pid == 0) {
		struct error err;
		child_follow_parent(keeper);
		(void)prctl(PR_SET_NAME, "vis-publisher");
		int r = live(fd, l, &err);
		if (r < 0)
			log_error("%s", err.text);
		_exit(r < 0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (pid > 0 && WIFSIGNALED(status))
		log_error("the publisher was killed by signal %d (%s)", WTERMSIG(status),
		        strsignal(WTERMSIG(status)));
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int keep(int fd, pid_t parent, void *context)
{
	const struct life *l = context;
	int wait_ms = AGAIN_FIRST_MS;
	child_follow_parent(parent);
	(void)prctl(PR_SET_NAME, "vis-pub-keeper");
	for (;;) {
		const uint64_t commits = l->state->commits;
		struct pollfd gone = { .fd = fd };
		if (keep_one(fd, l) == 0)
			return 0;
		l->state->failures++;
		if (l->state->commits != commits)
			wait_ms = AGAIN_FIRST_MS;
		log_error("publishing is tried again in %d ms", wait_ms);
		if (poll(&gone, 1, wait_ms) > 0)
			return 0;
		wait_ms = MIN(2 * wait_ms, AGAIN_LAST_MS);
	}
}

/* ---- the parent ---- */

/* What is wrong with directory or keys is said where somebody sees it: at the start. */
static int look(struct publisher *p, const struct publisher_config *config, struct error *err)
{
	const struct timespec wait = { 0, 20000000 };
	struct tree_publisher *first = NULL;
	int r = open_repository(config, &first, err);
	/* That of a pratique-vis which was killed ends with it, but not before it. */
	for (int ms = 0; r == -EBUSY && ms < BUSY_MS; ms += 20) {
		(void)nanosleep(&wait, NULL);
		r = open_repository(config, &first, err);
	}
	if (r == -EACCES) {
		const struct error why = *err;
		error_set(err, r,
		        "%s; the directory and the index keys must be the user's whom pratique-vis runs as",
		        why.text);
	}
	if (r < 0 || !first)
		return error_prefix(err, r, "publish %s", config->dir);
	memcpy(p->repository, tree_publisher_root(first)->repository, sizeof(p->repository));
	tree_publisher_close(first);
	return 0;
}

int publisher_start(const struct publisher_config *config, struct publisher **ret, struct error *err)
{
	struct publisher *p = xcalloc(1, sizeof(*p));
	p->fd = -1;
	p->state = mmap(NULL, sizeof(*p->state), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r = p->state == MAP_FAILED ? error_set(err, -errno, "shared memory: %s", strerror(errno)) : 0;
	if (r < 0)
		p->state = NULL;
	if (r == 0)
		r = look(p, config, err);
	struct life life = { config, p->state };
	if (r == 0)
		r = child_run(SOCK_STREAM, keep, &life, &p->keeper, &p->fd, err);
	if (r < 0)
		publisher_stop(p);
	else
		*ret = p;
	return r;
}

struct publisher *publisher_stop(struct publisher *p)
{
	const struct timespec wait = { 0, 10000000 };
	if (!p)
		return NULL;
	if (p->fd >= 0)
		close(p->fd);
	for (int ms = 0; p->keeper && ms < STOP_MS && waitpid(p->keeper, NULL, WNOHANG) == 0; ms += 10)
		(void)nanosleep(&wait, NULL);
	if (p->state)
		(void)munmap(p->state, sizeof(*p->state));
	free(p);
	return NULL;
}

/* A full socket means that it is told already. */
void publisher_tell(struct publisher *p)
{
	p->state->told = true;
	(void)send(p->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

const char *publisher_repository(const struct publisher *p)
{
	return p->repository;
}

void publisher_fill_metrics(const struct publisher *p, struct metrics *m)
{
	const struct publisher_state *s = p->state;
	metrics_gauge(m, "published_epoch", "The epoch of the repository that is published here",
	        (double)s->point.epoch);
	metrics_gauge(m, "published_generation", "Its generation", (double)s->point.generation);
	metrics_gauge(m, "published_expires_timestamp_seconds", "When its signed index expires",
	        (double)s->expires / 1000);
	metrics_gauge(m, "published_records", "Advisories in it", (double)s->records);
	metrics_gauge(m, "published_records_refused", "Advisories that cannot be in it", (double)s->refused);
	metrics_count(m, "published_indexes", "Indexes that were signed since the start", s->commits);
	metrics_count(m, "published_bytes", "Bytes of snapshots and deltas since the start", s->bytes);
	metrics_count(m, "published_failures", "How often publishing failed", s->failures);
}
