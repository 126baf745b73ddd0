/* SPDX-License-Identifier: ISC */
#include "agent/ownership_lists.h"

#include "agent/rpm_database.h"
#include "posture/apk.h"
#include <errno.h>
#include <limits.h>
#include <string.h>

#define FOLDERS_MAX 4096 /* of lists, that are kept resolved */

/* Paths are paths of files: shorter than this. */
#define LIST_PATH_MAX PATH_MAX

void owned_files_begin(struct owned_files *o)
{
	o->by_name = table_new();
	o->folders = table_new();
	for (size_t i = 0; i < o->n; i++) {
		struct owned_file *f = o->files[i];
		const char *name = strrchr(f->path, '/') + 1;
		f->next = table_set_string(o->by_name, name, f);
	}
}

void owned_files_end(struct owned_files *o)
{
	o->by_name = table_free(o->by_name, NULL);
	o->folders = table_free(o->folders, free);
}

/* "" where there is no such folder. The result is the table's, or *ret_own is it, for the caller to free. */
static const char *resolve_folder(struct owned_files *o, const char *folder, size_t length, char **ret_own)
{
	const char *kept = table_get(o->folders, folder, length);
	if (kept)
		return kept;
	char *path FREE_ON_EXIT = length ? xstrndup(folder, length) : xstrdup("/");
	char *resolved = NULL;
	if (root_resolve(o->root, path, &resolved) < 0)
		resolved = xstrdup("");
	if (table_count(o->folders) < FOLDERS_MAX)
		(void)table_set(o->folders, folder, length, resolved);
	else
		*ret_own = resolved;
	return resolved;
}

/* Whether folder/name, with the links of folder followed, is path. */
static bool is_path(struct owned_files *o, const char *path, const char *listed, size_t folder_length)
{
	char *own FREE_ON_EXIT = NULL;
	size_t n = (size_t)(strrchr(path, '/') - path);
	if (n == folder_length && memcmp(path, listed, n) == 0)
		return true;
	const char *folder = resolve_folder(o, listed, folder_length, &own);
	return strcmp(folder, "/") == 0 ? n == 0 : strlen(folder) == n && memcmp(folder, path, n) == 0;
}

void owned_files_take(struct owned_files *o, const char *path, size_t length, const char *package)
{
	const char *slash = length < LIST_PATH_MAX ? memrchr(path, '/', length) : NULL;
	if (!slash || *path != '/')
		return;
	size_t folder_length = (size_t)(slash - path);
	struct owned_file *f = table_get(o->by_name, slash + 1, length - folder_length - 1);
	for (; f; f = f->next)
		if (!f->package && is_path(o, f->path, path, folder_length))
			f->package = xstrdup(package);
}

static int read_apk_file(struct owned_files *o, const char *path, struct error *err)
{
	char *text FREE_ON_EXIT = NULL, file[APK_PATH_MAX];
	size_t length;
	struct stat st;
	if (root_stat(o->root, path, &st) < 0)
		return 0;
	int r = root_read_file(o->root, path, APK_INSTALLED_FILE_MAX, &text, &length, err);
	if (r < 0)
		return r;
	struct apk_scanner scanner = apk_scan(text, length);
	struct apk_block block;
	while (apk_next_block(&scanner, &block)) {
		struct apk_files files = { .at = block.at, .end = block.end };
		char *package FREE_ON_EXIT =
		        xstrndup(block.name.text ? block.name.text : "", block.name.length);
		while (*package && apk_next_file(&files, file))
			owned_files_take(o, file, strlen(file), package);
	}
	return 1;
}

int ownership_read_apk(struct owned_files *o, struct error *err)
{
	int r = read_apk_file(o, "/lib/apk/db/installed", err);
	return r ? r : read_apk_file(o, "/usr/lib/apk/db/installed", err);
}

/* Lines of a number and a name, as rpm_database_owners() gives them. */
static void take_rpm_owners(struct owned_file **asked, size_t n, char *text)
{
	for (char *line = text, *next; line && *line; line = next) {
		char *end;
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		unsigned long i = strtoul(line, &end, 10);
		if (end > line && *end == '\t' && end[1] && i < n && !asked[i]->package)
			asked[i]->package = xstrdup(end + 1);
	}
}

int ownership_read_rpm(struct owned_files *o, struct error *err)
{
	struct rpm_database database;
	size_t n = 0, length;
	char *text FREE_ON_EXIT = NULL;
	if (!rpm_database_find(o->root, &database))
		return 0;
	struct owned_file **asked FREE_ON_EXIT = xcalloc(o->n + 1, sizeof(struct owned_file *));
	const char **paths FREE_ON_EXIT = xcalloc(o->n + 1, sizeof(char *));
	for (size_t i = 0; i < o->n; i++)
		if (!o->files[i]->package) {
			asked[n] = o->files[i];
			paths[n++] = o->files[i]->path;
		}
	if (n == 0)
		return 1;
	int r = rpm_database_owners(o->root, &database, paths, n, &text, &length, err);
	if (r < 0)
		return r;
	take_rpm_owners(asked, n, text);
	return 1;
}
