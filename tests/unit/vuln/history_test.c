/* SPDX-License-Identifier: ISC */
/*
 * Three years of a distribution's advisories, change by change (AlmaLinux's history, where it is there):
 * after all of it the index is, byte by byte, one that is made of the last state; and each cancellation freed
 * what it held.
 */
#include "base/table.h"
#include "tests/unit/test.h"
#include "vuln/show.h"
#include "vuln/update.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HISTORY_PREFIX "almalinux-history-"
#define EVENTS 10873
#define CANCELLED 54
#define NOW 1700000000000

struct fixture {
	char dir[64], last_dir[64];
	struct vuln_update *update;
	struct vuln_index *index;
	struct table *records;      /* path -> char *, what is there now */
	struct table *changed;      /* "ecosystem package" of the last commit -> non-NULL */
	char *cancelled[CANCELLED]; /* paths, of the commit at hand */
	size_t n_cancelled, n_events, n_freed;
};

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void note_change(const char *ecosystem, const char *package, void *context)
{
	struct fixture *f = context;
	char *key FREE_ON_EXIT = xasprintf("%s %s", ecosystem, package);
	table_set_string(f->changed, key, f);
}

static void commit(struct fixture *f, struct vuln_update *u)
{
	struct vuln_update_result result;
	struct error err;
	if (vuln_update_commit(u, NOW, f ? note_change : NULL, f, &result, &err) < 0)
		fail_msg("%s", err.text);
}

/* One source a folder: the same id is in several. */
static char *source_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return xstrndup(path, (size_t)(slash - path));
}

static void put(struct vuln_update *u, const char *path, const char *text)
{
	struct error err;
	char *source FREE_ON_EXIT = source_of(path);
	if (vuln_update_put(u, source, text, strlen(text), &err) < 0)
		fail_msg("%s: %s", path, err.text);
}

struct wanted {
	const char *id, *source;
	bool found;
};

static int look_for(const struct vuln_match *m, void *context)
{
	struct wanted *w = context;
	w->found = w->found || (strcmp(m->id, w->id) == 0 && strcmp(m->source, w->source) == 0);
	for (size_t i = 0; i < m->n_views; i++)
		w->found = w->found ||
		        (strcmp(m->views[i].id, w->id) == 0 && strcmp(m->views[i].source, w->source) == 0);
	return 0;
}

/* For each package that the record names: whether the index has it from this source. All must say the same.
 */
static void expect_held(struct fixture *f, const char *path, const char *text, bool held)
{
	char *source FREE_ON_EXIT = source_of(path);
	json_t *record = json_loads(text, 0, NULL), *affected;
	size_t i;
	assert_non_null(record);
	json_array_foreach(json_object_get(record, "affected"), i, affected) {
		const json_t *package = json_object_get(affected, "package");
		struct wanted wanted = { json_string_value(json_object_get(record, "id")), source, false };
		const struct vuln_query q = { .ecosystem = json_string_value(
			                              json_object_get(package, "ecosystem")),
			.package = json_string_value(json_object_get(package, "name")) };
		struct error err;
		if (vuln_index_query(f->index, &q, look_for, &wanted, NULL, &err) < 0)
			fail_msg("%s", err.text);
		if (wanted.found != held)
			fail_msg("%s of %s is %s", q.package, path, held ? "not there" : "still there");
		char *key FREE_ON_EXIT = xasprintf("%s %s", q.ecosystem, q.package);
		if (!held && !table_get_string(f->changed, key))
			fail_msg("%s of %s is not told of", q.package, path);
	}
	f->n_freed += !held;
	json_decref(record);
}

/* What was cancelled is looked for before and after. */
static void end_commit(struct fixture *f)
{
	struct error err;
	if (!f->index && f->n_cancelled)
		assert_int_equal(vuln_index_open(f->dir, &f->index, &err), 0);
	for (size_t i = 0; i < f->n_cancelled; i++)
		expect_held(f, f->cancelled[i], table_get_string(f->records, f->cancelled[i]), true);
	table_free(f->changed, NULL);
	f->changed = table_new();
	commit(f, f->update);
	for (size_t i = 0; i < f->n_cancelled; i++) {
		char *text = table_remove_string(f->records, f->cancelled[i]);
		expect_held(f, f->cancelled[i], text, false);
		free(text);
		free(f->cancelled[i]);
	}
	f->n_cancelled = 0;
}

static void take_event(struct fixture *f, const json_t *event)
{
	const char *path = json_string_value(json_object_get(event, "path"));
	f->n_events++;
	if (strcmp(json_string_value(json_object_get(event, "op")), "D") != 0) {
		char *text = json_dumps(json_object_get(event, "record"), JSON_COMPACT);
		put(f->update, path, text);
		free(table_set_string(f->records, path, text));
		return;
	}
	char *source FREE_ON_EXIT = source_of(path);
	json_t *old = json_loads(table_get_string(f->records, path), 0, NULL);
	vuln_update_remove(f->update, source, json_string_value(json_object_get(old, "id")));
	json_decref(old);
	assert_true(f->n_cancelled < CANCELLED);
	f->cancelled[f->n_cancelled++] = xstrdup(path);
}

static void take_line(struct fixture *f, const char *line, size_t length, char **commit_id)
{
	json_t *event = json_loadb(line, length, 0, NULL);
	assert_non_null(event);
	const char *id = json_string_value(json_object_get(event, "commit"));
	if (*commit_id && strcmp(*commit_id, id) != 0)
		end_commit(f);
	if (!*commit_id || strcmp(*commit_id, id) != 0) {
		free(*commit_id);
		*commit_id = xstrdup(id);
	}
	take_event(f, event);
	json_decref(event);
}

static char *history_path(void)
{
	const char *shared = getenv("PRATIQUE_SHARED");
	char *folder FREE_ON_EXIT = xasprintf("%s/advisories/streams", shared ? shared : SHARED_DEFAULT);
	DIR *dir = opendir(folder);
	char *path = NULL;
	for (struct dirent *e; dir && !path && (e = readdir(dir));)
		if (strncmp(e->d_name, HISTORY_PREFIX, strlen(HISTORY_PREFIX)) == 0)
			path = xasprintf("%s/%s", folder, e->d_name);
	if (dir)
		closedir(dir);
	return path;
}

static void replay(struct fixture *f, const char *path)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	struct writer w = wr_make((size_t)1 << 30);
	char block[65536], *commit_id = NULL;
	archive_read_support_filter_all(a);
	archive_read_support_format_raw(a);
	assert_int_equal(archive_read_open_filename(a, path, sizeof(block)), ARCHIVE_OK);
	assert_int_equal(archive_read_next_header(a, &entry), ARCHIVE_OK);
	for (ssize_t n; (n = archive_read_data(a, block, sizeof(block))) > 0;) {
		wr_bytes(&w, block, (size_t)n);
		const uint8_t *end;
		size_t taken = 0;
		while ((end = memchr(w.data + taken, '\n', w.length - taken))) {
			take_line(
			        f, (const char *)w.data + taken, (size_t)(end - w.data) - taken, &commit_id);
			taken = (size_t)(end - w.data) + 1;
		}
		wr_consume(&w, taken);
	}
	end_commit(f);
	free(commit_id);
	wr_free(&w);
	archive_read_free(a);
}

/* Both hold the same keys with the same values. */
static void expect_same(MDB_txn *a, MDB_dbi a_dbi, MDB_txn *b, MDB_dbi b_dbi, const char *name)
{
	MDB_cursor *x, *y;
	MDB_val k, v, k2, v2;
	size_t n = 0;
	assert_int_equal(mdb_cursor_open(a, a_dbi, &x), 0);
	assert_int_equal(mdb_cursor_open(b, b_dbi, &y), 0);
	for (;; n++) {
		int r = mdb_cursor_get(x, &k, &v, MDB_NEXT), s = mdb_cursor_get(y, &k2, &v2, MDB_NEXT);
		if (r != s)
			fail_msg("%s: %zu alike, then one has no more", name, n);
		if (r)
			break;
		if (k.mv_size != k2.mv_size || memcmp(k.mv_data, k2.mv_data, k.mv_size) != 0 ||
		        v.mv_size != v2.mv_size || memcmp(v.mv_data, v2.mv_data, v.mv_size) != 0)
			fail_msg("%s: %.*s differs", name, (int)k.mv_size, (const char *)k.mv_data);
	}
	assert_true(n > 0);
	mdb_cursor_close(x);
	mdb_cursor_close(y);
}

static void expect_same_index(const struct fixture *f)
{
	struct index_env a, b;
	MDB_txn *x, *y;
	struct error err;
	if (index_env_open(f->dir, false, &a, &err) < 0 || index_env_open(f->last_dir, false, &b, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(mdb_txn_begin(a.env, NULL, MDB_RDONLY, &x), 0);
	assert_int_equal(mdb_txn_begin(b.env, NULL, MDB_RDONLY, &y), 0);
	expect_same(x, a.packages, y, b.packages, "packages");
	expect_same(x, a.records, y, b.records, "records");
	expect_same(x, a.texts, y, b.texts, "texts");
	expect_same(x, a.refs, y, b.refs, "refs");
	expect_same(x, a.ecosystems, y, b.ecosystems, "ecosystems");
	mdb_txn_abort(x);
	mdb_txn_abort(y);
	index_env_close(&a);
	index_env_close(&b);
}

static void load_last(struct fixture *f)
{
	struct vuln_update *u;
	struct error err;
	if (vuln_update_open(f->last_dir, &u, &err) < 0)
		fail_msg("%s", err.text);
	TABLE_FOREACH(it, f->records) {
		char *path FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		put(u, path, it.value);
	}
	commit(NULL, u);
	vuln_update_close(u);
}

static void the_history_of_a_distribution(void **state)
{
	struct fixture f = { "vuln-history-test-XXXXXX", "vuln-history-last-XXXXXX" };
	struct error err;
	char *path FREE_ON_EXIT = history_path();
	if (!path) {
		print_message("no " HISTORY_PREFIX "* in the shared advisories: not tested\n");
		skip();
	}
	if (!mkdtemp(f.dir) || !mkdtemp(f.last_dir) || vuln_update_open(f.dir, &f.update, &err) < 0)
		fail_msg("%s", err.text);
	f.records = table_new();
	f.changed = table_new();
	replay(&f, path);
	assert_int_equal(f.n_events, EVENTS);
	assert_int_equal(f.n_freed, CANCELLED);
	vuln_index_close(f.index);
	vuln_update_close(f.update);
	load_last(&f);
	expect_same_index(&f);
	table_free(f.records, free);
	table_free(f.changed, NULL);
	nftw(f.dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	nftw(f.last_dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_history_of_a_distribution) };
	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
