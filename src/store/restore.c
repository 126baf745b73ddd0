/* SPDX-License-Identifier: ISC */
/*
 * Back to a backup. The new database is made whole beside the old one and takes its place by one rename; the
 * old one's log is folded into it before, because a log that is left behind would be read into the new one.
 */
#include "store/backup.h"
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Generations given between the backup and now are not known where the old database cannot be read. */
#define GENERATION_JUMP (1LL << 32)

/* Nobody is placed by what was true at the time of the backup; a token that was used since is not good again.
 */
static const char make_safe[] =
        "UPDATE attachment SET segment = NULL, compliant = 0, expires = 0, certificate = NULL, present = 0;"
        "DELETE FROM token; DELETE FROM keep; DELETE FROM demotion; DELETE FROM judged;";

/* Whom the old database knows to be revoked or pinned to a new key, and who did what since. */
static const char carry_over[] =
        "INSERT INTO node(name, thumbprint, serial, first_seen, last_seen, revoked, revoked_reason, "
        "revoked_at,"
        " pinned, pin, inspected, posture_signed, posture_digest) SELECT name, thumbprint, serial, "
        "first_seen,"
        " last_seen, revoked, revoked_reason, revoked_at, pinned, pin, 0, 0, zeroblob(32) FROM old.node"
        " WHERE revoked OR pinned ON CONFLICT(name) DO UPDATE SET revoked = excluded.revoked,"
        " revoked_reason = excluded.revoked_reason, revoked_at = excluded.revoked_at, pinned = "
        "excluded.pinned,"
        " pin = excluded.pin;"
        "INSERT OR IGNORE INTO revoked_serial SELECT serial, node, reason, at FROM old.revoked_serial;";
static const char carry_over_api[] =
        "DELETE FROM api_token WHERE id NOT IN (SELECT id FROM old.api_token);"
        "INSERT OR IGNORE INTO audit SELECT id, at, who, origin, action, subject, before, after, result"
        " FROM old.audit WHERE id > (SELECT coalesce(max(id), 0) FROM main.audit);";

static int run(struct store *s, const char *sql, struct error *err)
{
	int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : store_sqlite_error(s, code, "making it safe to go back to", err);
}

static int number(struct store *s, const char *sql, int64_t *ret)
{
	sqlite3_stmt *st = NULL;
	*ret = 0;
	int code = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(st);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return code == SQLITE_ROW ? 0 : -ENOENT;
}

/* ---- the old database ---- */

/* All of it into its one file; false where it cannot be read (any more). */
static bool fold_old(const char *path)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	bool good =
	        sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
	        sqlite3_exec(db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) == SQLITE_OK &&
	        sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL) == SQLITE_OK &&
	        sqlite3_step(st) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;
	sqlite3_finalize(st);
	sqlite3_close(db);
	return good;
}

static int take_from_old(struct store *s, const char *old, int64_t *ret_generation, struct error *err)
{
	int64_t n = 0;
	char *attach = sqlite3_mprintf("ATTACH %Q AS old", old);
	int code = run(s, attach, err);
	sqlite3_free(attach);
	if (code == 0)
		code = run(s, "BEGIN IMMEDIATE", err);
	if (code == 0)
		(void)number(s, "SELECT value FROM old.meta WHERE name = 'generation'", ret_generation);
	if (code == 0)
		code = run(s, carry_over, err);
	if (code == 0 && number(s, "SELECT 1 FROM old.sqlite_schema WHERE name = 'api_token'", &n) == 0)
		code = run(s, carry_over_api, err);
	if (code == 0)
		code = run(s, "COMMIT", err);
	if (code == 0)
		code = run(s, "DETACH old", err);
	return code;
}

/* ---- the new one ---- */

static int note_restore(struct store *s, const char *who, const struct store_restored *r, struct error *err)
{
	char after[96];
	snprintf(after, sizeof(after), "{\"generation\":%" PRIu64 ",\"old_read\":%s}", r->generation,
	        r->old_read ? "true" : "false");
	const struct store_audit a = { .at = clock_wall_ms(),
		.who = who,
		.origin = "command line",
		.action = "restore",
		.after = after,
		.result = "done" };
	store_put_audit(s, &a);
	store_write(s, SQL_SET_META, "si", "generation", (int64_t)r->generation);
	return store_commit(s, err);
}

static int prepare(
        struct store *s, const char *old, const char *who, struct store_restored *ret, struct error *err)
{
	int64_t generation = 0, old_generation = 0;
	int code = store_open_database(s, err);
	if (code == 0)
		code = run(s, make_safe, err);
	if (code < 0)
		return code;
	/* One that says something else than ours did is as one that cannot be read. */
	if (ret->old_read && take_from_old(s, old, &old_generation, NULL) < 0) {
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
		(void)sqlite3_exec(s->db, "DETACH old", NULL, NULL, NULL);
		ret->old_read = false;
	}
	(void)number(s, "SELECT value FROM meta WHERE name = 'generation'", &generation);
	ret->generation = (uint64_t)(MAX(generation, old_generation) + GENERATION_JUMP);
	code = note_restore(s, who, ret, err);
	if (code == 0)
		(void)number(s, "SELECT count(*) FROM node WHERE revoked", &ret->nodes_revoked);
	return code == 0 ? run(s, "PRAGMA journal_mode = DELETE", err) : code;
}

static void unlink_with_logs(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		char *name FREE_ON_EXIT = xasprintf("%s%s", path, suffixes[i]);
		(void)unlink(name);
	}
}

/* An old database that could not be folded is kept with its logs, out of the way. */
static int move_logs(const char *old, const char *kept)
{
	static const char *const suffixes[] = { "-wal", "-shm", "-journal" };
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		char *from FREE_ON_EXIT = xasprintf("%s%s", old, suffixes[i]);
		char *to FREE_ON_EXIT = xasprintf("%s%s", kept, suffixes[i]);
		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

static int put_in_place(const char *dir, const char *path, const char *old, struct error *err)
{
	char *kept FREE_ON_EXIT = xasprintf("%s.before-restore", old);
	struct stat st;
	int code = 0, fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	    file = open(path, O_RDONLY | O_CLOEXEC);
	/* The directory says whose all this is. */
	if (fd < 0 || file < 0 || fstat(fd, &st) < 0 || fchown(file, st.st_uid, st.st_gid) < 0 ||
	        fchmod(file, 0600) < 0 || fsync(file) < 0)
		code = -errno;
	if (code == 0) {
		unlink_with_logs(kept);
		if (link(old, kept) < 0 && errno != ENOENT)
			code = -errno;
	}
	if (code == 0)
		code = move_logs(old, kept);
	if (code == 0 && (fsync(fd) < 0 || rename(path, old) < 0 || fsync(fd) < 0))
		code = -errno;
	if (fd >= 0)
		close(fd);
	if (file >= 0)
		close(file);
	return code < 0 ? error_set(err, code, "%s: %s", old, strerror(-code)) : 0;
}

int store_restore(
        const char *dir, const char *path, const char *who, struct store_restored *ret, struct error *err)
{
	char *old FREE_ON_EXIT = xasprintf("%s/pratique.db", dir);
	struct store s = { .path = xstrdup(path), .lock = -1 };
	struct store_restored restored = { .old_read = access(old, F_OK) == 0 && fold_old(old) };
	int code = prepare(&s, old, who, &restored, err);
	store_close_database(&s);
	free(s.path);
	if (code == 0)
		code = put_in_place(dir, path, old, err);
	if (code < 0)
		unlink_with_logs(path);
	else
		*ret = restored;
	return code;
}
