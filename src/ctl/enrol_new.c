/* SPDX-License-Identifier: ISC */
/* pratique enrol --new: a one-time token with which a node (or another part of the site) gets its
 * certificate. */
#include "base/config.h"
#include "ctl/client.h"

#include <getopt.h>

static const char enrol_help[] =
        "usage: pratique enrol --new NAME [OPTIONS]\n\n"
        "Makes a one-time token for NAME and prints it, this once: the server keeps its hash only.\n\n"
        "      --new NAME      whose certificate it is good for\n"
        "      --role ROLE     node (default), server, enforcer, vis, monitor, concentrator or operator\n"
        "      --ttl DURATION  how long it is good; default \"1 hour\"\n" CTL_SOCKET_HELP CTL_JSON_HELP
                CTL_HELP_HELP "\nExamples:\n"
        "  pratique enrol --new alice\n"
        "  pratique enrol --new gateway --role enforcer --ttl \"10 min\"\n";

static int print_token(const struct ctl_asking *a, json_t *body)
{
	json_t *j;
	int code = ctl_ask(a, "POST", "/v1/tokens", body, &j);
	if (code != CTL_OK)
		return code;
	if (a->json) {
		ctl_print_json(j);
	} else {
		fprintf(stderr, "token for %s (%s), good once until %s:\n", ctl_string(j, "name"),
		        ctl_string(j, "role"), ctl_string(j, "expires"));
		puts(ctl_string(j, "token"));
	}
	json_decref(j);
	return CTL_OK;
}

int ctl_enrol_new(int argc, char **argv)
{
	static const struct option options[] = { CTL_ASKING_LONG, { "new", required_argument, NULL, 'n' },
		{ "role", required_argument, NULL, 'r' }, { "ttl", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 } };
	struct ctl_asking a = { .words = "enrol", .help = enrol_help, .socket = CTL_SOCKET };
	const char *name = NULL, *role = "node";
	int64_t ttl = 3600000;
	bool done = false;
	int option;
	while ((option = getopt_long(argc, argv, CTL_ASKING_SHORT, options, NULL)) != -1) {
		int code = CTL_OK;
		if (option == 'n')
			name = optarg;
		else if (option == 'r')
			role = optarg;
		else if (option == 't' && config_parse_duration(optarg, &ttl) < 0)
			code = ctl_usage(
			        "enrol", "--ttl: \"%s\" is not a duration such as \"10 min\"", optarg);
		else if (option != 't')
			code = ctl_asking_option(&a, option, optarg, &done);
		if (code != CTL_OK || done)
			return code;
	}
	if (!name || optind != argc)
		return ctl_usage("enrol", "--new NAME is wanted, and no other argument");
	return print_token(
	        &a, json_pack("{s:s, s:s, s:I}", "name", name, "role", role, "ttl_ms", (json_int_t)ttl));
}
