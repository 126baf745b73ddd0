/* SPDX-License-Identifier: ISC */
#include "softwire/binding.h"

#include "base/file.h"
#include "base/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Users of one identity, a string each, in one block of memory that ends with an empty one. */
struct row {
	char *users;
};

struct binding {
	enum softwire_bind rule;
	struct table *rows; /* identity -> struct row */
};

static void free_row(void *value)
{
	struct row *r = value;
	free(r->users);
	free(r);
}

/* The next word of a line, which is cut up; NULL at its end, or with *ret_bad set. */
static char *next_word(char **line, bool *ret_bad)
{
	char *s = *line + strspn(*line, " \t"), *end;
	if (!*s || *s == '#')
		return NULL;
	if (*s == '"') {
		end = strchr(++s, '"');
		if (!end || (end[1] && !strchr(" \t", end[1])))
			*ret_bad = true;
		if (*ret_bad)
			return NULL;
	} else {
		end = s + strcspn(s, " \t");
	}
	*line = *end ? end + 1 : end;
	*end = '\0';
	return s;
}

static int read_line(struct binding *b, char *line, struct error *err)
{
	bool bad = false;
	char *identity = next_word(&line, &bad), *user;
	struct writer users = wr_make(65536);
	while (identity && (user = next_word(&line, &bad)))
		wr_bytes(&users, user, strlen(user) + 1);
	if (!identity && !bad)
		return 0;
	if (bad || users.length == 0 || table_get_string(b->rows, identity)) {
		bool again = !bad && users.length;
		wr_free(&users);
		return error_set(err, -EINVAL,
		        bad             ? "a quote is not closed"
		                : again ? "the identity is there twice"
		                        : "the identity has no users");
	}
	if (table_count(b->rows) == BINDING_ROWS_MAX) {
		wr_free(&users);
		return error_set(err, -E2BIG, "more than %d identities", BINDING_ROWS_MAX);
	}
	struct row *row = xcalloc(1, sizeof(*row));
	size_t length;
	wr_u8(&users, 0);
	row->users = (char *)wr_take(&users, &length);
	table_set_string(b->rows, identity, row);
	return 0;
}

static int read_map(struct binding *b, const char *path, struct error *err)
{
	char *data FREE_ON_EXIT = NULL, *rest, *line;
	size_t length;
	int r = file_read(path, BINDING_FILE_MAX, &data, &length, err), n = 0;
	if (r == 0 && memchr(data, '\0', length))
		r = error_set(err, -EINVAL, "%s: a NUL inside", path);
	for (rest = data; r == 0 && (line = strsep(&rest, "\n"));) {
		n++;
		line[strcspn(line, "\r")] = '\0';
		r = read_line(b, line, err);
		if (r < 0)
			error_prefix(err, r, "%s:%d", path, n);
	}
	return r;
}

int binding_new(enum softwire_bind rule, const char *path, struct binding **ret, struct error *err)
{
	struct binding *b = xcalloc(1, sizeof(*b));
	b->rule = rule;
	b->rows = table_new();
	int r = rule == SOFTWIRE_BIND_MAP ? read_map(b, path, err) : 0;
	if (r < 0) {
		binding_free(b);
		return r;
	}
	*ret = b;
	return 0;
}

struct binding *binding_free(struct binding *b)
{
	if (!b)
		return NULL;
	table_free(b->rows, free_row);
	free(b);
	return NULL;
}

const char *binding_machine_name(const char *identity, char ret[BINDING_NAME_SIZE])
{
	const char *at = strncasecmp(identity, "CN=", 3) == 0 ? identity : strcasestr(identity, ", CN=");
	if (!at) {
		snprintf(ret, BINDING_NAME_SIZE, "%s", identity);
		return ret;
	}
	at = strchr(at, '=') + 1;
	snprintf(ret, BINDING_NAME_SIZE, "%.*s", (int)MIN(strcspn(at, ","), (size_t)BINDING_NAME_SIZE - 1),
	        at);
	return ret;
}

/* "alice", and "alice@home.example", are alice's. */
static bool is_same_name(const char *machine, const char *user)
{
	char name[BINDING_NAME_SIZE];
	binding_machine_name(machine, name);
	size_t n = strlen(name);
	return strcmp(user, name) == 0 || (strncmp(user, name, n) == 0 && user[n] == '@');
}

static bool is_listed(const struct binding *b, const char *machine, const char *user)
{
	const struct row *row = table_get_string(b->rows, machine);
	for (const char *u = row ? row->users : ""; *u; u += strlen(u) + 1)
		if (strcmp(u, "*") == 0 || strcmp(u, user) == 0)
			return true;
	return false;
}

bool binding_allows(const struct binding *b, const char *machine, const char *user, struct error *err)
{
	if (b->rule == SOFTWIRE_BIND_ANY)
		return true;
	if (!*machine)
		error_set(err, 0, "user %s came over no proven machine", user);
	else if (b->rule == SOFTWIRE_BIND_SAME_NAME ? is_same_name(machine, user)
	                                            : is_listed(b, machine, user))
		return true;
	else
		error_set(err, 0, "user %s may not use the machine %s", user, machine);
	return false;
}
