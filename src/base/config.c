/* SPDX-License-Identifier: ISC */
#include "base/config.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The options that a line may name: the program's own, or those of the section that it stands in. */
struct scope {
	const struct config_option *options;
	size_t n_options;
	bool *given, *replaced; /* by the file or the command line; by the latter */
	uint8_t *target;
	const struct config_section *section; /* NULL: none */
};

struct load {
	struct scope scope;
	const struct config_section *sections;
	size_t n_sections;
	uint8_t *target; /* the program's struct */
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
	const struct scope *scope = &l->scope;
	char *equals = strchr(setting, '=');
	struct error e;
	if (!equals) {
		complain(l, where, line, "expected \"name = value\"");
		return;
	}
	*equals = '\0';
	char *name = trim(setting), *value = trim(equals + 1);
	for (size_t i = 0; i < scope->n_options; i++) {
		const struct config_option *o = &scope->options[i];
		if (strcmp(o->name, name) != 0)
			continue;
		if (scope->given[i] && o->type != CONFIG_LIST && !replaces) {
			error_set(&e, 0, "%s: given twice", name);
			complain(l, where, line, e.text);
			return;
		}
		if (replaces && o->type == CONFIG_LIST && !scope->replaced[i])
			clear_list((struct config_list *)(scope->target + o->offset));
		scope->given[i] = true;
		scope->replaced[i] = replaces;
		if (set_value(o, value, scope->target + o->offset, &e) < 0)
			complain(l, where, line, e.text);
		return;
	}
	error_set(&e, 0, "%s: no such option", name);
	complain(l, where, line, e.text);
}

/* What was not given has its default; must_give: what has none is missed. */
static void fill_defaults(struct load *l, const char *where, int line, bool must_give)
{
	const struct scope *scope = &l->scope;
	for (size_t i = 0; i < scope->n_options; i++) {
		const struct config_option *o = &scope->options[i];
		struct error e;
		if (scope->given[i] || (o->type == CONFIG_LIST && !o->fallback))
			continue;
		if (!o->fallback) {
			if (!must_give)
				continue;
			error_set(&e, 0, "%s: must be given (%s)", o->name, o->help);
			complain(l, where, line, e.text);
		} else if (set_value(o, o->fallback, scope->target + o->offset, &e) < 0) {
			complain(l, "default", 0, e.text);
		}
	}
}

static bool is_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	return n > 0 && !name[n] && n < CONFIG_NAME_MAX;
}

static bool has_item(const struct config_items *items, const char *name)
{
	for (size_t i = 0; i < items->count; i++)
		if (strcmp(((const struct config_named *)items->items[i])->name, name) == 0)
			return true;
	return false;
}

static void open_scope(struct load *l, const struct config_section *section, char *name, int line)
{
	struct config_items *items = (struct config_items *)(l->target + section->offset);
	struct config_named *item = xcalloc(1, section->item_size);
	item->name = xstrdup(name);
	item->line = line;
	items->items = xrealloc_array(items->items, items->count + 1, sizeof(*items->items));
	items->items[items->count++] = item;
	l->scope = (struct scope){ section->options, section->n_options,
		xcalloc(section->n_options, sizeof(bool)), xcalloc(section->n_options, sizeof(bool)),
		(uint8_t *)item, section };
}

/* "keyword NAME {", the brace gone. What is wrong with it is said, and its lines are read all the same. */
static void begin_section(struct load *l, const char *where, int line, char *head)
{
	char *name = head + strcspn(head, " \t");
	struct error e;
	if (*name)
		*name++ = '\0';
	name = trim(name);
	for (size_t i = 0; i < l->n_sections; i++) {
		const struct config_section *s = &l->sections[i];
		const struct config_items *items = (const struct config_items *)(l->target + s->offset);
		if (strcmp(s->keyword, head) != 0)
			continue;
		if (!is_name(name))
			error_set(&e, 0,
			        "%s: a name of letters, digits, dots, dashes and underscores is wanted",
			        head);
		else if (has_item(items, name))
			error_set(&e, 0, "%s %s: there are two of that name", head, name);
		else if (items->count >= s->most)
			error_set(&e, 0, "%s: more than %zu of them", head, s->most);
		else
			*e.text = '\0';
		if (*e.text)
			complain(l, where, line, e.text);
		open_scope(l, s, name, line);
		return;
	}
	error_set(&e, 0, "%s: no such section", head);
	complain(l, where, line, e.text);
}

static void end_section(struct load *l, const char *where, const struct scope *outer)
{
	fill_defaults(l, where, ((const struct config_named *)(void *)l->scope.target)->line, true);
	free(l->scope.given);
	free(l->scope.replaced);
	l->scope = *outer;
}

/* skipped: within a section that there is none of. */
static void take_line(
        struct load *l, const char *where, int line, char *at, const struct scope *outer, bool *skipped)
{
	size_t n = strlen(at);
	bool closes = strcmp(at, "}") == 0, inside = l->scope.section || *skipped;
	if (closes && !inside) {
		complain(l, where, line, "a \"}\" that closes nothing");
	} else if (closes && l->scope.section) {
		end_section(l, where, outer);
	} else if (closes) {
		*skipped = false;
	} else if (at[n - 1] == '{' && l->sections && !strchr(at, '=')) {
		if (inside) {
			complain(l, where, line, "a section within a section");
			return;
		}
		at[n - 1] = '\0';
		begin_section(l, where, line, trim(at));
		*skipped = !l->scope.section;
	} else if (!*skipped) {
		take_setting(l, where, line, at, false);
	}
}

/* text is cut up. */
static bool take_text(struct load *l, const char *path, char *text, size_t length)
{
	if (memchr(text, '\0', length)) { /* what follows it would be passed over in silence */
		complain(l, path, 0, "a NUL byte: this is not a text file");
		return false;
	}
	char *rest = text;
	const struct scope outer = l->scope;
	bool skipped = false;
	for (int line = 1; rest; line++) {
		char *at = strsep(&rest, "\n");
		char *hash = strchr(at, '#');
		if (hash)
			*hash = '\0';
		at = trim(at);
		if (*at)
			take_line(l, path, line, at, &outer, &skipped);
	}
	if (l->scope.section) {
		complain(l, path, ((const struct config_named *)(void *)l->scope.target)->line,
		        "the section is not closed with \"}\"");
		end_section(l, path, &outer);
	}
	return true;
}

static bool take_file(struct load *l, const char *path)
{
	char *text FREE_ON_EXIT = NULL;
	struct error e;
	size_t length;
	if (file_read(path, CONFIG_FILE_MAX, &text, &length, &e) == 0)
		return take_text(l, path, text, length);
	error_report_add(&l->errors, "%s", e.text);
	return false;
}

int config_read_sections(const char *name, const char *text, size_t length,
        const struct config_section *sections, size_t n_sections, void *target,
        void (*report)(const char *text), struct error *err)
{
	char *copy FREE_ON_EXIT = xmalloc(length + 1);
	struct load l = { { .target = target }, sections, n_sections, target, { report, err, 0 } };
	memcpy(copy, text, length);
	copy[length] = '\0';
	(void)take_text(&l, name, copy, length);
	return l.errors.result;
}

int config_load_sections(const char *path, const char *const *overrides, const struct config_option *options,
        size_t n_options, const struct config_section *sections, size_t n_sections, void *target,
        void (*report)(const char *text), struct error *err)
{
	bool *given FREE_ON_EXIT = xcalloc(n_options, sizeof(*given));
	bool *replaced FREE_ON_EXIT = xcalloc(n_options, sizeof(*replaced));
	struct load l = { { options, n_options, given, replaced, target, NULL }, sections, n_sections, target,
		{ report, err, 0 } };
	bool readable = !path || take_file(&l, path);
	for (size_t i = 0; overrides && overrides[i]; i++) {
		char *copy FREE_ON_EXIT = xstrdup(overrides[i]);
		take_setting(&l, "command line", 0, copy, true);
	}
	fill_defaults(&l, path ? path : "command line", 0, readable); /* else the one complaint is that */
	return l.errors.result;
}

void config_clear_sections(const struct config_section *sections, size_t n_sections, void *target)
{
	for (size_t i = 0; i < n_sections; i++) {
		struct config_items *items = (struct config_items *)((uint8_t *)target + sections[i].offset);
		for (size_t k = 0; k < items->count; k++) {
			struct config_named *item = items->items[k];
			config_clear(sections[i].options, sections[i].n_options, item);
			free(item->name);
			free(item);
		}
		free(items->items);
		*items = (struct config_items){ 0 };
	}
}

int config_load(const char *path, const char *const *overrides, const struct config_option *options,
        size_t n_options, void *target, void (*report)(const char *text), struct error *err)
{
	return config_load_sections(path, overrides, options, n_options, NULL, 0, target, report, err);
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
