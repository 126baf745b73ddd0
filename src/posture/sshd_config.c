/* SPDX-License-Identifier: ISC */
#include "posture/sshd_config.h"

#include "posture/settings.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES 8192
#define WORDS_MAX 128

/* Those of which every line adds a value; of all others the first counts. */
static const char *const repeated[] = { "AllowGroups", "AllowUsers", "DenyGroups", "DenyUsers",
	"ListenAddress", "Port", NULL };
/* Given as times, printed in seconds. */
static const char *const times[] = { "ClientAliveInterval", "LoginGraceTime", NULL };

static bool is_in(const char *const *list, const char *name)
{
	return posture_setting_name(list, name) != NULL;
}

/* "2m", "1h30m" in seconds; negative for what is none. */
static int64_t seconds(const char *text)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
	int64_t sum = 0;
	if (!*text)
		return -1;
	while (*text) {
		int64_t n = 0, unit = 1;
		if (!isdigit((unsigned char)*text))
			return -1;
		for (; isdigit((unsigned char)*text) && n < INT32_MAX; text++)
			n = n * 10 + (*text - '0');
		for (size_t i = 0; *text && i < ARRAY_LENGTH(units); i++)
			if (tolower((unsigned char)*text) == units[i].letter)
				unit = units[i].seconds;
		text += *text != '\0';
		sum += n * unit;
		if (sum > INT32_MAX)
			return -1;
	}
	return sum;
}

/* As `sshd -T` writes it; without-password is the old word. */
static const char *canonical(struct posture *p, const char *name, const char *value)
{
	static const char *const words[] = { "yes", "no", "any", "all", "local", "remote", "delayed", "none",
		"prohibit-password", "forced-commands-only", "clientspecified", "point-to-point",
		"ethernet" };
	if (strcasecmp(value, "without-password") == 0)
		return "prohibit-password";
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (strcasecmp(value, words[i]) == 0)
			return words[i];
	int64_t s = is_in(times, name) ? seconds(value) : -1;
	if (s >= 0) {
		char *text FREE_ON_EXIT = xasprintf("%lld", (long long)s);
		return posture_string(p, text);
	}
	return posture_string(p, value);
}

static bool has(const struct posture_settings *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (!list->items[i].match && strcmp(list->items[i].name, name) == 0)
			return true;
	return false;
}

static int take(struct posture *p, const char *name, const char *value, const char *match)
{
	const struct posture_setting setting = { name, canonical(p, name, value), match };
	p->sshd.known = true;
	return posture_add_setting(&p->sshd, POSTURE_SSHD_SETTINGS_MAX, &setting);
}

/* ---- sshd -T ---- */

int sshd_read_output(struct posture *p, const char *text, size_t length)
{
	char line[LINE_MAX_BYTES];
	size_t before = p->sshd.count;
	for (const char *at = text, *end = text + length; at < end;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((stop ? stop : end) - at);
		if (n < sizeof(line)) {
			memcpy(line, at, n);
			line[n] = '\0';
			char *value = line + strcspn(line, " ");
			if (*value)
				*value++ = '\0';
			const char *name = posture_setting_name(posture_sshd_settings, line);
			if (name && take(p, name, value, NULL) < 0)
				return -E2BIG;
		}
		at = stop ? stop + 1 : end;
	}
	return p->sshd.count > before ? 0 : -ENODATA;
}

/* ---- sshd_config ---- */

struct words {
	char bytes[LINE_MAX_BYTES];
	char *at[WORDS_MAX];
	size_t n;
};

/* Splits a line into words as sshd does: blanks separate, quotes join, a backslash protects quotes and
 * itself, # at the beginning of a word ends the line, and `=` may stand behind the first word. -EINVAL for an
 * open quote. */
static int split(const char *line, size_t length, struct words *ret)
{
	const char *at = line, *end = line + length;
	char *to = ret->bytes;
	ret->n = 0;
	while (at < end) {
		while (at < end && (isspace((unsigned char)*at) || (ret->n == 1 && *at == '=')))
			at++;
		if (at == end || *at == '#')
			break;
		if (ret->n == WORDS_MAX)
			return -E2BIG;
		ret->at[ret->n++] = to;
		char quote = '\0';
		for (; at < end && (quote || !isspace((unsigned char)*at)); at++) {
			if (!quote && ret->n == 1 && *at == '=')
				break;
			if (*at == '\\' && at + 1 < end && strchr("\\\"'", at[1]))
				*to++ = *++at;
			else if (!quote && (*at == '"' || *at == '\''))
				quote = *at;
			else if (quote == *at && quote)
				quote = '\0';
			else
				*to++ = *at;
		}
		if (quote)
			return -EINVAL;
		*to++ = '\0';
	}
	return 0;
}

/* The words from first on with a blank between them, in the posture's arena. */
static const char *joined(struct posture *p, const struct words *w, size_t first)
{
	char text[LINE_MAX_BYTES];
	size_t used = 0;
	for (size_t i = first; i < w->n; i++) {
		size_t n = strlen(w->at[i]);
		if (i > first)
			text[used++] = ' ';
		memcpy(text + used, w->at[i], n);
		used += n;
	}
	return posture_string_n(p, text, used);
}

static int read_include(struct sshd_config *c, const struct words *w, struct error *err)
{
	int r = 0;
	if (c->depth == SSHD_CONFIG_DEPTH_MAX)
		return error_set(err, -E2BIG, "more than %d files include each other", SSHD_CONFIG_DEPTH_MAX);
	const char *match = c->match;
	c->depth++;
	for (size_t i = 1; i < w->n && r == 0; i++)
		r = c->include(c, w->at[i], err);
	c->depth--;
	c->match = match;
	return r;
}

static int read_line(struct sshd_config *c, const struct words *w, struct error *err)
{
	if (strcasecmp(w->at[0], "include") == 0)
		return read_include(c, w, err);
	if (strcasecmp(w->at[0], "match") == 0) {
		bool all = w->n == 2 && strcasecmp(w->at[1], "all") == 0;
		c->match = all ? NULL : joined(c->p, w, 1);
		return 0;
	}
	const char *name = posture_setting_name(posture_sshd_settings, w->at[0]);
	if (!name || (!c->match && !c->global))
		return 0;
	if (!c->match && !is_in(repeated, name) && has(&c->p->sshd, name))
		return 0;
	int r = 0;
	if (is_in(repeated, name))
		for (size_t i = 1; i < w->n && r == 0; i++)
			r = take(c->p, name, w->at[i], c->match);
	else
		r = take(c->p, name, joined(c->p, w, 1), c->match);
	return r < 0 ? error_set(err, r, "more than %d settings", POSTURE_SSHD_SETTINGS_MAX) : 0;
}

int sshd_read_config(
        struct sshd_config *c, const char *name, const char *text, size_t length, struct error *err)
{
	struct words *w FREE_ON_EXIT = xmalloc(sizeof(*w)); /* not on the stack: files include each other */
	unsigned int number = 0;
	if (c->n_files++ == SSHD_CONFIG_FILES_MAX)
		return error_set(err, -E2BIG, "more than %d files of configuration", SSHD_CONFIG_FILES_MAX);
	for (const char *at = text, *end = text + length; at < end;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((stop ? stop : end) - at);
		number++;
		int r = n < LINE_MAX_BYTES / 2 ? split(at, n, w) : -E2BIG;
		if (r < 0)
			return error_set(err, r, "%s:%u: %s", name, number,
			        r == -E2BIG ? "the line is too long" : "a quote is not closed");
		if (w->n > 0)
			r = read_line(c, w, err);
		if (r < 0)
			return r;
		at = stop ? stop + 1 : end;
	}
	return 0;
}
