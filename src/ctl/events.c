/* SPDX-License-Identifier: ISC */
/* pratique events: what happened, and with --follow what happens. */
#include "ctl/client.h"
#include "ctl/text_table.h"
#include "net/http_client.h"

#include <getopt.h>
#include <string.h>

static const char events_help[] =
        "usage: pratique events [OPTIONS]\n\n"
        "Shows the newest events, oldest first.\n\n"
        "  -f, --follow        go on with what happens\n"
        "  -n, --lines N       how many old ones; default 20\n" CTL_SOCKET_HELP
        "  -j, --json          one JSON object a line\n" CTL_HELP_HELP "\nExamples:\n"
        "  pratique events --lines 100\n"
        "  pratique events --follow --json | jq -r 'select(.kind == \"placement\") | .text'\n";

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

static int read_lines(const char *text, long *ret)
{
	char *end;
	*ret = strtol(text, &end, 10);
	return end == text || *end || *ret < 0 || *ret > 10000
	        ? ctl_usage("events", "--lines is a number from 0 to 10000")
	        : CTL_OK;
}

int ctl_events(int argc, char **argv)
{
	static const struct option options[] = { CTL_ASKING_LONG, { "follow", no_argument, NULL, 'f' },
		{ "lines", required_argument, NULL, 'n' }, { NULL, 0, NULL, 0 } };
	struct ctl_asking a = { .words = "events", .help = events_help, .socket = CTL_SOCKET };
	struct error err = { "" };
	bool done = false, following = false;
	long lines = 20;
	int option;
	while ((option = getopt_long(argc, argv, CTL_ASKING_SHORT "fn:", options, NULL)) != -1) {
		int code = CTL_OK;
		if (option == 'f')
			following = true;
		else if (option == 'n')
			code = read_lines(optarg, &lines);
		else
			code = ctl_asking_option(&a, option, optarg, &done);
		if (code != CTL_OK || done)
			return code;
	}
	if (optind != argc)
		return ctl_usage("events", "takes no arguments");
	char *path FREE_ON_EXIT = xasprintf("/v1/events?limit=%ld&follow=%d", lines, following);
	const struct http_call call = { .unix_path = a.socket, .method = "GET", .path = path };
	return http_follow(&call, print_event, &a, &err) < 0 ? ctl_fail("events", "%s", err.text) : CTL_OK;
}
