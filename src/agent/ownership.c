/* SPDX-License-Identifier: ISC */
#include "agent/ownership.h"

#include "agent/ownership_lists.h"
#include <errno.h>
#include <string.h>

/* What tells that a database is another one than before. Lists of dpkg are replaced by rename, so their
 * folder tells for all of them. */
static const char *const witnesses[] = { "/var/lib/dpkg/status", "/var/lib/dpkg/info",
	"/var/lib/dpkg/diversions", "/lib/apk/db/installed", "/usr/lib/apk/db/installed",
	"/usr/lib/sysimage/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite-wal",
	"/usr/lib/sysimage/rpm/Packages.db", "/usr/lib/sysimage/rpm/Packages", "/var/lib/rpm/rpmdb.sqlite",
	"/var/lib/rpm/rpmdb.sqlite-wal", "/var/lib/rpm/Packages.db", "/var/lib/rpm/Packages" };

struct witness {
	ino_t inode;
	off_t size;
	struct timespec modified;
};

struct ownership {
	struct table *files; /* path -> struct owned_file */
	struct witness witnesses[ARRAY_LENGTH(witnesses)];
};

struct ownership *ownership_new(void)
{
	struct ownership *o = xcalloc(1, sizeof(*o));
	o->files = table_new();
	return o;
}

static void owned_file_free(void *value)
{
	struct owned_file *f = value;
	free(f->path);
	free(f->package);
	free(f);
}

struct ownership *ownership_free(struct ownership *o)
{
	if (o) {
		table_free(o->files, owned_file_free);
		free(o);
	}
	return NULL;
}

void ownership_begin(struct ownership *o, const struct root *root)
{
	struct witness now[ARRAY_LENGTH(witnesses)];
	memset(now, 0, sizeof(now));
	for (size_t i = 0; i < ARRAY_LENGTH(witnesses); i++) {
		struct stat st;
		if (root_stat(root, witnesses[i], &st) < 0)
			continue;
		now[i].inode = st.st_ino;
		now[i].size = st.st_size;
		now[i].modified = st.st_mtim;
	}
	if (memcmp(now, o->witnesses, sizeof(now)) == 0 && table_count(o->files) < OWNERSHIP_PATHS_MAX / 2)
		return;
	memcpy(o->witnesses, now, sizeof(now));
	table_free(o->files, owned_file_free);
	o->files = table_new();
}

void ownership_ask(struct ownership *o, const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash || !slash[1] || table_count(o->files) == OWNERSHIP_PATHS_MAX ||
	        table_get_string(o->files, path))
		return;
	struct owned_file *f = xcalloc(1, sizeof(*f));
	f->path = xstrdup(path);
	(void)table_set_string(o->files, path, f);
}

const char *ownership_of(const struct ownership *o, const char *path)
{
	const struct owned_file *f = table_get_string(o->files, path);
	return f ? f->package : NULL;
}

/* What is asked and not answered yet; caller frees. */
static struct owned_file **open_questions(const struct ownership *o, size_t *ret_n)
{
	struct owned_file **list = xcalloc(table_count(o->files) + 1, sizeof(*list));
	*ret_n = 0;
	TABLE_FOREACH(it, o->files) {
		struct owned_file *f = it.value;
		if (!f->answered)
			list[(*ret_n)++] = f;
	}
	return list;
}

int ownership_answer(struct ownership *o, const struct root *root, struct error *err)
{
	static int (*const managers[])(struct owned_files *, struct error *) = { ownership_read_dpkg,
		ownership_read_apk, ownership_read_rpm };
	size_t n, present = 0;
	struct owned_file **open FREE_ON_EXIT = open_questions(o, &n);
	if (n == 0)
		return 0;
	struct owned_files files = { .root = root, .files = open, .n = n };
	owned_files_begin(&files);
	int r = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(managers) && r >= 0; i++) {
		r = managers[i](&files, err);
		present += r > 0;
	}
	owned_files_end(&files);
	if (r < 0)
		return r;
	if (present == 0)
		return error_set(
		        err, -ENOENT, "%s: no file lists of a package manager are there", root->path);
	for (size_t i = 0; i < n; i++)
		open[i]->answered = true;
	return 0;
}
