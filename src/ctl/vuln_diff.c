/* SPDX-License-Identifier: ISC */
/* `pratique vuln diff`: which records and packages two states of advisories differ in. */
#include "ctl/ctl.h"
#include "ctl/text_table.h"
#include "ctl/vuln_changes.h"
#include "ctl/vuln_state.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define WORDS "vuln diff"

enum change { ADDED, REMOVED, CHANGED, N_CHANGES };
static const char *const change_names[] = { "added", "removed", "changed" };
static const char change_signs[] = "+-~";

struct difference {
	enum change change;
	const struct state_record *record; /* of B, or of A where it was removed */
	const char *what;                  /* "withdrawn", "restored", "" */
	char **packages;                   /* "ECOSYSTEM PACKAGE", sorted */
	size_t n_packages, capacity;
};

struct diff {
	struct state a, b;
	bool one_source; /* each has one: it has the same part, whatever it is called */
	struct difference *items;
	size_t n, capacity, counts[N_CHANGES];
	struct table *packages; /* all that are concerned */
};

static int order_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_package(struct diff *d, struct difference *item, const char *key, size_t length)
{
	size_t n = strnlen(key, length) + 1;
	ARRAY_RESERVE_ONE(item->packages, item->n_packages, item->capacity);
	char *text = xasprintf("%s %.*s", key, (int)(length - n), key + n);
	item->packages[item->n_packages++] = text;
	table_set_string(d->packages, text, d);
}

/* What one says and the other does not, or otherwise. Either may be NULL. */
static void compare_packages(
        struct diff *d, struct difference *item, const struct state_record *a, const struct state_record *b)
{
	if (a)
		TABLE_FOREACH(it, a->packages)
			if (!b || table_get(b->packages, it.key, it.key_length) != it.value)
				add_package(d, item, it.key, it.key_length);
	if (b)
		TABLE_FOREACH(it, b->packages)
			if (!a || !table_get(a->packages, it.key, it.key_length))
				add_package(d, item, it.key, it.key_length);
	if (item->n_packages)
		qsort(item->packages, item->n_packages, sizeof(*item->packages), order_texts);
}

static void note(struct diff *d, const struct state_record *a, const struct state_record *b)
{
	struct difference item = { .change = !a ? ADDED
		        : !b                    ? REMOVED
		                                : CHANGED,
		.record = b ? b : a,
		.what = "" };
	compare_packages(d, &item, a, b);
	if (a && b && a->withdrawn != b->withdrawn)
		item.what = b->withdrawn ? "withdrawn" : "restored";
	else if (a && b && a->severity != b->severity)
		item.what = "severity";
	if (a && b && !*item.what && !item.n_packages)
		return;
	ARRAY_RESERVE_ONE(d->items, d->n, d->capacity);
	d->items[d->n++] = item;
	d->counts[item.change]++;
}

static const struct state_record *find(
        const struct diff *d, const struct state *s, const struct state_record *r)
{
	const char *source = r->source;
	if (d->one_source)
		TABLE_FOREACH(it, s->sources) {
			char *name FREE_ON_EXIT = xstrndup(it.key, it.key_length);
			char *key FREE_ON_EXIT = xasprintf("%s%c%s", r->id, '\0', name);
			return table_get(s->records, key, strlen(r->id) + 1 + it.key_length);
		}
	char *key FREE_ON_EXIT = xasprintf("%s%c%s", r->id, '\0', source);
	return table_get(s->records, key, strlen(r->id) + 1 + strlen(source));
}

static int order_items(const void *a_, const void *b_)
{
	const struct difference *a = a_, *b = b_;
	int order = strcmp(a->record->id, b->record->id);
	return order ? order : strcmp(a->record->source, b->record->source);
}

static void compare(struct diff *d)
{
	d->packages = table_new();
	d->one_source = table_count(d->a.sources) == 1 && table_count(d->b.sources) == 1;
	TABLE_FOREACH(it, d->a.records)
		note(d, it.value, find(d, &d->b, it.value));
	TABLE_FOREACH(it, d->b.records)
		if (!find(d, &d->a, it.value))
			note(d, NULL, it.value);
	if (d->n)
		qsort(d->items, d->n, sizeof(*d->items), order_items);
}

static void print_item(const struct difference *item)
{
	static const char *const colours[] = { TEXT_GREEN, TEXT_RED, TEXT_YELLOW };
	char *id FREE_ON_EXIT = text_harmless(item->record->id);
	char *source FREE_ON_EXIT = text_harmless(item->record->source);
	text_print(stdout, colours[item->change], "%c %s", change_signs[item->change], id);
	printf("  (%s)%s%s\n", source, *item->what ? "  " : "", item->what);
	for (size_t i = 0; i < item->n_packages; i++) {
		char *package FREE_ON_EXIT = text_harmless(item->packages[i]);
		printf("    %s\n", package);
	}
}

static void print_text(const struct diff *d)
{
	for (size_t i = 0; i < d->n; i++)
		print_item(&d->items[i]);
	printf("%zu records added, %zu removed, %zu changed; %zu packages concerned\n", d->counts[ADDED],
	        d->counts[REMOVED], d->counts[CHANGED], table_count(d->packages));
}

static json_t *item_to_json(const struct difference *item)
{
	json_t *packages = json_array();
	for (size_t i = 0; i < item->n_packages; i++)
		json_array_append_new(packages, json_string(item->packages[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "change", change_names[item->change], "id",
	        item->record->id, "source", item->record->source, "what", item->what, "packages", packages);
}

static void print_json(const struct diff *d)
{
	json_t *records = json_array();
	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(records, item_to_json(&d->items[i]));
	json_t *j = json_pack("{s:I, s:I, s:I, s:I, s:o}", "added", (json_int_t)d->counts[ADDED], "removed",
	        (json_int_t)d->counts[REMOVED], "changed", (json_int_t)d->counts[CHANGED],
	        "packages_concerned", (json_int_t)table_count(d->packages), "records", records);
	char *text FREE_ON_EXIT = json_dumps(j, JSON_COMPACT);
	puts(text);
	json_decref(j);
}

static void clear(struct diff *d)
{
	for (size_t i = 0; i < d->n; i++) {
		for (size_t j = 0; j < d->items[i].n_packages; j++)
			free(d->items[i].packages[j]);
		free(d->items[i].packages);
	}
	free(d->items);
	table_free(d->packages, NULL);
	state_clear(&d->a);
	state_clear(&d->b);
}

static int run(char **names, bool json)
{
	struct diff d = { .n = 0 };
	struct error err;
	int r = state_read(names[0], &d.a, &err);
	if (r == 0)
		r = state_read(names[1], &d.b, &err);
	if (r == 0) {
		compare(&d);
		if (json)
			print_json(&d);
		else
			print_text(&d);
	}
	clear(&d);
	return r < 0 ? ctl_fail(WORDS, "%s", err.text) : CTL_OK;
}

int ctl_vuln_diff(int argc, char **argv)
{
	bool json = false;
	const char *generations = NULL;
	const struct command_option options[] = {
		{ 'g', "generations", "FROM[:TO]", "of the one index A, in place of A and B", COMMAND_TEXT,
		        &generations },
		{ 'j', "json", NULL, "as JSON", COMMAND_FLAG, &json },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = WORDS,
		.synopsis = "[--json] A B | [--json] --generations FROM[:TO] A",
		.about = "Which records B has that A has not, lacks, or says otherwise, and of which "
		         "packages. A and B "
		         "are\n"
		         "each the directory of an index or of a signed repository, or a SOURCE as `pratique "
		         "vuln index` "
		         "takes\n"
		         "it: a folder, an archive, one .json file. Records are told apart by id and source; "
		         "by id alone "
		         "where\n"
		         "A and B have one source each. Who signed a repository is for `pratique vuln "
		         "verify`.\n"
		         "With --generations: what became of records after the one generation of an index, "
		         "up to "
		         "the other or\n"
		         "until now, as far as the index keeps its past, which is said.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Exit status: 0 compared, 1 failed, 2 wrong usage.\n\n"
		           "Examples:\n"
		           "  pratique vuln diff yesterday.tar.xz today.tar.xz\n"
		           "  pratique vuln diff --json /var/lib/pratique/vis/index /srv/www/advisories\n"
		           "  pratique vuln diff --generations 17 /var/lib/pratique/vis/index\n"
		           "  pratique vuln diff --generations 17:23 --json /var/lib/pratique/vis/index",
		.least = 1,
		.most = 2,
		.argument = "A and B",
	};
	char **arguments;
	int code = command_line_parse(&line, argc, argv, &arguments);
	if (code != COMMAND_GO_ON)
		return code;
	if (!arguments[1] != (generations != NULL))
		return command_line_wrong(
		        &line, generations ? "--generations is about one index" : "A and B are needed");
	return generations ? ctl_vuln_changes(WORDS, arguments[0], generations, json) : run(arguments, json);
}
