/* SPDX-License-Identifier: ISC */
/* A database of the first schema, as it was, opened by today's store; and that upgrade killed in between. */
#include "base/file.h"
#include "store/store.h"
#include "tests/unit/directory.h"
#include "tests/unit/test.h"

#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>

#define ROUNDS 60
#define MANY 20000

static char *dir;

static int setup(void **state)
{
	dir = directory_make();
	return dir ? 0 : -1;
}

static int teardown(void **state)
{
	directory_remove(dir);
	return 0;
}

static sqlite3 *open_raw(void)
{
	char *path FREE_ON_EXIT = xasprintf("%s/pratique.db", dir);
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

static void run(sqlite3 *db, const char *sql)
{
	char *why = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static void make_first_schema(void)
{
	char *sql FREE_ON_EXIT = NULL;
	size_t length;
	struct error err;
	assert_int_equal(file_read(FIXTURE, 1 << 20, &sql, &length, &err), 0);
	sqlite3 *db = open_raw();
	run(db, sql);
	sqlite3_close(db);
}

static struct store *open_store(void)
{
	struct store *s = NULL;
	struct error err = { "" };
	if (store_open(dir, &s, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

/* ---- everything is kept ---- */

static int check_node(const struct store_node *n, void *context)
{
	bool bob = strcmp(n->name, "bob") == 0;
	++*(int *)context;
	assert_string_equal(n->name, bob ? "bob" : "alice");
	assert_int_equal(n->thumbprint[31], bob ? 3 : 1);
	assert_string_equal(n->serial, bob ? "0b" : "0a");
	assert_int_equal(n->first_seen, bob ? 1100 : 1000);
	assert_int_equal(n->last_seen, bob ? 2100 : 2000);
	assert_int_equal(n->revoked, bob);
	assert_int_equal(n->pinned, bob);
	assert_int_equal(n->pin[0], bob ? 4 : 0);
	assert_int_equal(n->inspected, bob ? 0 : 1900);
	assert_int_equal(n->posture_signed, !bob);
	if (bob)
		assert_string_equal(n->revoked_reason, "laptop stolen");
	return 0;
}

static int check_attachment(const struct store_attachment *a, void *context)
{
	bool first = strcmp(a->port, "p1") == 0;
	++*(int *)context;
	assert_string_equal(a->enforcement_point, "gw");
	assert_int_equal(a->mac.bytes[5], first ? 0xa1 : 0xa2);
	assert_int_equal(a->n_addresses, first ? 1 : 0);
	assert_int_equal(a->present, first);
	assert_int_equal(a->contested, !first);
	assert_int_equal(a->generation, first ? 77 : 0);
	if (first) {
		assert_string_equal(a->node, "alice");
		assert_string_equal(a->segment, "staff");
		assert_int_equal(a->expires, 9999999999999);
		assert_string_equal(a->certificate, "11111111-2222-3333-4444-555555555555");
	} else {
		assert_null(a->node);
		assert_null(a->segment);
	}
	return 0;
}

static int check_decision(const struct store_decision *d, void *context)
{
	int n = ++*(int *)context;
	assert_int_equal(d->generation, n == 1 ? 77 : 76);
	assert_string_equal(d->cause, n == 1 ? "inspection" : "advisories");
	assert_string_equal(d->findings, n == 1 ? "[]" : "[{\"kind\":\"advisory\"}]");
	assert_int_equal(d->policy_fingerprint, 5);
	assert_int_equal(d->advisory_generation, 6);
	return 0;
}

static int check_event(const struct store_event *e, void *context)
{
	int n = ++*(int *)context;
	assert_int_equal(e->id, n == 1 ? 41 : 42);
	assert_string_equal(e->kind, n == 1 ? "placement" : "revocation");
	return 0;
}

static int check_serial(const char *serial, time_ms revoked, void *context)
{
	++*(int *)context;
	assert_string_equal(serial, "0b");
	assert_int_equal(revoked, 2050);
	return 0;
}

static int check_posture(const char *node, const struct store_posture *p, void *context)
{
	assert_string_equal(node, "alice");
	assert_int_equal(p->length, strlen("{\"os\":\"debian\"}"));
	assert_memory_equal(p->json, "{\"os\":\"debian\"}", p->length);
	assert_null(p->packages); /* they are in the JSON */
	return 77;
}

static void check_all(struct store *s)
{
	const uint8_t hash[32] = { 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
		9, 9, 9, 9, 9, 9, 9 };
	struct error err = { "" };
	struct store_grant grant;
	int nodes = 0, attachments = 0, decisions = 0, events = 0, serials = 0;
	assert_int_equal(store_each_node(s, check_node, &nodes, &err), 0);
	assert_int_equal(store_each_attachment(s, check_attachment, &attachments, &err), 0);
	assert_int_equal(store_each_decision(s, "alice", 10, true, check_decision, &decisions, &err), 0);
	assert_int_equal(store_each_event(s, 0, 10, check_event, &events, &err), 0);
	assert_int_equal(store_each_revoked_serial(s, check_serial, &serials, &err), 0);
	assert_int_equal(nodes * 10000 + attachments * 1000 + decisions * 100 + events * 10 + serials, 22221);
	assert_int_equal(store_get_posture(s, "alice", check_posture, NULL, &err), 77);
	assert_int_equal(store_find_token(s, hash, 3000, &grant, &err), 0);
	assert_string_equal(grant.name, "carol");
	assert_true(store_generation(s) >= 1048576);
}

static void test_everything_is_kept(void **state)
{
	struct store_audit a = {
		.at = 1, .who = "user 0", .origin = "unix", .action = "reload", .result = "done"
	};
	struct error err;
	make_first_schema();
	struct store *s = open_store();
	check_all(s);
	store_put_audit(s, &a); /* and what it did not know yet is there */
	assert_int_equal(store_commit(s, &err), 0);
	store_close(s);
	s = open_store(); /* as it is now */
	check_all(s);
	store_close(s);
}

/* ---- an upgrade that fails leaves the file as it was ---- */

/* Something of today's schema is in the way. */
static void test_failed_upgrade_changes_nothing(void **state)
{
	struct store *s;
	struct error err = { "" };
	make_first_schema();
	sqlite3 *db = open_raw();
	run(db, "CREATE TABLE api_token(x INTEGER)");
	sqlite3_close(db);
	assert_true(store_open(dir, &s, &err) < 0);
	assert_non_null(strstr(err.text, "bringing the schema up to date"));
	db = open_raw();
	assert_int_equal(number(db, "PRAGMA user_version"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'audit'"), 0);
	run(db, "DROP TABLE api_token");
	sqlite3_close(db);
	s = open_store();
	check_all(s);
	store_close(s);
}

static void open_and_be_killed(int after_us)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct store *s;
		_exit(store_open(dir, &s, NULL) < 0 ? 1 : 0);
	}
	usleep((useconds_t)after_us);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Of any age that there is between the two, and whole. */
static void test_killed_upgrade(void **state)
{
	int64_t first = 0;
	make_first_schema();
	sqlite3 *db = open_raw();
	char *sql FREE_ON_EXIT =
	        xasprintf("WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	                  " INSERT INTO decision SELECT i, 'n' || i, NULL, NULL, x'', i, 0, 'x', 'x', NULL,"
	                  " 0, 0, 0, 0, 0, 0, NULL FROM n",
	                MANY);
	run(db, sql);
	first = number(db, "SELECT count(*) FROM decision");
	for (int i = 0; i < ROUNDS; i++) {
		/* The old version again, as long as nobody has got to the end. */
		open_and_be_killed(i * 1500);
		assert_int_equal(number(db, "SELECT count(*) FROM decision"), first);
		int64_t version = number(db, "PRAGMA user_version");
		assert_int_equal(
		        number(db, "SELECT count(*) FROM sqlite_schema WHERE name IN ('audit', 'api_token')"),
		        version == 1 ? 0 : 2);
		if (version > 1)
			break;
	}
	sqlite3_close(db);
	struct store *s = open_store();
	check_all(s);
	store_close(s);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_everything_is_kept),
		TEST(test_failed_upgrade_changes_nothing),
		TEST(test_killed_upgrade),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
