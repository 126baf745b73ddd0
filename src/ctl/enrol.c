/* SPDX-License-Identifier: ISC */
/* `pratique enrol`: on a node, gets its certificate with a one-time token. With --new, on the server, makes
 * such a token. */
#include "ctl/ctl.h"
#include "net/est.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ENROL "enrol"
#define ENROL_PORT 8443
#define TOKEN_LINE_MAX 256

struct enrol_options {
	const char *server, *ca, *crl, *name, *token, *server_name, *out;
	enum key_kind kind;
	bool renew, due, replace;
};

static int read_options(int argc, char **argv, struct enrol_options *o)
{
	const char *kind = NULL, *new = NULL; /* --new went to ctl_enrol_new() */
	const struct command_option options[] = {
		{ 's', "server", "HOST[:PORT]", "port 8443 unless given; an IPv6 address in brackets",
		        COMMAND_TEXT, &o->server, 1 },
		{ 'c', "ca", "FILE", "the site's ca.pem", COMMAND_TEXT, &o->ca, 1 },
		{ 'n', "name", "NAME", "this host's name, for which the token was made", COMMAND_TEXT,
		        &o->name, 1 },
		{ 't', "token", "T",
		        "the token; \"-\" reads it from standard input, where other users cannot see it",
		        COMMAND_TEXT, &o->token },
		{ 'S', "server-name", "NAME", "the server's name in its certificate, if it is not HOST",
		        COMMAND_TEXT, &o->server_name },
		{ 'k', "key", "KIND", "p256 (the default) or ed25519", COMMAND_TEXT, &kind },
		{ 'o', "out", "DIR", "where the two files go", COMMAND_TEXT, &o->out, 1 },
		{ 'R', "replace", NULL, "DIR has a key of NAME already, which the new one replaces",
		        COMMAND_FLAG, &o->replace },
		{ 'r', "renew", NULL,
		        "no token: DIR/NAME.pem is still good, and is renewed with a new key; FILE is\n"
		        "brought up to date, too",
		        COMMAND_FLAG, &o->renew },
		{ 'd', "due", NULL,
		        "with --renew: only if two thirds of its life are over, or the site has a new CA;\n"
		        "for a timer",
		        COMMAND_FLAG, &o->due },
		{ 'l', "crl", "FILE", "with --renew: the revocation lists, to be brought up to date",
		        COMMAND_TEXT, &o->crl },
		{ 0, "new", "NAME", "on the server: makes a token for NAME, see there", COMMAND_TEXT, &new },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = ENROL,
		.synopsis = "--server HOST[:PORT] --ca FILE --name NAME --token T --out DIR\n"
		            "--new NAME [OPTIONS]        (see pratique enrol --new NAME --help)",
		.about = "Makes a key on this host, asks the server for its certificate with a one-time "
		         "token, and puts\n"
		         "both into DIR/NAME.key (0600) and DIR/NAME.pem. The server must prove that it is "
		         "of the CA in\n"
		         "FILE.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing =
		        "Exit status: 0 done, 1 failed, 2 wrong usage.\n\n"
		        "Examples:\n"
		        "  pratique enrol --server srv.example.org --ca ca.pem --name alice --token - --out "
		        "/etc/pratique\n"
		        "  pratique enrol --server [2001:db8::5]:8443 --ca ca.pem --name alice --renew --out "
		        "/etc/pratique\n"
		        "  pratique enrol --server srv --ca ca.pem --crl ca.crl --name gw --renew --due "
		        "--out "
		        "/etc/pratique",
	};
	int code = command_line_parse(&line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	if (kind && key_kind_parse(kind, &o->kind) < 0)
		return command_line_wrong(&line, "--key: p256 or ed25519");
	if (!o->token == !o->renew)
		return command_line_wrong(&line, "either --token or --renew is wanted");
	if ((o->due || o->crl) && !o->renew)
		return command_line_wrong(&line, "--due and --crl go with --renew");
	if (o->replace && o->renew)
		return command_line_wrong(&line, "--renew replaces the key anyhow");
	return COMMAND_GO_ON;
}

static int token_from_input(char line[TOKEN_LINE_MAX])
{
	if (isatty(STDIN_FILENO))
		fputs("token: ", stderr);
	if (!fgets(line, TOKEN_LINE_MAX, stdin))
		return ctl_fail(ENROL, "no token on standard input");
	line[strcspn(line, "\r\n")] = '\0';
	return CTL_OK;
}

static int renew(const struct est_client *client, const struct enrol_options *o)
{
	char *key FREE_ON_EXIT = xasprintf("%s/%s.key", o->out, o->name);
	char *certificate FREE_ON_EXIT = xasprintf("%s/%s.pem", o->out, o->name);
	struct est_renewal renewal = {
		.key_path = key, .certificate_path = certificate, .crl_path = o->crl, .force = !o->due
	};
	struct error err;
	if (est_renew(client, &renewal, &err) < 0)
		return ctl_fail(ENROL, "%s", err.text);
	if (renewal.trust_changed)
		printf("%s%s%s: brought up to date\n", o->ca, o->crl ? ", " : "", o->crl ? o->crl : "");
	printf("%s: %s\n", certificate, renewal.renewed ? "renewed with a new key" : "not due yet");
	return CTL_OK;
}

static int enrol(const struct enrol_options *o, const char *token)
{
	struct endpoint endpoint;
	struct error err;
	if (endpoint_parse(o->server, ENROL_PORT, &endpoint, &err) < 0)
		return ctl_usage(ENROL, "--server: %s", err.text);
	const struct est_client client = {
		.endpoint = &endpoint, .ca_path = o->ca, .expected_name = o->server_name
	};
	if (o->renew)
		return renew(&client, o);
	if (est_enrol(&client, o->name, token, o->kind, o->out, o->replace, &err) < 0)
		return ctl_fail(ENROL, "%s", err.text);
	printf("%s/%s.key, %s/%s.pem: this host is %s\n", o->out, o->name, o->out, o->name, o->name);
	return CTL_OK;
}

int ctl_enrol(int argc, char **argv)
{
	struct enrol_options o = { .kind = KEY_P256 };
	char line[TOKEN_LINE_MAX];
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--new") == 0 || strncmp(argv[i], "--new=", 6) == 0)
			return ctl_enrol_new(argc, argv);
	int code = read_options(argc, argv, &o);
	if (code != COMMAND_GO_ON)
		return code;
	code = CTL_OK;
	if (o.token && strcmp(o.token, "-") == 0) {
		code = token_from_input(line);
		o.token = line;
	}
	if (code == CTL_OK)
		code = enrol(&o, o.token);
	OPENSSL_cleanse(line, sizeof(line));
	return code;
}
