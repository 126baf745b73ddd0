/* SPDX-License-Identifier: ISC */
/* pratique simulate */
#include "base/file.h"
#include "ctl/client.h"
#include "ctl/text_table.h"

#include <string.h>

#define WORDS "simulate"
#define FILE_MAX (8u << 20)
#define TIMEOUT_MS 150000
#define SHOWN 40 /* moves that are printed; --all: every one */

/* An OSV record, or a list of them. */
static int add_advisories(json_t *list, const char *path)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length, i;
	struct error err;
	json_error_t why;
	json_t *one;
	if (file_read(path, FILE_MAX, &text, &length, &err) < 0)
		return ctl_fail(WORDS, "%s", err.text);
	json_t *j = json_loadb(text, length, JSON_REJECT_DUPLICATES, &why);
	if (!j)
		return ctl_fail(WORDS, "%s:%d:%d: %s", path, why.line, why.column, why.text);
	if (json_is_array(j))
		json_array_foreach(j, i, one)
			json_array_append(list, one);
	else
		json_array_append(list, j);
	json_decref(j);
	return CTL_OK;
}

static int add_policy(json_t *body, const char *path)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	struct error err;
	if (file_read(path, FILE_MAX, &text, &length, &err) < 0)
		return ctl_fail(WORDS, "%s", err.text);
	json_t *policy = json_stringn(text, length);
	if (!policy)
		return ctl_fail(WORDS, "%s: not a text in UTF-8", path);
	json_object_set_new(body, "policy", policy);
	return CTL_OK;
}

/* ---- the answer, for people ---- */

static void print_between(const json_t *j)
{
	size_t i;
	json_t *b;
	json_array_foreach(json_object_get(j, "between"), i, b)
		printf("  %-16s -> %-16s %lld\n", ctl_string(b, "from"), ctl_string(b, "to"),
		        (long long)ctl_integer(b, "attachments"));
}

static void print_kept(const json_t *j)
{
	const json_t *brake = json_object_get(j, "brake");
	const json_int_t monitor = ctl_integer(j, "kept_by_monitor"), grace = ctl_integer(j, "kept_by_grace");
	if (monitor)
		printf("monitor mode would keep %lld of them where they are\n", (long long)monitor);
	if (grace)
		printf("%lld would keep their segment for the time that it gives\n", (long long)grace);
	if (json_is_object(brake) && ctl_integer(brake, "holds"))
		printf("the brake would let %lld go at once and hold %lld\n",
		        (long long)ctl_integer(brake, "passes"), (long long)ctl_integer(brake, "holds"));
}

static void print_moves(const json_t *moves, size_t most)
{
	static const char *const headings[] = { "NODE", "ATTACHED TO", "FROM", "TO", "KEPT BY", "BECAUSE",
		NULL };
	struct text_table *t = text_table_new(headings);
	size_t i;
	json_t *m;
	json_array_foreach(moves, i, m) {
		const char *change = ctl_string(m, "change"),
		           *why = json_string_value(json_array_get(json_object_get(m, "why"), 0));
		const json_int_t more = ctl_integer(m, "findings") - 1;
		if (i == most)
			break;
		text_table_cell(t, NULL, "%s", ctl_string(m, "node"));
		text_table_cell(t, NULL, "%s/%s", ctl_string(m, "enforcement_point"), ctl_string(m, "port"));
		text_table_cell(t, NULL, "%s", ctl_string(m, "from"));
		text_table_cell(t,
		        strcmp(change, "worse") == 0            ? TEXT_RED
		                : strcmp(change, "better") == 0 ? TEXT_GREEN
		                                                : NULL,
		        "%s", ctl_string(m, "to"));
		text_table_cell(t, TEXT_YELLOW, "%s", ctl_string(m, "kept_by"));
		if (why && more > 0)
			text_table_cell(t, NULL, "%s, and %lld more", why, (long long)more);
		else
			text_table_cell(t, NULL, "%s", why ? why : "-");
	}
	text_table_print(t, stdout);
}

static void print_simulation(const json_t *j, bool all)
{
	const json_t *moves = json_object_get(j, "moves");
	const size_t n = json_array_size(moves), shown = all ? n : MIN(n, (size_t)SHOWN);
	const json_int_t unread = ctl_integer(j, "unread"), waiting = ctl_integer(j, "waiting"),
	                 left_out = ctl_integer(j, "moves_left_out");
	printf("looked at %lld node%s: %lld attachment%s would be worse off, %lld better\n",
	        (long long)ctl_integer(j, "nodes"), ctl_integer(j, "nodes") == 1 ? "" : "s",
	        (long long)ctl_integer(j, "worse"), ctl_integer(j, "worse") == 1 ? "" : "s",
	        (long long)ctl_integer(j, "better"));
	print_between(j);
	print_kept(j);
	if (unread)
		printf("%lld more cannot be told: what is stored of them is not known by number\n",
		        (long long)unread);
	if (waiting)
		printf("%lld nodes still wait to be judged by what is in force\n", (long long)waiting);
	if (n) {
		putchar('\n');
		print_moves(moves, shown);
	}
	if (shown < n || left_out)
		printf("and %lld more%s\n", (long long)(n - shown) + (long long)left_out,
		        shown < n ? ": --all shows them" : "");
}

int ctl_simulate(int argc, char **argv)
{
	struct command_texts advisories = { .n = 0 };
	const char *policy = NULL;
	bool all = false;
	const struct command_option options[] = {
		{ 'a', "advisory", "FILE", "an OSV record, or a list of them (JSON); may be repeated",
		        COMMAND_TEXTS, &advisories },
		{ 'p', "policy", "FILE", "a policy instead of the one in force", COMMAND_TEXT, &policy },
		{ 0, "all", NULL, "print every move, not the first 40", COMMAND_FLAG, &all },
	};
	const struct command_line line = {
		.words = WORDS,
		.synopsis = "[OPTIONS] --advisory FILE... [--policy FILE]\n[OPTIONS] --policy FILE",
		.about = "Asks the server which nodes would move, from which segment to which and why, if "
		         "these\n"
		         "advisories or this policy were in force, and what the brake would make of it. "
		         "Nothing is\n"
		         "changed: the nodes are judged from what is stored of them, and nobody is told.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing =
		        "Exit status: 0 answered, 1 refused or failed, 2 wrong usage.\n\n"
		        "Examples:\n"
		        "  pratique simulate --advisory DSA-2026-1.json\n"
		        "  pratique simulate --policy new-policy --json | jq '.between'\n"
		        "  pratique simulate --advisory a.json --advisory b.json --policy new-policy --all",
	};
	struct ctl_asking a = { .timeout_ms = TIMEOUT_MS };
	json_t *j, *body = json_object(), *list = json_array();
	int code = ctl_asking_parse(&a, &line, argc, argv, NULL);
	if (code == COMMAND_GO_ON && !advisories.n && !policy)
		code = command_line_wrong(&line, "give --advisory FILE, --policy FILE, or both");
	if (code == COMMAND_GO_ON) {
		code = policy ? add_policy(body, policy) : CTL_OK;
		for (size_t i = 0; i < advisories.n && code == CTL_OK; i++)
			code = add_advisories(list, advisories.items[i]);
		json_object_set(body, "advisories", list);
		if (code == CTL_OK)
			code = ctl_ask(&a, "POST", "/v1/simulate", json_incref(body), &j);
		if (code == CTL_OK && a.json)
			ctl_print_json(j);
		else if (code == CTL_OK)
			print_simulation(j, all);
		if (code == CTL_OK)
			json_decref(j);
	}
	json_decref(list);
	json_decref(body);
	return code;
}
