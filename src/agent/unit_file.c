/* SPDX-License-Identifier: ISC */
#include "agent/unit_file.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct unit_file unit_file_open(char *text, size_t length)
{
	return (struct unit_file){ text, text + length, "" };
}

/* Joins what goes on after a backslash into one line, in place: the backslash and the line's end become
 * blanks, and so do comment lines in between. Returns the end of the line. */
static char *join(char *line, char *end)
{
	char *newline = memchr(line, '\n', (size_t)(end - line));
	while (newline && newline > line && newline[-1] == '\\') {
		newline[-1] = newline[0] = ' ';
		char *next = newline + 1;
		newline = memchr(next, '\n', (size_t)(end - next));
		while (next < end && (*next == '#' || *next == ';')) {
			char *to = newline ? newline + 1 : end;
			memset(next, ' ', (size_t)(to - next));
			next = to;
			newline = memchr(next, '\n', (size_t)(end - next));
		}
	}
	return newline ? newline : end;
}

static void trim(char **from, char **to)
{
	while (*from < *to && is_blank(**from))
		++*from;
	while (*to > *from && is_blank((*to)[-1]))
		--*to;
}

bool unit_file_next(struct unit_file *f, struct unit_assignment *ret)
{
	while (f->at < f->end) {
		char *line = f->at, *to = join(line, f->end);
		f->at = to < f->end ? to + 1 : to;
		trim(&line, &to);
		if (line == to || *line == '#' || *line == ';' || memchr(line, '\0', (size_t)(to - line)))
			continue;
		if (*line == '[' && to[-1] == ']') {
			to[-1] = '\0';
			f->section = line + 1;
			continue;
		}
		char *equals = memchr(line, '=', (size_t)(to - line));
		if (!equals)
			continue;
		char *key_end = equals, *value = equals + 1;
		trim(&line, &key_end);
		trim(&value, &to);
		*ret = (struct unit_assignment){ f->section, line, value, (size_t)(to - value) };
		*key_end = '\0';
		return true;
	}
	return false;
}
