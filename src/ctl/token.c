/* SPDX-License-Identifier: ISC */
/* pratique token new, list, revoke: who may use the API over the network. */
#include "base/config.h"
#include "ctl/client.h"
#include "ctl/text_table.h"

/* "30 days" from now, or a time: as the API wants it. NULL where it is neither. Caller frees. */
static char *expiry_text(const char *text)
{
	char formatted[CLOCK_TEXT_SIZE];
	int64_t span;
	time_ms at;
	if (config_parse_duration(text, &span) == 0)
		at = clock_wall_ms() + span;
	else if (clock_parse(text, &at) < 0)
		return NULL;
	return xstrdup(clock_format(at, formatted));
}

static int make_token(const struct ctl_asking *a, const char *name, const char *role, const char *expires)
{
	json_t *j;
	int code = ctl_ask(a, "POST", "/v1/api-tokens",
	        json_pack("{s:s, s:s, s:s?}", "name", name, "role", role, "expires", expires), &j);
	if (code != CTL_OK)
		return code;
	if (a->json) {
		ctl_print_json(j);
	} else {
		const char *until = ctl_string(j, "expires");
		fprintf(stderr, "token %s (%s), good until %s:\n", ctl_string(j, "name"),
		        ctl_string(j, "role"), *until ? until : "it is revoked");
		puts(ctl_string(j, "token"));
	}
	json_decref(j);
	return CTL_OK;
}

int ctl_token_new(int argc, char **argv)
{
	struct ctl_asking a = { 0 };
	const char *name = NULL, *role = NULL, *expires = NULL;
	const struct command_option options[] = {
		{ 'n', "name", "NAME", "whose it is", COMMAND_TEXT, &name, 1 },
		{ 'r', "role", "ROLE", "viewer, operator or admin", COMMAND_TEXT, &role, 1 },
		{ 'e', "expires", "WHEN",
		        "a time, or how long it is good (\"90 days\"); default: until it is revoked",
		        COMMAND_TEXT, &expires },
	};
	const struct command_line line = {
		.words = "token new",
		.synopsis = "--name NAME --role ROLE [OPTIONS]",
		.about = "Makes a token for the API over the network and prints it, this once: the server "
		         "keeps its hash\n"
		         "only. A viewer sees, an operator also orders about nodes, an admin also decides "
		         "who may.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Examples:\n"
		           "  (umask 077; pratique token new --name prometheus --role viewer > "
		           "prometheus.token)\n"
		           "  pratique token new --name alice --role operator --expires \"90 days\"",
	};
	int code = ctl_asking_parse(&a, &line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	char *until FREE_ON_EXIT = expires ? expiry_text(expires) : NULL;
	if (expires && !until)
		return ctl_usage("token new", "--expires: \"%s\" is no time and no duration", expires);
	return make_token(&a, name, role, until);
}

static const struct command_line list_line = {
	.words = "token list",
	.synopsis = "[OPTIONS]",
	.about = "Lists the tokens for the API: what they may, who made them, until when they are good, and "
	         "when they\n"
	         "were last used since the server started.",
	.closing = "Examples:\n"
	           "  pratique token list",
};

static void print_tokens(const json_t *j)
{
	static const char *const headings[] = { "TOKEN", "ROLE", "MADE", "BY", "EXPIRES", "LAST USED", NULL };
	struct text_table *table = text_table_new(headings);
	char ago[CTL_AGO_SIZE];
	time_ms now = clock_wall_ms();
	size_t i;
	json_t *t;
	json_array_foreach(json_object_get(j, "tokens"), i, t) {
		text_table_cell(table, NULL, "%s", ctl_string(t, "name"));
		text_table_cell(table, NULL, "%s", ctl_string(t, "role"));
		text_table_cell(table, NULL, "%s", ctl_ago(ctl_string(t, "created"), now, ago));
		text_table_cell(table, NULL, "%s", ctl_string(t, "made_by"));
		text_table_cell(table, NULL, "%s", ctl_ago(ctl_string(t, "expires"), now, ago));
		text_table_cell(table, NULL, "%s", ctl_ago(ctl_string(t, "last_used"), now, ago));
	}
	text_table_print(table, stdout);
}

int ctl_token_list(int argc, char **argv)
{
	struct ctl_asking a = { 0 };
	json_t *j;
	int code = ctl_asking_get(&a, &list_line, argc, argv, "/v1/api-tokens", &j);
	if (!j)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		print_tokens(j);
	json_decref(j);
	return CTL_OK;
}

static const struct command_line revoke_line = {
	.words = "token revoke",
	.synopsis = "[OPTIONS] NAME",
	.about = "Revokes a token at once; the streams of events that were opened with it end.",
	.closing = "Examples:\n"
	           "  pratique token revoke alice",
	.least = 1,
	.most = 1,
	.argument = "one NAME",
};

int ctl_token_revoke(int argc, char **argv)
{
	struct ctl_asking a = { 0 };
	char **names;
	json_t *j;
	int code = ctl_asking_parse(&a, &revoke_line, argc, argv, &names);
	if (code != COMMAND_GO_ON)
		return code;
	char *encoded FREE_ON_EXIT = ctl_encode(names[0]);
	char *path FREE_ON_EXIT = xasprintf("/v1/api-tokens/%s", encoded);
	code = ctl_ask(&a, "DELETE", path, NULL, &j);
	if (code != CTL_OK)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		printf("the token %s is revoked\n", names[0]);
	json_decref(j);
	return CTL_OK;
}
