/* SPDX-License-Identifier: ISC */
/* pratique status, pratique reload */
#include "ctl/client.h"
#include "ctl/text_table.h"

#include <string.h>

static const struct command_line status_line = {
	.words = "status",
	.synopsis = "[OPTIONS]",
	.about = "Shows whether all parts are well, how many attachments are in which segment, what was "
	         "refused, and\n"
	         "how much of each limit is used.",
	.closing = "Examples:\n"
	           "  pratique status\n"
	           "  pratique status --all\n"
	           "  pratique status --json | jq .counters",
};

static void print_segments(const json_t *status)
{
	static const char *const headings[] = { "SEGMENT", "LEVEL", "ATTACHMENTS", NULL };
	struct text_table *t = text_table_new(headings);
	size_t i;
	json_t *s;
	json_array_foreach(json_object_get(status, "segments"), i, s) {
		text_table_cell(t, NULL, "%s%s", ctl_string(s, "name"),
		        ctl_boolean(s, "default") ? " (default)" : "");
		text_table_cell(t, NULL, "%lld", (long long)ctl_integer(s, "level"));
		text_table_cell(t, NULL, "%lld", (long long)ctl_integer(s, "attachments"));
	}
	text_table_print(t, stdout);
}

static void print_enforcers(const json_t *status, time_ms now)
{
	static const char *const headings[] = { "ENFORCER", "CONNECTED", "ELEMENTS", "BEHIND", "LATENCY P50",
		"P99", NULL };
	struct text_table *t = text_table_new(headings);
	char ago[CTL_AGO_SIZE];
	size_t i;
	json_t *e;
	json_array_foreach(json_object_get(status, "enforcers"), i, e) {
		bool behind = ctl_integer(e, "sent") > ctl_integer(e, "acknowledged");
		text_table_cell(t, TEXT_GREEN, "%s", ctl_string(e, "name"));
		text_table_cell(t, NULL, "%s", ctl_ago(ctl_string(e, "connected"), now, ago));
		text_table_cell(t, NULL, "%lld", (long long)ctl_integer(e, "elements"));
		text_table_cell(t, behind ? TEXT_YELLOW : NULL, "%s", behind ? "yes" : "no");
		text_table_cell(t, NULL, "%.2f ms", (double)ctl_integer(e, "latency_us_p50") / 1000);
		text_table_cell(t, NULL, "%.2f ms", (double)ctl_integer(e, "latency_us_p99") / 1000);
	}
	text_table_print(t, stdout);
	if (json_array_size(json_object_get(status, "enforcers")) == 0) {
		text_print(stdout, TEXT_RED, "no enforcer is connected");
		putchar('\n');
	}
}

static void print_stale(const json_t *sources, time_ms now)
{
	char ago[CTL_AGO_SIZE];
	size_t i;
	json_t *source;
	json_array_foreach(sources, i, source) {
		const char *loaded = ctl_string(source, "loaded");
		if (!ctl_boolean(source, "stale"))
			continue;
		text_print(stdout, TEXT_YELLOW, "stale        source %s, %s%s", ctl_string(source, "name"),
		        *loaded ? "last loaded " : "never loaded", *loaded ? ctl_ago(loaded, now, ago) : "");
		putchar('\n');
	}
}

static void print_advisories(const json_t *a, time_ms now)
{
	char ago[CTL_AGO_SIZE];
	if (!ctl_boolean(a, "available")) {
		text_print(stdout, TEXT_RED, "advisories   none: nobody is admitted who needs them");
		putchar('\n');
		return;
	}
	printf("advisories   %lld, generation %lld, updated %s\n", (long long)ctl_integer(a, "count"),
	        (long long)ctl_integer(a, "generation"), ctl_ago(ctl_string(a, "updated"), now, ago));
	print_stale(json_object_get(a, "sources"), now);
	text_print(stdout, ctl_boolean(a, "vis_connected") ? NULL : TEXT_YELLOW, "vis          %s",
	        ctl_boolean(a, "vis_connected") ? "connected" : "not connected");
	putchar('\n');
}

static bool is_refusal(const char *name)
{
	static const char *const words[] = { "refused", "failures", "failed", "timed_out", "errors",
		"dropped", "late", "unproven", "shared", "limited" };
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (strstr(name, words[i]))
			return true;
	return false;
}

/* All, or those that say that something was refused or went wrong, where they are not zero. */
static void print_counters(const json_t *counters, bool all)
{
	const char *key;
	json_t *value;
	bool any = false;
	json_object_foreach((json_t *)(uintptr_t)counters, key, value) {
		if (!all && (!is_refusal(key) || !json_integer_value(value)))
			continue;
		printf("  %-28s %lld\n", key, (long long)json_integer_value(value));
		any = true;
	}
	if (!any)
		puts("  nothing");
}

/* All, or those of which more than half is used. */
static void print_limits(const json_t *limits, bool all)
{
	static const char *const headings[] = { "LIMIT", "USED", "OF", NULL };
	struct text_table *t = text_table_new(headings);
	size_t i;
	json_t *l;
	json_array_foreach(limits, i, l) {
		json_int_t used = ctl_integer(l, "used"), limit = ctl_integer(l, "limit");
		if (!all && used <= limit / 2)
			continue;
		text_table_cell(t, NULL, "%s", ctl_string(l, "name"));
		text_table_cell(t,
		        used > limit / 10 * 9      ? TEXT_RED
		                : used > limit / 2 ? TEXT_YELLOW
		                                   : NULL,
		        "%lld", (long long)used);
		text_table_cell(t, NULL, "%lld", (long long)limit);
	}
	text_table_print(t, stdout);
}

static void print_waivers(const json_t *waivers, time_ms now)
{
	char ago[CTL_AGO_SIZE];
	size_t i;
	json_t *w;
	json_array_foreach(waivers, i, w) {
		const char *state = ctl_string(w, "state");
		const bool is_fine = strcmp(state, "in force") == 0;
		text_print(stdout, is_fine ? NULL : TEXT_YELLOW, "waived       %s by %s, %s %s",
		        ctl_string(w, "what"), ctl_string(w, "owner"), is_fine ? "ends" : state,
		        ctl_ago(ctl_string(w, "until"), now, ago));
		putchar('\n');
	}
}

/* What is not as the policy decides, and by whose word. */
static void print_bad_days(const json_t *j, const json_t *policy, time_ms now)
{
	const char *watched = ctl_string(policy, "monitor");
	if (*watched) {
		text_print(stdout, TEXT_YELLOW,
		        "mode         monitor: decisions are recorded only, who has no segment is in %s",
		        watched);
		putchar('\n');
	}
	if (ctl_integer(j, "held")) {
		text_print(stdout, TEXT_RED, "brake        holds %lld demotions: pratique brake",
		        (long long)ctl_integer(j, "held"));
		putchar('\n');
	}
	print_waivers(json_object_get(policy, "waivers"), now);
}

/* What was dropped above a segment's rate, by all enforcers. */
static void print_limited(const json_t *enforcer)
{
	size_t i;
	json_t *s;
	json_array_foreach(json_object_get(enforcer, "segments"), i, s) {
		if (ctl_integer(s, "limited_packets"))
			printf("  above the rate of %-10s %lld packets, %lld bytes\n",
			        ctl_string(s, "segment"), (long long)ctl_integer(s, "limited_packets"),
			        (long long)ctl_integer(s, "limited_bytes"));
	}
}

static void print_enforcer_counters(const json_t *status, bool all)
{
	size_t i;
	json_t *e;
	json_array_foreach(json_object_get(status, "enforcers"), i, e) {
		printf(all ? "\ncounted by %s:\n" : "\nrefused or failed at %s:\n", ctl_string(e, "name"));
		print_counters(json_object_get(e, "counters"), all);
		print_limited(e);
		print_limits(json_object_get(e, "limits"), all);
	}
}

/* Of certificates those that near their end, or all. */
static void print_certificates(const json_t *certificates, bool all, time_ms now)
{
	char ago[CTL_AGO_SIZE];
	size_t i;
	json_t *c;
	json_array_foreach(certificates, i, c) {
		bool near = ctl_boolean(c, "near");
		if (!near && !all)
			continue;
		text_print(stdout, near ? TEXT_RED : NULL, "certificate  of %s %s ends %s",
		        ctl_string(c, "role"), ctl_string(c, "name"),
		        ctl_ago(ctl_string(c, "expires"), now, ago));
		putchar('\n');
	}
}

static void print_status(const json_t *j, bool all)
{
	const json_t *policy = json_object_get(j, "policy"), *nodes = json_object_get(j, "nodes");
	time_ms now = clock_wall_ms();
	char ago[CTL_AGO_SIZE];
	text_print(stdout, TEXT_BOLD, "server       %s, pratique %s, started %s", ctl_string(j, "name"),
	        ctl_string(j, "version"), ctl_ago(ctl_string(j, "started"), now, ago));
	printf("\npolicy       %s, loaded %s\n", ctl_string(policy, "fingerprint"),
	        ctl_ago(ctl_string(policy, "loaded"), now, ago));
	print_bad_days(j, policy, now);
	print_certificates(json_object_get(j, "certificates"), all, now);
	print_advisories(json_object_get(j, "advisories"), now);
	printf("nodes        %lld known, %lld connected\n", (long long)ctl_integer(nodes, "known"),
	        (long long)ctl_integer(nodes, "connected"));
	if (ctl_integer(j, "judgements_waiting"))
		printf("judgements   %lld nodes wait to be judged again\n",
		        (long long)ctl_integer(j, "judgements_waiting"));
	putchar('\n');
	print_segments(j);
	putchar('\n');
	print_enforcers(j, now);
	puts(all ? "\ncounted since the start:" : "\nrefused or failed since the start:");
	print_counters(json_object_get(j, "counters"), all);
	putchar('\n');
	print_limits(json_object_get(j, "limits"), all);
	print_enforcer_counters(j, all);
}

int ctl_status(int argc, char **argv)
{
	struct ctl_asking a = { 0 };
	bool all = false;
	const struct command_option options[] = { { 'a', "all", NULL, "every counter and every limit",
		COMMAND_FLAG, &all } };
	struct command_line line = status_line;
	json_t *j;
	line.options = options;
	line.n_options = ARRAY_LENGTH(options);
	int code = ctl_asking_get(&a, &line, argc, argv, "/v1/status", &j);
	if (!j)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		print_status(j, all);
	json_decref(j);
	return CTL_OK;
}

static const struct command_line reload_line = {
	.words = "reload",
	.synopsis = "[OPTIONS]",
	.about = "Makes the server read its policy again and judge every node by it. A policy with errors "
	         "changes\n"
	         "nothing.",
	.closing = "Examples:\n"
	           "  pratique policy check /etc/pratique/policy && pratique reload",
};

int ctl_reload(int argc, char **argv)
{
	struct ctl_asking a = { 0 };
	json_t *j;
	int code = ctl_asking_parse(&a, &reload_line, argc, argv, NULL);
	if (code != COMMAND_GO_ON || (code = ctl_ask(&a, "POST", "/v1/reload", NULL, &j)) != CTL_OK)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		printf("policy %s is in force\n", ctl_string(j, "fingerprint"));
	json_decref(j);
	return CTL_OK;
}
