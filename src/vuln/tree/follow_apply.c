/* SPDX-License-Identifier: ISC */
/*
 * From verified files into the index of vulnerabilities. Where that stands at what is held, the new deltas
 * are enough; else all of it is said anew, which costs nothing in the index for what is the same.
 */
#include "vuln/tree/follow_state.h"

#include "base/table.h"
#include "vuln/tree/fields.h"
#include "vuln/tree/members.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct applying {
	struct tree_follow *f;
	struct vuln_update *u;     /* NULL: records are only judged */
	struct osv_parser *parser; /* then by this */
	const char *shard;
	struct table *put, *removed; /* line_key() -> non-NULL */
};

bool tree_follow_ready(const struct tree_follow *f)
{
	return f->phase == FOLLOW_IDLE && f->bytes && strcmp(f->mark, f->plan_mark) != 0;
}

bool tree_follow_stands(const struct tree_follow *f, struct vuln_update *u)
{
	return vuln_update_source_is(u, f->name, f->mark);
}

static char *source_of(const struct tree_follow *f, const char *source)
{
	return xasprintf("%s/%s", f->name, source);
}

static bool is_held(const char *ecosystem, void *context)
{
	const struct tree_follow *f = context;
	char name[TREE_NAME_SIZE];
	return tree_shard_name(ecosystem, name) && follow_wants_shard(f, name);
}

/* A record that we cannot read leaves what is there of it; the others count on. */
static int put_text(
        struct applying *a, const struct line *line, const char *text, size_t length, struct error *err)
{
	struct tree_follow_status *s = &a->f->status;
	char *source FREE_ON_EXIT = source_of(a->f, line->source);
	struct error why;
	int r;
	if (a->u) {
		vuln_update_remove(a->u, source, line->id);
		r = vuln_update_put(a->u, source, text, length, &why);
		if (r == -EINVAL)
			vuln_update_keep(a->u, source, line->id);
	} else {
		r = osv_parse_text(a->parser, source, text, length, &why);
	}
	if (r != -EINVAL)
		return r < 0 ? error_set(err, r, "%s", why.text) : 0;
	if (s->records_refused++ == 0)
		snprintf(s->record_reason, sizeof(s->record_reason), "%s: %s", line->id, why.text);
	return 0;
}

/* What packages of shards say that are not held must not make these look known. */
static int put_filtered(struct applying *a, const struct line *line, json_t *record, struct error *err)
{
	if (!a->f->shards || !members_filter(record, is_held, a->f))
		return put_text(a, line, line->record, line->length, err);
	char *text FREE_ON_EXIT = json_dumps(record, JSON_COMPACT);
	return put_text(a, line, text, strlen(text), err);
}

static int put_line(struct applying *a, const struct line *line, struct error *err)
{
	char id[RECORD_ID_MAX];
	json_t *record = fields_parse(line->record, line->length, line->id, err);
	if (!record)
		return TREE_MALFORMED;
	members_id(record, id);
	int r = 0;
	if (strcmp(id, line->id) != 0 || !members_in_shard(record, a->shard)) {
		error_set(err, -EBADMSG, "%s is no record of the shard %s", line->id, a->shard);
		r = TREE_EXTRANEOUS;
	}
	if (r == 0)
		r = put_filtered(a, line, record, err);
	json_decref(record);
	return r;
}

static int apply_line(const struct line *line, void *context, struct error *err)
{
	struct applying *a = context;
	char key[LINE_KEY_SIZE];
	size_t n = line_key(line->source, line->id, key);
	/* With its last record a source goes from the index, and the delta that says so is still to be read.
	 */
	if (line->record && !tree_index_find_source(&a->f->index, line->source)) {
		error_set(err, -EBADMSG, "%s is of a source %s that the index does not name", line->id,
		        line->source);
		return TREE_EXTRANEOUS;
	}
	if (!line->record) {
		table_set(a->removed, key, n, a);
		return 0;
	}
	/* Of several shards all say the same of it. */
	if (table_set(a->put, key, n, a))
		return 0;
	return put_line(a, line, err);
}

/* A record that left a shard may still be in another, which then says so in the same update. */
static void apply_removals(struct applying *a)
{
	TABLE_FOREACH(it, a->removed) {
		const char *id = it.key;
		size_t n = strlen(id) + 1;
		if (table_get(a->put, it.key, it.key_length))
			continue;
		char *name FREE_ON_EXIT = xstrndup(id + n, it.key_length - n);
		char *source FREE_ON_EXIT = source_of(a->f, name);
		vuln_update_remove(a->u, source, id);
	}
}

static void replace_own(const char *source, void *context)
{
	struct applying *a = context;
	size_t n = strlen(a->f->name);
	if (strncmp(source, a->f->name, n) == 0 && source[n] == '/')
		vuln_update_replace_source(a->u, source);
}

/* Also of sources that the publisher has no more. */
static int begin_anew(struct applying *a, struct error *err)
{
	int r = vuln_update_each_source(a->u, replace_own, a, err);
	for (size_t i = 0; i < a->f->index.n_sources; i++) {
		char *source FREE_ON_EXIT = source_of(a->f, a->f->index.sources[i].name);
		vuln_update_replace_source(a->u, source);
	}
	return r;
}

/* How old it is, is what the publisher's signature says, not when somebody answered us. */
static struct vuln_source describe(const struct tree_follow *f, const char *name)
{
	return (struct vuln_source){ .name = name,
		.kind = "repository",
		.trust = VULN_TRUST_SIGNED,
		.precedence = f->precedence ? f->precedence : VULN_PRECEDENCE_DEFAULT,
		.freshness_ms = f->index.expires - f->index.time + f->skew };
}

static void note_source(struct applying *a, const struct vuln_source *v)
{
	vuln_update_put_source(a->u, v);
	vuln_update_note_loaded(a->u, v->name, a->f->index.time);
	vuln_update_mark_source(a->u, v->name, a->f->plan_mark);
}

static void describe_sources(struct applying *a)
{
	const struct tree_follow *f = a->f;
	for (size_t i = 0; i < f->index.n_sources; i++) {
		const struct tree_source *s = &f->index.sources[i];
		char *name FREE_ON_EXIT = source_of(f, s->name);
		struct vuln_source v = describe(f, name);
		v.origin = s->origin;
		v.licence = s->licence;
		if (!f->precedence)
			v.precedence = (uint32_t)MIN(s->precedence, (uint64_t)VULN_PRECEDENCE_MAX);
		/* What the publisher had no proof of has none here either. */
		if (vuln_trust_parse(s->trust, &v.trust) < 0)
			v.trust = VULN_TRUST_NONE;
		note_source(a, &v);
	}
	struct vuln_source v = describe(f, f->name);
	v.origin = f->index.repository;
	v.required = f->required;
	v.partial = f->partial;
	note_source(a, &v);
}

/* Whether the new files of each shard are enough: it leads on from what is held, or nothing of it was held;
 * and none is gone. */
static bool new_files_suffice(const struct tree_follow *f, struct vuln_update *u)
{
	if (!tree_follow_stands(f, u) || f->held.point.epoch != f->plan.point.epoch)
		return false;
	for (size_t i = 0; i < f->held.n; i++)
		if (!held_find(&f->plan, f->held.shards[i].name))
			return false;
	for (size_t i = 0; i < f->plan.n; i++)
		if (!f->plan.shards[i].n_old && held_find(&f->held, f->plan.shards[i].name))
			return false;
	return true;
}

static int apply_shard(struct applying *a, const struct held_shard *s, bool all, struct error *err)
{
	size_t first = all ? 0 : s->n_old;
	a->shard = s->name;
	int r = lines_read_chain(a->f->tree, s->files + first, s->n - first, apply_line, a, err);
	return r ? error_prefix(err, r, "shard %s", s->name) : 0;
}

/* A file that went bad on our disk is fetched anew. */
static void forget_bad_files(const struct tree_follow *f)
{
	for (size_t i = 0; i < f->plan.n; i++)
		for (size_t j = 0; j < f->plan.shards[i].n; j++)
			follow_drop_bad(f, &f->plan.shards[i].files[j]);
}

int tree_follow_apply(struct tree_follow *f, struct vuln_update *u, struct error *err)
{
	if (!f->bytes)
		return error_set(err, -ENOENT, "%s: there is no index yet", f->name);
	struct applying a = { .f = f, .u = u, .put = table_new(), .removed = table_new() };
	bool all = !new_files_suffice(f, u);
	int r = all ? begin_anew(&a, err) : 0;
	for (size_t i = 0; i < f->plan.n && r == 0; i++)
		r = apply_shard(&a, &f->plan.shards[i], all, err);
	if (r == 0 && !all)
		apply_removals(&a);
	if (r == 0)
		describe_sources(&a);
	table_free(a.put, NULL);
	table_free(a.removed, NULL);
	if (r && r != TREE_EXTRANEOUS)
		forget_bad_files(f);
	return r ? follow_refuse(f, r, err) : 0;
}

int tree_follow_judge(struct tree_follow *f, uint64_t *ret_records, struct error *err)
{
	struct osv_parser parser = { .counts = { 0 } };
	struct applying a = { .f = f, .parser = &parser, .put = table_new(), .removed = table_new() };
	int r = f->bytes ? 0 : error_set(err, -ENOENT, "%s: there is no index yet", f->name);
	for (size_t i = 0; i < f->plan.n && r == 0; i++)
		r = apply_shard(&a, &f->plan.shards[i], true, err);
	if (r == 0 && ret_records)
		*ret_records = table_count(a.put);
	table_free(a.put, NULL);
	table_free(a.removed, NULL);
	osv_parser_clear(&parser);
	return r;
}

int tree_follow_applied(struct tree_follow *f, struct error *err)
{
	held_clear(&f->held);
	f->held.point = f->plan.point;
	for (size_t i = 0; i < f->plan.n; i++) {
		const struct held_shard *from = &f->plan.shards[i];
		struct held_shard *to = held_add(&f->held, from->name);
		to->generation = from->generation;
		to->n = from->n;
		to->files = xcalloc(from->n + 1, sizeof(*to->files));
		if (from->n)
			memcpy(to->files, from->files, from->n * sizeof(*from->files));
	}
	memcpy(f->mark, f->plan_mark, sizeof(f->mark));
	f->status.held = f->held.point;
	for (size_t i = 0; i < f->plan.n; i++)
		f->plan.shards[i].n_old = f->plan.shards[i].n;
	int r = follow_save_held(f, err);
	if (r == 0)
		follow_prune(f);
	return r;
}
