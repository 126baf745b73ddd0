/* SPDX-License-Identifier: ISC */
#include "ctl/vuln_state.h"

#include "base/file.h"
#include "ctl/load_words.h"
#include "vuln/load.h"
#include "vuln/show.h"
#include "vuln/tree/pull.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REPOSITORY "repository" /* its name here */

static void free_record(void *record)
{
	struct state_record *r = record;
	table_free(r->packages, NULL);
	free(r->id);
	free(r->source);
	free(r);
}

void state_clear(struct state *s)
{
	table_free(s->records, free_record);
	table_free(s->sources, NULL);
	memset(s, 0, sizeof(*s));
}

/* ---- from an index ---- */

static uint64_t hash_affected(const struct record_affected *a)
{
	static const uint64_t key[2] = { 1, 2 };
	struct writer w = wr_make(RECORD_MAX);
	wr_u8(&w, (uint8_t)a->status);
	wr_u8(&w, (uint8_t)a->severity);
	wr_u8(&w, (uint8_t)a->kind);
	wr_bytes(&w, a->rule, a->rule_length);
	wr_bytes(&w, a->justification, strlen(a->justification));
	uint64_t hash = hash_bytes(key, w.data, w.length);
	wr_free(&w);
	return hash;
}

static void add_package(struct state_record *r, const struct record_affected *a)
{
	size_t n = strlen(a->ecosystem) + 1, n_package = strlen(a->package);
	char *key FREE_ON_EXIT = xmalloc(n + n_package + 1);
	memcpy(key, a->ecosystem, n);
	memcpy(key + n, a->package, n_package + 1);
	uintptr_t sum = (uintptr_t)table_get(r->packages, key, n + n_package);
	table_set(r->packages, key, n + n_package, (void *)((sum ^ hash_affected(a)) | 1));
}

static int add_record(const struct record *from, void *context)
{
	struct state *s = context;
	struct record_affected a;
	struct reader affected = from->affected;
	struct state_record *r = xcalloc(1, sizeof(*r));
	r->id = xstrdup(from->id);
	r->source = xstrdup(from->source);
	r->withdrawn = from->withdrawn;
	r->severity = from->severity;
	r->packages = table_new();
	while (!from->withdrawn && record_next_affected(&affected, &a))
		add_package(r, &a);
	size_t n = strlen(r->id) + 1;
	char *key FREE_ON_EXIT = xasprintf("%s%c%s", r->id, '\0', r->source);
	table_set(s->records, key, n + strlen(r->source), r);
	table_set_string(s->sources, r->source, s);
	return 0;
}

/* Followers put the name that they follow a repository by before those of its sources. */
static const char *own_name(const char *source)
{
	static const char prefix[] = REPOSITORY "/";
	return strncmp(source, prefix, sizeof(prefix) - 1) == 0 ? source + sizeof(prefix) - 1 : source;
}

static int add_published(const struct record *from, void *context)
{
	struct record own = *from;
	own.source = own_name(from->source);
	return add_record(&own, context);
}

static int read_index(const char *dir, bool repository, struct state *s, struct error *err)
{
	struct vuln_index *index;
	int r = vuln_index_open(dir, &index, err);
	if (r < 0)
		return r;
	r = vuln_index_each_record(index, repository ? add_published : add_record, s, err);
	vuln_index_close(index);
	return r;
}

/* ---- into an index of its own, which is gone afterwards ---- */

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

static int put_source(const char *from, struct vuln_update *u, struct error *err)
{
	struct load_report report = { 0 };
	struct load_progress progress = load_progress_begin(from);
	const struct load load = {
		.update = u, .report = &report, .progress = load_progress_show, .context = &progress
	};
	int r = load_source_spec(&load, from, err);
	load_progress_end(&progress);
	if (r == 0 && report.refused && report.refused == report.read)
		r = error_set(err, -EINVAL, "%s: there is no sound record in it: %s", from,
		        report.first_refused[0]);
	else if (r == 0 && report.refused)
		fprintf(stderr, "refused: %s\n", report.first_refused[0]);
	load_report_clear(&report);
	return r;
}

/* By its own first root, and whatever the time is: this compares, and says nothing of who signed. */
static int put_repository(const char *dir, const char *work, struct vuln_update *u, struct error *err)
{
	char *state FREE_ON_EXIT = xasprintf("%s/follow", work);
	char *root FREE_ON_EXIT = xasprintf("%s/1.root.json", dir);
	const struct tree_follow_config config = {
		.name = REPOSITORY, .dir = state, .root_file = root, .skew_ms = INT64_MAX / 4
	};
	const struct tree_pull pull = { .address = dir };
	struct tree_follow *f;
	int r = tree_follow_open(&config, &f, err);
	if (r < 0)
		return r;
	r = tree_pull_run(&pull, f, err);
	if (r == 0)
		r = tree_follow_apply(f, u, err);
	tree_follow_close(f);
	return r > 0 ? -EBADMSG : r;
}

static int read_other(const char *from, bool repository, const char *work, struct state *s, struct error *err)
{
	char *dir FREE_ON_EXIT = xasprintf("%s/index", work);
	struct vuln_update *u;
	struct vuln_update_result result;
	int r = vuln_update_open(dir, &u, err);
	if (r < 0)
		return r;
	r = repository ? put_repository(from, work, u, err) : put_source(from, u, err);
	if (r == 0)
		r = vuln_update_commit(u, clock_wall_ms(), NULL, NULL, &result, err);
	vuln_update_close(u);
	return r == 0 ? read_index(dir, repository, s, err) : r;
}

static bool has(const char *dir, const char *name)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

int state_read(const char *from, struct state *ret, struct error *err)
{
	const char *base = getenv("TMPDIR");
	char *work FREE_ON_EXIT = xasprintf("%s/pratique-diff-XXXXXX", base ? base : "/tmp");
	struct state s = { table_new(), table_new() };
	int r;
	if (has(from, "data.mdb")) {
		r = read_index(from, false, &s, err);
	} else if (!mkdtemp(work)) {
		r = error_set(err, -errno, "%s: %s", work, strerror(errno));
	} else {
		r = read_other(from, has(from, "index.json") && has(from, "files"), work, &s, err);
		(void)nftw(work, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	}
	if (r < 0)
		state_clear(&s);
	else
		*ret = s;
	return r;
}
