/* SPDX-License-Identifier: ISC */
/* What a start would end with: it is found here by reading alone, all of it at once. */
#include "base/file.h"
#include "net/endpoint.h"
#include "vis/options.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct check {
	const struct vis_options *o;
	const char *where; /* the file, or the command line */
	struct error_report *report;
};

static void check_root(const struct check *c, const char *name, const char *file)
{
	char *text FREE_ON_EXIT = NULL;
	struct tree_root root = { .version = 0 };
	struct error why;
	size_t n;
	if (file_read(file, TREE_ROOT_MAX, &text, &n, &why) < 0)
		error_report_add(c->report, "%s: follow %s: %s", c->where, name, why.text);
	else if (tree_root_open(text, n, &root, &why))
		error_report_add(c->report, "%s: follow %s: %s: %s", c->where, name, file, why.text);
	tree_root_clear(&root);
}

static void check_directory(const struct check *c, const char *option, const char *dir)
{
	struct stat st;
	if (stat(dir, &st) < 0)
		error_report_add(c->report, "%s: %s: %s: %s", c->where, option, dir, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		error_report_add(c->report, "%s: %s: %s is no directory", c->where, option, dir);
}

static void check_repositories(const struct check *c)
{
	for (size_t i = 0; i < c->o->follow.count; i++) {
		struct followed_line line;
		struct error why;
		if (repositories_cut_followed(c->o->follow.items[i], &line, &why) < 0)
			error_report_add(c->report, "%s: %s", c->where, why.text);
		else
			check_root(c, line.name, line.root);
		free(line.words);
	}
	for (size_t i = 0; i < c->o->repositories.count; i++) {
		char *name FREE_ON_EXIT = NULL;
		const char *dir;
		struct error why;
		if (repositories_cut_published(c->o->repositories.items[i], &name, &dir, &why) < 0)
			error_report_add(c->report, "%s: %s", c->where, why.text);
		else
			check_directory(c, "repository", dir);
	}
}

static void check_uppers(const struct check *c)
{
	char name[PUSH_NAME_SIZE];
	struct endpoint endpoint;
	struct error why;
	for (size_t i = 0; i < c->o->uppers.count; i++)
		if (upper_parse(c->o->uppers.items[i], &endpoint, name, &why) < 0)
			error_report_add(c->report, "%s: %s", c->where, why.text);
	if (!c->o->uppers.count != !c->o->follow.count)
		error_report_add(
		        c->report, "%s: upper and follow go together: whom to ask, and what for", c->where);
	if (c->o->uppers.count && !(*c->o->ca && *c->o->certificate && *c->o->key))
		error_report_add(c->report, "%s: upper needs ca, certificate and key", c->where);
}

static void check_publishing(const struct check *c)
{
	struct error why;
	if (*c->o->publish)
		check_directory(c, "publish", c->o->publish);
	for (size_t i = 0; i < c->o->publish_key.count; i++) {
		EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
		if (key_load(c->o->publish_key.items[i], &key, &why) < 0)
			error_report_add(c->report, "%s: publish_key: %s", c->where, why.text);
	}
}

int vis_options_check(
        const struct vis_options *o, const char *path, void (*report)(const char *text), struct error *err)
{
	struct error_report r = { report, err, 0 };
	const struct check c = { o, path ? path : "command line", &r };
	const struct vis_config config = vis_options_config(o);
	struct error why;
	if (vis_http_check(&config.front.http, &why) < 0)
		error_report_add(&r, "%s: %s", c.where, why.text);
	/* Only root becomes somebody; the one that the package makes may have to come yet. */
	if (geteuid() == 0 && strcmp(o->user, VIS_USER) != 0 && !getpwnam(o->user))
		error_report_add(&r, "%s: user: there is no user %s", c.where, o->user);
	check_repositories(&c);
	check_uppers(&c);
	check_publishing(&c);
	return r.result;
}
