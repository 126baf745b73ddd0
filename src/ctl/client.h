/* SPDX-License-Identifier: ISC */
/* What the subcommands that ask the server share: its socket, JSON, time for people. */
#pragma once

#include "base/clock.h"
#include "ctl/ctl.h"
#include <jansson.h>

#define CTL_SOCKET "/run/pratique/server.sock"
#define CTL_SOCKET_HELP "  -s, --socket PATH   the server's socket; default: " CTL_SOCKET "\n"
#define CTL_JSON_HELP "  -j, --json          JSON for scripts\n"
#define CTL_HELP_HELP "  -h, --help          this text\n"

/* The options that all of them have. */
struct ctl_asking {
	const char *words; /* of the subcommand */
	const char *help;
	const char *socket;
	bool json;
	const char *daemon; /* who listens there; NULL: pratique-server */
	const char *wants;  /* said where its one argument is missing; NULL: "takes one NODE" */
};
/* One option as getopt_long gave it ('s', 'j', 'h'); CTL_OK to go on, with *ret_done where the help was
 * printed. */
#define CTL_ASKING_SHORT "s:jh"
#define CTL_ASKING_LONG \
	{ "socket", required_argument, NULL, 's' }, { "json", no_argument, NULL, 'j' }, \
	{ \
		"help", no_argument, NULL, 'h' \
	}
int ctl_asking_option(struct ctl_asking *a, int option, const char *argument, bool *ret_done);
/* For subcommands with no other options: reads all; *ret_name is the one argument where there must be one
 * (NULL: there must be none). */
int ctl_asking_parse(struct ctl_asking *a, int argc, char **argv, const char **ret_name, bool *ret_done);

/* Asks; the words of a failure are printed. body (taken over) may be NULL. Caller decrefs *ret. */
int ctl_ask(const struct ctl_asking *a, const char *method, const char *path, json_t *body, json_t **ret);
/* A part of a path, percent-encoded; caller frees. */
char *ctl_encode(const char *name);
/* "/v1/nodes/NAME" + rest, with the name encoded; caller frees. */
char *ctl_node_path(const char *name, const char *rest);
/* Prints JSON as one indented text. */
void ctl_print_json(const json_t *j);

/* A string of an object; "" where there is none. */
const char *ctl_string(const json_t *object, const char *key);
json_int_t ctl_integer(const json_t *object, const char *key);
bool ctl_boolean(const json_t *object, const char *key);
/* An RFC 3339 time as people say it: "in 12 min", "3 s ago", "-". Returns text. */
#define CTL_AGO_SIZE 32
const char *ctl_ago(const char *when, time_ms now, char text[CTL_AGO_SIZE]);
