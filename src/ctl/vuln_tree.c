/* SPDX-License-Identifier: ISC */
#include "ctl/vuln_tree.h"

#include "ctl/client.h"
#include "ctl/text_table.h"
#include "net/push_event.h"

#include <string.h>

/* ---- what follows from it ---- */

/* An index is signed anew at a third of its life: past two thirds of it, the next one is owed. */
static void judge_repository(json_t *r, time_ms now)
{
	time_ms signed_at, expires;
	if (clock_parse(ctl_string(r, "time"), &signed_at) < 0 ||
	        clock_parse(ctl_string(r, "expires"), &expires) < 0)
		return;
	json_object_set_new(r, "age_seconds", json_integer((now - signed_at) / 1000));
	json_object_set_new(r, "withheld",
	        json_boolean(now > signed_at && now - signed_at > (expires - signed_at) / 3 * 2));
}

/* To some repositories, or to all. */
static bool is_subscribed_to(const json_t *child, const char *repository)
{
	const json_t *wanted = json_object_get(child, "wanted"), *name;
	size_t i;
	json_array_foreach(wanted, i, name)
		if (json_is_string(name) && strcmp(json_string_value(name), repository) == 0)
			return true;
	return !json_is_array(wanted);
}

static void judge_child(json_t *child, const json_t *repositories)
{
	struct push_positions at = { 0 };
	json_t *behind = json_array();
	const json_t *r;
	size_t i;
	(void)push_positions_parse(ctl_string(child, "at"), &at);
	json_array_foreach(repositories, i, r) {
		struct tree_point point;
		const char *name = ctl_string(r, "name");
		if (tree_point_parse(ctl_string(r, "point"), &point) < 0 || !is_subscribed_to(child, name))
			continue;
		if (tree_point_order(push_positions_get(&at, name), point) < 0)
			json_array_append_new(behind, json_string(name));
	}
	json_object_set_new(child, "behind", behind);
}

void vuln_tree_judge(json_t *tree, time_ms now)
{
	json_t *repositories = json_object_get(tree, "repositories"), *one;
	size_t i;
	json_array_foreach(repositories, i, one)
		judge_repository(one, now);
	json_array_foreach(json_object_get(tree, "children"), i, one)
		judge_child(one, repositories);
}

/* ---- for people ---- */

static char *join(const json_t *names, const char *separator)
{
	char *text = xstrdup("");
	const json_t *name;
	size_t i;
	json_array_foreach(names, i, name) {
		char *longer = xasprintf("%s%s%s", text, i ? separator : "", json_string_value(name));
		free(text);
		text = longer;
	}
	return text;
}

static void print_uppers(const json_t *uppers, time_ms now)
{
	static const char *const headings[] = { "UPPER VIS", "STATE", "SINCE", "ATTEMPTS", "WHY", NULL };
	struct text_table *t = text_table_new(headings);
	const json_t *u;
	size_t i;
	json_array_foreach(uppers, i, u) {
		char since[CTL_AGO_SIZE];
		const char *state = ctl_string(u, "state"), *reason = ctl_string(u, "reason");
		const char *colour = strcmp(state, "subscribed") == 0                       ? TEXT_GREEN
		        : strcmp(state, "waiting") == 0 || strcmp(state, "connecting") == 0 ? NULL
		                                                                            : TEXT_RED;
		text_table_cell(t, NULL, "%s", ctl_string(u, "name"));
		text_table_cell(t, colour, "%s", state);
		text_table_cell(t, NULL, "%s",
		        ctl_integer(u, "attempts") ? ctl_ago(ctl_string(u, "since"), now, since) : "-");
		text_table_cell(t, NULL, "%lld", (long long)ctl_integer(u, "attempts"));
		text_table_cell(t, NULL, "%s", *reason ? reason : "-");
	}
	text_table_print(t, stdout);
}

static void print_repositories(const json_t *repositories, time_ms now)
{
	static const char *const headings[] = { "REPOSITORY", "AT", "SIGNED", "EXPIRES", "STATE", "FROM",
		NULL };
	struct text_table *t = text_table_new(headings);
	const json_t *r;
	size_t i;
	json_array_foreach(repositories, i, r) {
		char *from FREE_ON_EXIT = join(json_object_get(r, "path"), " < ");
		char at[CTL_AGO_SIZE], expires[CTL_AGO_SIZE];
		const bool held = json_is_string(json_object_get(r, "point")),
		           stale = ctl_boolean(r, "stale"), withheld = ctl_boolean(r, "withheld");
		text_table_cell(t, NULL, "%s", ctl_string(r, "name"));
		text_table_cell(t, NULL, "%s", held ? ctl_string(r, "point") : "-");
		text_table_cell(t, NULL, "%s", ctl_ago(ctl_string(r, "time"), now, at));
		text_table_cell(t, NULL, "%s", ctl_ago(ctl_string(r, "expires"), now, expires));
		text_table_cell(t,
		        !held || stale     ? TEXT_RED
		                : withheld ? TEXT_YELLOW
		                           : TEXT_GREEN,
		        "%s",
		        !held              ? "nothing of it is here"
		                : stale    ? "stale: withheld, or its publisher is silent"
		                : withheld ? "late: its next index is owed"
		                           : "fresh");
		text_table_cell(t, NULL, "%s", *from ? from : "-");
	}
	text_table_print(t, stdout);
}

static void print_children(const json_t *children, time_ms now)
{
	static const char *const headings[] = { "SUBSCRIBED", "SINCE", "STATE", "AT", NULL };
	struct text_table *t = text_table_new(headings);
	const json_t *c;
	size_t i;
	json_array_foreach(children, i, c) {
		char *behind FREE_ON_EXIT = join(json_object_get(c, "behind"), ", ");
		char since[CTL_AGO_SIZE];
		text_table_cell(t, NULL, "%s", ctl_string(c, "name"));
		text_table_cell(t, NULL, "%s", ctl_ago(ctl_string(c, "since"), now, since));
		text_table_cell(t, *behind ? TEXT_YELLOW : TEXT_GREEN, "%s%s",
		        *behind ? "behind: " : "has all", behind);
		text_table_cell(t, NULL, "%s", ctl_string(c, "at"));
	}
	text_table_print(t, stdout);
}

void vuln_tree_print(const json_t *tree, time_ms now)
{
	static const struct {
		const char *name;
		void (*print)(const json_t *list, time_ms now);
	} parts[] = { { "uppers", print_uppers }, { "repositories", print_repositories },
		{ "children", print_children } };
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		const json_t *list = json_object_get(tree, parts[i].name);
		if (json_array_size(list) == 0)
			continue;
		putchar('\n');
		parts[i].print(list, now);
	}
}
