/* SPDX-License-Identifier: ISC */
/* `pratique-agent enrol`: makes a key and gets the certificate for it by a one-time token (RFC 7030), or
 * renews them. */
#include "agent/agent.h"
#include "base/file.h"
#include "net/est.h"

#include <errno.h>
#include <getopt.h>
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

static void print_help(FILE *out)
{
	fputs("usage: pratique-agent enrol --server URL --name NAME --token TOKEN|- [OPTIONS]\n"
	      "       pratique-agent enrol --server URL --name NAME --renew [OPTIONS]\n\n"
	      "Makes a key on this host and gets its certificate from the site. The token is made on the "
	      "server by\n"
	      "`pratique enrol --new NAME`, and is good once. Writes NAME.key (mode 0600) and NAME.pem; a "
	      "running agent\n"
	      "takes renewed ones up by itself.\n\n"
	      "Options:\n"
	      "      --server URL         https://HOST[:PORT] or HOST[:PORT]; default port 8443\n"
	      "      --server-name NAME   in the server's certificate, where it is not the host of the URL\n"
	      "      --name NAME          this node's name\n"
	      "      --token TOKEN|-      the one-time token; -: read from standard input, where nobody sees "
	      "it\n"
	      "      --renew              new key and certificate with the ones that are there\n"
	      "      --replace            there is a key of NAME already, which the new one replaces\n"
	      "      --ca FILE            certificate of the site CA; default " DEFAULT_FOLDER "/ca.pem\n"
	      "      --out DIR            where to write; default " DEFAULT_FOLDER "\n"
	      "      --ed25519            an Ed25519 key instead of P-256\n"
	      "  -h, --help               this text\n\n"
	      "Examples:\n"
	      "  pratique-agent enrol --server https://server.example --name alice --token - <token\n"
	      "  pratique-agent enrol --server server.example --name alice --renew\n",
	        out);
}

/* 0 to go on, else the exit code (negative: done with success). */
static int parse_options(int argc, char **argv, struct enrol_options *o)
{
	enum { SERVER = 1, SERVER_NAME, NAME, TOKEN, CA, OUT };
	static const struct option options[] = { { "server", required_argument, NULL, SERVER },
		{ "server-name", required_argument, NULL, SERVER_NAME },
		{ "name", required_argument, NULL, NAME }, { "token", required_argument, NULL, TOKEN },
		{ "ca", required_argument, NULL, CA }, { "out", required_argument, NULL, OUT },
		{ "renew", no_argument, NULL, 'r' }, { "replace", no_argument, NULL, 'R' },
		{ "ed25519", no_argument, NULL, 'e' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	const char **const texts[] = { [SERVER] = &o->server,
		[SERVER_NAME] = &o->server_name,
		[NAME] = &o->name,
		[TOKEN] = &o->token,
		[CA] = &o->ca,
		[OUT] = &o->folder };
	int c;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			print_help(stdout);
			return -1;
		}
		if (c == '?') {
			(void)agent_usage("enrol", "wrong option");
			return AGENT_USAGE;
		}
		if (c == 'r')
			o->renew = true;
		else if (c == 'R')
			o->replace = true;
		else if (c == 'e')
			o->kind = KEY_ED25519;
		else
			*texts[c] = optarg;
	}
	if (optind < argc)
		(void)agent_usage("enrol", "no argument is taken: %s", argv[optind]);
	else if (!o->server || !o->name || !o->token == !o->renew)
		(void)agent_usage("enrol", "--server, --name and one of --token and --renew must be given");
	else
		return 0;
	return AGENT_USAGE;
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
	if (code != 0)
		return MAX(code, 0);
	if (enrol(&options, &err) < 0)
		return agent_fail("enrol", "%s", err.text);
	printf("key = %s/%s.key\ncertificate = %s/%s.pem\n", options.folder, options.name, options.folder,
	        options.name);
	return AGENT_OK;
}
