/* SPDX-License-Identifier: ISC */
/*
 * What the processes and the boot say about programs, held against the file lists of the packages: which
 * programs run files that were replaced, and which that listen or start at boot belong to no package. A
 * script stands for itself, its interpreter only where no script can be told.
 */
#include "agent/collect.h"

#include "agent/boot.h"
#include "agent/processes.h"
#include <errno.h>
#include <string.h>

#define JOINED_MAX 900 /* of a posture's string */

static void ask(struct ownership *o, struct program *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct program *p = list[i];
		if (!p->foreign)
			ownership_ask(o, p->path);
		for (size_t k = 0; k < p->replaced.n; k++)
			ownership_ask(o, p->replaced.names[k]);
	}
}

static const char *package_of(const struct ownership *o, const struct program *p)
{
	return p->foreign ? NULL : ownership_of(o, p->path);
}

/* The packages of the replaced files, or the files. */
static const char *replaced_words(struct posture *posture, const struct ownership *o, const struct program *p)
{
	struct name_set packages = { .cut = p->replaced.cut };
	for (size_t i = 0; i < p->replaced.n; i++) {
		const char *file = p->replaced.names[i], *package = ownership_of(o, file);
		name_set_add(&packages, package ? package : file);
	}
	char *words FREE_ON_EXIT = name_set_join(&packages, JOINED_MAX);
	name_set_clear(&packages);
	return posture_string(posture, words);
}

static int add_outdated(struct posture *posture, const struct ownership *o, const struct program *p)
{
	return posture_add_outdated(posture,
	        &(struct posture_outdated){ .program = posture_string(posture, p->path),
	                .package = posture_string(posture, package_of(o, p)),
	                .replaced = replaced_words(posture, o, p),
	                .processes = p->outdated });
}

static struct posture_unlisted unlisted(
        struct posture *posture, const struct program *p, const struct name_set *how)
{
	char *words FREE_ON_EXIT = name_set_join(how, JOINED_MAX);
	return (struct posture_unlisted){ .program = posture_string(posture, p->path),
		.how = posture_string(posture, words) };
}

static int add_unlisted(struct posture *posture, const struct program *p)
{
	int r = 0;
	if (posture->listening_known && p->listens.n > 0) {
		const struct posture_unlisted u = unlisted(posture, p, &p->listens);
		r = posture_add_listening(posture, &u);
	}
	if (r == 0 && posture->starting_known && p->starts.n > 0) {
		const struct posture_unlisted u = unlisted(posture, p, &p->starts);
		r = posture_add_starting(posture, &u);
	}
	return r;
}

static void note_full(struct posture *posture, const char *field, int result)
{
	if (result < 0)
		(void)posture_add_unknown(posture, field, "more programs than the %d that a posture holds",
		        POSTURE_PROGRAMS_MAX);
}

static void fill(struct posture *posture, const struct ownership *o, struct program *const *list, size_t n)
{
	int outdated = 0, software = 0;
	for (size_t i = 0; i < n; i++) {
		if (posture->outdated_known && list[i]->outdated > 0)
			outdated |= add_outdated(posture, o, list[i]);
		if (!package_of(o, list[i]))
			software |= add_unlisted(posture, list[i]);
	}
	note_full(posture, "processes.outdated", outdated);
	note_full(posture, "software", software);
}

static void judge(const struct root *root, struct ownership *o, const struct programs *programs,
        struct posture *posture)
{
	struct error err;
	size_t n = table_count(programs->table);
	struct program **list FREE_ON_EXIT = programs_list(programs);
	ownership_begin(o, root);
	ask(o, list, n);
	if (ownership_answer(o, root, &err) < 0) {
		posture->listening_known = posture->starting_known = false;
		(void)posture_add_unknown(posture, "software", "%s", err.text);
	}
	fill(posture, o, list, n);
}

static void look_at_processes(const struct root *root, struct programs *programs, struct posture *p)
{
	struct processes_look look = { .programs = programs };
	struct error err;
	int r = processes_look(root, &look, &err);
	if (r < 0) {
		(void)posture_add_unknown(p, "processes.outdated", "%s", err.text);
		(void)posture_add_unknown(p, "software.listening", "%s", err.text);
		return;
	}
	if (look.unreadable > 0) {
		static const char *const fields[] = { "processes.outdated", "software.listening" };
		for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
			(void)posture_add_unknown(p, fields[i],
			        "%zu of %zu processes cannot be looked into: %s", look.unreadable,
			        look.processes, look.reason);
		return;
	}
	p->outdated_known = true;
	p->listening_known = look.sockets == 0;
	if (look.sockets < 0)
		(void)posture_add_unknown(p, "software.listening", "%s", look.sockets_error.text);
}

void collect_software(const struct root *root, struct ownership *ownership, struct posture *p)
{
	struct programs programs;
	struct error err;
	programs_init(&programs);
	look_at_processes(root, &programs, p);
	int r = boot_look(root, &programs, &err);
	p->starting_known = r == 0;
	if (r < 0)
		(void)posture_add_unknown(p, "software.starting", "%s", err.text);
	if (programs.refused > 0) {
		p->outdated_known = p->listening_known = p->starting_known = false;
		(void)posture_add_unknown(p, "software", "more than %d programs", PROGRAMS_MAX);
		(void)posture_add_unknown(p, "processes.outdated", "more than %d programs", PROGRAMS_MAX);
	}
	judge(root, ownership, &programs, p);
	programs_clear(&programs);
}
