/* SPDX-License-Identifier: ISC */
#include "posture/accounts.h"

#include <string.h>

#define FIELDS_MAX 9 /* shadow(5) has nine, passwd(5) seven */

struct text {
	const char *at;
	size_t length;
};

struct line {
	struct text fields[FIELDS_MAX];
	size_t n_fields;
};

/* The next line that names an account; false at the end. */
static bool next_line(const char **at, const char *end, struct line *ret)
{
	while (*at < end) {
		const char *stop = memchr(*at, '\n', (size_t)(end - *at)), *field = *at;
		stop = stop ? stop : end;
		*at = stop < end ? stop + 1 : end;
		ret->n_fields = 0;
		while (ret->n_fields < FIELDS_MAX) {
			const char *colon = memchr(field, ':', (size_t)(stop - field));
			const char *field_end = colon ? colon : stop;
			ret->fields[ret->n_fields++] = (struct text){ field, (size_t)(field_end - field) };
			if (!colon)
				break;
			field = colon + 1;
		}
		bool is_account = ret->n_fields >= 2 && ret->fields[0].length > 0 &&
		        *ret->fields[0].at != '#' && *ret->fields[0].at != '+' && *ret->fields[0].at != '-';
		if (is_account)
			return true;
	}
	return false;
}

static bool is(const struct text *t, const char *s)
{
	return t->length == strlen(s) && memcmp(t->at, s, t->length) == 0;
}

static bool refuses_logins(const struct line *line)
{
	if (line->n_fields < 7)
		return false;
	struct text shell = line->fields[6];
	const char *slash = memrchr(shell.at, '/', shell.length);
	if (slash) {
		shell.length -= (size_t)(slash + 1 - shell.at);
		shell.at = slash + 1;
	}
	return is(&shell, "nologin") || is(&shell, "false");
}

/* Names of shadow(5) without a hash, at most POSTURE_ACCOUNTS_MAX; the caller frees. */
static struct text *read_shadow(const char *shadow, size_t length, size_t *ret_count, bool *ret_more)
{
	struct text *names = xcalloc(POSTURE_ACCOUNTS_MAX, sizeof(*names));
	struct line line;
	const char *at = shadow;
	*ret_count = 0;
	while (next_line(&at, shadow + length, &line)) {
		if (line.fields[1].length > 0)
			continue;
		if (*ret_count == POSTURE_ACCOUNTS_MAX)
			*ret_more = true;
		else
			names[(*ret_count)++] = line.fields[0];
	}
	return names;
}

static bool contains(const struct text *names, size_t n, const struct text *name)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].length == name->length && memcmp(names[i].at, name->at, name->length) == 0)
			return true;
	return false;
}

void accounts_read_text(
        struct posture *p, const char *passwd, size_t passwd_length, const char *shadow, size_t shadow_length)
{
	bool more = false;
	size_t n;
	struct text *empty FREE_ON_EXIT = read_shadow(shadow, shadow_length, &n, &more);
	struct line line;
	const char *at = passwd;
	while (next_line(&at, passwd + passwd_length, &line)) {
		bool shadowed = is(&line.fields[1], "x");
		if ((!shadowed && line.fields[1].length > 0) || refuses_logins(&line) ||
		        (shadowed && !contains(empty, n, &line.fields[0])))
			continue;
		const char *name = posture_string_n(p, line.fields[0].at, line.fields[0].length);
		more |= posture_add_passwordless(p, name) < 0;
	}
	p->passwordless_known = true;
	if (more)
		(void)posture_add_unknown(p, "accounts.passwordless",
		        "more than %d accounts with an empty password", POSTURE_ACCOUNTS_MAX);
}
