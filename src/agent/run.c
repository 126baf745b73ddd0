/* SPDX-License-Identifier: ISC */
/* `pratique-agent run`: the options, and into the collector. */
#include "agent/agent.h"
#include "agent/collector.h"
#include "base/log.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define SETTINGS_MAX 64

struct run_options {
	const char *config;
	const char *settings[SETTINGS_MAX + 1]; /* NULL-terminated */
	size_t n_settings;
};

static void print_help(FILE *out)
{
	fputs("usage: pratique-agent run [--config FILE] [--set NAME=VALUE]...\n\n"
	      "Keeps this host inspected: connects to the server, presents the host's posture, watches for "
	      "change, and\n"
	      "is inspected again when something changed, when the server asks, and before its certificate "
	      "expires.\n"
	      "Runs in the foreground; one process reads the host as root, another one without privileges "
	      "talks to the\n"
	      "server. SIGHUP makes it read key and certificate again.\n\n"
	      "Options:\n"
	      "      --config FILE     lines of NAME = VALUE, # starts a comment\n"
	      "      --set NAME=VALUE  wins over the file; may be repeated\n"
	      "  -h, --help            this text\n\n"
	      "Settings:\n",
	        out);
	agent_options_describe(out);
	fputs("\nExamples:\n"
	      "  pratique-agent run --config /etc/pratique/agent.conf\n"
	      "  pratique-agent run --set 'server=[2001:db8::10]:271' --set server_name=server.example\n"
	      "  pratique-agent run --config agent.conf --set 'remediate=apt-get -y upgrade'\n",
	        out);
}

/* 0 to go on, else the exit code (negative: done with success). */
static int parse_options(int argc, char **argv, struct run_options *ret)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' },
		{ "set", required_argument, NULL, 's' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	int c;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			ret->config = optarg;
			break;
		case 's':
			if (ret->n_settings == SETTINGS_MAX)
				return agent_usage("run", "--set more than %d times", SETTINGS_MAX);
			ret->settings[ret->n_settings++] = optarg;
			break;
		case 'h':
			print_help(stdout);
			return -1;
		default:
			return agent_usage("run", "wrong option");
		}
	}
	return optind < argc ? agent_usage("run", "no argument is taken: %s", argv[optind]) : 0;
}

static void report(const char *text)
{
	fprintf(stderr, "pratique-agent run: %s\n", text);
}

int agent_run(int argc, char **argv)
{
	struct run_options run = { 0 };
	struct agent_options options = { 0 };
	struct error err;
	int code = parse_options(argc, argv, &run);
	if (code != 0)
		return MAX(code, 0);
	if (agent_options_load(run.config, run.settings, &options, report, &err) < 0) {
		agent_options_clear(&options);
		return AGENT_USAGE;
	}
	log_open("pratique-agent", options.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	code = collector_run(&options) == 0 ? AGENT_OK : AGENT_FAILURE;
	agent_options_clear(&options);
	return code;
}
