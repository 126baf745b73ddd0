/* SPDX-License-Identifier: ISC */
#include "posture/os_release.h"

#include <ctype.h>
#include <string.h>

/* The value of an assignment with its quotes and escapes taken off: '...' literal, "..." with \ before $ ` "
 * \, outside of both a backslash takes the next character literally. False for an open quote or for a blank
 * outside of quotes, which a shell would not read as one value. */
static bool unquote(const char *from, const char *to, char *ret, size_t *ret_length)
{
	char quote = '\0', *out = ret;
	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	for (; from < to; from++) {
		char c = *from;
		if (quote == '\0' && (c == '"' || c == '\'')) {
			quote = c;
		} else if (c == quote && quote) {
			quote = '\0';
		} else if (c == '\\' && quote != '\'' && from + 1 < to &&
		        (!quote || strchr("$`\"\\", from[1]))) {
			*out++ = *++from;
		} else if (!quote && isspace((unsigned char)c)) {
			return false;
		} else {
			*out++ = c;
		}
	}
	*ret_length = (size_t)(out - ret);
	return quote == '\0';
}

static void read_assignment(const char *line, const char *end, struct posture *p, const char **name)
{
	struct {
		const char *key;
		const char **to;
	} const keys[] = { { "ID", &p->os_id }, { "VERSION_ID", &p->os_version },
		{ "VERSION_CODENAME", &p->os_codename }, { "PRETTY_NAME", &p->os_name }, { "NAME", name } };
	while (line < end && isspace((unsigned char)*line))
		line++;
	const char *equals = memchr(line, '=', (size_t)(end - line));
	if (!equals || *line == '#' || (size_t)(end - equals) > POSTURE_STRING_MAX)
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
		size_t n = strlen(keys[i].key), length;
		char value[POSTURE_STRING_MAX];
		if ((size_t)(equals - line) != n || memcmp(line, keys[i].key, n) != 0)
			continue;
		if (unquote(equals + 1, end, value, &length) && length > 0)
			*keys[i].to = posture_string_n(p, value, length);
	}
}

void os_release_read_text(const char *text, size_t length, struct posture *p)
{
	const char *name = NULL;
	for (const char *at = text, *end = text + length; at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *line_end = newline ? newline : end;
		read_assignment(at, line_end, p, &name);
		at = newline ? newline + 1 : end;
	}
	if (!p->os_name)
		p->os_name = name;
}
