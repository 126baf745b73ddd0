/* SPDX-License-Identifier: ISC */
/* What changed since a moment: all of it or more, and never for a moment of another index. */
#include "tests/unit/vuln/match_bed.h"
#include "vuln/journal.h"
#include "vuln/update_private.h"

#define FIXED_1 "[{\"introduced\":\"0\"},{\"fixed\":\"1\"}]"
#define FIXED_2 "[{\"introduced\":\"0\"},{\"fixed\":\"2\"}]"

struct told {
	char text[512];
	int answer;
};

static int note(const char *ecosystem, const char *package, void *context)
{
	struct told *t = context;
	const size_t n = strlen(t->text);
	snprintf(t->text + n, sizeof(t->text) - n, "%s %s\n", ecosystem, package);
	return t->answer;
}

/* What is told, and the answer; *moment goes on. */
static int changes(struct fixture *f, struct vuln_moment *moment, struct told *ret)
{
	struct vuln_moment now;
	struct error err = { "" };
	const int r = vuln_index_changes(f->index, moment, note, ret, &now, &err);
	if (r >= 0) {
		const struct vuln_moment same = vuln_index_moment(f->index);
		assert_memory_equal(&now, &same, sizeof(now));
		*moment = now;
	}
	return r;
}

static void expect_changes(struct fixture *f, struct vuln_moment *moment, const char *text)
{
	struct told t = { .answer = 0 };
	assert_int_equal(changes(f, moment, &t), 0);
	assert_string_equal(t.text, text);
}

static void expect_unknown(struct fixture *f, struct vuln_moment *moment)
{
	struct told t = { .answer = 0 };
	assert_int_equal(changes(f, moment, &t), 1);
}

static void test_what_changed(void **state)
{
	struct fixture *f = *state;
	put_simple(f, "A-1", "bash", FIXED_1, "");
	put_simple(f, "A-2", "zsh", FIXED_1, "");
	commit(f);
	struct vuln_moment moment = vuln_index_moment(f->index), first = moment;
	assert_int_not_equal(moment.mark, 0);
	expect_changes(f, &moment, "");
	put_simple(f, "A-3", "bash", FIXED_2, "");
	commit(f);
	put_simple(f, "A-2", "zsh", FIXED_2, "");
	put_simple(f, "A-4", "bash", FIXED_2, "");
	commit(f);
	expect_changes(f, &moment, "Debian:12 bash\nDebian:12 bash\nDebian:12 zsh\n");
	expect_changes(f, &moment, "");
	vuln_update_remove(f->update, "test", "A-3");
	commit(f);
	expect_changes(f, &moment, "Debian:12 bash\n");
	expect_changes(f, &first, "Debian:12 bash\nDebian:12 bash\nDebian:12 zsh\nDebian:12 bash\n");
	put_simple(f, "A-4", "bash", FIXED_2, ""); /* nothing new */
	commit(f);
	expect_changes(f, &moment, "");
	put_simple(f, "A-5", "zsh", FIXED_2, "");
	commit(f);
	struct told t = { .answer = -EINTR };
	assert_int_equal(changes(f, &moment, &t), -EINTR);
}

/* An ecosystem that is known now makes answers of silence, for packages that no record names. */
static void test_scope(void **state)
{
	struct fixture *f = *state;
	put_simple(f, "A-1", "bash", FIXED_1, "");
	commit(f);
	struct vuln_moment moment = vuln_index_moment(f->index);
	const uint64_t generation = moment.generation;
	vuln_update_cover(f->update, "test", INDEX_BY_ADVISORY, "Debian:13");
	assert_int_equal(commit(f).generation, generation + 1);
	expect_unknown(f, &moment);
	vuln_update_cover(f->update, "test", INDEX_BY_ADVISORY, "Debian:13");
	assert_int_equal(commit(f).generation, generation + 1);
	expect_changes(f, &moment, "");
	put_in(f, "Alpine:v3.20", "B-1", "musl", FIXED_1, "");
	commit(f);
	expect_unknown(f, &moment);
	vuln_update_remove(f->update, "test", "B-1");
	commit(f);
	expect_unknown(f, &moment);
	put_simple(
	        f, "A-1", "bash", FIXED_1, ""); /* the same record, and Debian:13 is not covered any more */
	vuln_update_replace_source(f->update, "test");
	commit(f);
	expect_unknown(f, &moment);
	put_simple(f, "A-1", "bash", FIXED_1, "");
	vuln_update_replace_source(f->update, "test");
	commit(f);
	expect_changes(f, &moment, "");
}

static void test_too_much(void **state)
{
	struct fixture *f = *state;
	char name[512];
	put_simple(f, "A-1", "bash", FIXED_1, "");
	commit(f);
	struct vuln_moment moment = vuln_index_moment(f->index);
	for (size_t i = 0; i < JOURNAL_UPDATE_MAX / 200 + 2; i++) {
		char id[32];
		snprintf(id, sizeof(id), "L-%zu", i);
		snprintf(name, sizeof(name), "%0199zu", i);
		put_simple(f, id, name, FIXED_1, "");
	}
	commit(f);
	expect_unknown(f, &moment);
	put_simple(f, "A-2", "bash", FIXED_1, "");
	commit(f);
	expect_changes(f, &moment, "Debian:12 bash\n");
}

static void test_oldest_are_forgotten(void **state)
{
	struct fixture *f = *state;
	put_simple(f, "A-1", "bash", FIXED_1, "");
	commit(f);
	struct vuln_moment first = vuln_index_moment(f->index), second;
	vuln_update_close(f->update);
	struct error err;
	vuln_index_close(f->index);
	/* Syncing is no part of what this is about. */
	assert_int_equal(vuln_update_open(f->dir, &f->update, &err), 0);
	mdb_env_set_flags(f->update->index.env, MDB_NOSYNC, 1);
	f->index = NULL;
	for (unsigned i = 0; i < JOURNAL_UPDATES_MAX; i++) {
		put_simple(f, "Z-1", "zsh", i % 2 ? FIXED_1 : FIXED_2, "");
		commit(f);
		if (i == 0)
			second = vuln_index_moment(f->index);
	}
	expect_unknown(f, &first);
	struct told t = { .answer = 0 };
	assert_int_equal(changes(f, &second, &t), 0);
}

static void copy_file(const char *from, const char *to)
{
	char command[256];
	snprintf(command, sizeof(command), "cp %s/data.mdb %s/data.mdb", from, to);
	assert_int_equal(system(command), 0); // NOLINT(cert-env33-c,concurrency-mt-unsafe)
}

/* A backup that is put back goes on by itself: the numbers are the same, and nothing else. */
static void test_another_index(void **state)
{
	struct fixture *f = *state;
	char dir[] = "vuln-journal-test-XXXXXX";
	struct error err;
	assert_non_null(mkdtemp(dir));
	put_simple(f, "A-1", "bash", FIXED_1, "");
	commit(f);
	copy_file(f->dir, dir);
	put_simple(f, "A-2", "zsh", FIXED_1, "");
	commit(f);
	struct vuln_moment there = vuln_index_moment(f->index), never = { .generation = there.generation };
	struct fixture other = { .update = NULL };
	snprintf(other.dir, sizeof(other.dir), "%s", dir);
	assert_int_equal(vuln_update_open(dir, &other.update, &err), 0);
	put_simple(&other, "A-2", "dash", FIXED_1, "");
	commit(&other);
	put_simple(&other, "A-3", "dash", FIXED_1, "");
	commit(&other);
	expect_unknown(&other, &never);
	assert_int_equal(vuln_index_moment(other.index).generation, there.generation + 1);
	expect_unknown(&other, &there);
	struct vuln_moment later = vuln_index_moment(other.index);
	expect_unknown(f, &later); /* set back */
	vuln_index_close(other.index);
	vuln_update_close(other.update);
	nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* A program that knows nothing of the journal has written: its update is not known, and nothing before it. */
static void test_a_gap(void **state)
{
	struct fixture *f = *state;
	put_simple(f, "A-1", "bash", FIXED_1, "");
	commit(f);
	struct vuln_moment moment = vuln_index_moment(f->index);
	put_simple(f, "A-2", "bash", FIXED_1, "");
	commit(f);
	char row[] = "change\0\0\0\0\0\0\0\2";
	MDB_val key = { sizeof(row) - 1, row };
	MDB_txn *txn;
	MDB_dbi meta;
	MDB_env *env = f->update->index.env;
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, "meta", 0, &meta), 0);
	assert_int_equal(mdb_del(txn, meta, &key, NULL), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	assert_int_equal(vuln_index_moment(f->index).mark, 0);
	put_simple(f, "A-3", "zsh", FIXED_1, "");
	commit(f);
	expect_unknown(f, &moment);
	put_simple(f, "A-4", "zsh", FIXED_1, "");
	commit(f);
	expect_changes(f, &moment, "Debian:12 zsh\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_INDEX(test_what_changed),
		WITH_INDEX(test_scope),
		WITH_INDEX(test_too_much),
		WITH_INDEX(test_oldest_are_forgotten),
		WITH_INDEX(test_another_index),
		WITH_INDEX(test_a_gap),
	};
	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
