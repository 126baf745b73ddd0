/* SPDX-License-Identifier: ISC */
/* `pratique enrol`: on a node, gets its certificate with a one-time token. With --new, on the server, makes
 * such a token. */
#include "ctl/ctl.h"
#include "net/est.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#define ENROL "enrol"
#define ENROL_PORT 8443
#define TOKEN_LINE_MAX 256

static const char enrol_help[] =
        "usage: pratique enrol --server HOST[:PORT] --ca FILE --name NAME --token T --out DIR\n"
        "       pratique enrol --new NAME [OPTIONS]        (see pratique enrol --new NAME --help)\n\n"
        "Makes a key on this host, asks the server for its certificate with a one-time token, and puts both "
        "into\n"
        "DIR/NAME.key (0600) and DIR/NAME.pem. The server must prove that it is of the CA in FILE.\n\n"
        "Options:\n"
        "  -s, --server HOST[:PORT]  port 8443 unless given; an IPv6 address in brackets\n"
        "  -c, --ca FILE             the site's ca.pem\n"
        "  -n, --name NAME           this host's name, for which the token was made\n"
        "  -t, --token T             the token; \"-\" reads it from standard input, where other users cannot "
        "see it\n"
        "  -S, --server-name NAME    the server's name in its certificate, if it is not HOST\n"
        "  -k, --key KIND            p256 (the default) or ed25519\n"
        "  -o, --out DIR             where the two files go\n"
        "  -R, --replace             DIR has a key of NAME already, which the new one replaces\n"
        "  -r, --renew               no token: DIR/NAME.pem is still good, and is renewed with a new key; "
        "FILE\n"
        "                            is brought up to date, too\n"
        "  -d, --due                 with --renew: only if two thirds of its life are over, or the site has "
        "a\n"
        "                            new CA; for a timer\n"
        "  -l, --crl FILE            with --renew: the revocation lists, to be brought up to date\n"
        "  -h, --help                this text\n\n"
        "Exit status: 0 done, 1 failed, 2 wrong usage.\n\n"
        "Examples:\n"
        "  pratique enrol --server srv.example.org --ca ca.pem --name alice --token - --out /etc/pratique\n"
        "  pratique enrol --server [2001:db8::5]:8443 --ca ca.pem --name alice --renew --out /etc/pratique\n"
        "  pratique enrol --server srv --ca ca.pem --crl ca.crl --name gw --renew --due --out "
        "/etc/pratique\n";

struct enrol_options {
	const char *server, *ca, *crl, *name, *token, *server_name, *out;
	enum key_kind kind;
	bool renew, due, replace, help;
};

static int read_options(int argc, char **argv, struct enrol_options *o)
{
	static const struct option options[] = { { "server", required_argument, NULL, 's' },
		{ "ca", required_argument, NULL, 'c' }, { "name", required_argument, NULL, 'n' },
		{ "token", required_argument, NULL, 't' }, { "server-name", required_argument, NULL, 'S' },
		{ "key", required_argument, NULL, 'k' }, { "out", required_argument, NULL, 'o' },
		{ "renew", no_argument, NULL, 'r' }, { "due", no_argument, NULL, 'd' },
		{ "replace", no_argument, NULL, 'R' }, { "crl", required_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int option;
	while ((option = getopt_long(argc, argv, "s:c:l:n:t:S:k:o:rdRh", options, NULL)) != -1) {
		const char **const texts[] = { ['s'] = &o->server,
			['c'] = &o->ca,
			['l'] = &o->crl,
			['n'] = &o->name,
			['t'] = &o->token,
			['S'] = &o->server_name,
			['o'] = &o->out };
		if (option == 'h') {
			fputs(enrol_help, stdout);
			o->help = true;
			return CTL_OK;
		}
		if (option == 'r')
			o->renew = true;
		else if (option == 'd')
			o->due = true;
		else if (option == 'R')
			o->replace = true;
		else if (option == 'k' && key_kind_parse(optarg, &o->kind) < 0)
			return ctl_usage(ENROL, "--key: p256 or ed25519");
		else if (option == '?')
			return ctl_usage(ENROL, "wrong option");
		else if (option != 'k')
			*texts[option] = optarg;
	}
	if (!o->server || !o->ca || !o->name || !o->out || !o->token == !o->renew || optind != argc)
		return ctl_usage(ENROL, "--server, --ca, --name, --out, and --token or --renew are wanted");
	if ((o->due || o->crl) && !o->renew)
		return ctl_usage(ENROL, "--due and --crl go with --renew");
	if (o->replace && o->renew)
		return ctl_usage(ENROL, "--renew replaces the key anyhow");
	return CTL_OK;
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
	if (code == CTL_OK && !o.help && o.token && strcmp(o.token, "-") == 0) {
		code = token_from_input(line);
		o.token = line;
	}
	if (code == CTL_OK && !o.help)
		code = enrol(&o, o.token);
	OPENSSL_cleanse(line, sizeof(line));
	return code;
}
