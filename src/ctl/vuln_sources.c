/* SPDX-License-Identifier: ISC */
/* `pratique vuln sources`: where an index's advisories come from, and of a pratique-vis also the VISes above
 * and below it. */
#include "ctl/client.h"
#include "ctl/text_table.h"
#include "ctl/vuln_tree.h"
#include "vuln/asked.h"
#include "vuln/source_json.h"

#include <string.h>

#define WORDS "vuln sources"

/* "3 min", in the largest unit that it fills. */
static const char *age(json_int_t seconds, char text[32])
{
	static const struct {
		const char *name;
		json_int_t seconds;
	} units[] = { { "days", 86400 }, { "h", 3600 }, { "min", 60 }, { "s", 1 } };
	size_t i = 0;
	while (i + 1 < ARRAY_LENGTH(units) && seconds < 2 * units[i].seconds)
		i++;
	snprintf(text, 32, "%lld %s", (long long)(seconds / units[i].seconds), units[i].name);
	return text;
}

static void add_row(struct text_table *t, const json_t *s)
{
	const char *kind = ctl_string(s, "kind"), *licence = ctl_string(s, "licence"),
	           *trust = ctl_string(s, "trust");
	const json_t *seconds = json_object_get(s, "age_seconds"), *refused = json_object_get(s, "refused");
	const bool stale = ctl_boolean(s, "stale"), loaded = json_is_integer(seconds);
	char text[32];
	text_table_cell(t, NULL, "%s", ctl_string(s, "name"));
	text_table_cell(t, NULL, "%s", *kind ? kind : "-");
	text_table_cell(t, NULL, "%s", *licence ? licence : "-");
	text_table_cell(t, NULL, "%lld", (long long)ctl_integer(s, "precedence"));
	text_table_cell(t, strcmp(trust, "none") == 0 ? TEXT_YELLOW : NULL, "%s", trust);
	text_table_cell(t, stale ? TEXT_RED : NULL, "%s%s",
	        loaded ? age(MAX(json_integer_value(seconds), (json_int_t)0), text) : "never",
	        stale && loaded ? " (stale)" : "");
	text_table_cell(t, NULL, "%lld", (long long)ctl_integer(s, "records"));
	if (json_is_integer(refused))
		text_table_cell(t, json_integer_value(refused) ? TEXT_YELLOW : NULL, "%lld",
		        (long long)json_integer_value(refused));
	else
		text_table_cell(t, NULL, "-");
}

static void print_sources(const json_t *sources)
{
	static const char *const headings[] = { "NAME", "KIND", "LICENCE", "PRECEDENCE", "TRUST", "AGE",
		"RECORDS", "REFUSED", NULL };
	struct text_table *t = text_table_new(headings);
	const json_t *s;
	size_t i;
	json_array_foreach(sources, i, s)
		add_row(t, s);
	text_table_print(t, stdout);
}

/* What nodes name, and what the list says of it. */
static void print_named(const json_t *all)
{
	static const char *const headings[] = { "NAMED BY NODES", "NODES", "SOURCE", NULL };
	const json_t *named = json_object_get(all, "named"), *o;
	const json_int_t refused = ctl_integer(all, "named_refused");
	size_t i;
	if (json_array_size(named) == 0 && refused == 0)
		return;
	struct text_table *t = text_table_new(headings);
	json_array_foreach(named, i, o) {
		const char *source = ctl_string(o, "source");
		text_table_cell(t, NULL, "%s", ctl_string(o, "url"));
		text_table_cell(t, NULL, "%lld", (long long)ctl_integer(o, "nodes"));
		text_table_cell(
		        t, *source ? NULL : TEXT_YELLOW, "%s", *source ? source : "not listed, not fetched");
	}
	putchar('\n');
	text_table_print(t, stdout);
	if (refused)
		printf("%lld more that there was no room for\n", (long long)refused);
}

/* {"sources": [...]} of an index, and what nodes name. */
static json_t *read_index(const char *dir, struct error *err)
{
	struct vuln_index *index;
	if (vuln_index_open(dir, &index, err) < 0)
		return NULL;
	json_t *sources = vuln_index_sources_json(index, clock_wall_ms(), err);
	vuln_index_close(index);
	if (!sources)
		return NULL;
	json_t *all = json_pack("{s:o}", "sources", sources);
	if (vuln_asked_show(dir, all, err) < 0) {
		json_decref(all);
		return NULL;
	}
	return all;
}

/* The same of a pratique-vis, with "tree". */
static int ask_vis(const struct ctl_asking *a, json_t **ret)
{
	json_t *sources, *tree;
	int code = ctl_ask(a, "GET", "/v1/sources", NULL, &sources);
	if (code != CTL_OK)
		return code;
	code = ctl_ask(a, "GET", "/v1/tree", NULL, &tree);
	if (code != CTL_OK) {
		json_decref(sources);
		return code;
	}
	vuln_tree_judge(tree, clock_wall_ms());
	json_object_set_new(sources, "tree", tree);
	*ret = sources;
	return CTL_OK;
}

static void show(const json_t *all, bool json)
{
	const json_t *tree = json_object_get(all, "tree");
	if (json) {
		(void)json_dumpf(all, stdout, JSON_COMPACT);
		putchar('\n');
		return;
	}
	print_sources(json_object_get(all, "sources"));
	print_named(all);
	if (tree)
		vuln_tree_print(tree, clock_wall_ms());
}

int ctl_vuln_sources(int argc, char **argv)
{
	struct ctl_asking a = CTL_ASKING_VIS;
	const char *dir = NULL;
	const struct command_option options[] = {
		{ 0, "index", "DIR", "an index on this host, in place of asking pratique-vis", COMMAND_TEXT,
		        &dir },
	};
	const struct command_line line = {
		.words = WORDS,
		.synopsis = "[--index DIR | --socket PATH | --server URL] [--json]",
		.about = "Shows where advisories come from: what the sources are, under which licence, who "
		         "stands "
		         "where two\n"
		         "disagree (the lower precedence), how far they are proven, and how fresh they are; "
		         "and the\n"
		         "sources that nodes name, with the source of the list that each is, if any. "
		         "Of a "
		         "pratique-vis\n"
		         "also the VISes above it and whether one withholds something, the signed "
		         "repositories and "
		         "where they\n"
		         "stand, and the VISes that are subscribed, with how far they are behind.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing =
		        "Exit status: 0 shown, 1 failed, 2 wrong usage.\n\n"
		        "Examples:\n"
		        "  pratique vuln sources\n"
		        "  pratique vuln sources --index /var/lib/pratique/vis/index\n"
		        "  pratique vuln sources --server https://vis.example.org --certificate me.pem --key "
		        "me.key --json",
		.argument = "no argument",
	};
	struct error err;
	json_t *all = NULL;
	const char *const usual = a.socket;
	int code = ctl_asking_parse(&a, &line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	if (dir && (a.socket != usual || a.server))
		return ctl_usage(WORDS, "--index asks nobody: say either where the index is or whom to ask");
	if (!dir)
		code = ask_vis(&a, &all);
	else if (!(all = read_index(dir, &err)))
		code = ctl_fail(WORDS, "%s", err.text);
	else
		code = CTL_OK;
	if (all)
		show(all, a.json);
	json_decref(all);
	return code;
}
