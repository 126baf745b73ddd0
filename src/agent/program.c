/* SPDX-License-Identifier: ISC */
#include "agent/program.h"

#include "base/defs.h"
#include <string.h>

void programs_init(struct programs *p)
{
	*p = (struct programs){ .table = table_new() };
}

static void program_free(void *value)
{
	struct program *p = value;
	free(p->path);
	name_set_clear(&p->replaced);
	name_set_clear(&p->listens);
	name_set_clear(&p->starts);
	free(p);
}

void programs_clear(struct programs *p)
{
	p->table = table_free(p->table, program_free);
}

struct program *programs_get(struct programs *p, const char *path, bool foreign)
{
	char *key FREE_ON_EXIT = xasprintf("%c%s", foreign ? 'f' : 'o', path);
	struct program *program = table_get_string(p->table, key);
	if (program)
		return program;
	if (table_count(p->table) == PROGRAMS_MAX) {
		p->refused++;
		return NULL;
	}
	program = xcalloc(1, sizeof(*program));
	program->path = xstrdup(path);
	program->foreign = foreign;
	(void)table_set_string(p->table, key, program);
	return program;
}

static int compare(const void *left, const void *right)
{
	const struct program *a = *(const struct program *const *)left,
	                     *b = *(const struct program *const *)right;
	int order = strcmp(a->path, b->path);
	return order ? order : a->foreign - b->foreign;
}

struct program **programs_list(const struct programs *p)
{
	size_t n = 0;
	struct program **list = xcalloc(table_count(p->table) + 1, sizeof(*list));
	TABLE_FOREACH(it, p->table)
		list[n++] = it.value;
	qsort(list, n, sizeof(*list), compare);
	return list;
}
