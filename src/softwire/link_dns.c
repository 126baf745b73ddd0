/* SPDX-License-Identifier: ISC */
#include "softwire/link_dns.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK "# written by pratique-softwire; the file that was here is kept as "
#define RESOLV_CONF_MAX (64u << 10)
#define PROGRAM_MS 5000

static const char *const names[] = {
	[LINK_DNS_NONE] = "none",
	[LINK_DNS_RESOLV_CONF] = "resolv.conf",
	[LINK_DNS_RESOLVCONF] = "resolvconf",
	[LINK_DNS_RESOLVECTL] = "resolvectl",
};

const char *link_dns_name(enum link_dns mode)
{
	return names[mode];
}

int link_dns_parse(const char *text, enum link_dns *ret, struct error *err)
{
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum link_dns)i;
			return 0;
		}
	return error_set(
	        err, -EINVAL, "\"%s\" is none of none, resolv.conf, resolvconf and resolvectl", text);
}

/* ---- resolv.conf ---- */

static bool is_ours(const char *data)
{
	return strncmp(data, MARK, strlen(MARK)) == 0;
}

/* What of the host's file goes on to apply. */
static void keep_lines(struct writer *w, char *data)
{
	char *save = NULL;
	for (char *line = strtok_r(data, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, "search", 6) == 0 || strncmp(line, "options", 7) == 0 ||
		        strncmp(line, "domain", 6) == 0) {
			wr_bytes(w, line, strlen(line));
			wr_u8(w, '\n');
		}
}

/* A second name for the file, or a copy of the symbolic link, so that PATH is never missing. */
static int keep_original(const char *path, const char *backup, struct error *err)
{
	struct stat st;
	char target[PATH_MAX];
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : error_set(err, -errno, "%s: %s", path, strerror(errno));
	ssize_t n = S_ISLNK(st.st_mode) ? readlink(path, target, sizeof(target) - 1) : 0;
	if (n < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	target[n] = '\0';
	if (unlink(backup) < 0 && errno != ENOENT)
		return error_set(err, -errno, "%s: %s", backup, strerror(errno));
	if (S_ISLNK(st.st_mode) ? symlink(target, backup) < 0 : link(path, backup) < 0)
		return error_set(err, -errno, "%s: %s", backup, strerror(errno));
	return 0;
}

/* As file_replace() does it, but by way of a name that is always the same, so that a crash leaves at most
 * one, which undoing takes away. */
static int replace(const char *path, const char *by_way_of, const struct writer *w, struct error *err)
{
	int fd = open(by_way_of, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	bool good = fd >= 0 && fchmod(fd, 0644) == 0 && write(fd, w->data, w->length) == (ssize_t)w->length &&
	        fsync(fd) == 0 && rename(by_way_of, path) == 0;
	int code = -errno;
	if (fd >= 0)
		close(fd);
	return good
	        ? 0
	        : error_set(err, code < 0 ? code : -EIO, "%s: %s", path, strerror(code < 0 ? -code : EIO));
}

/* Renamed over path, so that a symbolic link is replaced and its target left alone. */
static int set_resolv_conf(const char *path, const struct ip_address *servers, size_t n, struct error *err)
{
	char *backup FREE_ON_EXIT = xasprintf("%s.pratique", path), *data FREE_ON_EXIT = NULL;
	char text[IP_TEXT_SIZE];
	size_t length;
	int r = file_read(path, RESOLV_CONF_MAX, &data, &length, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && is_ours(data)) {
		free(TAKE_POINTER(data));
		r = file_read(backup, RESOLV_CONF_MAX, &data, &length, NULL);
	} else {
		int kept = keep_original(path, backup, err);
		if (kept < 0)
			return kept;
	}
	struct writer w = wr_make(2 * RESOLV_CONF_MAX);
	wr_bytes(&w, MARK, strlen(MARK));
	wr_bytes(&w, backup, strlen(backup));
	wr_u8(&w, '\n');
	for (size_t i = 0; i < n; i++) {
		char *line FREE_ON_EXIT = xasprintf("nameserver %s\n", ip_format(&servers[i], text));
		wr_bytes(&w, line, strlen(line));
	}
	if (r == 0)
		keep_lines(&w, data);
	char *new FREE_ON_EXIT = xasprintf("%s.pratique-new", path);
	r = replace(path, new, &w, err);
	wr_free(&w);
	return r;
}

static int undo_resolv_conf(const char *path, struct error *err)
{
	char *backup FREE_ON_EXIT = xasprintf("%s.pratique", path), *data FREE_ON_EXIT = NULL;
	char *new FREE_ON_EXIT = xasprintf("%s.pratique-new", path);
	size_t length;
	struct stat st;
	(void)unlink(new);
	bool ours = file_read(path, RESOLV_CONF_MAX, &data, &length, NULL) == 0 && is_ours(data);
	bool kept = lstat(backup, &st) == 0;
	int r = 0;
	if (ours)
		r = kept ? rename(backup, path) : unlink(path);
	else if (kept) /* somebody has written theirs since, or we never came to write ours */
		r = unlink(backup);
	return r < 0 ? error_set(err, -errno, "%s: %s", ours ? path : backup, strerror(errno)) : 0;
}

/* ---- programs of the host ---- */

/* Until it ends, but not for ever. */
static int wait_for(pid_t pid, const char *program, struct error *err)
{
	for (time_ms end = clock_monotonic_ms() + PROGRAM_MS;;) {
		int status;
		pid_t r = waitpid(pid, &status, WNOHANG);
		if (r == pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0
			        ? 0
			        : error_set(err, -EIO, "%s failed; is it the right choice for this host?",
			                  program);
		if (r < 0 && errno != EINTR)
			return error_set(err, -errno, "%s: %s", program, strerror(errno));
		if (clock_monotonic_ms() > end) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return error_set(
			        err, -ETIMEDOUT, "%s did not end within %d s", program, PROGRAM_MS / 1000);
		}
		poll(NULL, 0, 5);
	}
}

/* The keeper is an ordinary user with a few capabilities; such a program needs them to write where root does.
 * They are ambient while it is started only, if the keeper has kept them inheritable
 * (daemon_keep_inheritable()); else the program fails with words of its own. */
static const cap_value_t handed[] = { CAP_NET_ADMIN, CAP_DAC_OVERRIDE };

static int spawn(pid_t *ret, char *const *words, const posix_spawn_file_actions_t *actions,
        const posix_spawnattr_t *attributes)
{
	for (size_t i = 0; i < ARRAY_LENGTH(handed); i++)
		(void)cap_set_ambient(handed[i], CAP_SET);
	int r = posix_spawnp(ret, words[0], actions, attributes, words, environ);
	(void)cap_reset_ambient();
	return r;
}

/* input: what it reads on its standard input; may be NULL. */
static int run(char *const *words, const char *input, struct error *err)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	size_t length = input ? strlen(input) : 0;
	if (fd < 0 || write(fd, input, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) < 0) {
		int code = -errno;
		if (fd >= 0)
			close(fd);
		return error_set(err, code, "%s: %s", words[0], strerror(-code));
	}
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t pid;
	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	int r = spawn(&pid, words, &actions, &attributes);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	close(fd);
	return r ? error_set(err, -r, "%s: %s", words[0], strerror(r)) : wait_for(pid, words[0], err);
}

/* The name under which resolvconf keeps ours. */
static char *record_name(const struct link_dns_place *place)
{
	return xasprintf("%s.pratique", place->interface);
}

static int set_resolvconf(
        const struct link_dns_place *place, const struct ip_address *servers, size_t n, struct error *err)
{
	char text[IP_TEXT_SIZE], *record FREE_ON_EXIT = record_name(place);
	char *input = xstrdup("");
	for (size_t i = 0; i < n; i++) {
		char *longer = xasprintf("%snameserver %s\n", input, ip_format(&servers[i], text));
		free(input);
		input = longer;
	}
	char *words[] = { (char[]){ "resolvconf" }, (char[]){ "-a" }, record, NULL };
	int r = run(words, input, err);
	free(input);
	return r;
}

static int set_resolvectl(
        const struct link_dns_place *place, const struct ip_address *servers, size_t n, struct error *err)
{
	char texts[LINK_DNS_SERVERS_MAX][IP_TEXT_SIZE], *interface FREE_ON_EXIT = xstrdup(place->interface);
	char *words[LINK_DNS_SERVERS_MAX + 4] = { (char[]){ "resolvectl" }, (char[]){ "dns" }, interface };
	for (size_t i = 0; i < MIN(n, LINK_DNS_SERVERS_MAX); i++) {
		ip_format(&servers[i], texts[i]);
		words[3 + i] = texts[i];
	}
	int r = run(words, NULL, err);
	char *domain[] = { (char[]){ "resolvectl" }, (char[]){ "domain" }, interface, (char[]){ "~." },
		NULL };
	return r < 0 ? r : run(domain, NULL, err);
}

int link_dns_set(
        const struct link_dns_place *place, const struct ip_address *servers, size_t n, struct error *err)
{
	switch (place->mode) {
	case LINK_DNS_RESOLV_CONF:
		return set_resolv_conf(place->resolv_conf_path, servers, n, err);
	case LINK_DNS_RESOLVCONF:
		return set_resolvconf(place, servers, n, err);
	case LINK_DNS_RESOLVECTL:
		return set_resolvectl(place, servers, n, err);
	default:
		return 0;
	}
}

int link_dns_undo(const struct link_dns_place *place, struct error *err)
{
	char *name FREE_ON_EXIT =
	        place->mode == LINK_DNS_RESOLVCONF ? record_name(place) : xstrdup(place->interface);
	bool resolvconf = place->mode == LINK_DNS_RESOLVCONF;
	char *words[] = { resolvconf ? (char[]){ "resolvconf" } : (char[]){ "resolvectl" },
		resolvconf ? (char[]){ "-d" } : (char[]){ "revert" }, name, NULL };
	if (place->mode == LINK_DNS_RESOLV_CONF)
		return undo_resolv_conf(place->resolv_conf_path, err);
	return place->mode == LINK_DNS_NONE ? 0 : run(words, NULL, err);
}
