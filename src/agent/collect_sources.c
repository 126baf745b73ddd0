/* SPDX-License-Identifier: ISC */
/*
 * The drop-in files in which a vendor's package, or the owner, says where there is prevention information of
 * which software (quarantine draft, 5.1). A file below /etc takes the place of the one of the same name below
 * /usr/share; an empty one, or a link to /dev/null, takes it away. What is wrong with a file is told as
 * unknown, by file and line, and the file then names nothing.
 */
#include "agent/collect.h"

#include "base/config.h"
#include "base/url.h"
#include <errno.h>
#include <string.h>

#define FILES_MAX 64
#define FILE_SIZE_MAX 65536
#define SUFFIX ".conf"

static const char *const folders[] = { "/etc/pratique/sources.d", "/usr/share/pratique/sources.d" };

struct dropin_source {
	struct config_named named;
	char *url;
	struct config_list software;
};
struct dropin {
	struct config_items sources;
};

static const struct config_option options[] = {
	{ "url", CONFIG_STRING, offsetof(struct dropin_source, url), NULL, 0, 0,
	        "where it is: an http or https URL" },
	{ "software", CONFIG_LIST, offsetof(struct dropin_source, software), NULL, 0, 0,
	        "what it is for: an ecosystem such as PyPI, or a package URL without a version" },
};
static const struct config_section section = { "source", options, ARRAY_LENGTH(options),
	offsetof(struct dropin, sources), sizeof(struct dropin_source), POSTURE_SOURCES_MAX };

struct found {
	char *name;
	const char *folder;
};
struct files {
	struct found items[FILES_MAX];
	size_t n;
	bool cut;
};

static bool is_dropin(const char *name)
{
	const size_t n = strlen(name), m = strlen(SUFFIX);
	return *name != '.' && n > m && strcmp(name + n - m, SUFFIX) == 0;
}

static bool has_file(const struct files *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->items[i].name, name) == 0)
			return true;
	return false;
}

static int find_files(const struct root *root, const char *folder, struct files *f, struct error *err)
{
	DIR *dir;
	int r = root_open_directory(root, folder, &dir, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (struct dirent *e; (e = readdir(dir));) {
		if (!is_dropin(e->d_name) || has_file(f, e->d_name))
			continue;
		if (f->n == FILES_MAX)
			f->cut = true;
		else
			f->items[f->n++] = (struct found){ xstrdup(e->d_name), folder };
	}
	closedir(dir);
	return 0;
}

static int compare_files(const void *left, const void *right)
{
	const struct found *a = left, *b = right;
	return strcmp(a->name, b->name);
}

/* ---- one of them ---- */

/* In their one form; what is wrong is told with the line at which the section begins. */
static int add_source(struct posture *p, const char *file, const struct dropin_source *s, struct error *err)
{
	char url[URL_MAX + 1];
	const int line = s->named.line;
	int r = url_canonical(s->url, url, err);
	if (r < 0)
		return error_prefix(err, r, "%s:%d: url", file, line);
	if (s->software.count == 0 || s->software.count > POSTURE_SOFTWARE_MAX)
		return error_set(err, -EINVAL, "%s:%d: software: give 1 to %d of them", file, line,
		        POSTURE_SOFTWARE_MAX);
	r = posture_add_source(p, url, file);
	if (r < 0)
		return error_set(
		        err, r, "%s:%d: more than %d sources in all", file, line, POSTURE_SOURCES_MAX);
	for (size_t i = 0; r == 0 && i < s->software.count; i++) {
		char *software FREE_ON_EXIT = NULL;
		r = posture_software_canonical(s->software.items[i], &software, err);
		if (r == 0 && posture_add_software(p, software) < 0)
			r = error_set(
			        err, -EINVAL, "\"%.200s\" has no form of its own", s->software.items[i]);
		if (r < 0)
			error_prefix(err, r, "%s:%d: software", file, line);
	}
	return r;
}

/* All that a file names, or nothing. */
static int add_file(const char *file, const char *text, size_t length, struct posture *p, struct error *err)
{
	struct dropin d = { 0 };
	const size_t before = p->n_sources;
	int r = config_read_sections(file, text, length, &section, 1, &d, NULL, err);
	for (size_t i = 0; r == 0 && i < d.sources.count; i++)
		r = add_source(p, file, d.sources.items[i], err);
	if (r < 0)
		posture_cut_sources(p, before);
	config_clear_sections(&section, 1, &d);
	return r;
}

static void read_one(const struct root *root, const struct found *f, struct posture *p)
{
	char *text FREE_ON_EXIT = NULL, *path FREE_ON_EXIT = xasprintf("%s/%s", f->folder, f->name);
	char *shown FREE_ON_EXIT = xasprintf("%s%s", root->path, path);
	struct stat st;
	struct error err;
	size_t length;
	if (root_stat(root, path, &st) == 0 && S_ISCHR(st.st_mode))
		return; /* /dev/null */
	int r = root_read_file(root, path, FILE_SIZE_MAX, &text, &length, &err);
	if (r == 0)
		r = add_file(shown, text, length, p, &err);
	if (r < 0)
		(void)posture_add_unknown(p, "sources", "%s", err.text);
}

void collect_sources(const struct root *root, struct posture *p)
{
	struct files files = { .n = 0 };
	struct error err;
	for (size_t i = 0; i < ARRAY_LENGTH(folders); i++)
		if (find_files(root, folders[i], &files, &err) < 0)
			(void)posture_add_unknown(p, "sources", "%s", err.text);
	if (files.cut)
		(void)posture_add_unknown(
		        p, "sources", "more than %d files in %s and %s", FILES_MAX, folders[0], folders[1]);
	qsort(files.items, files.n, sizeof(*files.items), compare_files);
	for (size_t i = 0; i < files.n; i++) {
		read_one(root, &files.items[i], p);
		free(files.items[i].name);
	}
}
