/* SPDX-License-Identifier: ISC */
/* `pratique-agent enrol`: makes a key and gets the certificate for it by a one-time token (RFC 7030), or
 * renews them. */
#include "agent/agent.h"
#include "base/command_line.h"
#include "base/file.h"
#include "net/est.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_PORT 8443
#define DEFAULT_FOLDER "/etc/pratique"

struct enrol_options {
	const char *server, *ca, *token, *name, *server_name, *folder;
	enum key_kind kind;
	bool renew, replace;
};

/* COMMAND_GO_ON with what is in o, or the exit code. */
static int parse_options(int argc, char **argv, struct enrol_options *o)
{
	bool ed25519 = false;
	const struct command_option options[] = {
		{ 0, "server", "URL", "https://HOST[:PORT] or HOST[:PORT]; default port 8443", COMMAND_TEXT,
		        &o->server, 1 },
		{ 0, "server-name", "NAME",
		        "in the server's certificate, where it is not the host of the URL", COMMAND_TEXT,
		        &o->server_name },
		{ 0, "name", "NAME", "this node's name", COMMAND_TEXT, &o->name, 1 },
		{ 0, "token", "TOKEN|-",
		        "the one-time token; -: read from standard input, where nobody sees it", COMMAND_TEXT,
		        &o->token },
		{ 0, "renew", NULL, "new key and certificate with the ones that are there", COMMAND_FLAG,
		        &o->renew },
		{ 0, "replace", NULL, "there is a key of NAME already, which the new one replaces",
		        COMMAND_FLAG, &o->replace },
		{ 0, "ca", "FILE", "certificate of the site CA; default " DEFAULT_FOLDER "/ca.pem",
		        COMMAND_TEXT, &o->ca },
		{ 0, "out", "DIR", "where to write; default " DEFAULT_FOLDER, COMMAND_TEXT, &o->folder },
		{ 0, "ed25519", NULL, "an Ed25519 key instead of P-256", COMMAND_FLAG, &ed25519 },
	};
	const struct command_line line = {
		.program = "pratique-agent",
		.words = "enrol",
		.synopsis = "--server URL --name NAME --token TOKEN|- [OPTIONS]\n"
		            "--server URL --name NAME --renew [OPTIONS]",
		.about = "Makes a key on this host and gets its certificate from the site. The token is made "
		         "on the\n"
		         "server by `pratique enrol --new NAME`, and is good once. Writes NAME.key (mode "
		         "0600) and\n"
		         "NAME.pem; a running agent takes renewed ones up by itself.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Examples:\n"
		           "  pratique-agent enrol --server https://server.example --name alice --token - "
		           "<token\n"
		           "  pratique-agent enrol --server server.example --name alice --renew",
	};
	int code = command_line_parse(&line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	if (ed25519)
		o->kind = KEY_ED25519;
	return !o->token == !o->renew ? command_line_wrong(&line, "one of --token and --renew must be given")
	                              : code;
}

static int parse_server(const char *text, struct endpoint *ret, struct error *err)
{
	bool has_scheme = strncasecmp(text, "https://", 8) == 0;
	char *copy FREE_ON_EXIT = xstrdup(text + (has_scheme ? 8 : 0));
	copy[strcspn(copy, "/")] = '\0';
	return endpoint_parse(copy, DEFAULT_PORT, ret, err);
}

/* "-": the first line of standard input. */
static int read_token(const char *text, char ret[EST_TOKEN_TEXT_SIZE + 1], struct error *err)
{
	char line[256];
	if (strcmp(text, "-") == 0) {
		if (!fgets(line, sizeof(line), stdin))
			return error_set(err, -ENODATA, "no token on standard input");
		text = line;
	}
	size_t n = strcspn(text, " \t\r\n");
	int r = n == 0 || n > EST_TOKEN_TEXT_SIZE ? error_set(err, -EINVAL, "that is no token") : 0;
	if (r == 0) {
		memcpy(ret, text, n);
		ret[n] = '\0';
	}
	OPENSSL_cleanse(line, sizeof(line));
	return r;
}

static int renew(const struct est_client *client, const struct enrol_options *o, struct error *err)
{
	char *key FREE_ON_EXIT = xasprintf("%s/%s.key", o->folder, o->name);
	char *certificate FREE_ON_EXIT = xasprintf("%s/%s.pem", o->folder, o->name);
	struct est_renewal renewal = { .key_path = key, .certificate_path = certificate, .force = true };
	return est_renew(client, &renewal, err);
}

static int enrol(const struct enrol_options *o, struct error *err)
{
	char token[EST_TOKEN_TEXT_SIZE + 1] = "";
	struct endpoint endpoint;
	const struct est_client client = {
		.endpoint = &endpoint, .ca_path = o->ca, .expected_name = o->server_name
	};
	int r = parse_server(o->server, &endpoint, err);
	if (r == 0)
		r = identity_check_name(o->name, err);
	if (r == 0)
		r = file_make_directory(o->folder, 0755, err);
	if (r < 0)
		return r;
	if (!o->token)
		return renew(&client, o, err);
	r = read_token(o->token, token, err);
	if (r == 0)
		r = est_enrol(&client, o->name, token, o->kind, o->folder, o->replace, err);
	OPENSSL_cleanse(token, sizeof(token));
	return r;
}

int agent_enrol(int argc, char **argv)
{
	struct enrol_options options = {
		.ca = DEFAULT_FOLDER "/ca.pem", .folder = DEFAULT_FOLDER, .kind = KEY_P256
	};
	struct error err;
	int code = parse_options(argc, argv, &options);
	if (code != COMMAND_GO_ON)
		return code;
	if (enrol(&options, &err) < 0)
		return agent_fail("enrol", "%s", err.text);
	printf("key = %s/%s.key\ncertificate = %s/%s.pem\n", options.folder, options.name, options.folder,
	        options.name);
	return AGENT_OK;
}
