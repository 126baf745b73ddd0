/* SPDX-License-Identifier: ISC */
#include "vuln/provider_set.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEXT ".next"
#define DOCUMENT "document"
#define GONE ".gone"
#define OF \
	"of" /* a link to the path of what is being placed: all is there that is to come, and it counts \
	      */

const char *const provider_proofs[] = { ".sha512", ".sha256", ".asc", NULL };

char *provider_set_file(const struct provider_set *s, const char *suffix)
{
	return xasprintf("%s/" DOCUMENT "%s", s->next, suffix);
}

static char *gone_file(const struct provider_set *s, const char *suffix)
{
	return xasprintf("%s/" DOCUMENT "%s" GONE, s->next, suffix);
}

static int fail(const char *path, struct error *err)
{
	return error_set(err, -errno, "%s: %s", path, strerror(errno));
}

static bool is_there(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

/* Nothing where it has its place already. */
static int place_one(const struct provider_set *s, const char *path, const char *suffix, struct error *err)
{
	char *from FREE_ON_EXIT = provider_set_file(s, suffix), *gone FREE_ON_EXIT = gone_file(s, suffix);
	char *to FREE_ON_EXIT = xasprintf("%s/%s%s", s->tree, path, suffix);
	if (is_there(from))
		return rename(from, to) == 0 ? 0 : fail(to, err);
	return !is_there(gone) || unlink(to) == 0 || errno == ENOENT ? 0 : fail(to, err);
}

static int make_folder_of(const struct provider_set *s, const char *path, struct error *err)
{
	char *folder FREE_ON_EXIT = xasprintf("%s/%s", s->tree, path);
	*strrchr(folder, '/') = '\0';
	return file_make_directory(folder, 0755, err);
}

static int finish(const struct provider_set *s, struct error *err)
{
	char *of FREE_ON_EXIT = xasprintf("%s/" OF, s->next), *path FREE_ON_EXIT = NULL;
	size_t length;
	int r = file_read(of, PATH_MAX, &path, &length, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (length > 0) { /* nothing is in it where the power failed */
		r = make_folder_of(s, path, err);
		if (r == 0)
			r = place_one(s, path, "", err);
		for (const char *const *proof = provider_proofs; r == 0 && *proof; proof++)
			r = place_one(s, path, *proof, err);
	}
	return r < 0 || unlink(of) == 0 ? r : fail(of, err);
}

static int clear(const char *path, struct error *err)
{
	return unlink(path) == 0 || errno == ENOENT ? 0 : fail(path, err);
}

static int clear_one(const struct provider_set *s, const char *suffix, struct error *err)
{
	char *file FREE_ON_EXIT = provider_set_file(s, suffix), *gone FREE_ON_EXIT = gone_file(s, suffix);
	int r = clear(file, err);
	return r == 0 ? clear(gone, err) : r;
}

int provider_set_open(struct provider_set *s, const char *folder, const char *tree, struct error *err)
{
	*s = (struct provider_set){ .tree = tree, .next = xasprintf("%s/" NEXT, folder), .fd = -1 };
	int r = file_make_directory(s->next, 0755, err);
	if (r < 0)
		return r;
	s->fd = open(s->next, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->fd < 0)
		return fail(s->next, err);
	if (flock(s->fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
		        ? error_set(
		                  err, -EBUSY, "%s: another program fetches this source at this time", folder)
		        : fail(s->next, err);
	return provider_set_begin(s, err);
}

void provider_set_close(struct provider_set *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->next);
	*s = (struct provider_set){ .fd = -1 };
}

int provider_set_begin(const struct provider_set *s, struct error *err)
{
	int r = finish(s, err);
	if (r == 0)
		r = clear_one(s, "", err);
	for (const char *const *proof = provider_proofs; r == 0 && *proof; proof++)
		r = clear_one(s, *proof, err);
	return r;
}

int provider_set_drop(const struct provider_set *s, const char *suffix, struct error *err)
{
	char *gone FREE_ON_EXIT = gone_file(s, suffix);
	int fd = open(gone, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 ? fail(gone, err) : (close(fd), 0);
}

/* What would end the placing half-way, and what a second placing would take away again. */
static int prepare_one(const struct provider_set *s, const char *path, const char *suffix, struct error *err)
{
	char *from FREE_ON_EXIT = provider_set_file(s, suffix), *gone FREE_ON_EXIT = gone_file(s, suffix);
	char *to FREE_ON_EXIT = xasprintf("%s/%s%s", s->tree, path, suffix);
	struct stat st;
	if (lstat(to, &st) == 0 && S_ISDIR(st.st_mode))
		return error_set(err, -EISDIR, "%s: it is a folder of other documents", to);
	return is_there(from) ? clear(gone, err) : 0;
}

/* Whole or not at all. */
static int write_of(const struct provider_set *s, const char *path, struct error *err)
{
	char *of FREE_ON_EXIT = xasprintf("%s/" OF, s->next), *part FREE_ON_EXIT = xasprintf("%s.part", of);
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail(part, err);
	ssize_t n = write(fd, path, strlen(path));
	int r = n == (ssize_t)strlen(path) ? 0
	        : n < 0                    ? fail(part, err)
	                                   : error_set(err, -ENOSPC, "%s: no room", part);
	close(fd);
	return r < 0 || rename(part, of) == 0 ? r : fail(of, err);
}

int provider_set_place(const struct provider_set *s, const char *path, struct error *err)
{
	int r = prepare_one(s, path, "", err);
	for (const char *const *proof = provider_proofs; r == 0 && *proof; proof++)
		r = prepare_one(s, path, *proof, err);
	if (r == 0)
		r = write_of(s, path, err);
	return r == 0 ? finish(s, err) : r;
}
