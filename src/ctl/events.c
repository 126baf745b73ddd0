/* SPDX-License-Identifier: ISC */
/* pratique events: what happened, and with --follow what happens. pratique audit: who changed what. */
#include "base/config.h"
#include "ctl/client.h"
#include "ctl/text_table.h"

#include <string.h>

#define LINES_MAX 10000

static int print_event(const char *line, void *context)
{
	const struct ctl_asking *a = context;
	if (a->json) {
		puts(line);
		return fflush(stdout);
	}
	json_t *e = json_loads(line, 0, NULL);
	const char *node = ctl_string(e, "node"), *port = ctl_string(e, "port");
	text_print(stdout, TEXT_DIM, "%s", ctl_string(e, "at"));
	text_print(stdout, TEXT_BOLD, "  %-18s", ctl_string(e, "kind"));
	text_print(stdout, NULL, " %-12s", *node ? node : *port ? port : "-");
	text_print(stdout, NULL, " %s", ctl_string(e, "text"));
	putchar('\n');
	json_decref(e);
	return fflush(stdout);
}

int ctl_events(int argc, char **argv)
{
	struct ctl_asking a = { 0 };
	bool following = false;
	int64_t lines = 20;
	const struct command_option options[] = {
		{ 'f', "follow", NULL, "go on with what happens", COMMAND_FLAG, &following },
		{ 'n', "lines", "N", "how many old ones; default 20", COMMAND_NUMBER, &lines, 0, LINES_MAX },
	};
	const struct command_line line = {
		.words = "events",
		.synopsis = "[OPTIONS]",
		.about = "Shows the newest events, oldest first. With --json one object a line.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing =
		        "Examples:\n"
		        "  pratique events --lines 100\n"
		        "  pratique events --follow --json | jq -r 'select(.kind == \"placement\") | .text'",
	};
	int code = ctl_asking_parse(&a, &line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	char *path FREE_ON_EXIT = xasprintf("/v1/events?limit=%lld&follow=%d", (long long)lines, following);
	return ctl_follow(&a, path, print_event, &a);
}

/* ---- audit ---- */

static void print_change(const json_t *e, const char *key)
{
	const json_t *j = json_object_get(e, key);
	if (!j || json_is_null(j))
		return;
	char *text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
	text_print(stdout, TEXT_DIM, "%25s %-7s %s", "", key, text ? text : "");
	putchar('\n');
	free(text);
}

static int print_audit(const char *line, void *context)
{
	const struct ctl_asking *a = context;
	if (a->json) {
		puts(line);
		return 0;
	}
	json_t *e = json_loads(line, 0, NULL);
	const char *result = ctl_string(e, "result"), *subject = ctl_string(e, "subject");
	text_print(stdout, TEXT_DIM, "%s", ctl_string(e, "at"));
	text_print(stdout, TEXT_BOLD, "  %-18s", ctl_string(e, "who"));
	text_print(stdout, NULL, " %-16s %s %s", ctl_string(e, "origin"), ctl_string(e, "action"), subject);
	text_print(stdout, strcmp(result, "done") == 0 ? TEXT_GREEN : TEXT_RED, ": %s", result);
	putchar('\n');
	print_change(e, "before");
	print_change(e, "after");
	json_decref(e);
	return 0;
}

/* "2 days" is so long ago; else a time. NULL where it is neither. Caller frees. */
static char *since_text(const char *text)
{
	char formatted[CLOCK_TEXT_SIZE];
	int64_t ago;
	time_ms at;
	if (config_parse_duration(text, &ago) == 0)
		at = clock_wall_ms() - ago;
	else if (clock_parse(text, &at) < 0)
		return NULL;
	return xstrdup(clock_format(at, formatted));
}

int ctl_audit(int argc, char **argv)
{
	struct ctl_asking a = { 0 };
	const char *since = NULL;
	int64_t lines = 100;
	const struct command_option options[] = {
		{ 'n', "lines", "N", "how many, the newest; default 100", COMMAND_NUMBER, &lines, 1,
		        LINES_MAX },
		{ 0, "since", "WHEN", "none from before: a time, or how long ago (\"2 days\")", COMMAND_TEXT,
		        &since },
	};
	const struct command_line line = {
		.words = "audit",
		.synopsis = "[OPTIONS]",
		.about = "Shows who changed what, when and from where, what it was before, and who was "
		         "refused. With\n"
		         "--json one object a line.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Examples:\n"
		           "  pratique audit --since \"1 day\"\n"
		           "  pratique audit --json | jq -r 'select(.result != \"done\")'",
	};
	int code = ctl_asking_parse(&a, &line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	char *from FREE_ON_EXIT = since ? since_text(since) : NULL;
	if (since && !from)
		return ctl_usage("audit", "--since: \"%s\" is no time and no duration", since);
	char *path FREE_ON_EXIT = xasprintf(
	        "/v1/audit?limit=%lld%s%s", (long long)lines, from ? "&since=" : "", from ? from : "");
	return ctl_follow(&a, path, print_audit, &a);
}
