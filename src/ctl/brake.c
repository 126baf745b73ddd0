/* SPDX-License-Identifier: ISC */
/* pratique brake, pratique brake release, pratique brake discard */
#include "ctl/client.h"
#include "ctl/text_table.h"

#include <string.h>

static void print_held(const json_t *held)
{
	static const char *const headings[] = { "NODE", "ATTACHED TO", "STAYS IN", "WOULD BE", "BECAUSE OF",
		"SINCE", "STATE", "UNTIL", NULL };
	struct text_table *t = text_table_new(headings);
	const time_ms now = clock_wall_ms();
	char ago[CTL_AGO_SIZE];
	size_t i;
	json_t *h;
	json_array_foreach(held, i, h) {
		const char *node = ctl_string(h, "node"), *by = ctl_string(h, "kept_by");
		const bool is_held = strcmp(by, "brake") == 0;
		text_table_cell(t, NULL, "%s", *node ? node : ctl_string(h, "mac"));
		text_table_cell(t, NULL, "%s/%s", ctl_string(h, "enforcement_point"), ctl_string(h, "port"));
		text_table_cell(t, NULL, "%s", ctl_string(h, "segment"));
		text_table_cell(t, TEXT_RED, "%s", ctl_string(h, "would_be"));
		text_table_cell(t, NULL, "%s", ctl_string(h, "cause"));
		text_table_cell(t, NULL, "%s", ctl_ago(ctl_string(h, "since"), now, ago));
		if (ctl_boolean(h, "released"))
			text_table_cell(t, TEXT_YELLOW, "released by %s", ctl_string(h, "ordered_by"));
		else if (is_held)
			text_table_cell(t, TEXT_YELLOW, "held");
		else
			text_table_cell(t, NULL, "discarded by %s", ctl_string(h, "ordered_by"));
		text_table_cell(t, NULL, "%s", ctl_ago(ctl_string(h, "kept_until"), now, ago));
	}
	text_table_print(t, stdout);
}

static void print_brake(const json_t *j)
{
	const json_t *held = json_object_get(j, "held");
	if (!ctl_boolean(j, "in_policy")) {
		puts("the policy has no brake");
		return;
	}
	printf("brake        demotions above %lld%% or %lld nodes in %lld s are held\n",
	        (long long)ctl_integer(j, "percent"), (long long)ctl_integer(j, "nodes"),
	        (long long)ctl_integer(j, "per_ms") / 1000);
	printf("held         %zu\n", json_array_size(held));
	if (json_array_size(held)) {
		putchar('\n');
		print_held(held);
	}
}

int ctl_brake(int argc, char **argv)
{
	static const struct command_line line = {
		.words = "brake",
		.synopsis = "[OPTIONS]",
		.about = "Shows the demotions that the brake of the policy holds: whose, why, and until "
		         "when.\n"
		         "`pratique brake release` carries them out, `pratique brake discard` leaves the "
		         "nodes where\n"
		         "they are. Why each node is not compliant: pratique explain NODE.",
		.closing = "Examples:\n"
		           "  pratique brake\n"
		           "  pratique brake --json | jq -r '.held[].node'",
	};
	struct ctl_asking a = { 0 };
	json_t *j;
	int code = ctl_asking_get(&a, &line, argc, argv, "/v1/brake", &j);
	if (code != CTL_OK || !j)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		print_brake(j);
	json_decref(j);
	return CTL_OK;
}

static int order(const struct command_line *line, const char *path, const char *done, int argc, char **argv)
{
	struct ctl_asking a = { 0 };
	char **names;
	json_t *j, *body = json_object();
	int code = ctl_asking_parse(&a, line, argc, argv, &names);
	if (code != COMMAND_GO_ON) {
		json_decref(body);
		return code;
	}
	if (names[0])
		json_object_set_new(body, "node", json_string(names[0]));
	code = ctl_ask(&a, "POST", path, body, &j);
	if (code != CTL_OK)
		return code;
	const long long n = (long long)ctl_integer(j, "attachments");
	if (a.json)
		ctl_print_json(j);
	else
		printf("%s: %lld demotion%s\n", done, n, n == 1 ? "" : "s");
	json_decref(j);
	return CTL_OK;
}

int ctl_brake_release(int argc, char **argv)
{
	static const struct command_line line = {
		.words = "brake release",
		.synopsis = "[OPTIONS] [NODE]",
		.about = "Carries out the demotions that the brake holds, of one NODE or all of them, at "
		         "once. Those\n"
		         "that were discarded are among them. Written to the audit with who ordered it.",
		.closing = "Examples:\n"
		           "  pratique brake release bob\n"
		           "  pratique brake release",
		.most = 1,
		.argument = "at most one NODE",
	};
	return order(&line, "/v1/brake/release", "released", argc, argv);
}

int ctl_brake_discard(int argc, char **argv)
{
	static const struct command_line line = {
		.words = "brake discard",
		.synopsis = "[OPTIONS] [NODE]",
		.about = "Leaves the nodes whose demotion the brake holds, one NODE or all of them, where "
		         "they are, for\n"
		         "as long as the policy lets the brake hold (`hold TIME`); then the brake asks "
		         "again. For the\n"
		         "advisory that is wrong, until it is withdrawn. Written to the audit with who "
		         "ordered it.",
		.closing = "Examples:\n"
		           "  pratique brake discard bob\n"
		           "  pratique brake discard",
		.most = 1,
		.argument = "at most one NODE",
	};
	return order(&line, "/v1/brake/discard", "discarded", argc, argv);
}
