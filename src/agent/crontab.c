/* SPDX-License-Identifier: ISC */
#include "agent/crontab.h"

#include "base/defs.h"
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at;
}

/* Past a word and the blanks behind it. */
static const char *skip_word(const char *at, const char *end)
{
	while (at < end && !is_blank(*at))
		at++;
	return skip_blanks(at, end);
}

/* The next line, without the blanks around it; false at the end. */
static bool take_line(const char **at, const char *end, const char **ret_line, const char **ret_to)
{
	if (*at >= end)
		return false;
	const char *newline = memchr(*at, '\n', (size_t)(end - *at)), *to = newline ? newline : end;
	*ret_line = skip_blanks(*at, to);
	*at = newline ? newline + 1 : end;
	while (to > *ret_line && is_blank(to[-1]))
		to--;
	*ret_to = to;
	return true;
}

static bool starts_with_word(const char *line, const char *to, const char *word)
{
	size_t n = strlen(word);
	return (size_t)(to - line) >= n && memcmp(line, word, n) == 0 &&
	        (line + n == to || is_blank(line[n]));
}

bool crontab_next(struct crontab *c, const char **ret_command, size_t *ret_length)
{
	const char *line, *to;
	while (take_line(&c->at, c->end, &line, &to)) {
		if (!starts_with_word(line, to, "@reboot"))
			continue;
		const char *command = skip_word(line, to);
		if (c->has_user)
			command = skip_word(command, to);
		if (command == to)
			continue;
		*ret_command = command;
		*ret_length = (size_t)(to - command);
		return true;
	}
	return false;
}

bool crontab_script_does_something(const char *text, size_t length)
{
	static const char *const idle[] = { "exit", "true", ":", "touch /var/lock/subsys/local" };
	const char *end = text + length, *line, *to;
	while (take_line(&text, end, &line, &to)) {
		bool is_idle = line == to || *line == '#';
		for (size_t i = 0; i < ARRAY_LENGTH(idle) && !is_idle; i++)
			is_idle = starts_with_word(line, to, idle[i]) &&
			        !memchr(line, ';', (size_t)(to - line)) &&
			        !memchr(line, '&', (size_t)(to - line));
		if (!is_idle)
			return true;
	}
	return false;
}
