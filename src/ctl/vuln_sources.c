/* SPDX-License-Identifier: ISC */
/* `pratique vuln sources`: where an index's advisories come from. */
#include "ctl/ctl.h"
#include "ctl/text_table.h"
#include "vuln/vuln.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#define WORDS "vuln sources"

struct listing {
	struct text_table *table;
	json_t *list;
	time_ms now;
};

static bool is_stale(const struct vuln_source *s, time_ms now)
{
	return s->loaded == 0 || (s->freshness_ms && now - s->loaded > s->freshness_ms);
}

static int add_json(const struct vuln_source *s, void *listing_)
{
	struct listing *l = listing_;
	char loaded[CLOCK_TEXT_SIZE], newest[CLOCK_TEXT_SIZE];
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:b, s:b, s:s?, s:s?, s:I, s:I}", "name",
	        s->name, "kind", s->kind, "origin", s->origin, "licence", s->licence, "precedence",
	        (json_int_t)s->precedence, "trust", vuln_trust_name(s->trust), "required", s->required,
	        "stale", is_stale(s, l->now), "loaded", s->loaded ? clock_format(s->loaded, loaded) : NULL,
	        "newest", s->newest ? clock_format(s->newest, newest) : NULL, "records",
	        (json_int_t)s->records, "generation", (json_int_t)s->generation);
	if (!o)
		return -EINVAL; /* a text that is no UTF-8 */
	json_object_set_new(
	        o, "age_seconds", s->loaded ? json_integer((l->now - s->loaded) / 1000) : json_null());
	json_object_set_new(
	        o, "fresh_seconds", s->freshness_ms ? json_integer(s->freshness_ms / 1000) : json_null());
	json_object_set_new(o, "refused", s->counted ? json_integer((json_int_t)s->refused) : json_null());
	json_object_set_new(o, "unmapped", s->counted ? json_integer((json_int_t)s->unmapped) : json_null());
	return json_array_append_new(l->list, o) < 0 ? -ENOMEM : 0;
}

/* "3 min", in the largest unit that it fills. */
static const char *age(time_ms ms, char text[32])
{
	static const struct {
		const char *name;
		time_ms ms;
	} units[] = { { "days", 86400000 }, { "h", 3600000 }, { "min", 60000 }, { "s", 1000 } };
	size_t i = 0;
	while (i + 1 < ARRAY_LENGTH(units) && ms < 2 * units[i].ms)
		i++;
	snprintf(text, 32, "%lld %s", (long long)(ms / units[i].ms), units[i].name);
	return text;
}

static int add_row(const struct vuln_source *s, void *listing_)
{
	const struct listing *l = listing_;
	char text[32];
	bool stale = is_stale(s, l->now);
	text_table_cell(l->table, NULL, "%s", s->name);
	text_table_cell(l->table, NULL, "%s", *s->kind ? s->kind : "-");
	text_table_cell(l->table, NULL, "%s", *s->licence ? s->licence : "-");
	text_table_cell(l->table, NULL, "%" PRIu32, s->precedence);
	text_table_cell(
	        l->table, s->trust == VULN_TRUST_NONE ? TEXT_YELLOW : NULL, "%s", vuln_trust_name(s->trust));
	text_table_cell(l->table, stale ? TEXT_RED : NULL, "%s%s",
	        s->loaded ? age(MAX(l->now - s->loaded, 0), text) : "never",
	        stale && s->loaded ? " (stale)" : "");
	text_table_cell(l->table, NULL, "%" PRIu64, s->records);
	if (s->counted)
		text_table_cell(l->table, s->refused ? TEXT_YELLOW : NULL, "%" PRIu64, s->refused);
	else
		text_table_cell(l->table, NULL, "-");
	return 0;
}

static int list_sources(struct vuln_index *index, bool json, struct error *err)
{
	static const char *const headings[] = { "NAME", "KIND", "LICENCE", "PRECEDENCE", "TRUST", "AGE",
		"RECORDS", "REFUSED", NULL };
	struct listing l = { .list = json_array(), .now = clock_wall_ms() };
	if (!json)
		l.table = text_table_new(headings);
	int r = vuln_index_each_source(index, json ? add_json : add_row, &l, err);
	if (!json)
		text_table_print(l.table, stdout);
	else if (r == 0) {
		json_t *all = json_pack("{s:O}", "sources", l.list);
		(void)json_dumpf(all, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(all);
	}
	json_decref(l.list);
	return r;
}

int ctl_vuln_sources(int argc, char **argv)
{
	const char *dir = NULL;
	bool json = false;
	const struct command_option options[] = {
		{ 0, "index", "DIR", "the index that pratique-vis keeps", COMMAND_TEXT, &dir, 1 },
		{ 'j', "json", NULL, "one JSON object", COMMAND_FLAG, &json },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = WORDS,
		.synopsis = "--index DIR [--json]",
		.about = "Shows where the advisories of an index come from: what they are, under which "
		         "licence, who stands\n"
		         "where two disagree (the lower precedence), how far they are proven, and how fresh "
		         "they are.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Exit status: 0 shown, 1 failed, 2 wrong usage.\n\n"
		           "Examples:\n"
		           "  pratique vuln sources --index /var/lib/pratique/vis/index",
		.argument = "no argument",
	};
	struct vuln_index *index;
	struct error err;
	int code = command_line_parse(&line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	if (vuln_index_open(dir, &index, &err) < 0)
		return ctl_fail(WORDS, "%s", err.text);
	int r = list_sources(index, json, &err);
	vuln_index_close(index);
	return r < 0 ? ctl_fail(WORDS, "%s", err.text) : CTL_OK;
}
