/* SPDX-License-Identifier: ISC */
#include "agent/rpm_database.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

bool rpm_database_find(const struct root *root, struct rpm_database *ret)
{
	static const char *const folders[] = { "/usr/lib/sysimage/rpm", "/var/lib/rpm" };
	static const struct {
		const char *file, *backend;
	} files[] = { { "rpmdb.sqlite", "sqlite" }, { "Packages.db", "ndb" }, { "Packages", "bdb_ro" } };
	for (size_t i = 0; i < ARRAY_LENGTH(folders); i++)
		for (size_t k = 0; k < ARRAY_LENGTH(files); k++) {
			char *path FREE_ON_EXIT = xasprintf("%s/%s", folders[i], files[k].file);
			struct stat st;
			if (root_stat(root, path, &st) < 0 || !S_ISREG(st.st_mode))
				continue;
			*ret = (struct rpm_database){ folders[i], files[k].file, files[k].backend };
			return true;
		}
	return false;
}

#ifdef AGENT_HAVE_RPM

#include "base/clock.h"
#include "posture/rpm.h"
#include <poll.h>
#include <rpm/rpmdb.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmlog.h>
#include <rpm/rpmmacro.h>
#include <rpm/rpmts.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define REASON_SIZE 256

/* What the reading process is to do. */
struct request {
	const struct root *root;
	const struct rpm_database *database;
	const char *const *paths; /* NULL: list the packages */
	size_t n_paths;
};

/* ---- the process that reads ---- */

/* What librpm complains about, and how bad it must be to count. */
struct complaint {
	char text[REASON_SIZE];
	int least;
};

static int take_log(rpmlogRec record, rpmlogCallbackData data)
{
	struct complaint *c = data;
	if ((int)rpmlogRecPriority(record) > c->least)
		return 0;
	snprintf(c->text, sizeof(c->text), "%s", rpmlogRecMessage(record));
	c->text[strcspn(c->text, "\n")] = '\0';
	return 0;
}

static int list_packages(rpmts ts, FILE *out)
{
	rpmdbMatchIterator packages = rpmtsInitIterator(ts, RPMDBI_PACKAGES, NULL, 0);
	for (Header h; (h = rpmdbNextIterator(packages));) {
		errmsg_t wrong = NULL;
		char *line = headerFormat(h, RPM_LIST_FORMAT, &wrong);
		if (line)
			(void)fputs(line, out);
		free(line);
	}
	rpmdbFreeIterator(packages);
	return 0;
}

static int list_owners(rpmts ts, const struct request *r, FILE *out)
{
	for (size_t i = 0; i < r->n_paths; i++) {
		rpmdbMatchIterator owners = rpmtsInitIterator(ts, RPMDBI_BASENAMES, r->paths[i], 0);
		Header h = rpmdbNextIterator(owners);
		const char *name = h ? headerGetString(h, RPMTAG_NAME) : NULL;
		if (name)
			(void)fprintf(out, "%zu\t%s\n", i, name);
		rpmdbFreeIterator(owners);
	}
	return 0;
}

/* Another root is entered, so that its links and librpm's own paths stay inside it. Who is not root becomes
 * the root of a user name space for that. */
static int enter_root(const struct root *root)
{
	if (root->live)
		return 0;
	if (geteuid() != 0 && unshare(CLONE_NEWUSER) < 0)
		return -errno;
	return fchdir(root->fd) < 0 || chroot(".") < 0 ? -errno : 0;
}

/* A warning at opening may be that a format is not known and an empty database stands for it. */
static int open_database(rpmts ts, const struct request *request, struct complaint *c)
{
	(void)rpmPushMacro(NULL, "_dbpath", NULL, request->database->folder, RMIL_CMDLINE);
	(void)rpmPushMacro(NULL, "_db_backend", NULL, request->database->backend, RMIL_CMDLINE);
	(void)rpmtsSetVSFlags(ts, RPMVSF_MASK_NODIGESTS | RPMVSF_MASK_NOSIGNATURES);
	c->text[0] = '\0';
	c->least = RPMLOG_WARNING;
	int r = rpmtsOpenDB(ts, O_RDONLY);
	c->least = RPMLOG_ERR;
	return r != 0 || c->text[0] ? -EIO : 0;
}

/* A failure ends with a line that says why. */
static int read_database(const struct request *request, FILE *out)
{
	static struct complaint c = { .least = RPMLOG_ERR };
	(void)rpmlogSetCallback(take_log, &c);
	int r = rpmReadConfigFiles(NULL, NULL) != 0 ? -EINVAL : enter_root(request->root);
	if (r < 0) {
		(void)fprintf(out, "%s", c.text[0] ? c.text : strerror(-r));
		return 1;
	}
	rpmts ts = rpmtsCreate();
	r = open_database(ts, request, &c);
	if (r == 0)
		r = request->paths ? list_owners(ts, request, out) : list_packages(ts, out);
	rpmtsFree(ts);
	if (r == 0 && !c.text[0]) /* a damaged database is not a shorter one */
		return fflush(out) != 0 ? 1 : 0;
	(void)fprintf(out, "\n%s", c.text);
	return 1;
}

static _Noreturn void run_reader(const struct request *request, int fd)
{
	const struct rlimit processor = { RPM_DATABASE_SECONDS_MAX, RPM_DATABASE_SECONDS_MAX },
	                    no_core = { 0, 0 };
	unsigned int low = (unsigned int)MIN(fd, request->root->fd),
	             high = (unsigned int)MAX(fd, request->root->fd);
	if (low > STDERR_FILENO + 1)
		(void)close_range(STDERR_FILENO + 1, low - 1, 0);
	if (high > low + 1)
		(void)close_range(low + 1, high - 1, 0);
	(void)close_range(high + 1, ~0u, 0);
	(void)setrlimit(RLIMIT_CPU, &processor);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	FILE *out = fdopen(fd, "w");
	int status = out ? read_database(request, out) : 1;
	if (out)
		(void)fflush(out);
	_exit(status);
}

/* ---- this side ---- */

/* All that comes until the end, or until a limit. */
static int take_output(int fd, char **ret, size_t *ret_length)
{
	time_ms end = clock_monotonic_ms() + RPM_DATABASE_SECONDS_MAX * 1000;
	size_t capacity = 65536, length = 0;
	char *text FREE_ON_EXIT = xmalloc(capacity + 1);
	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		int64_t left = end - clock_monotonic_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&wait, 1, (int)left) <= 0)
			continue;
		ssize_t n = read(fd, text + length, capacity - length);
		if (n == 0)
			break;
		length += n > 0 ? (size_t)n : 0;
		if (length > RPM_LIST_MAX)
			return -EFBIG;
		if (length == capacity) {
			capacity *= 2;
			text = xrealloc_array(text, capacity + 1, 1);
		}
	}
	text[length] = '\0';
	*ret = TAKE_POINTER(text);
	*ret_length = length;
	return 0;
}

/* Signals stay blocked in the reader: the handlers are those of an event loop that it must not touch. */
static int start_reader(const struct request *request, pid_t *ret_pid, int *ret_fd)
{
	int ends[2];
	sigset_t all, before;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		run_reader(request, ends[1]);
	int r = pid < 0 ? -errno : 0;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		return r;
	}
	*ret_pid = pid;
	*ret_fd = ends[0];
	return 0;
}

static int read_by_process(
        const struct request *request, char **ret_text, size_t *ret_length, struct error *err)
{
	const struct rpm_database *d = request->database;
	char *text FREE_ON_EXIT = NULL;
	size_t length = 0;
	int fd = -1, status = 0;
	pid_t pid = 0;
	int r = start_reader(request, &pid, &fd);
	if (r < 0)
		return error_set(err, r, "%s%s: %s", request->root->path, d->folder, strerror(-r));
	r = take_output(fd, &text, &length);
	close(fd);
	if (r < 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return error_set(
		        err, r, "%s%s/%s: %s", request->root->path, d->folder, d->file, strerror(-r));
	if (WIFSIGNALED(status))
		return error_set(err, -EIO, "%s%s/%s: its reader ended by signal %d", request->root->path,
		        d->folder, d->file, WTERMSIG(status));
	if (WEXITSTATUS(status) != 0) {
		const char *reason = text && strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
		return error_set(err, -EIO, "%s%s/%s: %.200s", request->root->path, d->folder, d->file,
		        reason && *reason ? reason : "librpm cannot read it");
	}
	*ret_text = TAKE_POINTER(text);
	*ret_length = length;
	return 0;
}

int rpm_database_list(const struct root *root, const struct rpm_database *database, char **ret_text,
        size_t *ret_length, struct error *err)
{
	const struct request request = { root, database, NULL, 0 };
	return read_by_process(&request, ret_text, ret_length, err);
}

int rpm_database_owners(const struct root *root, const struct rpm_database *database,
        const char *const *paths, size_t n_paths, char **ret_text, size_t *ret_length, struct error *err)
{
	const struct request request = { root, database, paths,
		MIN(n_paths, (size_t)RPM_DATABASE_PATHS_MAX) };
	return read_by_process(&request, ret_text, ret_length, err);
}

#else

static int refuse(const struct root *root, const struct rpm_database *d, struct error *err)
{
	return error_set(err, -ENOTSUP, "%s%s/%s: this agent was built without librpm", root->path, d->folder,
	        d->file);
}

int rpm_database_list(const struct root *root, const struct rpm_database *database, char **ret_text,
        size_t *ret_length, struct error *err)
{
	return refuse(root, database, err);
}

int rpm_database_owners(const struct root *root, const struct rpm_database *database,
        const char *const *paths, size_t n_paths, char **ret_text, size_t *ret_length, struct error *err)
{
	return refuse(root, database, err);
}

#endif
