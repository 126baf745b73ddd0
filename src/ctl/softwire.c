/* SPDX-License-Identifier: ISC */
/* pratique softwire sessions, session, disconnect, status: of the concentrator or the initiator on this host.
 */
#include "ctl/client.h"
#include "ctl/softwire_show.h"

#include <string.h>
#include <unistd.h>

#define CONCENTRATOR_SOCKET "/run/pratique/concentrator/api.sock"
#define INITIATOR_SOCKET "/run/pratique/initiator/api.sock"
#define WATCH_SECONDS 2
#define CLEAR_SCREEN "\033[H\033[2J"

static const char *default_socket(void)
{
	return access(CONCENTRATOR_SOCKET, F_OK) == 0 || access(INITIATOR_SOCKET, F_OK) < 0
	        ? CONCENTRATOR_SOCKET
	        : INITIATOR_SOCKET;
}

static struct ctl_asking asking(void)
{
	return (struct ctl_asking){ .socket = default_socket(), .daemon = "pratique-softwire" };
}

/* "/v1/sessions/ID" + rest; caller frees. */
static char *session_path(const char *id, const char *rest)
{
	char *encoded = ctl_encode(id), *path = xasprintf("/v1/sessions/%s%s", encoded, rest);
	free(encoded);
	return path;
}

/* Asks and prints once. */
static int show_sessions(const struct ctl_asking *a, bool clear)
{
	json_t *j;
	int code = ctl_ask(a, "GET", "/v1/sessions", NULL, &j);
	if (code != CTL_OK)
		return code;
	if (clear)
		fputs(CLEAR_SCREEN, stdout);
	if (a->json)
		ctl_print_json(j);
	else
		softwire_show_sessions(j);
	fflush(stdout);
	json_decref(j);
	return CTL_OK;
}

int ctl_softwire_sessions(int argc, char **argv)
{
	struct ctl_asking a = asking();
	bool watch = false;
	const struct command_option options[] = { { 'w', "watch", NULL,
		"again every two seconds, until interrupted", COMMAND_FLAG, &watch } };
	const struct command_line line = {
		.words = "softwire sessions",
		.synopsis = "[OPTIONS]",
		.about = "Lists the softwires: who they are, where they come from, what they have, and what "
		         "they carry.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Examples:\n"
		           "  pratique softwire sessions\n"
		           "  pratique softwire sessions --json | jq -r '.sessions[] | select(.segment == "
		           "\"quarantine\").user'",
	};
	int code = ctl_asking_parse(&a, &line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	while ((code = show_sessions(&a, watch && isatty(STDOUT_FILENO))) == CTL_OK && watch)
		sleep(WATCH_SECONDS);
	return code;
}

/* Asks about the session that the one argument names; *ret NULL where there is nothing to show. */
static int ask_of_session(struct ctl_asking *a, const struct command_line *c, int argc, char **argv,
        const char *method, const char *rest, const char **ret_id, json_t **ret)
{
	char **ids;
	*ret = NULL;
	int code = ctl_asking_parse(a, c, argc, argv, &ids);
	if (code != COMMAND_GO_ON)
		return code;
	*ret_id = ids[0];
	char *path FREE_ON_EXIT = session_path(ids[0], rest);
	return ctl_ask(a, method, path, NULL, ret);
}

static const struct command_line session_line = {
	.words = "softwire session",
	.synopsis = "[OPTIONS] ID",
	.about = "Shows one softwire with all its details. ID is its port name, or TUNNEL/SESSION.",
	.closing = "Examples:\n"
	           "  pratique softwire session alice-3fa9c1d2",
	.least = 1,
	.most = 1,
	.argument = "one ID",
};

int ctl_softwire_session(int argc, char **argv)
{
	struct ctl_asking a = asking();
	const char *id;
	json_t *j;
	int code = ask_of_session(&a, &session_line, argc, argv, "GET", "", &id, &j);
	if (!j)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		softwire_show_session(j);
	json_decref(j);
	return CTL_OK;
}

static const struct command_line disconnect_line = {
	.words = "softwire disconnect",
	.synopsis = "[OPTIONS] ID",
	.about = "Ends one softwire. ID is its port name, or TUNNEL/SESSION. Its initiator may come again.",
	.closing = "Examples:\n"
	           "  pratique softwire disconnect alice-3fa9c1d2",
	.least = 1,
	.most = 1,
	.argument = "one ID",
};

int ctl_softwire_disconnect(int argc, char **argv)
{
	struct ctl_asking a = asking();
	const char *id;
	json_t *j;
	int code = ask_of_session(&a, &disconnect_line, argc, argv, "POST", "/disconnect", &id, &j);
	if (!j)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		printf("%s is disconnected\n", id);
	json_decref(j);
	return CTL_OK;
}

static const struct command_line status_line = {
	.words = "softwire status",
	.synopsis = "[OPTIONS]",
	.about = "Whether all parts of the softwire are well: sessions, pools, RADIUS servers, what was "
	         "refused, what\n"
	         "happened last.",
	.closing = "Examples:\n"
	           "  pratique softwire status\n"
	           "  pratique softwire status --json | jq .filter",
};

int ctl_softwire_status(int argc, char **argv)
{
	struct ctl_asking a = asking();
	json_t *j;
	int code = ctl_asking_get(&a, &status_line, argc, argv, "/v1/status", &j);
	if (!j)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		softwire_show_status(j);
	json_decref(j);
	return CTL_OK;
}
