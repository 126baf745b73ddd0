/* SPDX-License-Identifier: ISC */
/* What the subcommands that ask a daemon share: where it is, JSON, time for people. */
#pragma once

#include "base/clock.h"
#include "base/command_line.h"
#include "ctl/ctl.h"
#include "net/tls.h"
#include <jansson.h>

#define CTL_SOCKET "/run/pratique/server.sock"
#define CTL_CA "/etc/pratique/ca.pem"
#define CTL_API_PORT 8444

/* Whom to ask, and how the answer is shown. Zeroed but for daemon and socket to begin. */
struct ctl_asking {
	const char *words;  /* of the subcommand */
	const char *daemon; /* who listens; NULL: pratique-server */
	const char *hint;   /* where nobody listens: what to do; NULL: to look whether it runs */
	const char *socket; /* NULL: CTL_SOCKET */
	bool json;
	int timeout_ms; /* for the answer; 0: as long as most take */
	/* Over the network; server NULL: on the socket. */
	const char *server, *server_name, *ca, *token_file, *certificate, *key;
	unsigned roles; /* TLS_ROLE()s of who answers there; 0: pratique-server's */
	uint16_t port;  /* where none is given; 0: CTL_API_PORT */
};

/* Of commands that ask a pratique-vis. */
#define CTL_ASKING_VIS \
	((struct ctl_asking){ .daemon = "pratique-vis", \
	        .hint = "; is pratique-vis running, with http (--http) as its socket?", \
	        .socket = "/run/pratique/vis-http.sock", \
	        .roles = TLS_ROLE(ROLE_VIS), \
	        .port = 8446 })

/* Reads c's options and those that all who ask have; the exit code, or COMMAND_GO_ON. */
int ctl_asking_parse(
        struct ctl_asking *a, const struct command_line *c, int argc, char **argv, char ***ret_arguments);
/* The same, asks, and gives the answer, which the caller decrefs; CTL_OK with *ret set, else the exit code,
 * which is CTL_OK with *ret NULL after --help. For commands that take nothing and GET path. */
int ctl_asking_get(struct ctl_asking *a, const struct command_line *c, int argc, char **argv,
        const char *path, json_t **ret);
/* Asks; the words of a failure are printed. body (taken over) may be NULL. Caller decrefs *ret. */
int ctl_ask(const struct ctl_asking *a, const char *method, const char *path, json_t *body, json_t **ret);
/* The same where the answer is not JSON; caller frees *ret_text. */
int ctl_ask_text(const struct ctl_asking *a, const char *method, const char *path, json_t *body,
        char **ret_text, size_t *ret_length);
/* Each line of the answer of a GET, see http_follow(). */
int ctl_follow(const struct ctl_asking *a, const char *path, int (*on_line)(const char *line, void *user),
        void *user);
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
