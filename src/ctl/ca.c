/* SPDX-License-Identifier: ISC */
/* `pratique ca init|issue|revoke|show`: the site CA in its directory, without any server. */
#include "crypto/x509.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define INIT "ca init"
#define ISSUE "ca issue"
#define REVOKE "ca revoke"
#define SHOW "ca show"
#define ISSUE_DAYS 365

#define DIR_OPTION(target) \
	{ \
		'd', "dir", "DIR", "the directory of the CA", COMMAND_TEXT, target, 1 \
	}
#define KEY_OPTION(target) \
	{ \
		'k', "key", "KIND", "p256 (the default) or ed25519", COMMAND_TEXT, target \
	}

/* 0, or the exit code with what is wrong said. */
static int read_kind(const struct command_line *c, const char *text, enum key_kind *ret)
{
	*ret = KEY_P256;
	return text && key_kind_parse(text, ret) < 0 ? command_line_wrong(c, "--key: p256 or ed25519") : 0;
}

int ctl_ca_init(int argc, char **argv)
{
	const char *dir = NULL, *site = NULL, *kind_text = NULL;
	enum key_kind kind;
	struct error err;
	const struct command_option options[] = {
		{ 'd', "dir", "DIR", "where; it is made if it is not there", COMMAND_TEXT, &dir, 1 },
		{ 's', "site", "NAME", "the organisation in every certificate", COMMAND_TEXT, &site, 1 },
		KEY_OPTION(&kind_text),
	};
	const struct command_line line = {
		.program = "pratique",
		.words = INIT,
		.synopsis = "--dir DIR --site NAME [--key KIND]",
		.about = "Makes the site's certification authority: DIR/ca.key (for you only), DIR/ca.pem "
		         "(for every\n"
		         "host), DIR/ca.crl (who is revoked; for every server). It is valid for ten years.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Exit status: 0 done, 1 failed (there is a CA already), 2 wrong usage.\n\n"
		           "Examples:\n"
		           "  pratique ca init --dir /etc/pratique/ca --site \"Example Harbour\"",
	};
	int code = command_line_parse(&line, argc, argv, NULL);
	if (code != COMMAND_GO_ON || (code = read_kind(&line, kind_text, &kind)) != 0)
		return code;
	if (ca_init(dir, site, kind, &err) < 0)
		return ctl_fail(INIT, "%s", err.text);
	printf("%s/ca.pem: the CA of %s. Give it to every host; keep ca.key to yourself.\n", dir, site);
	return CTL_OK;
}

int ctl_ca_issue(int argc, char **argv)
{
	const char *dir = NULL, *role_text = NULL, *name = NULL, *out = NULL, *kind_text = NULL;
	struct command_texts alt_names = { .n = 0 };
	int64_t days = ISSUE_DAYS;
	enum identity_role role;
	enum key_kind kind;
	struct error err;
	const struct command_option options[] = {
		DIR_OPTION(&dir),
		{ 'r', "role", "ROLE", "node, server, enforcer, vis, monitor, concentrator or operator",
		        COMMAND_TEXT, &role_text, 1 },
		{ 'n', "name", "NAME", "a-z 0-9 - . _, 64 characters at most", COMMAND_TEXT, &name, 1 },
		{ 'a', "alt-name", "X", "another host name or address that it is reached by; may be repeated",
		        COMMAND_TEXTS, &alt_names },
		KEY_OPTION(&kind_text),
		{ 'D', "days", "N", "how long it is valid; 365 unless given", COMMAND_NUMBER, &days, 1,
		        CA_DAYS_MAX },
		{ 'o', "out", "DIR", "where the two files go", COMMAND_TEXT, &out, 1 },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = ISSUE,
		.synopsis = "--dir DIR --role ROLE --name NAME [OPTIONS] --out DIR",
		.about = "Makes a key and its certificate: OUT/NAME.key (0600) and OUT/NAME.pem. For the "
		         "programs of the\n"
		         "site; nodes make their keys themselves, see `pratique enrol --help`.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing =
		        "Exit status: 0 done, 1 failed, 2 wrong usage.\n\n"
		        "Examples:\n"
		        "  pratique ca issue --dir ca --role server --name srv --alt-name 2001:db8::5 --out "
		        "/etc/pratique",
	};
	int code = command_line_parse(&line, argc, argv, NULL);
	if (code != COMMAND_GO_ON || (code = read_kind(&line, kind_text, &kind)) != 0)
		return code;
	if (identity_role_parse(role_text, &role) < 0)
		return command_line_wrong(
		        &line, "--role: node, server, enforcer, vis, monitor, concentrator or operator");
	if (alt_names.n > CA_ALT_NAMES_MAX)
		return command_line_wrong(&line, "more than %d alternative names", CA_ALT_NAMES_MAX);
	if (ca_issue(dir, role, name, alt_names.items, kind, (int)days, out, &err) < 0)
		return ctl_fail(ISSUE, "%s", err.text);
	printf("%s/%s.key, %s/%s.pem: %s %s, for %d days\n", out, name, out, name, identity_role_name(role),
	        name, (int)days);
	return CTL_OK;
}

int ctl_ca_revoke(int argc, char **argv)
{
	const char *dir = NULL, *reason = "unspecified";
	struct error err;
	size_t count = 0;
	const struct command_option options[] = {
		DIR_OPTION(&dir),
		{ 'r', "reason", "REASON",
		        "unspecified (the default), keyCompromise, affiliationChanged, superseded,\n"
		        "cessationOfOperation or privilegeWithdrawn",
		        COMMAND_TEXT, &reason },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = REVOKE,
		.synopsis = "--dir DIR [--reason REASON] NAME|SERIAL",
		.about = "Takes back all valid certificates of NAME, or the one with SERIAL, and writes "
		         "DIR/ca.crl anew.\n"
		         "Programs that have that file as their crl notice within a second and cut those off "
		         "who are\n"
		         "connected. For a running site use `pratique revoke NODE`, which also takes the "
		         "admission away.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Exit status: 0 revoked (also if it was before), 1 failed, 2 wrong usage.\n\n"
		           "Examples:\n"
		           "  pratique ca revoke --dir ca --reason keyCompromise bob\n"
		           "  pratique ca revoke --dir ca 5f:0a:31:...",
		.least = 1,
		.most = 1,
		.argument = "one NAME or SERIAL",
	};
	char **names;
	int code = command_line_parse(&line, argc, argv, &names);
	if (code != COMMAND_GO_ON)
		return code;
	int r = ca_revoke(dir, names[0], reason, clock_wall_ms(), &count, &err);
	if (r < 0 && r != -EALREADY)
		return ctl_fail(REVOKE, "%s", err.text);
	if (r == -EALREADY)
		printf("%s was revoked before; %s/ca.crl is written anew\n", names[0], dir);
	else
		printf("%zu certificate%s revoked; %s/ca.crl is written anew\n", count, count == 1 ? "" : "s",
		        dir);
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

static int show_file(const char *path, bool json)
{
	X509 *certificate = NULL;
	struct identity who = { 0 };
	struct error err;
	int r = certificate_load(path, &certificate, &err);
	if (r == 0)
		r = certificate_identity(certificate, &who, &err);
	X509_free(certificate);
	if (r < 0)
		return ctl_fail(SHOW, "%s: %s", path, err.text);
	show_identity(&who, json);
	return CTL_OK;
}

int ctl_ca_show(int argc, char **argv)
{
	bool json = false;
	const struct command_option options[] = { { 'j', "json", NULL, "one JSON object a line", COMMAND_FLAG,
		&json } };
	const struct command_line line = {
		.program = "pratique",
		.words = SHOW,
		.synopsis = "[--json] FILE...",
		.about = "Prints whose certificates these are: name, role, serial, thumbprint of the key, "
		         "and until when.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Exit status: 0 all are identities of a site, 1 one is not, 2 wrong usage.\n\n"
		           "Examples:\n"
		           "  pratique ca show /etc/pratique/*.pem",
		.least = 1,
		.most = SIZE_MAX,
		.argument = "a FILE",
	};
	char **files;
	int code = command_line_parse(&line, argc, argv, &files);
	if (code != COMMAND_GO_ON)
		return code;
	for (code = CTL_OK; *files; files++)
		if (show_file(*files, json) != CTL_OK)
			code = CTL_FAILURE;
	return code;
}
