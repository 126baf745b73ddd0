/* SPDX-License-Identifier: ISC */
/* What a node said, on its way to the disk and back. */
#include "posture/catalogue.h"
#include "tests/unit/server/site_bed.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static struct posture *host(const char *const *names, size_t n)
{
	struct posture *p = bed_posture("openssl");
	for (size_t i = 0; i < n; i++) {
		const struct posture_package one = { "deb", names[i], "1.0-1", "amd64", "its-source", "1.0" };
		posture_add_package(p, &one);
	}
	return p;
}

static const char *const many[] = { "zsh", "bash", "dash", "ash" };

static void take(struct bed *b, struct posture *p, time_ms now)
{
	assert_int_equal(
	        site_take_posture(b->site, b->alice, site_posture_new(b->site->catalogue, p), true, now), 0);
}

static void run(struct bed *b, const char *sql)
{
	char path[128];
	sqlite3 *db;
	snprintf(path, sizeof(path), "%s/pratique.db", b->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static int64_t count(struct bed *b, const char *sql)
{
	char path[128];
	sqlite3 *db;
	sqlite3_stmt *st;
	snprintf(path, sizeof(path), "%s/pratique.db", b->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	const int64_t n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void reopen(struct bed *b)
{
	bed_close(b);
	bed_open(b);
}

static bool has(struct bed *b, const char *name)
{
	return !b->alice->package_ids || bed_concerns(b, b->alice, name);
}

/* The same packages in the same order: so the findings are in the same order too. */
static void check(struct bed *b, size_t n)
{
	uint8_t digest[32];
	const struct posture *p = site_node_posture(b->site, b->alice);
	assert_non_null(p);
	assert_int_equal(p->n_packages, 1 + n);
	assert_string_equal(p->packages[0].name, "openssl");
	for (size_t i = 0; i < n; i++)
		assert_string_equal(p->packages[1 + i].name, many[i]);
	posture_digest(p, digest);
	assert_memory_equal(digest, b->alice->posture_digest, 32);
	site_release_posture(b->alice);
}

static void test_it_comes_back_as_it_was(void **state)
{
	struct bed *b = *state;
	take(b, host(many, ARRAY_LENGTH(many)), T0);
	assert_non_null(b->alice->posture); /* until it is on the disk */
	site_release_posture(b->alice);
	assert_non_null(b->alice->posture);
	bed_commit(b);
	assert_null(b->alice->posture);
	check(b, ARRAY_LENGTH(many));
	assert_null(b->alice->posture);
	assert_int_equal(count(b, "SELECT count(*) FROM package"), 5);
	reopen(b);
	assert_int_equal(b->alice->n_package_ids, 5); /* who has what is known before anybody is judged */
	assert_int_equal(catalogue_size(b->site->catalogue).referred, 5);
	assert_true(has(b, "bash") && has(b, "its_source") && !has(b, "tcsh"));
	check(b, ARRAY_LENGTH(many));
}

/* Only what nobody had yet is written. */
static void test_packages_are_stored_once(void **state)
{
	struct bed *b = *state;
	const uint8_t thumbprint[32] = { 0xb0 };
	struct site_node *bob = site_see_node(b->site, "bob", thumbprint, "0b", T0);
	take(b, host(many, 3), T0);
	bed_commit(b);
	run(b, "UPDATE package SET version = 'as it was' WHERE name = 'bash'");
	assert_int_equal(site_take_posture(
	                         b->site, bob, site_posture_new(b->site->catalogue, host(many, 4)), true, T0),
	        0);
	bed_commit(b);
	assert_int_equal(count(b, "SELECT count(*) FROM package"), 5);
	assert_int_equal(count(b, "SELECT count(*) FROM package WHERE version = 'as it was'"), 1);
	assert_int_equal(catalogue_size(b->site->catalogue).referred, 5);
	take(b, host(many, 1), T0 + 1000);
	bed_commit(b);
	assert_int_equal(catalogue_size(b->site->catalogue).referred, 5); /* bob has them */
	assert_false(has(b, "bash"));
}

static void lose_turn(struct bed *b)
{
	store_put_posture(
	        b->store, "x", &(struct store_posture){ .json = "", .length = STORE_POSTURE_MAX + 1 });
	assert_true(store_commit(b->store, NULL) < 0);
}

/* What the disk does not have stays in memory, and is written again. */
static void test_a_turn_is_lost(void **state)
{
	struct bed *b = *state;
	take(b, host(many, 2), T0);
	bed_commit(b);
	take(b, host(many + 2, 2), T0 + 1000);
	lose_turn(b);
	assert_non_null(b->alice->posture);
	/* The disk still names the old ones. */
	assert_int_equal(catalogue_size(b->site->catalogue).referred, 5);
	site_tick(b->site, T0 + 2000);
	lose_turn(b); /* once more */
	site_tick(b->site, T0 + 3000);
	bed_commit(b);
	assert_null(b->alice->posture);
	assert_int_equal(catalogue_size(b->site->catalogue).referred, 3);
	reopen(b);
	const struct posture *p = site_node_posture(b->site, b->alice);
	assert_int_equal(p->n_packages, 3);
	assert_string_equal(p->packages[1].name, "dash");
	site_release_posture(b->alice);
}

/* Another one comes before the tick. */
static void test_after_a_lost_turn_another_comes(void **state)
{
	struct bed *b = *state;
	take(b, host(many, 2), T0);
	lose_turn(b);
	take(b, host(many, 4), T0 + 1000);
	bed_commit(b);
	reopen(b);
	check(b, 4);
}

/* As older servers have stored it. */
static void test_from_before_there_were_numbers(void **state)
{
	struct bed *b = *state;
	take(b, host(many, 4), T0);
	bed_commit(b);
	const struct posture *p = site_node_posture(b->site, b->alice);
	size_t length;
	char *text = posture_to_json_text(p, true, &length);
	store_put_posture(b->store, "alice", &(struct store_posture){ .json = text, .length = length });
	free(text);
	site_release_posture(b->alice);
	bed_commit(b);
	run(b, "DELETE FROM package");
	reopen(b);
	assert_null(b->alice->package_ids);
	assert_true(has(b, "anything")); /* nobody knows that it has not */
	check(b, 4);
	assert_int_equal(b->alice->n_package_ids, 5);
	assert_false(has(b, "anything"));
	bed_commit(b);
	assert_int_equal(count(b, "SELECT count(*) FROM package"), 5);
	assert_int_equal(count(b, "SELECT count(*) FROM posture WHERE packages IS NOT NULL"), 1);
	reopen(b);
	check(b, 4);
}

/* A database that something else has changed: the node must be inspected again, and is told. */
static void test_damaged(void **state)
{
	static const char *const damages[] = {
		"UPDATE posture SET packages = x'80'",
		"UPDATE posture SET packages = x'0202020210'",
		"UPDATE posture SET packages = x'ff'",
		"UPDATE posture SET json = CAST('{' AS BLOB)",
		"UPDATE posture SET json = CAST('{\"os\":{\"id\":\"other\"}}' AS BLOB)",
		"DELETE FROM package WHERE name = 'bash'",
		"UPDATE package SET version = '2.0-1' WHERE name = 'bash'",
		"UPDATE package SET name = '' || id, version = printf('%.2000c', 'x') WHERE name = 'bash'",
		"UPDATE package SET id = id + 5000000 WHERE id < 5000000",
		"UPDATE package SET id = -id",
	};
	struct bed *b = *state;
	for (size_t i = 0; i < ARRAY_LENGTH(damages); i++) {
		struct site_outcome o;
		b->alice->posture_stored = false;
		bed_admit(b, T0);
		take(b, host(many, 4), T0);
		site_judge(b->site, b->alice, b->port, "inspection", NULL, T0, &o);
		site_outcome_clear(&o);
		bed_commit(b);
		bed_close(b);
		run(b, damages[i]);
		bed_open(b);
		b->log[0] = '\0';
		assert_string_equal(site_segment(b->site, &b->port->handed, T0)->name, "staff");
		site_judge_all(b->site, "start");
		site_work(b->site, T0 + 1000, 10);
		assert_int_equal(b->site->counters.postures_unreadable, 1);
		assert_string_equal(site_segment(b->site, &b->port->handed, T0)->name, "quarantine");
		bed_commit(b);
		assert_non_null(strstr(b->log, "event:posture"));
		b->log[0] = '\0';
		/* And by that it is well again. */
		take(b, host(many, 4), T0 + 2000);
		bed_commit(b);
		reopen(b);
		check(b, 4);
		b->log[0] = '\0';
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_it_comes_back_as_it_was),
		TEST(test_packages_are_stored_once),
		TEST(test_a_turn_is_lost),
		TEST(test_after_a_lost_turn_another_comes),
		TEST(test_from_before_there_were_numbers),
		TEST(test_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
