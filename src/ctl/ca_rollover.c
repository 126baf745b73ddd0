/* SPDX-License-Identifier: ISC */
/* `pratique ca rollover` and `pratique ca renew`: a new CA key and new certificates of programs, in the CA's
 * directory. */
#include "crypto/ca_rollover.h"
#include "base/command_line.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ROLLOVER "ca rollover"
#define RENEW "ca renew"
#define RENEW_DAYS 365

struct rollover_options {
	const char *dir;
	enum key_kind kind;
	bool force, json;
};

/* ---- status ---- */

static void print_json(const struct ca_rollover *r)
{
	char when[CLOCK_TEXT_SIZE];
	json_t *waiting = json_array();
	for (size_t i = 0; i < r->n_waiting; i++)
		json_array_append_new(waiting, json_string(r->waiting[i]));
	json_t *j = json_pack("{s:s, s:s, s:s, s:I, s:o}", "phase", ca_phase_name(r->phase), "signs",
	        r->signer, "signs_until", clock_format(r->signer_ends, when), "certificates",
	        (json_int_t)r->n_identities, "waiting", waiting);
	if (*r->other)
		json_object_set_new(j, "also_trusted", json_string(r->other));
	char *text = json_dumps(j, JSON_COMPACT);
	puts(text ? text : "{}");
	free(text);
	json_decref(j);
}

static void print_text(const struct ca_rollover *r)
{
	static const char *const next[] = {
		[CA_STEADY] = "prepare", [CA_PREPARED] = "switch", [CA_SWITCHED] = "retire"
	};
	char when[CLOCK_TEXT_SIZE];
	printf("phase          %s\nsigns          %s, until %s\n", ca_phase_name(r->phase), r->signer,
	        clock_format(r->signer_ends, when));
	if (*r->other)
		printf("trusted too    %s, until %s\n", r->other, clock_format(r->other_ends, when));
	printf("certificates   %zu hold a valid one\n", r->n_identities);
	printf("next step      %s%s\n", next[r->phase], r->n_waiting ? ", which waits for:" : "");
	for (size_t i = 0; i < r->n_waiting; i++)
		printf("               %s\n", r->waiting[i]);
}

static int show_status(const struct rollover_options *o, struct error *err)
{
	struct ca_rollover r;
	int code = ca_rollover_read(o->dir, clock_wall_ms(), &r, err);
	if (code < 0)
		return code;
	if (o->json)
		print_json(&r);
	else
		print_text(&r);
	ca_rollover_clear(&r);
	return 0;
}

/* ---- the steps ---- */

static int prepare(const struct rollover_options *o, struct error *err)
{
	int r = ca_rollover_prepare(o->dir, o->kind, clock_wall_ms(), err);
	if (r == 0)
		puts("there is a new CA, which everybody is to fetch; `switch` comes next");
	return r;
}

static int change_over(const struct rollover_options *o, struct error *err)
{
	int r = ca_rollover_switch(o->dir, o->force, clock_wall_ms(), err);
	if (r == 0)
		puts("the new CA signs from now on; `retire` comes when everybody has renewed");
	return r;
}

static int retire(const struct rollover_options *o, struct error *err)
{
	int r = ca_rollover_retire(o->dir, o->force, clock_wall_ms(), err);
	if (r == 0)
		puts("the old CA is gone");
	return r;
}

static int step_back(const struct rollover_options *o, struct error *err)
{
	int r = ca_rollover_abort(o->dir, o->force, clock_wall_ms(), err);
	if (r == 0)
		puts("one step back; see `status`");
	return r;
}

static const struct {
	const char *name;
	int (*run)(const struct rollover_options *o, struct error *err);
} actions[] = { { "status", show_status }, { "prepare", prepare }, { "switch", change_over },
	{ "retire", retire }, { "abort", step_back } };

int ctl_ca_rollover(int argc, char **argv)
{
	struct rollover_options o = { .kind = KEY_P256 };
	const char *kind = "p256";
	char **arguments;
	struct error err;
	const struct command_option options[] = {
		{ 'd', "dir", "DIR", "the directory of the CA; a running server notices", COMMAND_TEXT,
		        &o.dir, 1 },
		{ 'k', "key", "KIND", "prepare: p256 (the default) or ed25519", COMMAND_TEXT, &kind },
		{ 'f', "force", NULL, "do not wait for anybody: they lose access until they enrol again",
		        COMMAND_FLAG, &o.force },
		{ 'j', "json", NULL, "status: as JSON", COMMAND_FLAG, &o.json },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = ROLLOVER,
		.synopsis = "--dir DIR [OPTIONS] status|prepare|switch|retire|abort",
		.about = "Takes the site from its CA to a new one in three steps, without anybody losing "
		         "access:\n\n"
		         "  prepare   makes the new CA; everybody fetches it and trusts both, the old one "
		         "signs\n"
		         "  switch    the new one signs; everybody renews and moves over to it\n"
		         "  retire    the old one is not trusted any more, and its key is destroyed\n"
		         "  abort     goes one step back: from switched to prepared, from prepared to how it "
		         "was\n"
		         "  status    where the rollover is and whom the next step waits for\n\n"
		         "A step that would cost somebody access is refused and says whom. Agents fetch and "
		         "renew by\n"
		         "themselves, other programs by `pratique enrol --renew --due`, which is for a "
		         "timer. DIR is\n"
		         "good at any moment: a step that was interrupted is done again, or not at all.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Exit status: 0 done, 1 failed or refused, 2 wrong usage.\n\n"
		           "Examples:\n"
		           "  pratique ca rollover --dir /etc/pratique/ca prepare\n"
		           "  pratique ca rollover --dir /etc/pratique/ca status",
		.least = 1,
		.most = 1,
		.argument = "one of status, prepare, switch, retire, abort",
	};
	int code = command_line_parse(&line, argc, argv, &arguments);
	if (code != COMMAND_GO_ON)
		return code;
	if (key_kind_parse(kind, &o.kind) < 0)
		return command_line_wrong(&line, "--key: p256 or ed25519");
	for (size_t i = 0; i < ARRAY_LENGTH(actions); i++)
		if (strcmp(arguments[0], actions[i].name) == 0)
			return actions[i].run(&o, &err) < 0 ? ctl_fail(ROLLOVER, "%s", err.text) : CTL_OK;
	return command_line_wrong(&line, "there is no step \"%s\"", arguments[0]);
}

/* ---- renew ---- */

int ctl_ca_renew(int argc, char **argv)
{
	const char *dir = NULL, *certificate = NULL, *key = NULL;
	int64_t days = RENEW_DAYS;
	struct error err;
	const struct command_option options[] = {
		{ 'd', "dir", "DIR", "the directory of the CA", COMMAND_TEXT, &dir, 1 },
		{ 'c', "certificate", "FILE", "the certificate, not revoked", COMMAND_TEXT, &certificate, 1 },
		{ 'k', "key", "FILE", "its key", COMMAND_TEXT, &key, 1 },
		{ 'D', "days", "N", "how long the new one is valid; 365 unless given", COMMAND_NUMBER, &days,
		        1, CA_DAYS_MAX },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = RENEW,
		.synopsis = "--dir DIR --certificate FILE --key FILE [--days N]",
		.about = "Renews a certificate and its key where they are, with the CA's directory at hand "
		         "and no\n"
		         "server: for the server itself. Name, role and alternative names stay. Owner and "
		         "mode of\n"
		         "the files stay, too; a program that can read them takes them up within a second, "
		         "without\n"
		         "dropping a connection.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Examples:\n"
		           "  pratique ca renew --dir ca --certificate /etc/pratique/server.pem --key "
		           "/etc/pratique/server.key",
		.argument = "no argument",
	};
	int code = command_line_parse(&line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	if (ca_reissue(dir, certificate, key, (int)days, &err) < 0)
		return ctl_fail(RENEW, "%s", err.text);
	printf("%s, %s: renewed for %lld days\n", certificate, key, (long long)days);
	return CTL_OK;
}
