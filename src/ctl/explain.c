/* SPDX-License-Identifier: ISC */
/* pratique explain: the last decision about a node, with every reason and what to do about it. */
#include "ctl/client.h"
#include "ctl/text_table.h"

#include <stdarg.h>
#include <string.h>

static const struct command_line explain_line = {
	.words = "explain",
	.synopsis = "[OPTIONS] NODE",
	.about = "Shows where a node is and why: the line of the policy that decided, every finding with the "
	         "package,\n"
	         "the installed and the fixed version and the advisory, and what to do.",
	.closing = "Examples:\n"
	           "  pratique explain bob\n"
	           "  pratique explain bob --json | jq -r '.decision.findings[].advisory'",
	.least = 1,
	.most = 1,
	.argument = "one NODE",
};

static const char *severity_colour(const char *severity)
{
	if (strcmp(severity, "critical") == 0 || strcmp(severity, "high") == 0)
		return TEXT_RED;
	return strcmp(severity, "medium") == 0 ? TEXT_YELLOW : NULL;
}

static void print_line(const char *colour, const char *format, ...) PRINTF_LIKE(2, 3);
static void print_line(const char *colour, const char *format, ...)
{
	va_list args;
	char *text = NULL;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	text_print(stdout, colour, "%s", text ? text : "");
	putchar('\n');
	free(text);
}

/* How far what a source says is known to be its publisher's. */
static const char *trust_words(const char *trust)
{
	return strcmp(trust, "none") == 0 ? "unsigned" : trust;
}

static void print_advisories(const json_t *findings)
{
	static const char *const headings[] = { "PACKAGE", "INSTALLED", "FIXED", "ADVISORY", "SEVERITY",
		"SOURCE", "WHAT TO DO", NULL };
	struct text_table *t = text_table_new(headings);
	size_t i;
	json_t *f;
	json_array_foreach(findings, i, f) {
		const char *fixed = ctl_string(f, "fixed"), *severity = ctl_string(f, "severity");
		const char *trust = ctl_string(f, "trust");
		if (strcmp(ctl_string(f, "kind"), "advisory") != 0)
			continue;
		text_table_cell(t, NULL, "%s", ctl_string(f, "package"));
		text_table_cell(t, NULL, "%s", ctl_string(f, "installed"));
		text_table_cell(t, NULL, "%s", *fixed ? fixed : "-");
		text_table_cell(t, NULL, "%s", ctl_string(f, "advisory"));
		text_table_cell(t, severity_colour(severity), "%s", severity);
		text_table_cell(
		        t, NULL, *trust ? "%s (%s)" : "%s", ctl_string(f, "source"), trust_words(trust));
		if (*fixed)
			text_table_cell(t, NULL, "upgrade %s", ctl_string(f, "package"));
		else
			text_table_cell(t, NULL, "no fix is known: remove it or wait");
	}
	text_table_print(t, stdout);
}

/* Where a package is judged as something else, and where sources disagree. */
static void print_remarks(const json_t *findings)
{
	size_t i;
	json_t *f;
	json_array_foreach(findings, i, f) {
		if (*ctl_string(f, "judged_as"))
			print_line(NULL, "%s: %s is judged as %s", ctl_string(f, "advisory"),
			        ctl_string(f, "package"), ctl_string(f, "judged_as"));
		if (*ctl_string(f, "conflict"))
			print_line(NULL, "%s: %s", ctl_string(f, "advisory"), ctl_string(f, "conflict"));
	}
}

static size_t count_kind(const json_t *findings, const char *kind)
{
	size_t n = 0, i;
	json_t *f;
	json_array_foreach(findings, i, f)
		n += strcmp(ctl_string(f, "kind"), kind) == 0;
	return n;
}

static void print_findings(const json_t *findings)
{
	size_t advisories = count_kind(findings, "advisory"), i;
	json_t *f;
	json_array_foreach(findings, i, f) {
		const char *requirement = ctl_string(f, "requirement");
		if (strcmp(ctl_string(f, "kind"), "advisory") == 0 ||
		        strcmp(ctl_string(f, "kind"), "waived") == 0)
			continue;
		print_line(NULL, "  %s%s%s", requirement, *requirement ? ": " : "", ctl_string(f, "text"));
	}
	if (advisories) {
		printf("\n%zu advisor%s\n", advisories, advisories == 1 ? "y" : "ies");
		print_advisories(findings);
		print_remarks(findings);
	}
	if (count_kind(findings, "waived"))
		puts("\nwaived");
	json_array_foreach(findings, i, f)
		if (strcmp(ctl_string(f, "kind"), "waived") == 0)
			print_line(NULL, "  %s", ctl_string(f, "text"));
}

/* "would be isolated: kept by grace until ..." */
static void print_kept(const json_t *place, time_ms now)
{
	static const struct {
		const char *by, *words;
	} reasons[] = { { "monitor", "decisions are recorded only (mode monitor)" },
		{ "grace", "it has time to come into order" },
		{ "brake", "the brake holds its demotion, with others (pratique brake)" },
		{ "dismissed", "an operator discarded its demotion (pratique brake)" } };
	const char *by = ctl_string(place, "kept_by"), *until = ctl_string(place, "kept_until");
	char ago[CTL_AGO_SIZE];
	for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++)
		if (strcmp(by, reasons[i].by) == 0)
			print_line(TEXT_YELLOW, "would be      %s; %s%s%s", ctl_string(place, "would_be"),
			        reasons[i].words, *until ? ", ends " : "",
			        *until ? ctl_ago(until, now, ago) : "");
}

static void print_places(const json_t *node, time_ms now)
{
	char ago[CTL_AGO_SIZE];
	size_t i;
	json_t *place;
	json_array_foreach(json_object_get(node, "attachments"), i, place) {
		print_line(NULL, "attached to   %s/%s, %s, segment %s until %s%s",
		        ctl_string(place, "enforcement_point"), ctl_string(place, "port"),
		        ctl_string(place, "mac"), ctl_string(place, "segment"),
		        ctl_ago(ctl_string(place, "expires"), now, ago),
		        ctl_boolean(place, "connected") ? ", connected" : "");
		print_kept(place, now);
	}
}

static void print_sources(const json_t *node)
{
	size_t i;
	json_t *s;
	json_array_foreach(json_object_get(node, "sources"), i, s) {
		const char *state = ctl_string(s, "state"), *source = ctl_string(s, "source");
		const bool held = strcmp(state, "held") == 0;
		print_line(held ? NULL : TEXT_YELLOW, "names         %s for %s%s: %s%s%s",
		        ctl_string(s, "url"), ctl_string(s, "package"),
		        ctl_integer(s, "packages") > 1 ? " and others" : "", state, *source ? " as " : "",
		        source);
	}
}

static void print_node(const json_t *node)
{
	const json_t *decision = json_object_get(node, "decision"),
	             *findings = json_object_get(decision, "findings");
	time_ms now = clock_wall_ms();
	char ago[CTL_AGO_SIZE];
	const char *state = ctl_string(node, "state");
	bool good = strcmp(state, "compliant") == 0;
	print_line(good ? TEXT_GREEN : TEXT_RED, "%s is %s, in the segment %s", ctl_string(node, "name"),
	        state, ctl_string(node, "segment"));
	if (*ctl_string(node, "role"))
		printf("role          %s\n", ctl_string(node, "role"));
	print_places(node, now);
	print_sources(node);
	if (ctl_boolean(node, "revoked"))
		print_line(TEXT_RED, "revoked       %s", ctl_string(node, "revoked_reason"));
	if (!json_is_object(decision)) {
		puts("It was never inspected.");
		return;
	}
	const char *would_be = ctl_string(decision, "would_be");
	print_line(NULL, "decided       %s because of %s: %s%s%s",
	        ctl_ago(ctl_string(decision, "made"), now, ago), ctl_string(decision, "cause"),
	        *would_be ? would_be : ctl_string(decision, "segment"), *would_be ? "; it stays in " : "",
	        *would_be ? ctl_string(decision, "segment") : "");
	print_line(NULL, "decided by    %s", ctl_string(decision, "rule"));
	print_line(NULL, "policy        %s, advisories of generation %lld",
	        ctl_string(decision, "policy_fingerprint"),
	        (long long)ctl_integer(decision, "advisory_generation"));
	print_line(NULL, "findings      %lld", (long long)ctl_integer(decision, "n_findings"));
	print_findings(findings);
}

int ctl_explain(int argc, char **argv)
{
	struct ctl_asking a = { 0 };
	char **names;
	json_t *j;
	int code = ctl_asking_parse(&a, &explain_line, argc, argv, &names);
	if (code != COMMAND_GO_ON)
		return code;
	char *path FREE_ON_EXIT = ctl_node_path(names[0], "");
	code = ctl_ask(&a, "GET", path, NULL, &j);
	if (code != CTL_OK)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		print_node(j);
	json_decref(j);
	return CTL_OK;
}
