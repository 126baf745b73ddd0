/* SPDX-License-Identifier: ISC */
/* `pratique ca init|issue|revoke|show`: the site CA in its directory, without any server. */
#include "crypto/x509.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <string.h>

#define INIT "ca init"
#define ISSUE "ca issue"
#define REVOKE "ca revoke"
#define SHOW "ca show"
#define ISSUE_DAYS 365

static const char init_help[] =
        "usage: pratique ca init --dir DIR --site NAME [--key p256|ed25519]\n\n"
        "Makes the site's certification authority: DIR/ca.key (for you only), DIR/ca.pem (for every host),\n"
        "DIR/ca.crl (who is revoked; for every server). It is valid for ten years.\n\n"
        "Options:\n"
        "  -d, --dir DIR        where; it is made if it is not there\n"
        "  -s, --site NAME      the organisation in every certificate\n"
        "  -k, --key KIND       p256 (the default) or ed25519\n"
        "  -h, --help           this text\n\n"
        "Exit status: 0 done, 1 failed (there is a CA already), 2 wrong usage.\n\n"
        "Examples:\n"
        "  pratique ca init --dir /etc/pratique/ca --site \"Example Harbour\"\n";

static const char issue_help[] =
        "usage: pratique ca issue --dir DIR --role ROLE --name NAME [OPTIONS] --out DIR\n\n"
        "Makes a key and its certificate: OUT/NAME.key (0600) and OUT/NAME.pem. For the programs of the "
        "site;\n"
        "nodes make their keys themselves, see `pratique enrol --help`.\n\n"
        "Options:\n"
        "  -d, --dir DIR        the directory of the CA\n"
        "  -r, --role ROLE      node, server, enforcer, vis, monitor, concentrator or operator\n"
        "  -n, --name NAME      a-z 0-9 - . _, 64 characters at most\n"
        "  -a, --alt-name X     another host name or address that it is reached by; may be repeated\n"
        "  -k, --key KIND       p256 (the default) or ed25519\n"
        "  -D, --days N         how long it is valid; 365 unless given\n"
        "  -o, --out DIR        where the two files go\n"
        "  -h, --help           this text\n\n"
        "Exit status: 0 done, 1 failed, 2 wrong usage.\n\n"
        "Examples:\n"
        "  pratique ca issue --dir ca --role server --name srv --alt-name 2001:db8::5 --out /etc/pratique\n";

static const char revoke_help[] =
        "usage: pratique ca revoke --dir DIR [--reason REASON] NAME|SERIAL\n\n"
        "Takes back all valid certificates of NAME, or the one with SERIAL, and writes DIR/ca.crl anew. "
        "Programs\n"
        "that have that file as their crl notice within a second and cut those off who are connected.\n"
        "For a running site use `pratique revoke NODE`, which also takes the admission away.\n\n"
        "Options:\n"
        "  -d, --dir DIR        the directory of the CA\n"
        "  -r, --reason REASON  unspecified (the default), keyCompromise, affiliationChanged, superseded,\n"
        "                       cessationOfOperation or privilegeWithdrawn\n"
        "  -h, --help           this text\n\n"
        "Exit status: 0 revoked (also if it was before), 1 failed, 2 wrong usage.\n\n"
        "Examples:\n"
        "  pratique ca revoke --dir ca --reason keyCompromise bob\n"
        "  pratique ca revoke --dir ca 5f:0a:31:...\n";

static const char show_help[] =
        "usage: pratique ca show [--json] FILE...\n\n"
        "Prints whose certificates these are: name, role, serial, thumbprint of the key, and until when.\n\n"
        "Options:\n"
        "  -j, --json           one JSON object a line\n"
        "  -h, --help           this text\n\n"
        "Exit status: 0 all are identities of a site, 1 one is not, 2 wrong usage.\n\n"
        "Examples:\n"
        "  pratique ca show /etc/pratique/*.pem\n";

struct ca_options {
	const char *dir, *site, *name, *out, *reason;
	const char *alt_names[CA_ALT_NAMES_MAX + 1];
	size_t n_alt_names;
	enum identity_role role;
	enum key_kind kind;
	int days;
	bool json, help;
};

static int read_days(const char *words, const char *text, int *ret)
{
	char *end;
	long days = strtol(text, &end, 10);
	if (!*text || *end || days < 1 || days > CA_DAYS_MAX)
		return ctl_usage(words, "--days: a number from 1 to %d", CA_DAYS_MAX);
	*ret = (int)days;
	return CTL_OK;
}

static int read_option(const char *words, int option, const char *value, struct ca_options *o)
{
	switch (option) {
	case 'd':
		o->dir = value;
		return CTL_OK;
	case 's':
		o->site = value;
		return CTL_OK;
	case 'n':
		o->name = value;
		return CTL_OK;
	case 'o':
		o->out = value;
		return CTL_OK;
	case 'j':
		o->json = true;
		return CTL_OK;
	case 'D':
		return read_days(words, value, &o->days);
	case 'k':
		return key_kind_parse(value, &o->kind) < 0 ? ctl_usage(words, "--key: p256 or ed25519")
		                                           : CTL_OK;
	case 'a':
		if (o->n_alt_names == CA_ALT_NAMES_MAX)
			return ctl_usage(words, "more than %d alternative names", CA_ALT_NAMES_MAX);
		o->alt_names[o->n_alt_names++] = value;
		return CTL_OK;
	default:
		return ctl_usage(words, "wrong option");
	}
}

/* options: which of them this command has. Returns CTL_OK with o->help set where help was asked for and
 * printed. */
static int read_options(const char *words, const char *help, const char *letters,
        const struct option *options, int argc, char **argv, struct ca_options *o)
{
	int option, code = CTL_OK;
	*o = (struct ca_options){ .kind = KEY_P256, .days = ISSUE_DAYS, .reason = "unspecified" };
	optind = 1;
	while (code == CTL_OK && (option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			o->help = true;
			return CTL_OK;
		}
		if (option == '?')
			return ctl_usage(words, "wrong option");
		if (option != 'r')
			code = read_option(words, option, optarg, o);
		else if (strcmp(words, REVOKE) == 0)
			o->reason = optarg;
		else if (identity_role_parse(optarg, &o->role) < 0)
			code = ctl_usage(words,
			        "--role: node, server, enforcer, vis, monitor, concentrator or operator");
	}
	return code;
}

int ctl_ca_init(int argc, char **argv)
{
	static const struct option options[] = { { "dir", required_argument, NULL, 'd' },
		{ "site", required_argument, NULL, 's' }, { "key", required_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	struct ca_options o;
	struct error err;
	int code = read_options(INIT, init_help, "d:s:k:h", options, argc, argv, &o);
	if (code != CTL_OK || o.help)
		return code;
	if (!o.dir || !o.site || optind != argc)
		return ctl_usage(INIT, "--dir and --site are wanted, and nothing else");
	if (ca_init(o.dir, o.site, o.kind, &err) < 0)
		return ctl_fail(INIT, "%s", err.text);
	printf("%s/ca.pem: the CA of %s. Give it to every host; keep ca.key to yourself.\n", o.dir, o.site);
	return CTL_OK;
}

int ctl_ca_issue(int argc, char **argv)
{
	static const struct option options[] = { { "dir", required_argument, NULL, 'd' },
		{ "role", required_argument, NULL, 'r' }, { "name", required_argument, NULL, 'n' },
		{ "alt-name", required_argument, NULL, 'a' }, { "key", required_argument, NULL, 'k' },
		{ "days", required_argument, NULL, 'D' }, { "out", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	struct ca_options o;
	struct error err;
	int code = read_options(ISSUE, issue_help, "d:r:n:a:k:D:o:h", options, argc, argv, &o);
	if (code != CTL_OK || o.help)
		return code;
	if (!o.dir || !o.role || !o.name || !o.out || optind != argc)
		return ctl_usage(
		        ISSUE, "--dir, --role, --name and --out are wanted, and nothing else but options");
	if (ca_issue(o.dir, o.role, o.name, o.alt_names, o.kind, o.days, o.out, &err) < 0)
		return ctl_fail(ISSUE, "%s", err.text);
	printf("%s/%s.key, %s/%s.pem: %s %s, for %d days\n", o.out, o.name, o.out, o.name,
	        identity_role_name(o.role), o.name, o.days);
	return CTL_OK;
}

int ctl_ca_revoke(int argc, char **argv)
{
	static const struct option options[] = { { "dir", required_argument, NULL, 'd' },
		{ "reason", required_argument, NULL, 'r' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	struct ca_options o;
	struct error err;
	size_t count = 0;
	int code = read_options(REVOKE, revoke_help, "d:r:h", options, argc, argv, &o);
	if (code != CTL_OK || o.help)
		return code;
	if (!o.dir || argc - optind != 1)
		return ctl_usage(REVOKE, "--dir and one NAME or SERIAL are wanted");
	int r = ca_revoke(o.dir, argv[optind], o.reason, clock_wall_ms(), &count, &err);
	if (r < 0 && r != -EALREADY)
		return ctl_fail(REVOKE, "%s", err.text);
	if (r == -EALREADY)
		printf("%s was revoked before; %s/ca.crl is written anew\n", argv[optind], o.dir);
	else
		printf("%zu certificate%s revoked; %s/ca.crl is written anew\n", count, count == 1 ? "" : "s",
		        o.dir);
	return CTL_OK;
}

static void show_identity(const struct identity *who, bool json)
{
	char until[CLOCK_TEXT_SIZE], thumbprint[2 * KEY_THUMBPRINT_SIZE + 1];
	clock_format(who->not_after, until);
	for (size_t i = 0; i < KEY_THUMBPRINT_SIZE; i++)
		snprintf(thumbprint + 2 * i, 3, "%02x", who->thumbprint[i]);
	if (!json) {
		printf("%s  %s  until %s\n  serial %s\n  key %s\n", who->name, identity_role_name(who->role),
		        until, who->serial, thumbprint);
		return;
	}
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", who->name, "role",
	        identity_role_name(who->role), "expires", until, "serial", who->serial, "thumbprint",
	        thumbprint);
	json_dumpf(j, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(j);
}

int ctl_ca_show(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	struct ca_options o;
	int code = read_options(SHOW, show_help, "jh", options, argc, argv, &o);
	if (code != CTL_OK || o.help)
		return code;
	if (optind == argc)
		return ctl_usage(SHOW, "a FILE is wanted");
	for (; optind < argc; optind++) {
		X509 *certificate = NULL;
		struct identity who = { 0 };
		struct error err;
		int r = certificate_load(argv[optind], &certificate, &err);
		if (r == 0)
			r = certificate_identity(certificate, &who, &err);
		if (r < 0)
			code = ctl_fail(SHOW, "%s: %s", argv[optind], err.text);
		else
			show_identity(&who, o.json);
		X509_free(certificate);
	}
	return code;
}
