/* SPDX-License-Identifier: ISC */
#include "agent/boot.h"

#include "agent/command_line.h"
#include "agent/crontab.h"
#include <errno.h>
#include <string.h>

struct walk {
	const struct root *root;
	struct programs *programs;
	struct error *err;
};

int boot_each_name(const struct root *root, const char *folder,
        int (*take)(const char *folder, const char *name, void *context), void *context, struct error *err)
{
	DIR *dir;
	size_t n = 0;
	int r = root_open_directory(root, folder, &dir, err);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return r;
	for (struct dirent *e; r == 0 && (e = readdir(dir));) {
		if (*e->d_name == '.')
			continue;
		r = n++ == BOOT_FILES_MAX ? error_set(err, -E2BIG, "%s%s: more than %d files", root->path,
		                                    folder, BOOT_FILES_MAX)
		                          : take(folder, e->d_name, context);
	}
	closedir(dir);
	return r;
}

static void add(struct programs *programs, const char *path, const char *how)
{
	struct program *program = programs_get(programs, path, false);
	if (program)
		name_set_add(&program->starts, how);
}

void boot_take_command(
        const struct root *root, struct programs *programs, const struct command_line *c, const char *how)
{
	char *program FREE_ON_EXIT = c->n ? command_line_program(root, c->words[0]) : NULL;
	if (!program)
		return;
	add(programs, program, how);
	char *script FREE_ON_EXIT =
	        command_line_is_interpreter(program) ? command_line_script(root, c, 0, NULL) : NULL;
	if (script)
		add(programs, script, how);
}

/* ---- scripts ---- */

static int take_script(const char *folder, const char *name, void *context)
{
	struct walk *w = context;
	char *path FREE_ON_EXIT = xasprintf("%s/%s", folder, name);
	char *how FREE_ON_EXIT = xasprintf("script in %s", folder),
	          *script FREE_ON_EXIT = command_line_program(w->root, path);
	if (script)
		add(w->programs, script, how);
	return 0;
}

/* S10name: started; K10name: stopped. */
static int take_sysv_script(const char *folder, const char *name, void *context)
{
	return *name == 'S' ? take_script(folder, name, context) : 0;
}

static int take_local_script(const char *folder, const char *name, void *context)
{
	size_t n = strlen(name), m = strlen(".start");
	return n > m && strcmp(name + n - m, ".start") == 0 ? take_script(folder, name, context) : 0;
}

static int take_runlevel(const char *folder, const char *name, void *context)
{
	struct walk *w = context;
	char *path FREE_ON_EXIT = xasprintf("%s/%s", folder, name);
	return boot_each_name(w->root, path, take_script, w, NULL);
}

static int look_at_scripts(struct walk *w, struct error *err)
{
	static const char *const levels[] = { "/etc/rcS.d", "/etc/rc2.d", "/etc/rc3.d", "/etc/rc4.d",
		"/etc/rc5.d", "/etc/rc.d/rc2.d", "/etc/rc.d/rc3.d", "/etc/rc.d/rc4.d", "/etc/rc.d/rc5.d" };
	int r = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(levels) && r == 0; i++)
		r = boot_each_name(w->root, levels[i], take_sysv_script, w, err);
	if (r == 0)
		r = boot_each_name(w->root, "/etc/runlevels", take_runlevel, w, err);
	if (r == 0)
		r = boot_each_name(w->root, "/etc/local.d", take_local_script, w, err);
	return r;
}

/* Where a package brings it, what it does is still the administrator's: it counts as of no package. */
static void look_at_rc_local(struct walk *w)
{
	static const char *const paths[] = { "/etc/rc.local", "/etc/rc.d/rc.local" };
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		char *text FREE_ON_EXIT = NULL, *path FREE_ON_EXIT = NULL;
		size_t length;
		struct stat st;
		if (root_stat(w->root, paths[i], &st) < 0 || !(st.st_mode & 0111) ||
		        root_read_file(w->root, paths[i], CRONTAB_FILE_MAX, &text, &length, NULL) < 0 ||
		        !crontab_script_does_something(text, length) ||
		        root_resolve(w->root, paths[i], &path) < 0)
			continue;
		struct program *program = programs_get(w->programs, path, true);
		if (program)
			name_set_add(&program->starts, "rc.local");
	}
}

/* ---- cron ---- */

/* Every word of a shell's command line that names a program is one that may be run. */
static int take_crontab(struct walk *w, const char *path, bool has_user)
{
	char *text FREE_ON_EXIT = NULL, *how FREE_ON_EXIT = xasprintf("@reboot in %s", path);
	const char *line;
	size_t length, n = 0;
	if (root_read_file(w->root, path, CRONTAB_FILE_MAX, &text, &length, NULL) < 0)
		return 0;
	struct crontab c = { text, text + length, has_user };
	struct command_line *command FREE_ON_EXIT = xmalloc(sizeof(*command));
	while (crontab_next(&c, &line, &length)) {
		if (n++ == CRONTAB_COMMANDS_MAX)
			return error_set(w->err, -E2BIG, "%s%s: more than %d commands at boot", w->root->path,
			        path, CRONTAB_COMMANDS_MAX);
		command_line_split(line, length, true, command);
		boot_take_command(w->root, w->programs, command, how);
		for (size_t i = 1; i < command->n; i++) {
			struct stat st;
			if (*command->words[i] != '/' || root_stat(w->root, command->words[i], &st) < 0 ||
			        !(st.st_mode & 0111))
				continue;
			char *program FREE_ON_EXIT = command_line_program(w->root, command->words[i]);
			if (program)
				add(w->programs, program, how);
		}
	}
	return 0;
}

static int take_system_crontab(const char *folder, const char *name, void *context)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", folder, name);
	return take_crontab(context, path, true);
}

static int take_user_crontab(const char *folder, const char *name, void *context)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", folder, name);
	return take_crontab(context, path, false);
}

static int look_at_cron(struct walk *w, struct error *err)
{
	static const char *const users[] = { "/var/spool/cron/crontabs", "/var/spool/cron", "/etc/crontabs" };
	int r = take_crontab(w, "/etc/crontab", true);
	if (r == 0)
		r = boot_each_name(w->root, "/etc/cron.d", take_system_crontab, w, err);
	for (size_t i = 0; i < ARRAY_LENGTH(users) && r == 0; i++)
		r = boot_each_name(w->root, users[i], take_user_crontab, w, err);
	return r;
}

int boot_look(const struct root *root, struct programs *programs, struct error *err)
{
	struct walk w = { root, programs, err };
	int r = boot_look_at_units(root, programs, err);
	if (r == 0)
		r = look_at_scripts(&w, err);
	if (r == 0)
		r = look_at_cron(&w, err);
	if (r == 0)
		look_at_rc_local(&w);
	return r;
}
