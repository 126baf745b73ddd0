/* SPDX-License-Identifier: ISC */
#include "agent/processes.h"

#include "agent/command_line.h"
#include "agent/process_map.h"
#include "agent/socket_table.h"
#include "base/file.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NET_FILE_MAX (64u << 20)
#define COMMAND_FILE_MAX 65536

/* Sockets that listen, by inode; several files may name one. */
struct listener {
	char text[SOCKET_TEXT_SIZE];
};

struct look {
	const struct root *root;
	struct processes_look *out;
	struct table *listeners;
	struct stat top; /* of the root itself */
	bool has_top;
	size_t maps, descriptors; /* bytes and links that were read */
};

/* One process. */
struct process {
	int folder;
	char *program;   /* path of the executable, without the mark of one that was replaced */
	bool replaced;   /* it was */
	bool other_root; /* the process has another root than the inspected one */
};

static void note_unreadable(struct look *l, const char *pid, const char *what, int error)
{
	if (l->out->unreadable++ == 0)
		snprintf(l->out->reason, sizeof(l->out->reason), "%s/proc/%s/%s: %s", l->root->path, pid,
		        what, strerror(error));
}

/* ---- sockets ---- */

static void take_table(struct look *l, const char *text, size_t length, bool udp, const uint16_t ephemeral[2])
{
	struct socket_table t = { text, text + length, udp, ephemeral[0], ephemeral[1] };
	struct socket_entry entry;
	while (socket_table_next(&t, &entry) && table_count(l->listeners) < PROCESSES_SOCKETS_MAX) {
		struct listener *listener = xcalloc(1, sizeof(*listener));
		(void)socket_entry_format(&entry, udp, listener->text);
		free(table_set(l->listeners, &entry.inode, sizeof(entry.inode), listener));
	}
}

static void read_ephemeral_range(const struct root *root, uint16_t ret[2])
{
	char *line FREE_ON_EXIT = NULL, *end;
	ret[0] = 32768; /* the kernel's own default */
	ret[1] = 60999;
	if (root_read_line(root, "/proc/sys/net/ipv4/ip_local_port_range", &line, NULL) < 0)
		return;
	unsigned long first = strtoul(line, &end, 10), last = strtoul(end, NULL, 10);
	if (first > 0 && first <= last && last <= UINT16_MAX) {
		ret[0] = (uint16_t)first;
		ret[1] = (uint16_t)last;
	}
}

/* A kernel without IPv6 has no tables of it. */
static int read_sockets(struct look *l, struct error *err)
{
	static const struct {
		const char *path;
		bool udp, optional;
	} tables[] = { { "/proc/net/tcp", false, false }, { "/proc/net/udp", true, false },
		{ "/proc/net/tcp6", false, true }, { "/proc/net/udp6", true, true } };
	uint16_t ephemeral[2];
	read_ephemeral_range(l->root, ephemeral);
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		char *text FREE_ON_EXIT = NULL;
		size_t length;
		int r = root_read_file(l->root, tables[i].path, NET_FILE_MAX, &text, &length, err);
		if (r == -ENOENT && tables[i].optional)
			continue;
		if (r < 0)
			return r;
		take_table(l, text, length, tables[i].udp, ephemeral);
	}
	if (table_count(l->listeners) == PROCESSES_SOCKETS_MAX)
		return error_set(err, -E2BIG, "%s/proc/net: more than %d sockets listen", l->root->path,
		        PROCESSES_SOCKETS_MAX);
	return 0;
}

/* ---- one process ---- */

/* The target of a link of the process's folder; caller frees. NULL with errno. */
static char *read_link(int folder, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(folder, name, target, sizeof(target) - 1);
	return n < 0 ? NULL : xstrndup(target, (size_t)n);
}

/* Which file it is, not what it is called: a process may have mounted another one over the name. In a tree
 * that is not this system the link is text. An executable that was replaced was root's, where the system had
 * it. */
static bool is_foreign(const struct look *l, const struct process *p)
{
	struct stat own, here;
	if (p->other_root)
		return true;
	if (!l->root->live || fstatat(p->folder, "exe", &own, 0) < 0)
		return false;
	if (p->replaced)
		return own.st_uid != 0;
	return root_stat(l->root, p->program, &here) == 0 &&
	        (own.st_dev != here.st_dev || own.st_ino != here.st_ino);
}

/* False where there is nothing to look at: a kernel thread, or it has ended. */
static bool process_open(struct look *l, const char *pid, DIR *folder, struct process *p)
{
	struct stat top;
	*p = (struct process){ .folder = dirfd(folder) };
	p->program = read_link(p->folder, "exe");
	if (!p->program) {
		if (errno != ENOENT && errno != ESRCH)
			note_unreadable(l, pid, "exe", errno);
		return false;
	}
	if (*p->program != '/')
		return false;
	p->replaced = process_map_take_mark(p->program);
	p->other_root = l->root->live && l->has_top && fstatat(p->folder, "root", &top, 0) == 0 &&
	        (top.st_dev != l->top.st_dev || top.st_ino != l->top.st_ino);
	return true;
}

static int read_file_of(
        const struct process *p, const char *name, size_t limit, char **ret, size_t *ret_length)
{
	int fd = openat(p->folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	int r = file_read_descriptor(fd, name, limit, ret, ret_length, NULL);
	close(fd);
	return r;
}

static void look_at_maps(struct look *l, const char *pid, const struct process *p)
{
	char *text FREE_ON_EXIT = NULL, path[PROCESS_MAP_PATH_MAX];
	size_t length = 0;
	int r = read_file_of(p, "maps", PROCESSES_MAPS_MAX - l->maps, &text, &length);
	if (r == -ENOENT || r == -ESRCH)
		return;
	l->maps += length;
	if (r < 0) {
		note_unreadable(l, pid, "maps", -r);
		return;
	}
	struct process_map map = { text, text + length };
	struct program *program = NULL;
	while (process_map_next(&map, path)) {
		if (!program) {
			program = programs_get(l->out->programs, p->program, is_foreign(l, p));
			if (!program)
				return;
			program->outdated++;
		}
		name_set_add(&program->replaced, path);
	}
}

/* What an interpreter runs is the program; where that cannot be told, the interpreter is. */
static struct program *listening_program(struct look *l, const struct process *p, bool foreign)
{
	char *script FREE_ON_EXIT = NULL, *text FREE_ON_EXIT = NULL;
	size_t length = 0;
	if (!foreign && command_line_is_interpreter(p->program) &&
	        read_file_of(p, "cmdline", COMMAND_FILE_MAX, &text, &length) == 0) {
		struct command_line *command FREE_ON_EXIT = xmalloc(sizeof(*command));
		char *folder FREE_ON_EXIT = read_link(p->folder, "cwd");
		command_line_take_arguments(text, length, command);
		script = command_line_script(l->root, command, 0, folder && *folder == '/' ? folder : NULL);
	}
	return programs_get(l->out->programs, script ? script : p->program, foreign);
}

/* "socket:[12345]" */
static bool is_socket(int folder, const char *name, uint64_t *ret_inode)
{
	static const char prefix[] = "socket:[";
	char target[64], *end;
	ssize_t n = readlinkat(folder, name, target, sizeof(target) - 1);
	if (n < (ssize_t)sizeof(prefix))
		return false;
	target[n] = '\0';
	if (strncmp(target, prefix, sizeof(prefix) - 1) != 0)
		return false;
	*ret_inode = strtoull(target + sizeof(prefix) - 1, &end, 10);
	return end > target + sizeof(prefix) - 1 && *end == ']';
}

static void look_at_descriptors(struct look *l, const char *pid, const struct process *p)
{
	int fd = openat(p->folder, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *descriptors = fd < 0 ? NULL : fdopendir(fd);
	struct program *program = NULL;
	bool foreign = false;
	if (!descriptors) {
		if (errno != ENOENT && errno != ESRCH)
			note_unreadable(l, pid, "fd", errno);
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(descriptors));) {
		uint64_t inode = 0;
		if (l->descriptors++ >= PROCESSES_DESCRIPTORS_MAX) {
			note_unreadable(l, pid, "fd", E2BIG);
			break;
		}
		if (!is_socket(fd, e->d_name, &inode))
			continue;
		const struct listener *listener = table_get(l->listeners, &inode, sizeof(inode));
		if (!listener)
			continue;
		if (!program) {
			foreign = is_foreign(l, p);
			program = listening_program(l, p, foreign);
		}
		if (!program)
			break;
		char *text FREE_ON_EXIT = xasprintf("%s%s", listener->text,
		        p->other_root     ? " in another root"
		                : foreign ? " by another file than the one of that path"
		                          : "");
		name_set_add(&program->listens, text);
	}
	closedir(descriptors);
}

static void look_at_process(struct look *l, const char *pid)
{
	char path[64];
	DIR *folder;
	struct process p;
	snprintf(path, sizeof(path), "/proc/%.32s", pid);
	if (root_open_directory(l->root, path, &folder, NULL) < 0)
		return; /* it has ended */
	l->out->processes++;
	if (process_open(l, pid, folder, &p)) {
		if (!p.other_root)
			look_at_maps(l, pid, &p);
		if (table_count(l->listeners) > 0)
			look_at_descriptors(l, pid, &p);
	}
	free(p.program);
	closedir(folder);
}

static bool is_pid(const char *name)
{
	size_t n = strspn(name, "0123456789");
	return n > 0 && n <= 10 && name[n] == '\0';
}

int processes_look(const struct root *root, struct processes_look *look, struct error *err)
{
	struct look l = { .root = root, .out = look, .listeners = table_new() };
	DIR *proc;
	int r = root_open_directory(root, "/proc", &proc, err);
	if (r == 0) {
		l.has_top = root_stat(root, "/", &l.top) == 0;
		look->sockets = read_sockets(&l, &look->sockets_error);
		for (struct dirent *e; (e = readdir(proc));)
			if (is_pid(e->d_name))
				look_at_process(&l, e->d_name);
		closedir(proc);
	}
	if ((r == 0 && look->processes == 0) || (r == -ENOENT && !root->live))
		r = error_set(err, -ENOENT, "%s is not the running system", root->path);
	table_free(l.listeners, free);
	return r;
}
