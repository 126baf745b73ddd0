/* SPDX-License-Identifier: ISC */
/* Snapshots under load, archives that were tampered with, restores that are killed. */
#include "base/file.h"
#include "store/backup.h"
#include "tests/unit/directory.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ROUNDS 5

static char *dir, *state_dir, *copy, *file;
static volatile uint64_t *acknowledged;

static int setup(void **state)
{
	dir = directory_make();
	state_dir = xasprintf("%s/state", dir);
	copy = xasprintf("%s/copy.db", dir);
	file = xasprintf("%s/backup", dir);
	acknowledged = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*acknowledged = 0;
	return dir && acknowledged != MAP_FAILED ? 0 : -1;
}

static int teardown(void **state)
{
	directory_remove(dir);
	free(state_dir);
	free(copy);
	free(file);
	munmap((void *)(uintptr_t)acknowledged, 4096);
	return 0;
}

static struct store *open_store(void)
{
	struct store *s = NULL;
	struct error err = { "" };
	if (store_open(state_dir, &s, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

static int64_t number(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *st = NULL;
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW)
		fail_msg("%s: %s: %s", path, sql, sqlite3_errmsg(db));
	int64_t n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

/* Turn n: a decision about a node of its own, and an event of the same number. */
static void write_turn(struct store *s, uint64_t n)
{
	char name[32];
	snprintf(name, sizeof(name), "n%llu", (unsigned long long)n);
	store_put_decision(s,
	        &(struct store_decision){ .generation = n,
	                .node = name,
	                .made = 1,
	                .cause = "inspection",
	                .segment = "staff" });
	store_put_event(s, &(struct store_event){ .at = 1, .kind = "placement", .node = name, .text = name });
}

static void write_for_ever(void)
{
	struct store *s;
	alarm(120);
	if (store_open(state_dir, &s, NULL) < 0)
		_exit(1);
	for (uint64_t n = 1;; n++) {
		write_turn(s, n);
		if (store_commit(s, NULL) < 0)
			_exit(2);
		__atomic_store_n(acknowledged, n, __ATOMIC_SEQ_CST);
	}
}

static void test_snapshot_under_load(void **state)
{
	struct store_snapshot snapshot = { 0 };
	struct error err = { "" };
	pid_t pid = fork();
	if (pid == 0)
		write_for_ever();
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t enough = (uint64_t)(round + 1) * 200, before;
		while ((before = __atomic_load_n(acknowledged, __ATOMIC_SEQ_CST)) < enough)
			assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
		if (store_snapshot_take(state_dir, copy, NULL, &snapshot, &err) < 0)
			fail_msg("%s", err.text);
		char *sql FREE_ON_EXIT = xasprintf(
		        "SELECT count(*) FROM decision WHERE generation <= %llu", (unsigned long long)before);
		assert_int_equal(number(copy, sql), before);
		/* of one moment: no turn is there by half */
		assert_int_equal(
		        number(copy, "SELECT (SELECT count(*) FROM decision) - (SELECT count(*) FROM event)"),
		        0);
		assert_int_equal(
		        number(copy,
		                "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check != 'ok'"),
		        0);
		assert_true(snapshot.generation >= 1 && snapshot.schema >= 2);
		unlink(copy);
	}
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0); /* the writer had no failure */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- archives ---- */

static void make_archive(void)
{
	struct archive_header h = { .created = "2026-11-22T04:00:00Z", .version = "0.1.0" };
	struct store_snapshot snapshot;
	struct error err = { "" };
	const char *files[] = { copy, file };
	if (store_snapshot_take(state_dir, copy, NULL, &snapshot, &err) < 0)
		fail_msg("%s", err.text);
	h.schema = snapshot.schema;
	h.generation = snapshot.generation;
	strcpy(h.members[h.n_members++].name, "pratique.db");
	if (archive_write(file, &h, files, NULL, &err) < 0)
		fail_msg("%s", err.text);
	unlink(copy);
}

static void refused(const char *words)
{
	struct archive *a = NULL;
	struct error err = { "" };
	if (archive_open(file, NULL, &a, &err) == 0)
		fail_msg("not refused: %s", words);
	if (!strstr(err.text, words) || !strstr(err.text, file))
		fail_msg("\"%s\" is not \"%s\"", err.text, words);
}

static void patch(off_t at, char what)
{
	char before;
	int fd = open(file, O_RDWR);
	assert_int_equal(pread(fd, &before, 1, at), 1);
	assert_int_equal(pwrite(fd, before == what ? "#" : &what, 1, at), 1);
	close(fd);
}

static void test_archives(void **state)
{
	struct store *s = open_store();
	struct archive *a;
	struct stat st;
	struct error err;
	write_turn(s, 7);
	assert_int_equal(store_commit(s, &err), 0);
	make_archive(); /* beside a server that is open */
	store_close(s);
	assert_int_equal(archive_open(file, NULL, &a, &err), 0);
	const struct archive_header *h = archive_header(a);
	assert_string_equal(h->version, "0.1.0");
	assert_int_equal(h->n_members, 1);
	assert_int_equal(archive_extract(a, &h->members[0], copy, 0600, &err), 0);
	assert_int_equal(number(copy, "SELECT count(*) FROM decision"), 1);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	off_t of_header = (off_t)h->length;
	archive_close(a);
	unlink(copy);
	patch(of_header + 5000, 'x');
	refused("pratique.db in the backup is damaged");
	make_archive();
	patch(of_header - 90, 'x');
	refused("header of the backup is damaged");
	make_archive();
	patch(16, '2');
	refused("format 2, but this program knows format 1");
	make_archive();
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(truncate(file, st.st_size - 1), 0);
	refused("cut short");
	assert_int_equal(truncate(file, st.st_size + 1), 0);
	refused("too long");
	assert_int_equal(truncate(file, 0), 0);
	refused("not a backup");
}

static void test_header_names(void **state)
{
	static const char *const bad[] = { "../x", "/etc/x", "a/../b", "a/b/c", "A", "a b", "", "a/", ".a" };
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		struct archive_header h = { .created = "2026-11-22T04:00:00Z",
			.version = "0.1.0",
			.schema = 1 },
		                      read;
		const char *const files[] = { FIXTURE };
		char *bytes FREE_ON_EXIT = NULL;
		size_t length;
		struct error err;
		h.n_members = 1;
		strcpy(h.members[0].name, bad[i]);
		assert_int_equal(archive_write(file, &h, files, NULL, &err), 0);
		assert_int_equal(file_read(file, 1 << 20, &bytes, &length, &err), 0);
		assert_int_equal(archive_header_parse(bytes, length, &read, &err), -EBADMSG);
	}
}

/* ---- restore ---- */

static const struct store_node bob = {
	.name = "bob", .revoked = true, .revoked_reason = "stolen", .revoked_at = 5
};

/* What a backup has: alice placed, bob not revoked yet, an enrolment token, two tokens of the API. */
static void furnish(void)
{
	struct store *s = open_store();
	struct store_node n = { .name = "bob" };
	struct store_attachment a = {
		.enforcement_point = "gw", .port = "p1", .node = "alice", .segment = "staff"
	};
	struct error err;
	a.expires = INT64_MAX;
	a.certificate = "c";
	store_put_node(s, &n);
	n.name = "alice";
	store_put_node(s, &n);
	store_put_attachment(s, &a);
	write_turn(s, 7);
	assert_int_equal(
	        store_put_token(s,
	                &(struct store_token){ .name = "carol", .role = "node", .expires = INT64_MAX }, 1,
	                &err),
	        0);
	store_put_api_token(s, &(struct store_api_token){ "a1", "kept", "user 0", 1, { 1 }, 1, 0 });
	store_put_api_token(s, &(struct store_api_token){ "a2", "taken", "user 0", 3, { 2 }, 1, 0 });
	assert_int_equal(store_commit(s, &err), 0);
	store_close(s);
}

/* What happened since. */
static void live_on(void)
{
	struct store *s = open_store();
	struct store_audit a = {
		.at = 9, .who = "user 0", .origin = "unix", .action = "revoke", .result = "done"
	};
	struct error err;
	store_put_node(s, &bob);
	store_revoke_serial(s, "0b", "bob", "stolen", 5);
	store_remove_api_token(s, "a2");
	store_put_audit(s, &a);
	write_turn(s, 8);
	for (int i = 0; i < 3; i++)
		assert_true(store_next_generation(s, &err) > 0);
	assert_int_equal(store_commit(s, &err), 0);
	store_close(s);
}

static int restore(struct store_restored *ret, struct error *err)
{
	char *beside FREE_ON_EXIT = xasprintf("%s/pratique.db.restore", state_dir);
	struct archive *a;
	int lock, code = archive_open(file, NULL, &a, err);
	if (code < 0)
		return code;
	unlink(beside);
	code = store_lock(state_dir, &lock, err);
	if (code == 0)
		code = archive_extract(a, &archive_header(a)->members[0], beside, 0600, err);
	if (code == 0)
		code = store_restore(state_dir, beside, "user 0", ret, err);
	archive_close(a);
	if (lock >= 0)
		close(lock);
	return code;
}

static int count_token(const struct store_api_token *t, void *context)
{
	++*(int *)context;
	assert_string_equal(t->name, "kept");
	return 0;
}

static int find_bob(const struct store_node *n, void *context)
{
	if (strcmp(n->name, "bob") == 0) {
		*(bool *)context = n->revoked;
		if (n->revoked)
			assert_string_equal(n->revoked_reason, "stolen");
	}
	return 0;
}

static int check_place(const struct store_attachment *a, void *context)
{
	assert_null(a->segment);
	assert_int_equal(a->expires, 0);
	assert_null(a->certificate);
	return 0;
}

static int note_action(const struct store_audit *a, void *context)
{
	strcat(context, a->action);
	strcat(context, ".");
	return 0;
}

static void test_restore(void **state)
{
	struct store_restored r = { 0 };
	struct error err = { "" };
	char actions[128] = "";
	struct store_grant grant;
	bool revoked = false;
	int tokens = 0;
	furnish();
	make_archive();
	live_on();
	struct store *s = open_store();
	uint64_t given = store_generation(s);
	int lock;
	assert_int_equal(store_lock(state_dir, &lock, &err), -EBUSY); /* a server runs */
	store_close(s);
	if (restore(&r, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(r.old_read);
	assert_int_equal(r.nodes_revoked, 1);
	s = open_store();
	assert_true(store_generation(s) > given);
	assert_int_equal(store_each_node(s, find_bob, &revoked, &err), 0);
	assert_true(revoked);
	assert_int_equal(store_each_attachment(s, check_place, NULL, &err), 0);
	assert_int_equal(store_each_api_token(s, count_token, &tokens, &err), 0);
	assert_int_equal(tokens, 1);
	assert_int_equal(store_find_token(s, (uint8_t[32]){ 0 }, 2, &grant, &err), -ENOENT);
	assert_int_equal(store_each_audit(s, -1, 0, 10, note_action, actions, &err), 0);
	assert_string_equal(actions, "revoke.restore.");
	store_close(s);
	char *path FREE_ON_EXIT = xasprintf("%s/pratique.db", state_dir);
	char *kept FREE_ON_EXIT = xasprintf("%s/pratique.db.before-restore", state_dir);
	assert_int_equal(number(path, "SELECT count(*) FROM decision"), 1);
	assert_int_equal(number(kept, "SELECT count(*) FROM decision"), 2);
}

/* What is there cannot be read: the backup is put in its place all the same, and that is said. */
static void test_restore_over_rubble(void **state)
{
	struct store_restored r = { 0 };
	struct error err = { "" };
	furnish();
	make_archive();
	char *path FREE_ON_EXIT = xasprintf("%s/pratique.db", state_dir);
	assert_int_equal(file_replace(path, "rubble", 6, 0600, &err), 0);
	if (restore(&r, &err) < 0)
		fail_msg("%s", err.text);
	assert_false(r.old_read);
	assert_true(r.generation >= 1LL << 32);
	store_close(open_store());
}

static void test_restore_refuses_newer(void **state)
{
	struct store_restored r;
	struct error err = { "" };
	sqlite3 *db;
	furnish();
	char *path FREE_ON_EXIT = xasprintf("%s/pratique.db", state_dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	int64_t version = number(path, "PRAGMA user_version");
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 1000", NULL, NULL, NULL), SQLITE_OK);
	make_archive();
	char *back FREE_ON_EXIT = xasprintf("PRAGMA user_version = %lld", (long long)version);
	assert_int_equal(sqlite3_exec(db, back, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	live_on();
	assert_int_equal(restore(&r, &err), -EPROTO);
	assert_non_null(strstr(err.text, "schema version 1000"));
	assert_int_equal(number(path, "SELECT count(*) FROM decision"), 2); /* as it was */
	store_close(open_store());
}

/* At any moment it is the one or the other. */
static void test_restore_killed(void **state)
{
	bool old = false, new = false;
	furnish();
	make_archive();
	for (int i = 0; i < 40 && !(old && new); i++) {
		live_on();
		pid_t pid = fork();
		if (pid == 0) {
			struct store_restored r;
			struct error err;
			_exit(restore(&r, &err) < 0);
		}
		usleep((useconds_t)i * 2000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		struct store *s = open_store();
		struct error err;
		bool revoked = false;
		assert_int_equal(store_each_node(s, find_bob, &revoked, &err), 0);
		assert_true(revoked); /* either way */
		store_close(s);
		char *path FREE_ON_EXIT = xasprintf("%s/pratique.db", state_dir);
		int64_t decisions = number(path, "SELECT count(*) FROM decision");
		assert_true(decisions == 1 || decisions == 2);
		old |= decisions == 2;
		new |= decisions == 1;
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_snapshot_under_load),
		TEST(test_archives),
		TEST(test_header_names),
		TEST(test_restore),
		TEST(test_restore_over_rubble),
		TEST(test_restore_refuses_newer),
		TEST(test_restore_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
