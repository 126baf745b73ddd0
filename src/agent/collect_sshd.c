/* SPDX-License-Identifier: ISC */
/*
 * What sshd is told. `sshd -T` knows what is in effect, with the defaults of the sshd that is there; what
 * `Match` blocks can put in its place is read from the configuration itself. The sshd of another root is not
 * run: then only what its configuration says is known, and the rest has defaults that nobody here knows.
 */
#include "agent/collect.h"

#include "agent/command.h"
#include "posture/sshd_config.h"
#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG "/etc/ssh/sshd_config"
#define CONFIG_FOLDER "/etc/ssh/" /* where relative includes are */
#define ENTRIES_MAX 1024          /* of a folder of included files */

static const char *const programs[] = { "/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd" };

static const char *find_program(const struct root *root)
{
	for (size_t i = 0; i < ARRAY_LENGTH(programs); i++) {
		int fd;
		if (root_open_file(root, programs[i], &fd, NULL) < 0)
			continue;
		close(fd);
		return programs[i];
	}
	return NULL;
}

static int read_file(struct sshd_config *c, const char *path, struct error *err)
{
	const struct root *root = c->context;
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	int r = root_read_file(root, path, SSHD_CONFIG_FILE_MAX, &text, &length, err);
	return r < 0 ? r : sshd_read_config(c, path, text, length, err);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a folder that match, in their order; the caller frees them. */
static int list_folder(const struct root *root, const char *folder, const char *pattern, char ***ret_names,
        size_t *ret_count, struct error *err)
{
	DIR *dir;
	size_t n = 0, capacity = 0, seen = 0;
	char **names = NULL;
	int r = root_open_directory(root, folder, &dir, NULL);
	*ret_names = NULL;
	*ret_count = 0;
	if (r < 0)
		return r == -ENOENT ? 0 : error_set(err, r, "%s%s: %s", root->path, folder, strerror(-r));
	for (struct dirent *e; r == 0 && (e = readdir(dir));) {
		if (fnmatch(pattern, e->d_name, FNM_PERIOD) != 0)
			continue;
		if (seen++ == ENTRIES_MAX) {
			r = error_set(
			        err, -E2BIG, "%s%s: more than %d files", root->path, folder, ENTRIES_MAX);
			break;
		}
		ARRAY_RESERVE_ONE(names, n, capacity);
		names[n++] = xstrdup(e->d_name);
	}
	closedir(dir);
	if (n)
		qsort(names, n, sizeof(*names), compare_names);
	*ret_names = names;
	*ret_count = n;
	return r;
}

/* glob(3) would follow another root's links out of it; its patterns stand in the last part of a path. */
static int include(struct sshd_config *c, const char *pattern, struct error *err)
{
	const struct root *root = c->context;
	char *path FREE_ON_EXIT = xasprintf("%s%s", *pattern == '/' ? "" : CONFIG_FOLDER, pattern);
	char *slash = strrchr(path, '/'), **names;
	size_t n;
	*slash = '\0';
	if (strpbrk(path, "*?["))
		return error_set(
		        err, -ENOTSUP, "Include %s: only the last part of a path may be a pattern", pattern);
	int r = list_folder(root, *path ? path : "/", slash + 1, &names, &n, err);
	for (size_t i = 0; i < n; i++) {
		char *file FREE_ON_EXIT = xasprintf("%s/%s", path, names[i]);
		if (r == 0)
			r = read_file(c, file, err);
		free(names[i]);
	}
	free(names);
	return r;
}

/* What is in effect outside of `Match` blocks; false where sshd does not tell. */
static bool ask_sshd(struct posture *p, const char *program, struct error *err)
{
	const char *const argv[] = { program, "-T", NULL };
	char *output FREE_ON_EXIT = NULL;
	size_t length;
	int r = command_run(argv, &output, &length, err);
	if (r < 0)
		return false;
	r = sshd_read_output(p, output, length);
	if (r < 0)
		(void)error_set(err, r, "%s -T does not print its settings", program);
	return r == 0;
}

void collect_sshd(const struct root *root, struct posture *p)
{
	struct sshd_config c = { .p = p, .include = include, .context = (void *)root };
	struct error err;
	const char *program = find_program(root);
	p->sshd_installed = program ? TRI_YES : TRI_NO;
	if (!program)
		return;
	c.global = !root->live || !ask_sshd(p, program, &err);
	if (c.global && root->live)
		(void)posture_add_unknown(p, "sshd.settings", "%s", err.text);
	else if (c.global)
		(void)posture_add_unknown(p, "sshd.settings",
		        "%s is not the running system; what its configuration leaves open depends on its "
		        "sshd",
		        root->path);
	if (read_file(&c, CONFIG, &err) == 0)
		return;
	/* What Match blocks say is not all known, so nothing is. */
	p->sshd.count = 0;
	p->sshd.known = false;
	(void)posture_add_unknown(p, "sshd.settings", "%s", err.text);
}
