/* SPDX-License-Identifier: ISC */
/* pratique softwire sessions, session, disconnect, status: of the concentrator or the initiator on this host.
 */
#include "ctl/client.h"
#include "ctl/softwire_show.h"

#include <getopt.h>
#include <string.h>
#include <unistd.h>

#define CONCENTRATOR_SOCKET "/run/pratique/concentrator/api.sock"
#define INITIATOR_SOCKET "/run/pratique/initiator/api.sock"
#define WATCH_SECONDS 2
#define CLEAR_SCREEN "\033[H\033[2J"

#define SOCKET_HELP \
	"  -s, --socket PATH   the softwire's API; default: " CONCENTRATOR_SOCKET ",\n" \
	"                      where that is not, " INITIATOR_SOCKET "\n"

static const char sessions_help[] =
        "usage: pratique softwire sessions [OPTIONS]\n\n"
        "Lists the softwires: who they are, where they come from, what they have, and what they carry.\n\n"
        "  -w, --watch         again every two seconds, until interrupted\n" SOCKET_HELP CTL_JSON_HELP
                CTL_HELP_HELP "\nExamples:\n"
        "  pratique softwire sessions\n"
        "  pratique softwire sessions --json | jq -r '.sessions[] | select(.segment == "
        "\"quarantine\").user'\n";

static const char session_help[] =
        "usage: pratique softwire session [OPTIONS] ID\n\n"
        "Shows one softwire with all its details. ID is its port name, or TUNNEL/SESSION.\n\n" SOCKET_HELP
                CTL_JSON_HELP CTL_HELP_HELP "\nExamples:\n"
        "  pratique softwire session alice-3fa9c1d2\n";

static const char disconnect_help[] =
        "usage: pratique softwire disconnect [OPTIONS] ID\n\n"
        "Ends one softwire. ID is its port name, or TUNNEL/SESSION. Its initiator may come "
        "again.\n\n" SOCKET_HELP CTL_JSON_HELP CTL_HELP_HELP "\nExamples:\n"
        "  pratique softwire disconnect alice-3fa9c1d2\n";

static const char status_help[] = "usage: pratique softwire status [OPTIONS]\n\n"
                                  "Whether all parts of the softwire are well: sessions, pools, RADIUS "
                                  "servers, what was refused, what\n"
                                  "happened last.\n\n" SOCKET_HELP CTL_JSON_HELP CTL_HELP_HELP "\nExamples:\n"
                                  "  pratique softwire status\n"
                                  "  pratique softwire status --json | jq .filter\n";

static const char *default_socket(void)
{
	return access(CONCENTRATOR_SOCKET, F_OK) == 0 || access(INITIATOR_SOCKET, F_OK) < 0
	        ? CONCENTRATOR_SOCKET
	        : INITIATOR_SOCKET;
}

static struct ctl_asking asking(const char *words, const char *help)
{
	return (struct ctl_asking){ .words = words,
		.help = help,
		.socket = default_socket(),
		.daemon = "pratique-softwire",
		.wants = "takes one ID" };
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
	static const struct option options[] = { { "watch", no_argument, NULL, 'w' }, CTL_ASKING_LONG,
		{ NULL, 0, NULL, 0 } };
	struct ctl_asking a = asking("softwire sessions", sessions_help);
	bool watch = false, done = false;
	int option, code;
	while ((option = getopt_long(argc, argv, "w" CTL_ASKING_SHORT, options, NULL)) != -1) {
		if (option == 'w') {
			watch = true;
			continue;
		}
		code = ctl_asking_option(&a, option, optarg, &done);
		if (code != CTL_OK || done)
			return code;
	}
	if (optind != argc)
		return ctl_usage(a.words, "takes no arguments");
	while ((code = show_sessions(&a, watch && isatty(STDOUT_FILENO))) == CTL_OK && watch)
		sleep(WATCH_SECONDS);
	return code;
}

int ctl_softwire_session(int argc, char **argv)
{
	struct ctl_asking a = asking("softwire session", session_help);
	const char *id = NULL;
	bool done;
	json_t *j;
	int code = ctl_asking_parse(&a, argc, argv, &id, &done);
	if (code != CTL_OK || done)
		return code;
	char *path FREE_ON_EXIT = session_path(id, "");
	code = ctl_ask(&a, "GET", path, NULL, &j);
	if (code != CTL_OK)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		softwire_show_session(j);
	json_decref(j);
	return CTL_OK;
}

int ctl_softwire_disconnect(int argc, char **argv)
{
	struct ctl_asking a = asking("softwire disconnect", disconnect_help);
	const char *id = NULL;
	bool done;
	json_t *j;
	int code = ctl_asking_parse(&a, argc, argv, &id, &done);
	if (code != CTL_OK || done)
		return code;
	char *path FREE_ON_EXIT = session_path(id, "/disconnect");
	code = ctl_ask(&a, "POST", path, NULL, &j);
	if (code != CTL_OK)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		printf("%s is disconnected\n", id);
	json_decref(j);
	return CTL_OK;
}

int ctl_softwire_status(int argc, char **argv)
{
	struct ctl_asking a = asking("softwire status", status_help);
	bool done;
	json_t *j;
	int code = ctl_asking_parse(&a, argc, argv, NULL, &done);
	if (code != CTL_OK || done || (code = ctl_ask(&a, "GET", "/v1/status", NULL, &j)) != CTL_OK)
		return code;
	if (a.json)
		ctl_print_json(j);
	else
		softwire_show_status(j);
	json_decref(j);
	return CTL_OK;
}
