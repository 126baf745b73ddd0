/* SPDX-License-Identifier: ISC */
#include "agent/process_map.h"

#include "base/defs.h"
#include <ctype.h>
#include <string.h>

#define MARK " (deleted)"

static bool ends_with(const char *s, size_t n, const char *end)
{
	size_t m = strlen(end);
	return n > m && memcmp(s + n - m, end, m) == 0;
}

/* rpm unpacks to NAME;XXXXXXXX, eight hexadecimal digits. */
static bool ends_as_rpm_does(const char *s, size_t n)
{
	if (n < 10 || s[n - 9] != ';')
		return false;
	for (size_t i = n - 8; i < n; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	return true;
}

bool process_map_take_mark(char *path)
{
	static const char *const endings[] = { ".dpkg-new", ".dpkg-tmp" };
	size_t n = strlen(path);
	if (!ends_with(path, n, MARK))
		return false;
	n -= strlen(MARK);
	for (size_t i = 0; i < ARRAY_LENGTH(endings); i++)
		if (ends_with(path, n, endings[i])) {
			n -= strlen(endings[i]);
			break;
		}
	if (ends_as_rpm_does(path, n))
		n -= 9;
	path[n] = '\0';
	return true;
}

static bool is_of_the_system(const char *path)
{
	static const char *const others[] = { "/memfd:", "/dev/", "/home/", "/proc/", "/root/", "/run/",
		"/sys/", "/tmp/", "/var/tmp/" };
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
		if (strncmp(path, others[i], strlen(others[i])) == 0)
			return false;
	/* What is in memory only is named as if it lay in the root: "/SYSV00000000", "/drm mm object". */
	return *path == '/' && strchr(path + 1, '/');
}

/* Takes a field and the blanks after it. */
static const char *take_field(const char *at, const char *end, const char **ret_field)
{
	*ret_field = at;
	while (at < end && *at != ' ')
		at++;
	while (at < end && *at == ' ')
		at++;
	return at;
}

/* ADDRESS PERMISSIONS OFFSET DEVICE INODE PATH */
static bool read_line(const char *line, const char *end, char ret_path[PROCESS_MAP_PATH_MAX])
{
	const char *permissions, *field;
	const char *at = take_field(line, end, &field);
	at = take_field(at, end, &permissions);
	for (int i = 0; i < 3; i++)
		at = take_field(at, end, &field);
	size_t n = (size_t)(end - at);
	if (at - permissions < 5 || permissions[2] != 'x' || n == 0 || n >= PROCESS_MAP_PATH_MAX ||
	        memchr(at, '\0', n))
		return false;
	memcpy(ret_path, at, n);
	ret_path[n] = '\0';
	return process_map_take_mark(ret_path) && is_of_the_system(ret_path);
}

bool process_map_next(struct process_map *m, char ret_path[PROCESS_MAP_PATH_MAX])
{
	while (m->at < m->end) {
		const char *newline = memchr(m->at, '\n', (size_t)(m->end - m->at));
		const char *line = m->at, *end = newline ? newline : m->end;
		m->at = newline ? newline + 1 : m->end;
		if (read_line(line, end, ret_path))
			return true;
	}
	return false;
}
