/* SPDX-License-Identifier: ISC */
/* `pratique-agent run`: the options, and into the collector. */
#include "agent/agent.h"
#include "agent/collector.h"
#include "base/command_line.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

static void report(const char *text)
{
	fprintf(stderr, "pratique-agent run: %s\n", text);
}

/* The settings and examples, for the end of the help; caller frees. */
static char *closing_text(void)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		abort();
	fputs("Settings:\n", out);
	agent_options_describe(out);
	fputs("\nExamples:\n"
	      "  pratique-agent run --config /etc/pratique/agent.conf\n"
	      "  pratique-agent run --set 'server=[2001:db8::10]:271' --set server_name=server.example\n"
	      "  pratique-agent run --config agent.conf --set 'remediate=apt-get -y upgrade'",
	        out);
	fclose(out);
	return text;
}

int agent_run(int argc, char **argv)
{
	char *closing FREE_ON_EXIT = closing_text();
	const char *config = NULL;
	struct command_texts settings = { .n = 0 };
	const struct command_option list[] = {
		{ 0, "config", "FILE", "lines of NAME = VALUE, # starts a comment", COMMAND_TEXT, &config },
		{ 0, "set", "NAME=VALUE", "wins over the file; may be repeated", COMMAND_TEXTS, &settings },
	};
	const struct command_line line = {
		.program = "pratique-agent",
		.words = "run",
		.synopsis = "[--config FILE] [--set NAME=VALUE]...",
		.about = "Keeps this host inspected: connects to the server, presents the host's posture, "
		         "watches for\n"
		         "change, and is inspected again when something changed, when the server asks, and "
		         "before its\n"
		         "certificate expires. Runs in the foreground; one process reads the host as root, "
		         "another one\n"
		         "without privileges talks to the server. SIGHUP makes it read key and certificate "
		         "again.",
		.options = list,
		.n_options = ARRAY_LENGTH(list),
		.closing = closing,
	};
	struct agent_options options = { 0 };
	struct error err;
	int code = command_line_parse(&line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	if (agent_options_load(config, settings.items, &options, report, &err) < 0) {
		agent_options_clear(&options);
		return AGENT_USAGE;
	}
	log_open("pratique-agent", options.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	code = collector_run(&options) == 0 ? AGENT_OK : AGENT_FAILURE;
	agent_options_clear(&options);
	return code;
}
