/* SPDX-License-Identifier: ISC */
/* pratique simulate */
#include "ctl/client.h"
#include "ctl/load_words.h"
#include "ctl/simulate_files.h"
#include "ctl/text_table.h"
#include "vuln/load.h"

#include <string.h>

#define WORDS "simulate"
#define TIMEOUT_MS 150000
#define SHOWN 40 /* moves that are printed; --all: every one */
#define HELD_SHOWN 8

/* ---- the answer, for people ---- */

static void print_between(const json_t *j)
{
	size_t i;
	json_t *b;
	json_array_foreach(json_object_get(j, "between"), i, b)
		printf("  %-16s -> %-16s %lld\n", ctl_string(b, "from"), ctl_string(b, "to"),
		        (long long)ctl_integer(b, "attachments"));
}

static void print_held(const json_t *brake)
{
	const json_t *held = json_object_get(brake, "held");
	const size_t n = json_array_size(held);
	printf("the brake would let %lld go at once and hold %lld:", (long long)ctl_integer(brake, "passes"),
	        (long long)ctl_integer(brake, "holds"));
	for (size_t i = 0; i < MIN(n, (size_t)HELD_SHOWN); i++)
		printf("%s %s", i ? "," : "", json_string_value(json_array_get(held, i)));
	puts(n > HELD_SHOWN ? ", ..." : "");
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
		print_held(brake);
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

struct question {
	struct command_texts advisories;
	struct simulate_kind as;
	const char *policy, *source;
	bool all, check;
	char canonical[COMMAND_TEXTS_MAX][ECOSYSTEM_NAME_MAX];
};

static int check_line(const struct command_line *line, struct question *q)
{
	const char *unknown = load_ecosystems_read(&q->as.ecosystems, q->canonical);
	if (!q->advisories.n && !q->policy)
		return command_line_wrong(line, "give --advisory FILE, --policy FILE, or both");
	if (!q->advisories.n && (q->as.kind || q->as.ecosystems.n || q->source))
		return command_line_wrong(line, "--kind, --ecosystem and --source are for --advisory");
	if (q->as.kind && !load_kind_find(q->as.kind))
		return command_line_wrong(line, "there is no kind \"%s\"", q->as.kind);
	if (unknown)
		return command_line_wrong(line, "\"%s\" is no ecosystem that is known here", unknown);
	if (q->as.kind && load_kind_wants_ecosystem(load_kind_find(q->as.kind)) && q->as.ecosystems.n != 1)
		return command_line_wrong(
		        line, "%s does not say of what it is: --ecosystem does", q->as.kind);
	return COMMAND_GO_ON;
}

static int make_body(const struct question *q, json_t *body)
{
	json_t *list = json_array();
	char *text FREE_ON_EXIT = NULL;
	int code = q->policy ? simulate_read_policy(q->policy, &text) : CTL_OK;
	json_object_set_new(body, "advisories", list);
	if (text)
		json_object_set_new(body, "policy", json_string(text));
	if (q->source)
		json_object_set_new(body, "source", json_string(q->source));
	for (size_t i = 0; i < q->advisories.n && code == CTL_OK; i++)
		code = simulate_read(list, q->advisories.items[i], &q->as);
	return code;
}

static int ask(const struct ctl_asking *a, const struct question *q)
{
	json_t *j, *body = json_object();
	int code = make_body(q, body);
	if (code == CTL_OK)
		code = ctl_ask(a, "POST", "/v1/simulate", json_incref(body), &j);
	json_decref(body);
	if (code != CTL_OK)
		return code;
	if (a->json)
		ctl_print_json(j);
	else
		print_simulation(j, q->all);
	code = q->check && ctl_integer(j, "worse") ? CTL_FAILURE : CTL_OK;
	json_decref(j);
	return code;
}

int ctl_simulate(int argc, char **argv)
{
	struct question q = { .policy = NULL };
	const struct command_option options[] = {
		{ 'a', "advisory", "FILE",
		        "OSV records, one or many, or a CSAF document (VEX too); may be repeated",
		        COMMAND_TEXTS, &q.advisories },
		{ 'k', "kind", "KIND", "what FILE is, as `pratique vuln import` knows it", COMMAND_TEXT,
		        &q.as.kind },
		{ 0, "ecosystem", "NAME", "what FILE may speak of (Debian:12); may be repeated",
		        COMMAND_TEXTS, &q.as.ecosystems },
		{ 0, "source", "NAME", "the source that they will come from: its precedence and trust count",
		        COMMAND_TEXT, &q.source },
		{ 'p', "policy", "FILE", "a policy instead of the one in force", COMMAND_TEXT, &q.policy },
		{ 0, "all", NULL, "print every move, not the first 40", COMMAND_FLAG, &q.all },
		{ 0, "check", NULL, "fail where an attachment would be worse off", COMMAND_FLAG, &q.check },
	};
	const struct command_line line = {
		.program = "pratique",
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
		        "Exit status: 0 answered, 1 refused or failed, or with --check somebody would be "
		        "worse off, 2 wrong\n"
		        "usage.\n\n"
		        "Examples:\n"
		        "  pratique simulate --advisory DSA-2026-1.json\n"
		        "  pratique simulate --advisory vex.csaf.json --source vendor --check\n"
		        "  pratique simulate --policy new-policy --json | jq '.between'\n"
		        "  pratique simulate --advisory a.json --advisory b.json --policy new-policy --all",
	};
	struct ctl_asking a = { .timeout_ms = TIMEOUT_MS };
	int code = ctl_asking_parse(&a, &line, argc, argv, NULL);
	if (code == COMMAND_GO_ON)
		code = check_line(&line, &q);
	return code == COMMAND_GO_ON ? ask(&a, &q) : code;
}
