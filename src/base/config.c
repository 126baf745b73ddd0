/* SPDX-License-Identifier: ISC */
#include "base/config.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct load {
	const struct config_option *options;
	size_t n_options;
	bool *given, *replaced; /* by the file or the command line; by the latter */
	uint8_t *target;
	struct error_report errors;
};

static void complain(struct load *l, const char *where, int line, const char *text)
{
	if (line)
		error_report_add(&l->errors, "%s:%d: %s", where, line, text);
	else
		error_report_add(&l->errors, "%s: %s", where, text);
}

int config_parse_duration(const char *text, int64_t *ret_ms)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "hour", 3600000 }, { "hours", 3600000 },
		{ "day", 86400000 }, { "days", 86400000 } };
	char *end;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	end += strspn(end, " \t");
	for (size_t i = 0; i < ARRAY_LENGTH(units); i++)
		if (strcmp(end, units[i].name) == 0 && errno == 0 && n <= INT64_MAX / units[i].ms) {
			*ret_ms = n * units[i].ms;
			return 0;
		}
	return -EINVAL;
}

static int parse_integer(const char *text, int64_t *ret)
{
	char *end;
	errno = 0;
	*ret = strtoll(text, &end, 10);
	return errno || end == text || *end ? -EINVAL : 0;
}

static int set_number(const struct config_option *o, const char *value, uint8_t *field, struct error *err)
{
	int64_t n;
	bool duration = o->type == CONFIG_DURATION;
	if ((duration ? config_parse_duration(value, &n) : parse_integer(value, &n)) < 0)
		return error_set(err, -EINVAL, "%s: \"%s\" is not %s", o->name, value,
		        duration ? "a duration such as 30 s or 5 min" : "a whole number");
	if (n < o->min || n > o->max)
		return error_set(err, -EINVAL, "%s: %s is outside %lld to %lld%s", o->name, value,
		        (long long)o->min, (long long)o->max, duration ? " ms" : "");
	memcpy(field, &n, sizeof(n));
	return 0;
}

static void clear_list(struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct config_list){ 0 };
}

static int set_list(
        const struct config_option *o, const char *value, struct config_list *list, struct error *err)
{
	if (list->count == CONFIG_LIST_MAX)
		return error_set(err, -EINVAL, "%s: given more than %d times", o->name, CONFIG_LIST_MAX);
	list->items = xrealloc_array(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = xstrdup(value);
	return 0;
}

static int set_value(const struct config_option *o, const char *value, uint8_t *field, struct error *err)
{
	bool yes;
	switch (o->type) {
	case CONFIG_PATH:
		if (*value && *value != '/')
			return error_set(err, -EINVAL, "%s: \"%s\" is not an absolute path", o->name, value);
		__attribute__((fallthrough));
	case CONFIG_STRING:
		free(*(char **)field);
		*(char **)field = xstrdup(value);
		return 0;
	case CONFIG_INTEGER:
	case CONFIG_DURATION:
		return set_number(o, value, field, err);
	case CONFIG_BOOLEAN:
		yes = strcmp(value, "yes") == 0;
		if (!yes && strcmp(value, "no") != 0)
			return error_set(err, -EINVAL, "%s: \"%s\" is neither yes nor no", o->name, value);
		*(bool *)field = yes;
		return 0;
	case CONFIG_LIST:
		return set_list(o, value, (struct config_list *)field, err);
	}
	return -EINVAL;
}

static char *trim(char *s)
{
	s += strspn(s, " \t\r");
	size_t n = strlen(s);
	while (n && strchr(" \t\r", s[n - 1]))
		s[--n] = '\0';
	return s;
}

/* One "name = value". An option of the command line replaces what the file said, a list's items too. */
static void take_setting(struct load *l, const char *where, int line, char *setting, bool replaces)
{
	char *equals = strchr(setting, '=');
	struct error e;
	if (!equals) {
		complain(l, where, line, "expected \"name = value\"");
		return;
	}
	*equals = '\0';
	char *name = trim(setting), *value = trim(equals + 1);
	for (size_t i = 0; i < l->n_options; i++) {
		const struct config_option *o = &l->options[i];
		if (strcmp(o->name, name) != 0)
			continue;
		if (l->given[i] && o->type != CONFIG_LIST && !replaces) {
			error_set(&e, 0, "%s: given twice", name);
			complain(l, where, line, e.text);
			return;
		}
		if (replaces && o->type == CONFIG_LIST && !l->replaced[i])
			clear_list((struct config_list *)(l->target + o->offset));
		l->given[i] = true;
		l->replaced[i] = replaces;
		if (set_value(o, value, l->target + o->offset, &e) < 0)
			complain(l, where, line, e.text);
		return;
	}
	error_set(&e, 0, "%s: no such option", name);
	complain(l, where, line, e.text);
}

static bool take_file(struct load *l, const char *path)
{
	char *text FREE_ON_EXIT = NULL;
	struct error e;
	size_t length;
	if (file_read(path, CONFIG_FILE_MAX, &text, &length, &e) < 0) {
		error_report_add(&l->errors, "%s", e.text);
		return false;
	}
	if (memchr(text, '\0', length)) { /* what follows it would be passed over in silence */
		complain(l, path, 0, "a NUL byte: this is not a text file");
		return false;
	}
	char *rest = text;
	for (int line = 1; rest; line++) {
		char *at = strsep(&rest, "\n");
		char *hash = strchr(at, '#');
		if (hash)
			*hash = '\0';
		at = trim(at);
		if (*at)
			take_setting(l, path, line, at, false);
	}
	return true;
}

int config_load(const char *path, const char *const *overrides, const struct config_option *options,
        size_t n_options, void *target, void (*report)(const char *text), struct error *err)
{
	bool *given FREE_ON_EXIT = xcalloc(n_options, sizeof(*given));
	bool *replaced FREE_ON_EXIT = xcalloc(n_options, sizeof(*replaced));
	struct load l = { options, n_options, given, replaced, target, { report, err, 0 } };
	bool readable = !path || take_file(&l, path);
	for (size_t i = 0; overrides && overrides[i]; i++) {
		char *copy FREE_ON_EXIT = xstrdup(overrides[i]);
		take_setting(&l, "command line", 0, copy, true);
	}
	for (size_t i = 0; i < n_options; i++) {
		const struct config_option *o = &options[i];
		struct error e;
		if (given[i] || (o->type == CONFIG_LIST && !o->fallback))
			continue;
		if (!o->fallback) {
			if (!readable) /* the one complaint is that */
				continue;
			error_set(&e, 0, "%s: must be given (%s)", o->name, o->help);
			complain(&l, path ? path : "command line", 0, e.text);
		} else if (set_value(o, o->fallback, l.target + o->offset, &e) < 0) {
			complain(&l, "default", 0, e.text);
		}
	}
	return l.errors.result;
}

void config_clear(const struct config_option *options, size_t n_options, void *target)
{
	for (size_t i = 0; i < n_options; i++) {
		uint8_t *field = (uint8_t *)target + options[i].offset;
		if (options[i].type == CONFIG_STRING || options[i].type == CONFIG_PATH) {
			free(*(char **)field);
			*(char **)field = NULL;
		} else if (options[i].type == CONFIG_LIST) {
			clear_list((struct config_list *)field);
		}
	}
}

void config_describe(FILE *out, const struct config_option *options, size_t n_options)
{
	static const char *const types[] = { "text", "path", "number", "duration", "yes|no",
		"text, may repeat" };
	for (size_t i = 0; i < n_options; i++) {
		const struct config_option *o = &options[i];
		fprintf(out, "  %-24s %s (%s%s%s)\n", o->name, o->help, types[o->type],
		        o->fallback && *o->fallback                     ? "; default "
		                : o->fallback || o->type == CONFIG_LIST ? ""
		                                                        : "; required",
		        o->fallback ? o->fallback : "");
	}
}
