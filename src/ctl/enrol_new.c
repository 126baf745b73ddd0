/* SPDX-License-Identifier: ISC */
/* pratique enrol --new: a one-time token with which a node (or another part of the site) gets its
 * certificate. */
#include "ctl/client.h"

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
	struct ctl_asking a = { 0 };
	const char *name = NULL, *role = "node";
	int64_t ttl = 3600000;
	bool replace = false;
	const struct command_option options[] = {
		{ 0, "new", "NAME", "whose certificate it is good for", COMMAND_TEXT, &name },
		{ 0, "role", "ROLE",
		        "node (default), server, enforcer, vis, monitor, concentrator or operator",
		        COMMAND_TEXT, &role },
		{ 0, "replace", NULL,
		        "it may have another key from now on; the one that it has is refused then",
		        COMMAND_FLAG, &replace },
		{ 0, "ttl", "DURATION", "how long it is good; default \"1 hour\"", COMMAND_DURATION, &ttl },
	};
	const struct command_line line = {
		.words = "enrol",
		.synopsis = "--new NAME [OPTIONS]",
		.about = "Makes a one-time token for NAME and prints it, this once: the server keeps its "
		         "hash only.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Examples:\n"
		           "  pratique enrol --new alice\n"
		           "  pratique enrol --new gateway --role enforcer --ttl \"10 min\"",
		.argument = "no argument but --new NAME",
	};
	int code = ctl_asking_parse(&a, &line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	return print_token(&a,
	        json_pack("{s:s, s:s, s:I, s:b}", "name", name, "role", role, "ttl_ms", (json_int_t)ttl,
	                "replace", replace));
}
