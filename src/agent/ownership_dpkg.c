/* SPDX-License-Identifier: ISC */
/*
 * dpkg's file lists, /var/lib/dpkg/info/PACKAGE.list or PACKAGE:ARCHITECTURE.list, a path a line, and its
 * diversions (dpkg-divert(1)): /var/lib/dpkg/diversions, three lines each, the path, where it was diverted
 * to, and the package that may still use the path (":" where it is the administrator's). What every other
 * package lists under the path lies where it was diverted to.
 */
#include "agent/ownership_lists.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define INFO_FOLDER "/var/lib/dpkg/info"
#define LISTS_MAX 131072
#define LIST_FILE_MAX (64u << 20)
#define DIVERSIONS_FILE_MAX (4u << 20)

/* In place, in the text of the file. */
struct diversion {
	const char *to, *package;
};

struct dpkg_lists {
	struct owned_files *o;
	char *text;
	struct table *diversions; /* path -> struct diversion */
};

/* Cuts the next line off. */
static char *take_line(char **at)
{
	char *line = *at, *newline = line ? strchr(line, '\n') : NULL;
	if (newline)
		*newline = '\0';
	*at = newline ? newline + 1 : NULL;
	return line && *line ? line : NULL;
}

static int read_diversions(struct dpkg_lists *d, struct error *err)
{
	static const char path[] = "/var/lib/dpkg/diversions";
	struct stat st;
	d->diversions = table_new();
	if (root_stat(d->o->root, path, &st) < 0)
		return 0;
	int r = root_read_file(d->o->root, path, DIVERSIONS_FILE_MAX, &d->text, NULL, err);
	if (r < 0)
		return r;
	for (char *at = d->text; at;) {
		const char *from = take_line(&at), *to = take_line(&at), *package = take_line(&at);
		if (!from || !to || !package)
			break;
		struct diversion *diversion = xmalloc(sizeof(*diversion));
		*diversion = (struct diversion){ to, package };
		free(table_set_string(d->diversions, from, diversion));
	}
	return 0;
}

static void take_path(struct dpkg_lists *d, const char *path, size_t length, const char *package)
{
	const struct diversion *diversion =
	        table_count(d->diversions) ? table_get(d->diversions, path, length) : NULL;
	if (diversion && strcmp(diversion->package, package) != 0)
		owned_files_take(d->o, diversion->to, strlen(diversion->to), package);
	else
		owned_files_take(d->o, path, length, package);
}

/* name: PACKAGE.list or PACKAGE:ARCHITECTURE.list */
static int read_list(struct dpkg_lists *d, int folder, const char *name, struct error *err)
{
	char *text FREE_ON_EXIT = NULL, *package FREE_ON_EXIT = xstrndup(name, strcspn(name, ":"));
	size_t length;
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return 0; /* its package went meanwhile */
	if (fd < 0)
		return error_set(
		        err, -errno, "%s" INFO_FOLDER "/%s: %s", d->o->root->path, name, strerror(errno));
	int r = file_read_descriptor(fd, name, LIST_FILE_MAX, &text, &length, err);
	close(fd);
	if (r < 0)
		return r;
	if (!strchr(name, ':'))
		package[strlen(package) - strlen(".list")] = '\0';
	for (const char *at = text, *end = text + length; at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)), *to = newline ? newline : end;
		take_path(d, at, (size_t)(to - at), package);
		at = newline ? newline + 1 : end;
	}
	return 0;
}

static bool is_list(const char *name)
{
	size_t n = strlen(name), m = strlen(".list");
	return n > m && *name != '.' && strcmp(name + n - m, ".list") == 0;
}

static int read_lists(struct dpkg_lists *d, struct error *err)
{
	DIR *folder;
	size_t n = 0;
	int r = root_open_directory(d->o->root, INFO_FOLDER, &folder, err);
	if (r < 0)
		return r;
	for (struct dirent *e; r == 0 && (e = readdir(folder));) {
		if (!is_list(e->d_name))
			continue;
		if (n++ == LISTS_MAX)
			r = error_set(err, -E2BIG, "%s" INFO_FOLDER ": more than %d lists", d->o->root->path,
			        LISTS_MAX);
		else
			r = read_list(d, dirfd(folder), e->d_name, err);
	}
	closedir(folder);
	return r;
}

int ownership_read_dpkg(struct owned_files *o, struct error *err)
{
	struct stat st;
	if (root_stat(o->root, "/var/lib/dpkg/status", &st) < 0)
		return 0;
	struct dpkg_lists d = { .o = o };
	int r = read_diversions(&d, err);
	if (r == 0)
		r = read_lists(&d, err);
	table_free(d.diversions, free);
	free(d.text);
	return r < 0 ? r : 1;
}
