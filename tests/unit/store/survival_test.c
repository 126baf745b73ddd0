/* SPDX-License-Identifier: ISC */
/* What outlives a crash, and what must not be opened. */
#include "store/store.h"
#include "tests/unit/store/store_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_fails(int expected, const char *words)
{
	struct store *s = NULL;
	struct error err = { "" };
	int code = store_open(dir, &s, &err);
	assert_null(s);
	assert_int_equal(code, expected);
	assert_non_null(strstr(err.text, words));
	return code;
}

static void commit(struct store *s)
{
	struct error err = { "" };
	if (store_commit(s, &err) < 0)
		fail_msg("commit: %s", err.text);
}

static void write_database(const char *sql)
{
	char path[128];
	sqlite3 *db;
	snprintf(path, sizeof(path), "%s/pratique.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static const struct store_node alice = { .name = "alice",
	.thumbprint = { 1, 2, 3 },
	.serial = "0a0b",
	.first_seen = 1000,
	.last_seen = 2000,
	.revoked = true,
	.revoked_reason = "stolen",
	.revoked_at = 1500,
	.pinned = true,
	.pin = { 9, 8 },
	.inspected = 1900,
	.posture_signed = true,
	.posture_digest = { 7 } };

/* ---- the generation ---- */

static void test_generation_never_goes_back(void **state)
{
	struct store *s = open_store();
	struct error err;
	assert_int_equal(store_next_generation(s, &err), 1);
	assert_int_equal(store_next_generation(s, &err), 2);
	store_close(s);
	s = open_store();
	assert_int_equal(store_next_generation(s, &err), 3); /* an orderly end wastes none */
	store_close(s);

	int pipe_fds[2];
	assert_int_equal(pipe(pipe_fds), 0);
	pid_t child = fork();
	if (child == 0) { /* gives numbers that no turn committed, then dies */
		struct store *c = NULL;
		uint64_t g = store_open(dir, &c, NULL) == 0 ? store_next_generation(c, NULL) : 0;
		ssize_t n = write(pipe_fds[1], &g, sizeof(g));
		(void)n;
		kill(getpid(), SIGKILL);
	}
	uint64_t given = 0;
	assert_int_equal(read(pipe_fds[0], &given, sizeof(given)), sizeof(given));
	waitpid(child, NULL, 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	assert_int_equal(given, 4);
	s = open_store();
	assert_true(store_next_generation(s, &err) > given);
	store_close(s);
}

static void test_generation_renews_its_reservation(void **state)
{
	struct store *s = open_store();
	struct error err;
	uint64_t last = 0;
	for (uint64_t i = 0; i < 2ull * STORE_GENERATION_STEP; i++) {
		uint64_t g = store_next_generation(s, &err);
		assert_true(g > last);
		last = g;
		if (i % 100000 == 0)
			commit(s);
	}
	for (uint64_t i = 0; i <= STORE_GENERATION_STEP; i++) /* one turn without end runs out, and says so */
		if (store_next_generation(s, &err) == 0) {
			assert_non_null(strstr(err.text, "generation"));
			commit(s);
			assert_true(store_next_generation(s, &err) > last);
			store_close(s);
			return;
		}
	fail_msg("numbers were given that no disk knows");
}

/* ---- kill -9 ---- */

static void commit_until_killed(int out)
{
	struct store *s = NULL;
	if (store_open(dir, &s, NULL) < 0)
		_exit(1);
	for (uint32_t i = 0;; i++) {
		char name[32];
		struct store_node n = alice;
		snprintf(name, sizeof(name), "node-%u", i);
		n.name = name;
		store_put_node(s, &n);
		if (i % 3 == 2 && store_commit(s, NULL) == 0 && write(out, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

struct present {
	uint32_t acknowledged;
	uint8_t *seen;
};

static int mark_present(const struct store_node *n, void *context)
{
	struct present *p = context;
	unsigned long i = strtoul(n->name + strlen("node-"), NULL, 10);
	if (i <= p->acknowledged)
		p->seen[i] = 1;
	return 0;
}

static void test_kill_keeps_what_was_acknowledged(void **state)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	if (child == 0) {
		close(fds[0]);
		commit_until_killed(fds[1]);
	}
	close(fds[1]);
	struct present p = { 0 };
	uint32_t i;
	for (int acks = 0; acks < 60; acks++) {
		assert_int_equal(read(fds[0], &i, sizeof(i)), sizeof(i));
		p.acknowledged = i;
	}
	kill(child, SIGKILL);
	while (read(fds[0], &i, sizeof(i)) == sizeof(i)) /* those that it told before it died */
		p.acknowledged = i;
	waitpid(child, NULL, 0);
	close(fds[0]);
	p.seen = xcalloc(p.acknowledged + 1, 1);
	struct store *s = open_store();
	struct error err;
	assert_int_equal(store_each_node(s, mark_present, &p, &err), 0);
	for (i = 0; i <= p.acknowledged; i++)
		if (!p.seen[i])
			fail_msg("node-%u was acknowledged and is lost", i);
	store_close(s);
	free(p.seen);
}

/* ---- what must not be opened ---- */

static void test_directory_must_be_private(void **state)
{
	chmod(dir, 0750);
	open_fails(-EPERM, "0700");
	chmod(dir, 0700);
}

static void test_second_server(void **state)
{
	struct store *s = open_store();
	open_fails(-EBUSY, "another server");
	store_close(s);
}

static void test_newer_schema(void **state)
{
	store_close(open_store());
	write_database("PRAGMA user_version = 1000");
	open_fails(-EPROTO, "schema version 1000");
}

static void test_foreign_database(void **state)
{
	write_database("CREATE TABLE songs(title)");
	open_fails(-EPROTO, "another program");
}

static void write_at(off_t offset, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/pratique.db", dir);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	for (int i = 0; i < 512; i++)
		assert_int_equal(pwrite(fd, text, strlen(text), offset + (off_t)(i * strlen(text))),
		        (ssize_t)strlen(text));
	close(fd);
}

static void test_not_a_database(void **state)
{
	write_at(0, "these are not the bytes of a database");
	open_fails(-EPROTO, "not a database");
}

static void test_damaged_database(void **state)
{
	struct store *s = open_store();
	for (int i = 0; i < 2000; i++)
		store_put_event(
		        s, &(struct store_event){ .kind = "test", .text = "some text that takes some room" });
	commit(s);
	store_close(s);
	write_at(16 * 4096, "damage");
	open_fails(-EBADMSG, "damaged");
}

/* A server that died while it made the schema: the next one makes it. */
static void test_interrupted_creation(void **state)
{
	write_database("PRAGMA journal_mode = WAL");
	store_close(open_store());
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_generation_never_goes_back),
		TEST(test_generation_renews_its_reservation),
		TEST(test_kill_keeps_what_was_acknowledged),
		TEST(test_directory_must_be_private),
		TEST(test_second_server),
		TEST(test_newer_schema),
		TEST(test_foreign_database),
		TEST(test_not_a_database),
		TEST(test_damaged_database),
		TEST(test_interrupted_creation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
