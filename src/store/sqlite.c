/* SPDX-License-Identifier: ISC */
/*
 * The store on SQLite: opening and checking, the schema and its migrations, and the turn (one transaction,
 * one sync). WAL with synchronous=FULL: a commit that returned survives a crash of the process and of the
 * machine.
 */
#include "store/sqlite.h"
#include "base/file.h"
#include "store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* migrations[n] leads from schema version n to n + 1. A released one is never changed. */
static const char *const migrations[] = {
	"CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;"
	"CREATE TABLE node(name TEXT PRIMARY KEY, thumbprint BLOB NOT NULL, serial TEXT, first_seen INTEGER "
	"NOT NULL,"
	" last_seen INTEGER NOT NULL, revoked INTEGER NOT NULL, revoked_reason TEXT, revoked_at INTEGER NOT "
	"NULL,"
	" pinned INTEGER NOT NULL, pin BLOB NOT NULL, inspected INTEGER NOT NULL, posture_signed INTEGER NOT "
	"NULL,"
	" posture_digest BLOB NOT NULL) STRICT;"
	"CREATE TABLE posture(node TEXT PRIMARY KEY, json BLOB NOT NULL) STRICT;"
	"CREATE TABLE attachment(enforcement_point TEXT NOT NULL, port TEXT NOT NULL, mac BLOB NOT NULL, "
	"node TEXT,"
	" addresses BLOB NOT NULL, present INTEGER NOT NULL, contested INTEGER NOT NULL, first_seen INTEGER "
	"NOT NULL,"
	" last_seen INTEGER NOT NULL, segment TEXT, compliant INTEGER NOT NULL, expires INTEGER NOT NULL,"
	" generation INTEGER NOT NULL, certificate TEXT, certificate_digest BLOB NOT NULL,"
	" PRIMARY KEY(enforcement_point, port, mac)) STRICT;"
	"CREATE TABLE certificate(id TEXT PRIMARY KEY, node TEXT NOT NULL, enforcement_point TEXT NOT NULL,"
	" port TEXT NOT NULL, mac BLOB NOT NULL, segment TEXT NOT NULL, issued INTEGER NOT NULL,"
	" expires INTEGER NOT NULL, revoked INTEGER NOT NULL) STRICT;"
	"CREATE INDEX certificate_expires ON certificate(expires);"
	"CREATE TABLE decision(generation INTEGER PRIMARY KEY, node TEXT, enforcement_point TEXT, port TEXT,"
	" mac BLOB NOT NULL, made INTEGER NOT NULL, expires INTEGER NOT NULL, cause TEXT NOT NULL,"
	" segment TEXT NOT NULL, rule TEXT, level INTEGER NOT NULL, compliant INTEGER NOT NULL,"
	" rejected INTEGER NOT NULL, policy_fingerprint INTEGER NOT NULL, advisory_generation INTEGER NOT "
	"NULL,"
	" n_findings INTEGER NOT NULL, findings TEXT) STRICT;"
	"CREATE INDEX decision_node ON decision(node, generation);"
	"CREATE TABLE event(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL, "
	"node TEXT,"
	" enforcement_point TEXT, port TEXT, mac BLOB NOT NULL, text TEXT NOT NULL) STRICT;"
	"CREATE TABLE revoked_serial(serial TEXT PRIMARY KEY, node TEXT, reason TEXT, at INTEGER NOT NULL) "
	"STRICT;"
	"CREATE TABLE token(hash BLOB PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, created INTEGER "
	"NOT NULL,"
	" expires INTEGER NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID, STRICT;",
	"CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL,"
	" origin TEXT NOT NULL, action TEXT NOT NULL, subject TEXT, before TEXT, after TEXT, result TEXT NOT "
	"NULL) STRICT;"
	"CREATE INDEX audit_at ON audit(at);"
	"CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit"
	" BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;"
	"CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit"
	" WHEN OLD.id > (SELECT max(id) FROM audit) - 1000000"
	" BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;"
	"CREATE TABLE api_token(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, role INTEGER NOT NULL,"
	" hash BLOB NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, made_by TEXT NOT NULL) "
	"WITHOUT ROWID, STRICT;",
	"ALTER TABLE node ADD COLUMN previous BLOB NOT NULL"
	" DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000';"
	"ALTER TABLE node ADD COLUMN valid_from INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE node ADD COLUMN valid_until INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE token ADD COLUMN replaces INTEGER NOT NULL DEFAULT 0;",
	"CREATE TABLE keep(enforcement_point TEXT NOT NULL, port TEXT NOT NULL, mac BLOB NOT NULL,"
	" verdict TEXT NOT NULL, cause TEXT NOT NULL, worse_since INTEGER NOT NULL, held_since INTEGER NOT "
	"NULL,"
	" dismissed_until INTEGER NOT NULL, ordered_by TEXT, released INTEGER NOT NULL, own INTEGER NOT NULL,"
	" resting INTEGER NOT NULL, PRIMARY KEY(enforcement_point, port, mac)) WITHOUT ROWID, STRICT;"
	"CREATE TABLE demotion(who TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID, STRICT;"
	"ALTER TABLE decision ADD COLUMN would_be TEXT;"
	"ALTER TABLE decision ADD COLUMN kept_by TEXT;"
	"ALTER TABLE decision ADD COLUMN kept_until INTEGER NOT NULL DEFAULT 0;",
	"CREATE TABLE package(id INTEGER PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL, version TEXT "
	"NOT "
	"NULL,"
	" architecture TEXT, source TEXT, source_version TEXT) STRICT;"
	"ALTER TABLE posture ADD COLUMN packages BLOB;",
	"CREATE TABLE judged(id INTEGER PRIMARY KEY CHECK(id = 1), program INTEGER NOT NULL,"
	" policy INTEGER NOT NULL, freshness INTEGER NOT NULL, index_generation INTEGER NOT NULL,"
	" index_mark INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;",
};

int store_sqlite_error(struct store *s, int code, const char *doing, struct error *err)
{
	const char *words = s->db && sqlite3_extended_errcode(s->db) == code ? sqlite3_errmsg(s->db)
	                                                                     : sqlite3_errstr(code);
	switch (code & 0xff) {
	case SQLITE_FULL:
		return error_set(err, -ENOSPC,
		        "%s: the disk is full while %s; make room, nothing of this turn is kept", s->path,
		        doing);
	case SQLITE_CORRUPT:
		return error_set(err, -EBADMSG,
		        "%s: the database is damaged (%s while %s); restore it from a copy, or move it"
		        " away to start with an empty one",
		        s->path, words, doing);
	case SQLITE_NOTADB:
		return error_set(
		        err, -EPROTO, "%s: not a database; move it away to start with an empty one", s->path);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return error_set(
		        err, -EBUSY, "%s: another process is using the database (%s)", s->path, doing);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return error_set(err, -EACCES,
		        "%s: cannot be written (%s while %s); its directory must belong to the user of"
		        " the service",
		        s->path, words, doing);
	case SQLITE_NOMEM:
		return error_set(err, -ENOMEM, "%s: out of memory while %s", s->path, doing);
	default:
		return error_set(err, -EIO, "%s: %s while %s", s->path, words, doing);
	}
}

static int run_script(struct store *s, const char *sql, const char *doing, struct error *err)
{
	int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : store_sqlite_error(s, code, doing, err);
}

/* The first column of the first row of a query without parameters, as text; ret is empty where there is none.
 */
static int query_text(struct store *s, const char *sql, char *ret, size_t size, struct error *err)
{
	sqlite3_stmt *st = NULL;
	int code = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(st);
	*ret = '\0';
	if (code == SQLITE_ROW && sqlite3_column_text(st, 0))
		snprintf(ret, size, "%s", (const char *)sqlite3_column_text(st, 0));
	int result = code == SQLITE_ROW || code == SQLITE_DONE
	        ? 0
	        : store_sqlite_error(s, code, "opening it", err);
	sqlite3_finalize(st);
	return result;
}

static int query_number(struct store *s, const char *sql, int64_t *ret, struct error *err)
{
	char text[32] = "";
	int code = query_text(s, sql, text, sizeof(text), err);
	*ret = strtoll(text, NULL, 10);
	return code;
}

/* -EPROTO unless the file is empty or ours, and not newer than we are. */
static int check_origin(struct store *s, int64_t *ret_version, struct error *err)
{
	int64_t application = 0, objects = 0;
	*ret_version = 0;
	int code = query_number(s, "PRAGMA application_id", &application, err);
	if (code == 0)
		code = query_number(s, "PRAGMA user_version", ret_version, err);
	if (code == 0)
		code = query_number(s, "SELECT count(*) FROM sqlite_schema", &objects, err);
	if (code < 0)
		return code;
	if (application != STORE_APPLICATION_ID && (application || *ret_version || objects))
		return error_set(err, -EPROTO,
		        "%s: the database of another program; give the server a state directory of its"
		        " own",
		        s->path);
	if (*ret_version < 0 || *ret_version > (int64_t)ARRAY_LENGTH(migrations))
		return error_set(err, -EPROTO,
		        "%s: schema version %lld, but this program knows versions up to %zu; install the"
		        " newer program again",
		        s->path, (long long)*ret_version, ARRAY_LENGTH(migrations));
	return 0;
}

static int check_health(struct store *s, struct error *err)
{
	char verdict[256] = "";
	int code = query_text(s, "PRAGMA quick_check(1)", verdict, sizeof(verdict), err);
	if (code < 0)
		return code;
	if (strcmp(verdict, "ok") != 0)
		return error_set(err, -EBADMSG,
		        "%s: the database is damaged (%.200s); restore it from a copy, or move it away to"
		        " start with an empty one",
		        s->path, verdict);
	return 0;
}

/* Each step is one transaction with its version number: a crash leaves the old version or the new one. */
static int migrate(struct store *s, int64_t version, struct error *err)
{
	for (; version < (int64_t)ARRAY_LENGTH(migrations); version++) {
		char *script = xasprintf(
		        "BEGIN IMMEDIATE; %s PRAGMA application_id = %d; PRAGMA user_version = %lld; COMMIT;",
		        migrations[version], STORE_APPLICATION_ID, (long long)version + 1);
		int code = run_script(s, script, "bringing the schema up to date", err);
		free(script);
		if (code < 0)
			return code;
	}
	return 0;
}

int store_open_database(struct store *s, struct error *err)
{
	int64_t version = 0;
	int code = sqlite3_open_v2(
	        s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK)
		return store_sqlite_error(s, code, "opening it", err);
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, 2000);
	code = check_origin(s, &version, err);
	if (code == 0)
		code = run_script(s,
		        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
		        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA secure_delete = "
		        "FAST;"
		        "PRAGMA journal_size_limit = 67108864;",
		        "opening it", err);
	if (code == 0)
		code = check_health(s, err);
	return code < 0 ? code : migrate(s, version, err);
}

/* The directory is the lock: SQLite alone would let two servers take turns. */
int store_lock(const char *dir, int *ret_fd, struct error *err)
{
	int code = file_make_directory(dir, 0700, err);
	if (code < 0)
		return code;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return error_set(err, -errno, "%s: %s", dir, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return error_set(err, -EBUSY, "%s: another server is using this state directory", dir);
	}
	*ret_fd = fd;
	return 0;
}

static int open_directory(struct store *s, const char *dir, struct error *err)
{
	struct stat st;
	int code = store_lock(dir, &s->lock, err);
	if (code < 0)
		return code;
	if (fstat(s->lock, &st) < 0)
		return error_set(err, -errno, "%s: %s", dir, strerror(errno));
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return error_set(err, -EPERM,
		        "%s: must belong to the user that runs the server (uid %u) and be closed to others"
		        " (mode 0700); it belongs to uid %u with mode %04o",
		        dir, (unsigned)geteuid(), (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777));
	return 0;
}

static int load_generation(struct store *s, struct error *err)
{
	sqlite3_stmt *st = store_bind(s, SQL_GET_META, "s", "generation");
	int code = st ? sqlite3_step(st) : SQLITE_ERROR;
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return store_sqlite_error(s, code, "reading the generation", err);
	s->generation = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	s->generation_pending = s->generation + STORE_GENERATION_STEP;
	store_write(s, SQL_SET_META, "si", "generation", (int64_t)s->generation_pending);
	return store_commit(s, err);
}

int store_open(const char *dir, struct store **ret, struct error *err)
{
	struct store *s = xcalloc(1, sizeof(*s));
	mode_t mask = umask(077);
	s->path = xasprintf("%s/pratique.db", dir);
	s->lock = -1;
	int code = open_directory(s, dir, err);
	if (code == 0)
		code = store_open_database(s, err);
	if (code == 0)
		code = load_generation(s, err);
	umask(mask);
	if (code < 0) {
		store_close(s);
		return code;
	}
	*ret = s;
	return 0;
}

/* ---- the turn ---- */

void store_on_work(struct store *s, void (*fn)(void *context), void *context)
{
	s->on_work = fn;
	s->work_context = context;
}

/* Before something is added to the turn. */
static void tell_work(struct store *s)
{
	if (s->on_work && !store_has_work(s))
		s->on_work(s->work_context);
}

void store_poison(struct store *s, int code, const char *doing)
{
	tell_work(s);
	if (s->failure == 0)
		s->failure = store_sqlite_error(s, code, doing, &s->failure_text);
}

static int run_plain(struct store *s, enum store_sql which)
{
	sqlite3_stmt *st = store_bind(s, which, "");
	if (!st)
		return SQLITE_ERROR;
	int code = sqlite3_step(st);
	sqlite3_reset(st);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

bool store_turn(struct store *s)
{
	if (s->failure)
		return false;
	if (s->in_turn)
		return true;
	tell_work(s);
	int code = run_plain(s, SQL_BEGIN);
	if (code != SQLITE_OK) {
		store_poison(s, code, "beginning");
		return false;
	}
	s->in_turn = true;
	return true;
}

void store_on_end(struct store *s, store_durable_fn fn, void *context)
{
	s->on_end = fn;
	s->end_context = context;
}

void store_when_durable(struct store *s, store_durable_fn fn, void *context)
{
	tell_work(s);
	ARRAY_RESERVE_ONE(s->waiters, s->n_waiters, s->waiters_capacity);
	s->waiters[s->n_waiters++] = (struct store_waiter){ fn, context };
}

void store_forget_waiter(struct store *s, const void *context)
{
	for (size_t i = 0; i < s->n_waiters; i++)
		if (s->waiters[i].context == context)
			s->waiters[i].fn = NULL;
}

bool store_has_work(const struct store *s)
{
	return s->in_turn || s->failure || s->n_waiters;
}

/* The waiters of this turn, one at a time from the front: one may forget another, or write for the next turn.
 */
static void tell_waiters(struct store *s, int result)
{
	size_t n = s->n_waiters;
	for (size_t i = 0; i < n; i++) {
		struct store_waiter w = s->waiters[i];
		s->waiters[i].fn = NULL;
		if (w.fn)
			w.fn(result, w.context);
	}
	memmove(s->waiters, s->waiters + n, (s->n_waiters - n) * sizeof(*s->waiters));
	s->n_waiters -= n;
}

int store_commit(struct store *s, struct error *err)
{
	if (s->in_turn && s->failure == 0) {
		int code = run_plain(s, SQL_COMMIT);
		if (code != SQLITE_OK)
			store_poison(s, code, "committing");
	}
	if (s->in_turn && s->failure && !sqlite3_get_autocommit(s->db))
		run_plain(s, SQL_ROLLBACK);
	int result = s->failure;
	if (result && err)
		*err = s->failure_text;
	if (s->generation_pending && result == 0)
		s->generation_reserved = s->generation_pending;
	s->generation_pending = 0;
	s->in_turn = false;
	s->failure = 0;
	if (s->on_end)
		s->on_end(result, s->end_context);
	if (s->n_waiters)
		tell_waiters(s, result);
	return result;
}

/* ---- the generation ---- */

/* The numbers up to generation_reserved are on the disk as given. When half of them are, the next block is
 * written with the turn, and counts once that turn is durable; so a number may be spoken of before its own
 * turn is committed. */
uint64_t store_next_generation(struct store *s, struct error *err)
{
	if (s->generation == s->generation_reserved) {
		error_set(
		        err, -EIO, "%s: no generation could be reserved: %s", s->path, s->failure_text.text);
		return 0;
	}
	s->generation++;
	if (!s->generation_pending && s->generation_reserved - s->generation < STORE_GENERATION_STEP / 2) {
		s->generation_pending = s->generation_reserved + STORE_GENERATION_STEP;
		store_write(s, SQL_SET_META, "si", "generation", (int64_t)s->generation_pending);
	}
	return s->generation;
}

uint64_t store_generation(const struct store *s)
{
	return s->generation;
}

void store_close_database(struct store *s)
{
	for (size_t i = 0; i < STORE_N_SQL; i++)
		sqlite3_finalize(s->statements[i]);
	sqlite3_close(s->db);
}

struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	struct store_waiter *waiters = TAKE_POINTER(s->waiters);
	size_t n = s->n_waiters;
	s->n_waiters = s->waiters_capacity = 0;
	for (size_t i = 0; i < n; i++)
		if (waiters[i].fn)
			waiters[i].fn(-ECANCELED, waiters[i].context);
	free(waiters);
	if (s->generation_reserved && !sqlite3_get_autocommit(s->db))
		run_plain(s, SQL_ROLLBACK);
	if (s->generation_reserved) { /* an orderly end: nothing above it was given */
		s->in_turn = false;
		s->failure = 0;
		store_write(s, SQL_SET_META, "si", "generation", (int64_t)s->generation);
		store_commit(s, NULL);
	}
	free(s->waiters);
	store_close_database(s);
	if (s->lock >= 0)
		close(s->lock);
	free(s->path);
	free(s);
	return NULL;
}
