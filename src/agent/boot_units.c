/* SPDX-License-Identifier: ISC */
/*
 * systemd's units, systemd.unit(5): from what is enabled (the links in *.wants, *.requires and *.upholds) and
 * from the targets of the boot, through Wants= and its like, to the services and what they execute. A unit is
 * its file, or its template's, from the first folder that has it, and the *.conf files of its drop-in
 * folders. Units that users run for themselves start with a login and are not looked at; what generators
 * write at boot is about scripts and mounts.
 */
#include "agent/boot.h"

#include "agent/command_line.h"
#include "agent/unit_file.h"
#include <errno.h>
#include <string.h>

static const char *const folders[] = { "/etc/systemd/system", "/run/systemd/system",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system" };

struct units {
	const struct root *root;
	struct programs *programs;
	struct table *seen; /* names */
	char **queue;
	size_t n, done, capacity;
	struct error *err;
};

/* What one unit says, over its file and drop-ins. */
struct unit {
	const char *name;
	bool has_file;
	char *triggers;  /* Service= of a socket, Unit= of a timer or path */
	char **commands; /* Exec*=, each with its key: "ExecStart\0/bin/x -y" is two entries */
	size_t n, capacity;
};

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n > m && strcmp(s + n - m, end) == 0;
}

static int add_unit(struct units *u, const char *name, size_t length)
{
	if (length == 0 || length > 255 || memchr(name, '/', length) || table_get(u->seen, name, length))
		return 0;
	if (u->n == BOOT_UNITS_MAX)
		return error_set(u->err, -E2BIG, "%s: more than %d units", u->root->path, BOOT_UNITS_MAX);
	(void)table_set(u->seen, name, length, u);
	ARRAY_RESERVE_ONE(u->queue, u->n, u->capacity);
	u->queue[u->n++] = xstrndup(name, length);
	return 0;
}

/* ---- what is enabled ---- */

static int take_enabled(const char *folder, const char *name, void *context)
{
	return add_unit(context, name, strlen(name));
}

static int take_folder(const char *folder, const char *name, void *context)
{
	struct units *u = context;
	if (!ends_with(name, ".wants") && !ends_with(name, ".requires") && !ends_with(name, ".upholds"))
		return 0;
	char *path FREE_ON_EXIT = xasprintf("%s/%s", folder, name);
	return boot_each_name(u->root, path, take_enabled, u, u->err);
}

static int add_enabled(struct units *u)
{
	static const char *const targets[] = { "default.target", "sysinit.target", "basic.target",
		"multi-user.target", "graphical.target" };
	int r = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(targets) && r == 0; i++)
		r = add_unit(u, targets[i], strlen(targets[i]));
	for (size_t i = 0; i < ARRAY_LENGTH(folders) && r == 0; i++)
		r = boot_each_name(u->root, folders[i], take_folder, u, u->err);
	return r;
}

/* ---- one unit ---- */

static void unit_clear(struct unit *unit)
{
	for (size_t i = 0; i < unit->n; i++)
		free(unit->commands[i]);
	free(unit->commands);
	free(unit->triggers);
}

/* An empty assignment takes back those before it. */
static void take_exec(struct unit *unit, const struct unit_assignment *a)
{
	if (a->value_length > 0) {
		if (unit->n >= COMMAND_LINE_WORDS_MAX * 2)
			return;
		ARRAY_RESERVE_ONE(unit->commands, unit->n, unit->capacity);
		unit->commands[unit->n++] = xstrdup(a->key);
		ARRAY_RESERVE_ONE(unit->commands, unit->n, unit->capacity);
		unit->commands[unit->n++] = xstrndup(a->value, a->value_length);
		return;
	}
	size_t kept = 0;
	for (size_t i = 0; i < unit->n; i += 2) {
		if (strcmp(unit->commands[i], a->key) == 0) {
			free(unit->commands[i]);
			free(unit->commands[i + 1]);
			continue;
		}
		unit->commands[kept] = unit->commands[i];
		unit->commands[kept + 1] = unit->commands[i + 1];
		kept += 2;
	}
	unit->n = kept;
}

static int take_wanted(struct units *u, const struct unit_assignment *a)
{
	static const char *const keys[] = { "Wants", "Requires", "Requisite", "BindsTo", "Upholds" };
	bool is_one = false;
	int r = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
		is_one |= strcmp(a->key, keys[i]) == 0;
	for (size_t at = 0; is_one && at < a->value_length && r == 0;) {
		size_t n = 0;
		while (at + n < a->value_length && a->value[at + n] != ' ' && a->value[at + n] != '\t')
			n++;
		r = add_unit(u, a->value + at, n);
		at += n + 1;
	}
	return r;
}

static int take_assignment(struct units *u, struct unit *unit, const struct unit_assignment *a)
{
	bool names_unit = (strcmp(a->section, "Socket") == 0 && strcmp(a->key, "Service") == 0) ||
	        ((strcmp(a->section, "Timer") == 0 || strcmp(a->section, "Path") == 0) &&
	                strcmp(a->key, "Unit") == 0);
	if (strcmp(a->section, "Unit") == 0)
		return take_wanted(u, a);
	if (strcmp(a->section, "Service") == 0 && strncmp(a->key, "Exec", 4) == 0 &&
	        (strncmp(a->key + 4, "Start", 5) == 0 || strcmp(a->key + 4, "Condition") == 0))
		take_exec(unit, a);
	if (names_unit) {
		free(unit->triggers);
		unit->triggers = xstrndup(a->value, a->value_length);
	}
	return 0;
}

/* 1: read; 0: not there, or masked (a link to /dev/null). */
static int read_unit_file(struct units *u, struct unit *unit, const char *path)
{
	char *text FREE_ON_EXIT = NULL;
	struct unit_assignment a;
	struct stat st;
	size_t length;
	int r = 0;
	if (root_stat(u->root, path, &st) < 0 || !S_ISREG(st.st_mode) ||
	        root_read_file(u->root, path, UNIT_FILE_MAX, &text, &length, NULL) < 0)
		return 0;
	struct unit_file file = unit_file_open(text, length);
	while (r == 0 && unit_file_next(&file, &a))
		r = take_assignment(u, unit, &a);
	return r < 0 ? r : 1;
}

/* The first folder that has the name decides, also where it masks it. */
static int read_fragment(struct units *u, struct unit *unit, const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
		char *path FREE_ON_EXIT = xasprintf("%s/%s", folders[i], name);
		if (!root_has(u->root, path))
			continue;
		int r = read_unit_file(u, unit, path);
		unit->has_file = r > 0;
		return MIN(r, 0);
	}
	return -ENOENT;
}

struct drop_ins {
	struct units *units;
	struct name_set names;
};

static int take_drop_in(const char *folder, const char *name, void *context)
{
	struct drop_ins *d = context;
	if (ends_with(name, ".conf"))
		name_set_add(&d->names, name);
	return 0;
}

/* In the order of their names; of one name, that of the first folder. */
static int read_drop_ins(struct units *u, struct unit *unit, const char *name)
{
	struct drop_ins d = { .units = u };
	int r = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(folders) && r == 0; i++) {
		char *folder FREE_ON_EXIT = xasprintf("%s/%s.d", folders[i], name);
		r = boot_each_name(u->root, folder, take_drop_in, &d, u->err);
	}
	for (size_t k = 0; k < d.names.n && r == 0; k++)
		for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
			char *path FREE_ON_EXIT = xasprintf("%s/%s.d/%s", folders[i], name, d.names.names[k]);
			r = read_unit_file(u, unit, path);
			if (r != 0)
				break;
		}
	name_set_clear(&d.names);
	return MIN(r, 0);
}

/* foo@bar.service -> foo@.service; NULL where it is no instance. */
static char *template_of(const char *name)
{
	const char *at = strchr(name, '@'), *dot = strrchr(name, '.');
	if (!at || !dot || dot <= at + 1)
		return NULL;
	return xasprintf("%.*s%s", (int)(at - name) + 1, name, dot);
}

static int read_unit(struct units *u, struct unit *unit)
{
	char *template FREE_ON_EXIT = template_of(unit->name);
	const char *dot = strrchr(unit->name, '.');
	int r = read_fragment(u, unit, unit->name);
	if (r == -ENOENT && template)
		r = read_fragment(u, unit, template);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (!unit->has_file)
		return 0;
	if (dot)
		r = read_drop_ins(u, unit, dot + 1);
	if (r == 0 && template)
		r = read_drop_ins(u, unit, template);
	return r < 0 ? r : read_drop_ins(u, unit, unit->name);
}

/* ExecStart=-/usr/bin/foo: what may stand before the path, systemd.service(5). ";" alone parts commands. */
static void take_commands(struct units *u, const struct unit *unit)
{
	char *how FREE_ON_EXIT = xasprintf("unit %s", unit->name);
	struct command_line *c FREE_ON_EXIT = xmalloc(sizeof(*c));
	for (size_t i = 1; i < unit->n; i += 2) {
		command_line_split(unit->commands[i], strlen(unit->commands[i]), false, c);
		for (size_t first = 0; first < c->n;) {
			struct command_line one = { .n = 0 };
			c->words[first] += strspn(c->words[first], "-@:+!|");
			while (first < c->n && strcmp(c->words[first], ";") != 0)
				one.words[one.n++] = c->words[first++];
			boot_take_command(u->root, u->programs, &one, how);
			first++;
		}
	}
}

/* A socket, a timer and a path start the service of their name, unless they say another. */
static int add_triggered(struct units *u, const struct unit *unit)
{
	const char *dot = strrchr(unit->name, '.'), *triggers = unit->triggers;
	if (!dot || (strcmp(dot, ".socket") != 0 && strcmp(dot, ".timer") != 0 && strcmp(dot, ".path") != 0))
		return 0;
	if (triggers && *triggers)
		return add_unit(u, triggers, strlen(triggers));
	char *service FREE_ON_EXIT = xasprintf("%.*s.service", (int)(dot - unit->name), unit->name);
	char *template FREE_ON_EXIT = xasprintf("%.*s@.service", (int)(dot - unit->name), unit->name);
	int r = add_unit(u, service, strlen(service));
	return r < 0 || strcmp(dot, ".socket") != 0 ? r : add_unit(u, template, strlen(template));
}

static int look_at_unit(struct units *u, const char *name)
{
	struct unit unit = { .name = name };
	int r = read_unit(u, &unit);
	if (r == 0 && unit.has_file) {
		take_commands(u, &unit);
		r = add_triggered(u, &unit);
	}
	unit_clear(&unit);
	return r;
}

int boot_look_at_units(const struct root *root, struct programs *programs, struct error *err)
{
	struct units u = { .root = root, .programs = programs, .seen = table_new(), .err = err };
	int r = add_enabled(&u);
	while (r == 0 && u.done < u.n)
		r = look_at_unit(&u, u.queue[u.done++]);
	for (size_t i = 0; i < u.n; i++)
		free(u.queue[i]);
	free(u.queue);
	table_free(u.seen, NULL);
	return r;
}
