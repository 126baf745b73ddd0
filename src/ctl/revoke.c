/* SPDX-License-Identifier: ISC */
/* pratique revoke */
#include "ctl/client.h"

int ctl_revoke(int argc, char **argv)
{
	struct ctl_asking a = { 0 };
	const char *reason = "";
	const struct command_option options[] = { { 'r', "reason", "TEXT", "for the records", COMMAND_TEXT,
		&reason } };
	const struct command_line line = {
		.words = "revoke",
		.synopsis = "[OPTIONS] NODE",
		.about = "Takes a node's admission away: it falls into the default segment at once, its "
		         "connections end,\n"
		         "and its certificates are refused from now on. A new enrolment makes the name good "
		         "again, for\n"
		         "the new key.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Examples:\n"
		           "  pratique revoke bob --reason \"laptop stolen\"",
		.least = 1,
		.most = 1,
		.argument = "one NODE",
	};
	char **names;
	json_t *j;
	int code = ctl_asking_parse(&a, &line, argc, argv, &names);
	if (code != COMMAND_GO_ON)
		return code;
	char *path FREE_ON_EXIT = ctl_node_path(names[0], "/revoke");
	code = ctl_ask(&a, "POST", path, json_pack("{s:s}", "reason", reason), &j);
	if (code != CTL_OK)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		printf("%s is revoked; connections ended: %lld\n", names[0],
		        (long long)ctl_integer(j, "connections_ended"));
	json_decref(j);
	return CTL_OK;
}
