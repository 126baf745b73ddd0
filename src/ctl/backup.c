/* SPDX-License-Identifier: ISC */
/* pratique backup, pratique restore: on the server's own host. */
#include "store/backup.h"
#include "base/clock.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_DIRECTORY "/var/lib/pratique/server"
#define DATABASE "pratique.db"
#define TOKEN_KEY "token.key"
#define PROGRESS_AFTER_MS 2000
#define PROGRESS_EVERY_MS 200

/* Of the CA's directory, where they are there. */
static const char *const ca_files[] = { "ca.key", "ca.pem", "ca.crl", "issued", "revoked" };

/* ---- progress ---- */

struct progress {
	time_ms started, shown;
	bool terminal, any;
};

static void show(uint64_t bytes, uint64_t of, void *context)
{
	struct progress *p = context;
	const time_ms now = clock_monotonic_ms();
	if (!p->terminal || now - p->started < PROGRESS_AFTER_MS || now - p->shown < PROGRESS_EVERY_MS)
		return;
	p->shown = now;
	p->any = true;
	fprintf(stderr, "\r\033[K%" PRIu64 " of %" PRIu64 " MB", bytes >> 20, of >> 20);
}

static void begin_progress(struct progress *p, struct store_progress *ret)
{
	*p = (struct progress){ .started = clock_monotonic_ms(), .terminal = isatty(STDERR_FILENO) };
	*ret = (struct store_progress){ show, p };
}

static void end_progress(const struct progress *p)
{
	if (p->any)
		fputs("\r\033[K", stderr);
}

/* ---- backup ---- */

struct parts {
	struct archive_header header;
	char *files[ARCHIVE_MEMBERS_MAX];
};

static void add_part(struct parts *p, const char *name, char *file)
{
	snprintf(p->header.members[p->header.n_members].name, ARCHIVE_NAME_MAX + 1, "%s", name);
	p->files[p->header.n_members++] = file;
}

/* Keys, where they are there. */
static void add_secrets(struct parts *p, const char *state, const char *ca)
{
	char *key = xasprintf("%s/%s", state, TOKEN_KEY);
	if (access(key, F_OK) == 0)
		add_part(p, TOKEN_KEY, key);
	else
		free(key);
	for (size_t i = 0; ca && i < ARRAY_LENGTH(ca_files); i++) {
		char name[ARCHIVE_NAME_MAX + 1], *file = xasprintf("%s/%s", ca, ca_files[i]);
		snprintf(name, sizeof(name), "ca/%s", ca_files[i]);
		if (access(file, F_OK) == 0)
			add_part(p, name, file);
		else
			free(file);
	}
}

static void print_header(const struct archive_header *h, bool json)
{
	if (json) {
		printf("{\"created\": \"%s\", \"version\": \"%s\", \"schema\": %" PRId64
		       ", \"generation\": %" PRIu64 ", \"members\": [",
		        h->created, h->version, h->schema, h->generation);
		for (size_t i = 0; i < h->n_members; i++)
			printf("%s{\"name\": \"%s\", \"bytes\": %" PRIu64 "}", i ? ", " : "",
			        h->members[i].name, h->members[i].length);
		puts("]}");
		return;
	}
	printf("made %s by pratique %s, schema %" PRId64 "\n", h->created, h->version, h->schema);
	for (size_t i = 0; i < h->n_members; i++)
		printf("  %-12s %" PRIu64 " bytes\n", h->members[i].name, h->members[i].length);
}

static int make_backup(const char *path, const char *state, const char *ca, bool secrets, bool json)
{
	char *copy = xasprintf("%s.database.%ld", path, (long)getpid());
	struct parts parts = { .header = { .version = PRATIQUE_VERSION } };
	struct store_snapshot snapshot = { 0 };
	struct store_progress progress;
	struct progress shown;
	struct error err = { "" };
	begin_progress(&shown, &progress);
	add_part(&parts, DATABASE, copy);
	if (secrets)
		add_secrets(&parts, state, ca);
	clock_format(clock_wall_ms(), parts.header.created);
	int code = store_snapshot_take(state, copy, &progress, &snapshot, &err);
	parts.header.schema = snapshot.schema;
	parts.header.generation = snapshot.generation;
	if (code == 0) {
		code = archive_write(path, &parts.header, (const char *const *)parts.files, &progress, &err);
		(void)unlink(copy);
	}
	end_progress(&shown);
	for (size_t i = 0; i < parts.header.n_members; i++)
		free(parts.files[i]);
	if (code < 0)
		return ctl_fail("backup", "%s", err.text);
	print_header(&parts.header, json);
	return CTL_OK;
}

int ctl_backup(int argc, char **argv)
{
	const char *state = STATE_DIRECTORY, *ca = NULL;
	bool secrets = false, json = false;
	const struct command_option options[] = {
		{ 'd', "state-directory", "DIR", "the server's; default: " STATE_DIRECTORY, COMMAND_TEXT,
		        &state },
		{ 0, "secrets", NULL,
		        "also the key that signs quarantine certificates, and the CA if it is named",
		        COMMAND_FLAG, &secrets },
		{ 0, "ca-directory", "DIR", "the CA's directory, with --secrets", COMMAND_TEXT, &ca },
		{ 'j', "json", NULL, "what is in it, as one JSON object", COMMAND_FLAG, &json },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = "backup",
		.synopsis = "[OPTIONS] FILE",
		.about = "Copies the server's database into FILE, as it is at one moment, while the server "
		         "goes on: every\n"
		         "decision that anybody was told of before is in it. Without --secrets no key is: "
		         "then nodes are\n"
		         "inspected in full after a restore. FILE is replaced whole or not at all.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Examples:\n"
		           "  pratique backup /backup/pratique.$(date +%F)\n"
		           "  pratique backup --secrets --ca-directory /etc/pratique/ca /backup/pratique.all",
		.least = 1,
		.most = 1,
		.argument = "one FILE",
	};
	char **files;
	int code = command_line_parse(&line, argc, argv, &files);
	if (code != COMMAND_GO_ON)
		return code;
	if (ca && !secrets)
		return command_line_wrong(&line, "--ca-directory goes with --secrets");
	return make_backup(files[0], state, ca, secrets, json);
}

/* ---- restore ---- */

/* What everybody may read. */
static mode_t mode_of(const char *name)
{
	return strcmp(name, "ca.pem") == 0 || strcmp(name, "ca.crl") == 0 ? 0644 : 0600;
}

/* DIR/NAME by way of a file beside it; the directory says whose it is. */
static int put_file(struct archive *a, const struct archive_member *m, const char *dir, const char *name,
        struct error *err)
{
	struct stat st;
	char *path FREE_ON_EXIT = xasprintf("%s/%s", dir, name);
	char *beside FREE_ON_EXIT = xasprintf("%s.restore", path);
	(void)unlink(beside);
	int code = archive_extract(a, m, beside, mode_of(name), err);
	if (code == 0 && (stat(dir, &st) < 0 || chown(beside, st.st_uid, st.st_gid) < 0))
		code = error_set(err, -errno, "%s: %s", dir, strerror(errno));
	if (code == 0 && rename(beside, path) < 0)
		code = error_set(err, -errno, "%s: %s", path, strerror(errno));
	return code;
}

static int put_secrets(struct archive *a, const char *state, const char *ca, struct error *err)
{
	const struct archive_header *h = archive_header(a);
	int code = 0;
	for (size_t i = 0; i < h->n_members && code == 0; i++) {
		const struct archive_member *m = &h->members[i];
		if (strcmp(m->name, TOKEN_KEY) == 0)
			code = put_file(a, m, state, TOKEN_KEY, err);
		else if (strncmp(m->name, "ca/", 3) == 0 && ca)
			code = put_file(a, m, ca, m->name + 3, err);
	}
	return code;
}

static const struct archive_member *database_of(const struct archive *a)
{
	const struct archive_header *h = archive_header(a);
	for (size_t i = 0; i < h->n_members; i++)
		if (strcmp(h->members[i].name, DATABASE) == 0)
			return &h->members[i];
	return NULL;
}

/* The database is last: until it is in its place, nothing has changed for the server but keys that it needs.
 */
static int put_all(
        struct archive *a, const char *state, const char *ca, struct store_restored *ret, struct error *err)
{
	char *beside FREE_ON_EXIT = xasprintf("%s/%s.restore", state, DATABASE);
	const struct archive_member *database = database_of(a);
	char who[32];
	snprintf(who, sizeof(who), "user %u", (unsigned)geteuid());
	if (!database)
		return error_set(err, -EBADMSG, "there is no database in the backup");
	(void)unlink(beside);
	int code = archive_extract(a, database, beside, 0600, err);
	if (code == 0)
		code = put_secrets(a, state, ca, err);
	if (code == 0)
		return store_restore(state, beside, who, ret, err);
	(void)unlink(beside);
	return code;
}

static int restore(struct archive *a, const char *state, const char *ca, bool json)
{
	struct store_restored restored = { 0 };
	struct error err = { "" };
	int lock = -1, code = store_lock(state, &lock, &err);
	if (code == -EBUSY)
		return ctl_fail("restore", "%s; stop it first", err.text);
	if (code == 0)
		code = put_all(a, state, ca, &restored, &err);
	if (lock >= 0)
		close(lock);
	if (code < 0)
		return ctl_fail("restore", "%s; nothing was changed in the database", err.text);
	if (json)
		printf("{\"generation\": %" PRIu64 ", \"old_read\": %s, \"nodes_revoked\": %" PRId64 "}\n",
		        restored.generation, restored.old_read ? "true" : "false", restored.nodes_revoked);
	else
		printf("restored; nobody is placed until inspected again, and enrolment tokens are void\n"
		       "revoked nodes: %" PRId64 "%s\n",
		        restored.nodes_revoked,
		        restored.old_read
		                ? ", those since the backup too"
		                : "; those revoked since the backup are not known: revoke them again");
	return CTL_OK;
}

int ctl_restore(int argc, char **argv)
{
	const char *state = STATE_DIRECTORY, *ca = NULL;
	bool only_check = false, json = false;
	const struct command_option options[] = {
		{ 'd', "state-directory", "DIR", "the server's; default: " STATE_DIRECTORY, COMMAND_TEXT,
		        &state },
		{ 0, "ca-directory", "DIR", "where the CA of the backup goes; default: it is left out",
		        COMMAND_TEXT, &ca },
		{ 0, "check", NULL, "check FILE and say what is in it, no more", COMMAND_FLAG, &only_check },
		{ 'j', "json", NULL, "as one JSON object", COMMAND_FLAG, &json },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = "restore",
		.synopsis = "[OPTIONS] FILE",
		.about = "Puts what `pratique backup` wrote to FILE in the place of the server's database, "
		         "whole or not\n"
		         "at all. The server must not run. What is damaged, or made by a newer program, is "
		         "refused.\n"
		         "Revocations since the backup, revoked tokens and the audit are carried over from "
		         "the database\n"
		         "that is there; that one stays as pratique.db.before-restore.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Examples:\n"
		           "  pratique restore --check /backup/pratique.2026-11-22\n"
		           "  pratique restore /backup/pratique.2026-11-22",
		.least = 1,
		.most = 1,
		.argument = "one FILE",
	};
	char **files;
	struct archive *a;
	struct store_progress progress;
	struct progress shown;
	struct error err = { "" };
	int code = command_line_parse(&line, argc, argv, &files);
	if (code != COMMAND_GO_ON)
		return code;
	begin_progress(&shown, &progress);
	code = archive_open(files[0], &progress, &a, &err);
	end_progress(&shown);
	if (code < 0)
		return ctl_fail("restore", "%s", err.text);
	if (only_check) {
		print_header(archive_header(a), json);
		code = CTL_OK;
	} else {
		code = restore(a, state, ca, json);
	}
	archive_close(a);
	return code;
}
