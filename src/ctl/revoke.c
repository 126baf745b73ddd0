/* SPDX-License-Identifier: ISC */
/* pratique revoke */
#include "ctl/client.h"

#include <getopt.h>

static const char revoke_help[] =
        "usage: pratique revoke [OPTIONS] NODE\n\n"
        "Takes a node's admission away: it falls into the default segment at once, its connections end, and\n"
        "its certificates are refused from now on. A new enrolment makes the name good again, for the new "
        "key.\n\n"
        "  -r, --reason TEXT   for the records\n" CTL_SOCKET_HELP CTL_JSON_HELP CTL_HELP_HELP "\nExamples:\n"
        "  pratique revoke bob --reason \"laptop stolen\"\n";

int ctl_revoke(int argc, char **argv)
{
	static const struct option options[] = { CTL_ASKING_LONG, { "reason", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 } };
	struct ctl_asking a = { .words = "revoke", .help = revoke_help, .socket = CTL_SOCKET };
	const char *reason = "";
	bool done = false;
	json_t *j;
	int option;
	while ((option = getopt_long(argc, argv, CTL_ASKING_SHORT "r:", options, NULL)) != -1) {
		int code = CTL_OK;
		if (option == 'r')
			reason = optarg;
		else
			code = ctl_asking_option(&a, option, optarg, &done);
		if (code != CTL_OK || done)
			return code;
	}
	if (argc - optind != 1)
		return ctl_usage("revoke", "takes one NODE");
	char *path FREE_ON_EXIT = ctl_node_path(argv[optind], "/revoke");
	int code = ctl_ask(&a, "POST", path, json_pack("{s:s}", "reason", reason), &j);
	if (code != CTL_OK)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		printf("%s is revoked; connections ended: %lld\n", argv[optind],
		        (long long)ctl_integer(j, "connections_ended"));
	json_decref(j);
	return CTL_OK;
}
