/* SPDX-License-Identifier: ISC */
/* `pratique-agent status`: where this host is, until when, and what to do about it. */
#include "agent/agent.h"
#include "agent/options.h"
#include "agent/status.h"
#include "base/command_line.h"
#include "base/file.h"
#include "posture/posture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define STATUS_FILE "/run/pratique/agent-status.json"

/* What servers said ends on a terminal here: control characters are taken out when it is read. */
static void make_harmless(json_t *j)
{
	const char *key;
	json_t *value;
	size_t i;
	json_object_foreach(j, key, value)
		make_harmless(value);
	json_array_foreach(j, i, value)
		make_harmless(value);
	if (json_is_string(j)) {
		struct posture *scratch = posture_new();
		(void)json_string_set(
		        j, posture_string_n(scratch, json_string_value(j), json_string_length(j)));
		posture_free(scratch);
	}
}

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(object, key));
	return s && *s ? s : otherwise;
}

static void print_list(const json_t *list, const char *label)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		printf("  %-9s %s\n", i == 0 ? label : "", text ? text : "");
	}
}

static void print_attachment(const json_t *e)
{
	const json_t *result = json_object_get(e, "result"), *decision = json_object_get(result, "decision");
	bool connected = json_is_true(json_object_get(e, "connected"));
	printf("%s: %s %s since %s\n", text_of(e, "interface", "default interface"),
	        connected ? "connected to" : "not connected to", text_of(e, "server", "any server"),
	        text_of(e, "since", "the start"));
	if (!connected && *text_of(e, "reason", ""))
		printf("  %-9s %s\n", "because", text_of(e, "reason", ""));
	if (!result) {
		puts("  not inspected yet");
		return;
	}
	printf("  %-9s %s (access %s), decided %s\n", "segment", text_of(decision, "segment", "not told"),
	        text_of(result, "recommendation", "not told"), text_of(e, "decided", "at an unknown time"));
	if (*text_of(decision, "would_be", ""))
		printf("  %-9s %s, kept by %s until %s\n", "would be", text_of(decision, "would_be", ""),
		        text_of(decision, "kept_by", "the server"),
		        text_of(decision, "kept_until", "something changes"));
	printf("  %-9s %s, next inspection %s\n", "until", text_of(decision, "expires", "no time"),
	        text_of(decision, "next_inspection", "not planned"));
	print_list(json_object_get(result, "reasons"), "reasons");
	print_list(json_object_get(result, "remediation"), "to do");
}

static void print_certificate(const json_t *c)
{
	if (!c)
		return;
	printf("certificate of %s until %s, to be renewed from %s\n", text_of(c, "node", "nobody"),
	        text_of(c, "expires", "no time"), text_of(c, "due", "no time"));
	if (*text_of(c, "warning", ""))
		printf("  %-9s %s\n", "warning", text_of(c, "warning", ""));
	if (*text_of(c, "failure", ""))
		printf("  %-9s %s; again %s\n", "because", text_of(c, "failure", ""),
		        text_of(c, "next", "later"));
}

/* The agent removes its file when it ends; after a sudden death the file stays, and the process does not. */
static bool is_running(const json_t *json)
{
	json_int_t pid = json_integer_value(json_object_get(json, "pid"));
	return pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

static int show(const json_t *json, bool as_json)
{
	const json_t *list = json_object_get(json, "attachments");
	if (!is_running(json))
		return agent_fail("status", "the agent is not running; its last word is of %s",
		        text_of(json, "updated", "an unknown time"));
	if (as_json) {
		if (json_dumpf(json, stdout, JSON_INDENT(2)) < 0)
			return agent_fail("status", "cannot write the output");
		putchar('\n');
		return AGENT_OK;
	}
	make_harmless(json_object_get(json, "attachments"));
	make_harmless(json_object_get(json, "certificate"));
	if (json_array_size(list) == 0)
		puts("no connection has been tried yet");
	for (size_t i = 0; i < json_array_size(list); i++)
		print_attachment(json_array_get(list, i));
	print_certificate(json_object_get(json, "certificate"));
	return AGENT_OK;
}

int agent_status(int argc, char **argv)
{
	const char *file = STATUS_FILE;
	bool as_json = false;
	const struct command_option options[] = {
		{ 0, "file", "FILE", "the agent's status_file, where it is not " STATUS_FILE, COMMAND_TEXT,
		        &file },
		{ 'j', "json", NULL, "as one JSON object", COMMAND_FLAG, &as_json },
	};
	const struct command_line line = {
		.program = "pratique-agent",
		.words = "status",
		.synopsis = "[--file FILE] [--json]",
		.about = "Shows what the running agent knows: its connections, the segment that this host is "
		         "in and until\n"
		         "when, the findings against it, and what to do about each.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Examples:\n"
		           "  pratique-agent status\n"
		           "  pratique-agent status --json | jq -r '.attachments[].result.decision.segment'",
	};
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	struct error err;
	json_error_t where;
	int code = command_line_parse(&line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	code = file_read(file, STATUS_FILE_MAX, &text, &length, &err);
	if (code == -ENOENT)
		return agent_fail("status", "the agent is not running (there is no %s)", file);
	if (code < 0)
		return agent_fail("status", "%s", err.text);
	json_t *json = json_loadb(text, length, 0, &where);
	code = json ? show(json, as_json) : agent_fail("status", "%s: %s", file, where.text);
	json_decref(json);
	return code;
}
