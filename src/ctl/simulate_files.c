/* SPDX-License-Identifier: ISC */
/*
 * OSV records are read where they stand, one or many in a file, so that what is wrong is named by its line.
 * What is of another kind is put into an index of its own, in a folder that goes again, and read from there
 * as what the importers made of it.
 */
#include "ctl/simulate_files.h"

#include "base/file.h"
#include "policy/policy.h"
#include "vuln/load.h"
#include "vuln/show.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define WORDS "simulate"
#define FILE_MAX ((size_t)64 << 20)
#define RECORDS_MAX 1000 /* as the server tries at a time */

/* ---- OSV ---- */

struct text {
	const char *path, *all, *at, *end;
	struct osv_parser parser;
};

static unsigned line_of(const struct text *t, const char *at)
{
	unsigned line = 1;
	for (const char *c = t->all; c < at; c++)
		line += *c == '\n';
	return line;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* To what is next: its first character, NUL at the end. */
static char next(struct text *t)
{
	while (t->at < t->end && is_space(*t->at))
		t->at++;
	return t->at < t->end ? *t->at : '\0';
}

/* A CSAF document says of itself what it is. */
static bool is_csaf(const json_t *j)
{
	return json_is_string(json_object_get(json_object_get(j, "document"), "csaf_version"));
}

/* The server is told nothing of what the source may not speak of. */
static void drop_others(json_t *record, const char *const *ecosystems)
{
	json_t *affected = json_object_get(record, "affected");
	for (size_t i = json_array_size(affected); ecosystems && i > 0; i--) {
		const json_t *package = json_object_get(json_array_get(affected, i - 1), "package");
		const char *name = json_string_value(json_object_get(package, "ecosystem"));
		char canonical[ECOSYSTEM_NAME_MAX];
		enum version_ecosystem order;
		bool kept = false;
		if (name && ecosystem_canonical(name, canonical, &order) == 0)
			for (size_t k = 0; ecosystems[k]; k++)
				kept |= strcmp(ecosystems[k], canonical) == 0;
		if (!kept)
			json_array_remove(affected, i - 1);
	}
}

static int take_record(json_t *records, struct text *t, const char *begun, json_t *record)
{
	const struct osv_counts *counts = &t->parser.counts;
	struct error err;
	if (is_csaf(record))
		return ctl_fail(
		        WORDS, "%s:%u: a CSAF document is a file of its own", t->path, line_of(t, begun));
	t->parser.counts = (struct osv_counts){ 0 };
	if (osv_parse(&t->parser, "simulation", record, &err) < 0)
		return ctl_fail(WORDS, "%s:%u: %s", t->path, line_of(t, begun), err.text);
	if (counts->affected_refused)
		return ctl_fail(WORDS, "%s:%u: %s", t->path, line_of(t, begun), counts->first_refused.text);
	if (counts->unmapped && !counts->withdrawn)
		fprintf(stderr, "pratique " WORDS ": %s:%u: " OSV_UNMAPPED "\n", t->path, line_of(t, begun));
	if (json_array_size(records) == RECORDS_MAX)
		return ctl_fail(
		        WORDS, "%s:%u: more than %d advisories", t->path, line_of(t, begun), RECORDS_MAX);
	drop_others(record, t->parser.ecosystems);
	json_array_append(records, record);
	return CTL_OK;
}

static int read_record(json_t *records, struct text *t)
{
	json_error_t why;
	const char *begun = t->at;
	json_t *record = json_loadb(
	        begun, (size_t)(t->end - begun), JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &why);
	if (!record)
		return ctl_fail(WORDS, "%s:%u: %s", t->path,
		        line_of(t, begun) + (unsigned)MAX(why.line, 1) - 1, why.text);
	t->at += MAX(why.position, 1);
	int code = take_record(records, t, begun, record);
	json_decref(record);
	return code;
}

/* Of records, from its '[' to behind its ']'. */
static int read_list(json_t *records, struct text *t)
{
	t->at++;
	if (next(t) == ']') {
		t->at++;
		return CTL_OK;
	}
	for (char c = ','; c == ','; t->at++) {
		(void)next(t);
		int code = read_record(records, t);
		if (code != CTL_OK)
			return code;
		c = next(t);
		if (c != ',' && c != ']')
			return ctl_fail(WORDS, "%s:%u: ',' or ']' is missing in the list", t->path,
			        line_of(t, t->at));
	}
	return CTL_OK;
}

/* One record, records one after the other, or lists of them. */
static int read_records(json_t *records, struct text *t)
{
	int code = CTL_OK;
	for (char c = next(t); t->at < t->end && code == CTL_OK; c = next(t))
		code = c == '[' ? read_list(records, t) : read_record(records, t);
	return code;
}

/* ---- what importers read ---- */

/* Of the records in the index, which is asked one thing at a time. */
struct names {
	struct name {
		char *id, *source;
	} items[RECORDS_MAX];
	size_t n;
};

static int take_name(const struct record *r, void *context)
{
	struct names *names = context;
	if (names->n == RECORDS_MAX)
		return -E2BIG;
	names->items[names->n++] = (struct name){ xstrdup(r->id), xstrdup(r->source) };
	return 0;
}

static int take_text(json_t *records, struct vuln_index *index, const struct name *name, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	int r = vuln_index_text(index, name->id, name->source, &text, &length, err);
	if (r < 0)
		return r;
	if (json_array_size(records) == RECORDS_MAX)
		return error_set(err, -E2BIG, "more than %d advisories", RECORDS_MAX);
	json_t *record = json_loadb(text, length, 0, NULL);
	return json_array_append_new(records, record) < 0
	        ? error_set(err, -EBADMSG, "%s of %s is no JSON in the index", name->id, name->source)
	        : 0;
}

static int read_texts(json_t *records, struct vuln_index *index, struct error *err)
{
	struct names *names FREE_ON_EXIT = xcalloc(1, sizeof(*names));
	int r = vuln_index_each_record(index, take_name, names, err);
	if (r == -E2BIG)
		error_set(err, r, "more than %d advisories", RECORDS_MAX);
	for (size_t i = 0; i < names->n; i++) {
		if (r == 0)
			r = take_text(records, index, &names->items[i], err);
		free(names->items[i].id);
		free(names->items[i].source);
	}
	return r;
}

static int load_into(const char *dir, const char *path, const struct simulate_kind *kind, struct error *err)
{
	struct load_report report = { 0 };
	struct vuln_update_result result;
	const struct load_source source = { .name = "simulation",
		.kind = kind->kind,
		.from = path,
		.ecosystems = kind->ecosystems.n ? kind->ecosystems.items : NULL,
		.now = clock_wall_ms() };
	struct load l = { .report = &report };
	int r = vuln_update_open(dir, &l.update, err);
	if (r == 0)
		r = load_source(&l, &source, err);
	if (r == 0 && report.refused)
		r = error_set(err, -EINVAL, "%s", report.first_refused[0] ? report.first_refused[0] : path);
	if (r == 0 && !report.mapped)
		r = error_set(err, -EINVAL, "%s: nothing in it is about a package that is known%s%s", path,
		        report.first_unmapped[0] ? ": " : "",
		        report.first_unmapped[0] ? report.first_unmapped[0] : "");
	if (r == 0)
		r = vuln_update_commit(l.update, source.now, NULL, NULL, &result, err);
	vuln_update_close(l.update);
	load_report_clear(&report);
	return r;
}

static int read_from(const char *dir, json_t *records, const char *path, const struct simulate_kind *kind)
{
	struct vuln_index *index = NULL;
	struct error err;
	int r = load_into(dir, path, kind, &err);
	if (r < 0)
		return ctl_fail(WORDS, "%s", err.text);
	r = vuln_index_open(dir, &index, &err);
	if (r == 0)
		r = read_texts(records, index, &err);
	vuln_index_close(index);
	return r < 0 ? ctl_fail(WORDS, "%s: %s", path, err.text) : CTL_OK;
}

static int import(json_t *records, const char *path, const struct simulate_kind *kind)
{
	const char *parent = getenv("TMPDIR"); // NOLINT(concurrency-mt-unsafe)
	char *dir FREE_ON_EXIT = xasprintf("%s/pratique-simulate-XXXXXX", parent ? parent : "/tmp");
	if (!mkdtemp(dir))
		return ctl_fail(WORDS, "%s: %s", dir, strerror(errno));
	char *data FREE_ON_EXIT = xasprintf("%s/data.mdb", dir),
	           *lock FREE_ON_EXIT = xasprintf("%s/lock.mdb", dir);
	int code = read_from(dir, records, path, kind);
	(void)unlink(data);
	(void)unlink(lock);
	(void)rmdir(dir);
	return code;
}

/* ---- files ---- */

static bool begins_as_csaf(const char *text, size_t length)
{
	json_t *j = json_loadb(text, length, 0, NULL);
	const bool is = is_csaf(j);
	json_decref(j);
	return is;
}

int simulate_read(json_t *records, const char *path, const struct simulate_kind *kind)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	struct error err;
	if (kind->kind && strcmp(kind->kind, "osv") != 0)
		return import(records, path, kind);
	if (file_read(path, FILE_MAX, &text, &length, &err) < 0)
		return ctl_fail(WORDS, "%s", err.text);
	if (!kind->kind && begins_as_csaf(text, length))
		return import(records, path, &(struct simulate_kind){ "csaf", kind->ecosystems });
	struct text t = { .path = path, .all = text, .at = text, .end = text + length };
	t.parser.ecosystems = kind->ecosystems.n ? kind->ecosystems.items : NULL;
	const size_t before = json_array_size(records);
	int code = read_records(records, &t);
	osv_parser_clear(&t.parser);
	if (code == CTL_OK && json_array_size(records) == before)
		return ctl_fail(WORDS, "%s:1: there is no advisory in it", path);
	return code;
}

static void print_fault(const char *text, void *context)
{
	fprintf(stderr, "%s\n", text);
}

int simulate_read_policy(const char *path, char **ret)
{
	struct policy *policy = NULL;
	size_t length;
	struct error err;
	const int r = policy_load(path, print_fault, NULL, &policy, &err);
	if (r < 0)
		return r == -EINVAL ? ctl_fail(WORDS, "%s is refused", path)
		                    : ctl_fail(WORDS, "%s", err.text);
	policy_free(policy);
	return file_read(path, FILE_MAX, ret, &length, &err) < 0 ? ctl_fail(WORDS, "%s", err.text) : CTL_OK;
}
