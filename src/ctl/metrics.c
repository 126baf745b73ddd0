/* SPDX-License-Identifier: ISC */
/* pratique metrics: what a daemon counts, for a monitoring system. */
#include "ctl/client.h"

#include <string.h>

static const struct command_line metrics_line = {
	.words = "metrics",
	.synopsis = "[OPTIONS]",
	.about = "Prints what the server counts, in Prometheus' text format; with --socket that of another "
	         "daemon on\n"
	         "this host: of pratique-softwire its API, of pratique-vis the socket that --metrics names. "
	         "What\n"
	         "enforcers count is among the server's.",
	.closing = "Examples:\n"
	           "  pratique metrics | grep refused\n"
	           "  pratique metrics --socket /run/pratique/vis-metrics.sock > "
	           "/var/lib/node_exporter/vis.prom",
};

int ctl_metrics(int argc, char **argv)
{
	struct ctl_asking a = { 0 };
	char *text;
	size_t length;
	int code = ctl_asking_parse(&a, &metrics_line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	if (strcmp(a.socket, CTL_SOCKET) != 0)
		a.hint = "; is the daemon running whose socket it is?";
	if (a.json)
		return ctl_usage(
		        "metrics", "the format is Prometheus' own; for JSON see pratique status --json");
	code = ctl_ask_text(&a, "GET", "/metrics", NULL, &text, &length);
	if (code != CTL_OK)
		return code;
	bool written = fwrite(text, 1, length, stdout) == length;
	free(text);
	return written ? CTL_OK : ctl_fail("metrics", "cannot write the output");
}
