/* SPDX-License-Identifier: ISC */
#include "vis/folder.h"

#include "base/file.h"
#include "base/table.h"

#include <dirent.h>
#include <errno.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENTS_SIZE 65536

struct folder {
	char *path, *source;
	int fd;
	bool scan;           /* read everything: at first, and after events were lost */
	struct table *ids;   /* file name -> char * id of its record */
	struct table *dirty; /* file names that changed -> non-NULL */
};

int folder_open(const char *path, const char *source, struct folder **ret, struct error *err)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0)
		return error_set(err, -errno, "inotify: %s", strerror(errno));
	if (inotify_add_watch(
	            fd, path, IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR) < 0) {
		int r = error_set(err, -errno, "cannot watch %s: %s", path, strerror(errno));
		close(fd);
		return r;
	}
	struct folder *f = xcalloc(1, sizeof(*f));
	f->path = xstrdup(path);
	f->source = xstrdup(source);
	f->fd = fd;
	f->scan = true;
	f->ids = table_new();
	f->dirty = table_new();
	*ret = f;
	return 0;
}

struct folder *folder_close(struct folder *f)
{
	if (!f)
		return NULL;
	close(f->fd);
	table_free(f->ids, free);
	table_free(f->dirty, NULL);
	free(f->path);
	free(f->source);
	free(f);
	return NULL;
}

int folder_fd(const struct folder *f)
{
	return f->fd;
}

static bool is_record_name(const char *name)
{
	size_t n = strlen(name);
	return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".json") == 0;
}

static int take_events(struct folder *f, struct error *err)
{
	char events[EVENTS_SIZE] __attribute__((aligned(__alignof__(struct inotify_event))));
	for (;;) {
		ssize_t n = read(f->fd, events, sizeof(events));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0)
			return error_set(err, -errno, "watching %s: %s", f->path, strerror(errno));
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const struct inotify_event *)(events + at);
			at += (ssize_t)(sizeof(*e) + e->len);
			if (e->mask & IN_Q_OVERFLOW)
				f->scan = true;
			else if (e->mask & IN_IGNORED)
				return error_set(err, -ENOENT, "the folder %s is gone", f->path);
			else if (e->len && is_record_name(e->name) &&
			        table_count(f->dirty) < FOLDER_FILES_MAX)
				table_set_string(f->dirty, e->name, f);
		}
	}
}

/* Everything that is there, and everything that was known, is looked at again. */
static int scan_folder(struct folder *f, struct error *err)
{
	DIR *dir = opendir(f->path);
	if (!dir)
		return error_set(err, -errno, "%s: %s", f->path, strerror(errno));
	for (struct dirent *e; (e = readdir(dir));)
		if (is_record_name(e->d_name) && table_count(f->dirty) < FOLDER_FILES_MAX)
			table_set_string(f->dirty, e->d_name, f);
	closedir(dir);
	TABLE_FOREACH(it, f->ids)
		table_set(f->dirty, it.key, it.key_length, f);
	f->scan = false;
	return 0;
}

static char *id_of_record(const char *text, size_t length)
{
	json_t *json = json_loadb(text, length, 0, NULL);
	char *id = xstrdup(json_string_value(json_object_get(json, "id")));
	json_decref(json);
	return id;
}

/* Emergencies are told by their files' names, and are a source of their own. */
static const char *source_of(const struct folder *f, const char *name, size_t length)
{
	static const char suffix[] = FOLDER_EMERGENCY_SUFFIX;
	const size_t n = sizeof(suffix) - 1;
	return length > n && memcmp(name + length - n, suffix, n) == 0 ? FOLDER_EMERGENCY : f->source;
}

/* As `pratique vuln publish` calls files. */
static char *id_of_name(const struct folder *f, const char *name)
{
	const char *source = source_of(f, name, strlen(name));
	const size_t ending = strlen(source == f->source ? ".json" : FOLDER_EMERGENCY_SUFFIX);
	return xstrndup(name, strlen(name) - ending);
}

/* The record of a file that is gone or changed its id: another file may still hold it. */
static void drop_record(struct folder *f, struct vuln_update *u, const char *source, const char *id)
{
	vuln_update_remove(u, source, id);
	TABLE_FOREACH(it, f->ids) {
		if (strcmp(it.value, id) != 0 || strcmp(source_of(f, it.key, it.key_length), source) != 0)
			continue;
		char *path FREE_ON_EXIT =
		        xasprintf("%s/%.*s", f->path, (int)it.key_length, (const char *)it.key);
		char *text FREE_ON_EXIT = NULL;
		size_t length;
		if (file_read(path, OSV_RECORD_MAX, &text, &length, NULL) == 0)
			vuln_update_put(u, source, text, length, NULL);
	}
}

static void take_file(
        struct folder *f, struct vuln_update *u, const char *name, folder_refused_fn refused, void *context)
{
	const char *source = source_of(f, name, strlen(name));
	char *path FREE_ON_EXIT = xasprintf("%s/%s", f->path, name);
	char *text FREE_ON_EXIT = NULL;
	size_t length = 0;
	struct error why;
	struct stat st;
	int r = stat(path, &st) < 0 ? -errno : 0;
	if (r == 0 && !S_ISREG(st.st_mode))
		r = error_set(&why, -EINVAL, "it is no regular file");
	else if (r == 0)
		r = file_read(path, OSV_RECORD_MAX, &text, &length, &why);
	else
		error_set(&why, r, "%s", strerror(-r));
	if (r == 0)
		r = vuln_update_put(u, source, text, length, &why);
	char *called FREE_ON_EXIT = id_of_name(f, name);
	if (r < 0 && r != -ENOENT) {
		vuln_update_keep(u, source, called);
		refused(path, why.text, context);
		return;
	}
	char *id = r == 0 ? id_of_record(text, length) : NULL;
	char *old = id ? table_set_string(f->ids, name, id) : table_remove_string(f->ids, name);
	if (old && (!id || strcmp(old, id) != 0))
		drop_record(f, u, source, old);
	else if (!old && !id) /* refused ever since we started */
		drop_record(f, u, source, called);
	free(old);
}

int folder_take(struct folder *f, struct vuln_update *u, folder_refused_fn refused, void *context,
        bool *ret_more, struct error *err)
{
	int r = take_events(f, err);
	*ret_more = false;
	if (r == 0 && f->scan)
		r = scan_folder(f, err);
	if (r < 0)
		return r;
	size_t n = 0;
	TABLE_FOREACH(it, f->dirty) {
		if (n++ == FOLDER_BATCH_MAX) {
			*ret_more = true;
			break;
		}
		char *name FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		table_remove(f->dirty, it.key, it.key_length);
		take_file(f, u, name, refused, context);
	}
	return 0;
}
