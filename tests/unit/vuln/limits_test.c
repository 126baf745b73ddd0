/* SPDX-License-Identifier: ISC */
/* Records that are malformed or claim more than a record may, and indexes of an earlier version. */
#include "tests/unit/test.h"
#include "vuln/history.h"
#include "vuln/show.h"
#include "vuln/update.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOW 1700000000000

struct fixture {
	char dir[64];
	struct vuln_update *update;
};

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err;
	strcpy(f->dir, "vuln-limits-test-XXXXXX");
	if (!mkdtemp(f->dir) || vuln_update_open(f->dir, &f->update, &err) < 0)
		return -1;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	vuln_update_close(f->update);
	nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static struct vuln_update_result commit(struct fixture *f)
{
	struct vuln_update_result result;
	struct error err;
	if (vuln_update_commit(f->update, NOW, NULL, NULL, &result, &err) < 0)
		fail_msg("%s", err.text);
	return result;
}

static void put(struct fixture *f, const char *id, int month, const char *more)
{
	struct error err;
	char *json FREE_ON_EXIT =
	        xasprintf("{\"id\":\"%s\",\"modified\":\"20%02d-01-01T00:00:00Z\"%s}", id, month, more);
	if (vuln_update_put(f->update, "test", json, strlen(json), &err) < 0)
		fail_msg("%s", err.text);
}

static void malformed_records_are_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const records[] = { "", "[]", "{", "{}", "{\"id\":\"A\"}",
		"{\"id\":\"A B\",\"modified\":\"2026-01-01\"}", "{\"id\":\"A\",\"modified\":\"yesterday\"}",
		"{\"id\":\"A\",\"modified\":\"2026-01-01\",\"affected\":{}}",
		"{\"id\":\"A\",\"modified\":\"2026-01-01\",\"affected\":[1]}",
		"{\"id\":\"A\",\"modified\":\"2026-01-01\",\"affected\":[{\"package\":{\"name\":\"x\"}}]}",
		"{\"id\":\"A\",\"modified\":\"2026-01-01\",\"affected\":[{\"package\":{\"ecosystem\":"
		"\"Debian:12\",\"name\":\"x\"},"
		"\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[]}]}]}",
		"{\"id\":\"A\",\"modified\":\"2026-01-01\",\"affected\":[{\"package\":{\"ecosystem\":"
		"\"Debian:12\",\"name\":\"x\"},"
		"\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"fixed\":\"1\"}]}]}]}",
		"{\"id\":\"A\",\"modified\":\"2026-01-01\",\"withdrawn\":true}" };
	for (size_t i = 0; i < ARRAY_LENGTH(records); i++) {
		struct error err = { "" };
		if (vuln_update_put(f->update, "test", records[i], strlen(records[i]), &err) != -EINVAL)
			fail_msg("taken: %s", records[i]);
		assert_true(strlen(err.text) > 0);
	}
	assert_int_equal(commit(f).generation, 0);
}

/* What a terminal would obey, or show in another order than it stands. */
static void what_is_not_plain_is_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const turns[] = { "\\u009b31m", "\\u0085", "\\u202e", "\\u2066", "\\u200f",
		"\\u061c", "\\u001b[2J", "\\u007f" };
	static const char *const forms[] = { "{\"id\":\"A%s\",\"modified\":\"2026-01-01\"}",
		"{\"id\":\"A\",\"modified\":\"2026-01-01\",\"affected\":[{\"package\":{\"ecosystem\":"
		"\"Packagist\","
		"\"name\":\"x%s\"}}]}",
		"{\"id\":\"A\",\"modified\":\"2026-01-01\",\"affected\":[{\"package\":{\"ecosystem\":\"Red "
		"Hat:x%s\","
		"\"name\":\"x\"}}]}" };
	for (size_t i = 0; i < ARRAY_LENGTH(turns) * ARRAY_LENGTH(forms); i++) {
		struct error err;
		char *json FREE_ON_EXIT =
		        xasprintf(forms[i % ARRAY_LENGTH(forms)], turns[i / ARRAY_LENGTH(forms)]);
		if (vuln_update_put(f->update, "test", json, strlen(json), &err) != -EINVAL)
			fail_msg("taken: %s", json);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(turns); i++) {
		char *more FREE_ON_EXIT = xasprintf(
		        ",\"affected\":[{\"package\":{\"ecosystem\":\"Packagist\",\"name\":\"a/b\"},"
		        "\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"},"
		        "{\"fixed\":\"9%s\"}]}]}]",
		        turns[i]);
		put(f, "A", 1, more);
		assert_int_equal(vuln_update_counts(f->update)->affected_refused, i + 1);
	}
	put(f, "\xc3\x84-\xe2\x82\xac", 1, "");
}

/* A record whose member `before` is repeated n times with a number in it. */
static char *repeated(const char *before, const char *item, int n, const char *after)
{
	char *json;
	size_t length;
	FILE *out = open_memstream(&json, &length);
	fprintf(out, "{\"id\":\"A-1\",\"modified\":\"2026-01-01T00:00:00Z\",%s", before);
	for (int i = 0; i < n; i++) {
		if (i)
			fputc(',', out);
		for (const char *c = item; *c; c++)
			if (*c == '#')
				fprintf(out, "%d", i);
			else
				fputc(*c, out);
	}
	fprintf(out, "%s}", after);
	fclose(out);
	return json;
}

static void expect_refused(struct fixture *f, const char *json, const char *why)
{
	struct error err = { "" };
	uint64_t before = vuln_update_counts(f->update)->beyond_limits;
	assert_int_equal(vuln_update_put(f->update, "test", json, strlen(json), &err), -EINVAL);
	if (!strstr(err.text, why))
		fail_msg("%s: not %s", err.text, why);
	assert_int_equal(vuln_update_counts(f->update)->beyond_limits, before + 1);
}

#define PACKAGE(name) \
	"{\"package\":{\"ecosystem\":\"Debian:12\",\"name\":\"" name \
	"\"},\"ranges\":[{\"type\":\"ECOSYSTEM\"," \
	"\"events\":[{\"introduced\":\"0\"}]}]}"

static void what_claims_too_much_is_refused(void **state)
{
	struct fixture *f = *state;
	struct error err;
	char *at_most FREE_ON_EXIT = repeated("\"affected\":[", PACKAGE("p#"), RECORD_PACKAGES_MAX, "]");
	assert_int_equal(vuln_update_put(f->update, "test", at_most, strlen(at_most), &err), 0);
	char *packages FREE_ON_EXIT = repeated("\"affected\":[", PACKAGE("p#"), RECORD_PACKAGES_MAX + 1, "]");
	expect_refused(f, packages, "different packages");
	char *aliases FREE_ON_EXIT = repeated("\"aliases\":[", "\"X-#\"", RECORD_ALIASES_MAX + 1, "]");
	expect_refused(f, aliases, "aliases");
	char *related FREE_ON_EXIT = repeated("\"related\":[", "\"X-#\"", RECORD_RELATED_MAX + 1, "]");
	expect_refused(f, related, "related");
	char *entries FREE_ON_EXIT = repeated("\"affected\":[", PACKAGE("p"), RECORD_AFFECTED_MAX + 1, "]");
	expect_refused(f, entries, "affected entries");
	char *large FREE_ON_EXIT = xmalloc(OSV_RECORD_MAX + 2);
	memset(large, ' ', OSV_RECORD_MAX + 1);
	large[OSV_RECORD_MAX + 1] = '\0';
	expect_refused(f, large, "larger than");
	static const char *const patterns[] = { "*", "lib*", "lib?", "a b", "" };
	for (size_t i = 0; i < ARRAY_LENGTH(patterns); i++) {
		char *json FREE_ON_EXIT = xasprintf(
		        "{\"id\":\"A-1\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{"
		        "\"ecosystem\":\"Debian:12\",\"name\":\"%s\"}}]}",
		        patterns[i]);
		assert_int_equal(vuln_update_put(f->update, "test", json, strlen(json), &err), -EINVAL);
	}
	assert_int_equal(commit(f).records_new, 1);
}

static int count_form(const struct vuln_form *form, void *context)
{
	struct vuln_form *first = context;
	if (first->length++ == 0)
		first->generation = form->generation;
	return 0;
}

static void the_oldest_forms_go(void **state)
{
	struct fixture *f = *state;
	struct vuln_index *index;
	struct vuln_form first = { .length = 0 };
	struct error err;
	for (int i = 0; i < HISTORY_FORMS_MAX + 5; i++) {
		put(f, "A-1", i + 1, "");
		commit(f);
	}
	put(f, "A-1", 90, "");
	assert_int_equal(commit(f).forms_pruned, 5);
	assert_int_equal(vuln_index_open(f->dir, &index, &err), 0);
	assert_int_equal(vuln_index_history(index, "A-1", "test", count_form, &first, &err), 0);
	assert_int_equal(first.length, HISTORY_FORMS_MAX);
	assert_int_equal(first.generation, 7);
	vuln_index_close(index);
}

struct giving {
	unsigned asked, gives_at;
};

static bool somebody_waits(void *context)
{
	struct giving *g = context;
	return ++g->asked == g->gives_at;
}

/* At whatever point a commit is given up, nothing of it is in the index, and the next try has all of it. */
static void a_commit_gives_way(void **state)
{
	struct fixture *f = *state;
	struct vuln_update_result result;
	struct giving g = { .gives_at = 0 };
	struct error err;
	char id[32];
	int code;
	put(f, "OLD", 1, "");
	commit(f);
	vuln_update_give_way(f->update, somebody_waits, &g);
	vuln_update_replace_source(f->update, "test");
	for (int i = 0; i < 300; i++) {
		snprintf(id, sizeof(id), "A-%d", i);
		put(f, id, 1,
		        ",\"aliases\":[\"OLD\"],\"affected\":[{\"package\":{\"ecosystem\":\"Debian:12\","
		        "\"name\":\"p\"},\"versions\":[\"1\"]}]");
	}
	do {
		struct vuln_index *index;
		g.asked = 0;
		g.gives_at++;
		code = vuln_update_commit(f->update, NOW, NULL, NULL, &result, &err);
		assert_int_equal(vuln_index_open(f->dir, &index, &err), 0);
		assert_int_equal(vuln_index_count(index), code ? 1 : 300);
		assert_int_equal(vuln_index_generation(index), code ? 1 : 2);
		vuln_index_close(index);
		assert_true(code == 0 || code == -EAGAIN);
	} while (code);
	/* Once for 64 of the records that are collected, looked at twice, stored twice, and made packages of.
	 */
	assert_true(g.gives_at > 20);
	assert_int_equal(result.records_put, 300);
	assert_int_equal(result.records_removed, 1);
}

/* As an earlier version left it: another number, and no database that came later. */
static void set_format(struct fixture *f, uint32_t format)
{
	struct index_env e;
	MDB_txn *txn;
	struct error err;
	MDB_val key = index_val("format", 6), value = index_val(&format, sizeof(format));
	vuln_update_close(f->update);
	f->update = NULL;
	assert_int_equal(index_env_open(f->dir, true, &e, &err), 0);
	assert_int_equal(mdb_txn_begin(e.env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_drop(txn, e.texts, 1), 0);
	assert_int_equal(mdb_drop(txn, e.history, 1), 0);
	assert_int_equal(mdb_put(txn, e.meta, &key, &value, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	index_env_close(&e);
}

static void an_older_index_is_made_anew(void **state)
{
	struct fixture *f = *state;
	struct vuln_index *index;
	struct error err;
	put(f, "A-1", 1, "");
	commit(f);
	put(f, "A-1", 2, "");
	assert_int_equal(commit(f).generation, 2);
	set_format(f, 1);
	assert_int_equal(vuln_index_open(f->dir, &index, &err), -ESTALE);
	assert_non_null(strstr(err.text, "restart pratique-vis"));
	assert_int_equal(vuln_update_open(f->dir, &f->update, &err), 0);
	assert_true(vuln_update_replaced_index(f->update));
	assert_int_equal(vuln_index_open(f->dir, &index, &err), 0);
	assert_int_equal(vuln_index_count(index), 0);
	put(f, "A-1", 2, "");
	assert_int_equal(commit(f).generation, 3);
	assert_int_equal(vuln_index_generation(index), 3);
	assert_int_equal(vuln_index_count(index), 1);
	vuln_index_close(index);
	set_format(f, INDEX_FORMAT + 1);
	assert_int_equal(vuln_index_open(f->dir, &index, &err), -EPROTO);
	assert_int_equal(vuln_update_open(f->dir, &f->update, &err), -EPROTO);
}

int main(void)
{
#define WITH_INDEX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_INDEX(malformed_records_are_refused),
		WITH_INDEX(what_is_not_plain_is_refused),
		WITH_INDEX(what_claims_too_much_is_refused),
		WITH_INDEX(the_oldest_forms_go),
		WITH_INDEX(a_commit_gives_way),
		WITH_INDEX(an_older_index_is_made_anew),
	};
	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
