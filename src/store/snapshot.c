/* SPDX-License-Identifier: ISC */
/*
 * A copy beside a running server. One read transaction holds the moment still (WAL: the server writes on
 * meanwhile), so that the copying needs no second attempt however much is written.
 */
#include "store/backup.h"
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#define PAGES_A_STEP 1024
#define BUSY_MS 10000

static int fail(sqlite3 *db, const char *path, const char *doing, struct error *err)
{
	int code = db ? sqlite3_errcode(db) : SQLITE_NOMEM;
	switch (code) {
	case SQLITE_FULL:
		return error_set(err, -ENOSPC, "%s: the disk is full while %s", path, doing);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return error_set(err, -EBADMSG, "%s: the database is damaged (%s while %s)", path,
		        sqlite3_errmsg(db), doing);
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return error_set(err, -EACCES, "%s: only root and the user of the service can copy it", path);
	default:
		return error_set(
		        err, -EIO, "%s: %s while %s", path, db ? sqlite3_errmsg(db) : "out of memory", doing);
	}
}

static int number(sqlite3 *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *st = NULL;
	*ret = 0;
	int code = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(st);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : -EIO;
}

/* Opened and held at one moment. */
static int open_source(const char *path, sqlite3 **ret, struct store_snapshot *snapshot, struct error *err)
{
	int64_t application, generation = 0;
	if (access(path, F_OK) < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	int code = sqlite3_open_v2(path, ret, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_busy_timeout(*ret, BUSY_MS);
	/* A copy must not cost the server its place in the log, nor itself the time to tidy up. */
	if (code == SQLITE_OK)
		code = sqlite3_db_config(*ret, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(*ret, "BEGIN; SELECT count(*) FROM sqlite_schema;", NULL, NULL, NULL);
	if (code != SQLITE_OK || number(*ret, "PRAGMA application_id", &application) < 0 ||
	        number(*ret, "PRAGMA user_version", &snapshot->schema) < 0)
		return fail(*ret, path, "opening it", err);
	if (application != STORE_APPLICATION_ID)
		return error_set(err, -EPROTO, "%s: the database of another program", path);
	if (number(*ret, "SELECT value FROM meta WHERE name = 'generation'", &generation) < 0)
		return fail(*ret, path, "reading it", err);
	snapshot->generation = (uint64_t)generation;
	return 0;
}

static int copy_pages(sqlite3 *from, sqlite3 *to, const char *path, const struct store_progress *progress,
        struct error *err)
{
	int64_t page_size = 0;
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	if (!b)
		return fail(to, path, "copying", err);
	(void)number(from, "PRAGMA page_size", &page_size);
	int code = SQLITE_OK;
	while ((code = sqlite3_backup_step(b, PAGES_A_STEP)) == SQLITE_OK)
		if (progress && progress->copied)
			progress->copied((uint64_t)page_size *
			                (uint64_t)(sqlite3_backup_pagecount(b) - sqlite3_backup_remaining(b)),
			        (uint64_t)page_size * (uint64_t)sqlite3_backup_pagecount(b),
			        progress->context);
	int end = sqlite3_backup_finish(b);
	return code == SQLITE_DONE && end == SQLITE_OK ? 0 : fail(to, path, "copying", err);
}

int store_snapshot_take(const char *dir, const char *path, const struct store_progress *progress,
        struct store_snapshot *ret, struct error *err)
{
	char *source FREE_ON_EXIT = xasprintf("%s/pratique.db", dir);
	struct store_snapshot snapshot = { 0 };
	sqlite3 *from = NULL, *to = NULL;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	close(fd);
	int code = open_source(source, &from, &snapshot, err);
	if (code == 0 &&
	        sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		code = fail(to, path, "opening it", err);
	/* It becomes part of an archive that is synced: no need to be careful here. */
	if (code == 0)
		(void)sqlite3_exec(
		        to, "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF", NULL, NULL, NULL);
	if (code == 0)
		code = copy_pages(from, to, path, progress, err);
	/* Of one file: the mark of a log beside it goes. */
	if (code == 0 && sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) != SQLITE_OK)
		code = fail(to, path, "closing it", err);
	sqlite3_close(to);
	sqlite3_close(from);
	if (code < 0)
		unlink(path);
	else
		*ret = snapshot;
	return code;
}
