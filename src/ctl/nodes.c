/* SPDX-License-Identifier: ISC */
/* pratique nodes, pratique inspect */
#include "base/address.h"
#include "ctl/client.h"
#include "ctl/text_table.h"

#include <string.h>

static const struct command_line nodes_line = {
	.words = "nodes",
	.synopsis = "[OPTIONS]",
	.about = "Lists all nodes, where they are attached and in which segment. Nodes without an agent are "
	         "listed\n"
	         "by their MAC address.",
	.closing = "Examples:\n"
	           "  pratique nodes\n"
	           "  pratique nodes --json | jq -r '.nodes[] | select(.state != \"compliant\").name'",
};

static const char *state_colour(const char *state)
{
	if (strcmp(state, "compliant") == 0)
		return TEXT_GREEN;
	return strcmp(state, "not inspected") == 0 ? TEXT_DIM
	        : strcmp(state, "expired") == 0    ? TEXT_YELLOW
	                                           : TEXT_RED;
}

/* The one that a person knows the node by: global IPv6 before IPv4 before link-local. */
static const char *best_address(const json_t *addresses)
{
	const char *best = NULL;
	int rank = 0;
	size_t i;
	const json_t *value;
	json_array_foreach(addresses, i, value) {
		const char *text = json_string_value(value);
		struct ip_address a;
		if (!text || ip_parse(text, &a) < 0)
			continue;
		int found = ip_is_link_local(&a) ? 1 : ip_is_v4(&a) ? 2 : 3;
		if (found > rank) {
			rank = found;
			best = text;
		}
	}
	return best;
}

static void add_row(struct text_table *t, const char *name, const char *state, const char *segment,
        const json_t *place, time_ms now)
{
	char ago[CTL_AGO_SIZE];
	const char *would_be = place ? ctl_string(place, "would_be") : "";
	const char *address = best_address(json_object_get(place, "addresses"));
	text_table_cell(t, NULL, "%s", name);
	text_table_cell(t, state_colour(state), "%s", state);
	text_table_cell(t, NULL, "%s", segment);
	text_table_cell(t, TEXT_YELLOW, "%s%s%s%s", *would_be ? would_be : "-", *would_be ? " (" : "",
	        *would_be ? ctl_string(place, "kept_by") : "", *would_be ? ")" : "");
	text_table_cell(t, NULL, "%s%s%s", ctl_string(place, "enforcement_point"), place ? "/" : "-",
	        ctl_string(place, "port"));
	text_table_cell(t, NULL, "%s", *ctl_string(place, "mac") ? ctl_string(place, "mac") : "-");
	text_table_cell(t, NULL, "%s", address ? address : "-");
	text_table_cell(t, NULL, "%s", place ? ctl_ago(ctl_string(place, "expires"), now, ago) : "-");
}

static void add_node(struct text_table *t, const json_t *node, time_ms now)
{
	const json_t *places = json_object_get(node, "attachments");
	size_t i;
	json_t *place;
	if (json_array_size(places) == 0)
		add_row(t, ctl_string(node, "name"), ctl_string(node, "state"), ctl_string(node, "segment"),
		        NULL, now);
	json_array_foreach(places, i, place)
		add_row(t, ctl_string(node, "name"), ctl_string(place, "state"), ctl_string(place, "segment"),
		        place, now);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(ctl_string(*(json_t *const *)a, "name"), ctl_string(*(json_t *const *)b, "name"));
}

static void print_nodes(const json_t *j)
{
	static const char *const headings[] = { "NODE", "STATE", "SEGMENT", "WOULD BE", "ATTACHED TO", "MAC",
		"ADDRESS", "EXPIRES", NULL };
	const json_t *nodes = json_object_get(j, "nodes");
	struct text_table *t = text_table_new(headings);
	size_t n = json_array_size(nodes), i;
	time_ms now = clock_wall_ms();
	json_t *place, **sorted = xcalloc(n + 1, sizeof(*sorted));
	for (i = 0; i < n; i++)
		sorted[i] = json_array_get(nodes, i);
	qsort(sorted, n, sizeof(*sorted), compare_names);
	for (i = 0; i < n; i++)
		add_node(t, sorted[i], now);
	free(sorted);
	json_array_foreach(json_object_get(j, "agentless"), i, place)
		add_row(t, "-", ctl_string(place, "state"), ctl_string(place, "segment"), place, now);
	text_table_print(t, stdout);
	if (n + json_array_size(json_object_get(j, "agentless")) == 0)
		puts("no node has been seen yet");
}

/* What the page has is the list's; its `next` may be null. */
static void append_page(json_t *list, const json_t *page)
{
	static const char *const parts[] = { "nodes", "agentless" };
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		(void)json_array_extend(json_object_get(list, parts[i]), json_object_get(page, parts[i]));
}

/* All pages as one answer; CTL_OK with *ret set, else the exit code. */
static int read_nodes(const struct ctl_asking *a, json_t **ret)
{
	char *path = xstrdup("/v1/nodes");
	json_t *list = json_pack("{s:[], s:[]}", "nodes", "agentless"), *page = NULL;
	int code = CTL_OK;
	while (code == CTL_OK && path) {
		code = ctl_ask(a, "GET", path, NULL, &page);
		free(path);
		path = NULL;
		if (code != CTL_OK)
			break;
		append_page(list, page);
		const char *next = json_string_value(json_object_get(page, "next"));
		char *after FREE_ON_EXIT = next ? ctl_encode(next) : NULL;
		path = after ? xasprintf("/v1/nodes?after=%s", after) : NULL;
		json_decref(page);
	}
	if (code != CTL_OK) {
		json_decref(list);
		list = NULL;
	}
	*ret = list;
	return code;
}

int ctl_nodes(int argc, char **argv)
{
	struct ctl_asking a = { 0 };
	json_t *j;
	int code = ctl_asking_parse(&a, &nodes_line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	code = read_nodes(&a, &j);
	if (!j)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		print_nodes(j);
	json_decref(j);
	return CTL_OK;
}

static const struct command_line inspect_line = {
	.words = "inspect",
	.synopsis = "[OPTIONS] NODE",
	.about =
	        "Asks a connected node for a new inspection at once. What came of it: pratique explain NODE.",
	.closing = "Examples:\n"
	           "  pratique inspect bob",
	.least = 1,
	.most = 1,
	.argument = "one NODE",
};

int ctl_inspect(int argc, char **argv)
{
	struct ctl_asking a = { 0 };
	char **names;
	json_t *j;
	int code = ctl_asking_parse(&a, &inspect_line, argc, argv, &names);
	if (code != COMMAND_GO_ON)
		return code;
	char *path FREE_ON_EXIT = ctl_node_path(names[0], "/inspect");
	code = ctl_ask(&a, "POST", path, NULL, &j);
	if (code != CTL_OK)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		printf("%s was asked for an inspection\n", names[0]);
	json_decref(j);
	return CTL_OK;
}
