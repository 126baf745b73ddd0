/* SPDX-License-Identifier: ISC */
#include "vuln/standing.h"

#include "vuln/history.h"
#include "vuln/index_private.h"
#include "vuln/source.h"

#include <errno.h>
#include <stdio.h>

#define STANDING_IDS_MAX 64 /* that are followed, as in alias.h */
#define STANDING_RECORDS_MAX 4096

struct found {
	char id[RECORD_ID_MAX], source[RECORD_SOURCE_MAX];
	uint8_t *bytes; /* heap; NULL: gone */
	struct record record;
	uint32_t precedence;
	enum vuln_trust trust;
};

struct search {
	struct vuln_index *index;
	char ids[STANDING_IDS_MAX][RECORD_ID_MAX];
	size_t n_ids, at;
	struct found *found;
	size_t n, capacity;
};

/* As alias.h has it: two CVEs are never one. */
static void add_id(struct search *s, const char *id)
{
	if (s->n_ids > s->at && strncmp(s->ids[s->at], "CVE-", 4) == 0 && strncmp(id, "CVE-", 4) == 0)
		return;
	for (size_t i = 0; i < s->n_ids; i++)
		if (strcmp(s->ids[i], id) == 0)
			return;
	if (s->n_ids < STANDING_IDS_MAX && strlen(id) < RECORD_ID_MAX)
		snprintf(s->ids[s->n_ids++], RECORD_ID_MAX, "%s", id);
}

static int take_id(const char *id, const char *source, void *context)
{
	struct search *s = context;
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->found[i].id, id) == 0 && strcmp(s->found[i].source, source) == 0)
			return 0;
	add_id(s, id);
	if (s->n >= STANDING_RECORDS_MAX)
		return 0;
	ARRAY_RESERVE_ONE(s->found, s->n, s->capacity);
	struct found *f = &s->found[s->n++];
	memset(f, 0, sizeof(*f));
	snprintf(f->id, sizeof(f->id), "%s", id);
	snprintf(f->source, sizeof(f->source), "%s", source);
	return 0;
}

/* A record of its own, since a reader may not ask two things at once. */
static int read_found(struct search *s, struct found *f, struct error *err)
{
	char key[INDEX_KEY_MAX];
	MDB_val k = index_val(key, index_record_key(key, f->id, f->source)), v;
	struct source source = { .v = source_default };
	int code = index_begin(s->index);
	if (code)
		return index_error(err, s->index->dir, code);
	if (mdb_get(s->index->txn, s->index->e.records, &k, &v) == 0) {
		f->bytes = xmemdup(v.mv_data, v.mv_size);
		if (record_read(f->bytes, v.mv_size, &f->record) < 0)
			code = -EBADMSG;
	}
	k = index_val(f->source, strlen(f->source));
	if (mdb_get(s->index->txn, s->index->e.sources, &k, &v) == 0 &&
	        source_read(v.mv_data, v.mv_size, f->source, &source) < 0)
		code = -EBADMSG;
	f->precedence = source.v.precedence;
	f->trust = source.v.trust;
	index_end(s->index);
	return code ? error_set(err, code, "what the index has of %s is not readable", f->id) : 0;
}

static int search_all(struct search *s, const char *id, struct error *err)
{
	add_id(s, id);
	for (s->at = 0; s->at < s->n_ids; s->at++) {
		size_t first = s->n;
		int r = vuln_index_ids(s->index, s->ids[s->at], take_id, s, err);
		if (r == 0)
			r = history_each_source(s->index, s->ids[s->at], take_id, s, err);
		for (size_t i = first; i < s->n && r == 0; i++)
			r = read_found(s, &s->found[i], err);
		if (r < 0)
			return r;
		for (size_t i = first; i < s->n; i++) {
			struct reader aliases = s->found[i].record.aliases;
			for (const char *name; s->found[i].bytes && (name = record_next_name(&aliases));)
				add_id(s, name);
		}
	}
	return 0;
}

/* Those that say something, those that no longer do, those that are gone. */
static int rank(const struct found *f)
{
	return !f->bytes ? 2 : f->record.withdrawn ? 1 : 0;
}

static int order_found(const void *a_, const void *b_)
{
	const struct found *a = a_, *b = b_;
	if (rank(a) != rank(b))
		return rank(a) - rank(b);
	if (a->precedence != b->precedence)
		return a->precedence < b->precedence ? -1 : 1;
	if (a->trust != b->trust)
		return a->trust > b->trust ? -1 : 1;
	if (a->bytes && a->record.modified != b->record.modified)
		return a->record.modified > b->record.modified ? -1 : 1;
	int order = strcmp(a->source, b->source);
	return order ? order : strcmp(a->id, b->id);
}

/* Why a is before b, which comes right behind or long after it. */
static char *reason(const struct found *a, const struct found *b)
{
	if (!b->bytes)
		return xstrdup("its source took it back");
	if (b->record.withdrawn)
		return xstrdup("it is withdrawn");
	if (a->precedence != b->precedence)
		return xasprintf("precedence %u before %u", a->precedence, b->precedence);
	if (a->trust != b->trust)
		return xasprintf("%s before %s", vuln_trust_name(a->trust), vuln_trust_name(b->trust));
	if (strcmp(a->source, b->source) == 0)
		return xstrdup("both are one source's, and both count");
	return xstrdup(
	        a->record.modified != b->record.modified ? "the newer record" : "by the source's name");
}

/* Of one that stands behind the first. */
static char *behind(const struct found *first, const struct found *f)
{
	char *why FREE_ON_EXIT = reason(first, f);
	return rank(f) > 0 ? xstrdup(why) : xasprintf("%s stands, %s", first->source, why);
}

static int tell_all(
        const struct search *s, int (*fn)(const struct standing_record *r, void *context), void *context)
{
	int r = 0;
	for (size_t i = 0; i < s->n && r >= 0; i++) {
		const struct found *f = &s->found[i];
		bool stands = i == 0 && rank(f) == 0;
		bool opposed = stands && s->n > 1 && rank(&s->found[1]) == 0;
		char *why FREE_ON_EXIT = opposed ? reason(f, &s->found[1]) : NULL;
		if (i > 0)
			why = behind(&s->found[0], f);
		const struct standing_record record = { f->id, f->source, f->trust, f->precedence,
			f->bytes ? &f->record : NULL, stands, why };
		r = fn(&record, context);
	}
	return r;
}

int vuln_index_standing(struct vuln_index *index, const char *id,
        int (*fn)(const struct standing_record *r, void *context), void *context, struct error *err)
{
	if (strlen(id) >= RECORD_ID_MAX)
		return error_set(err, -ENOENT, "no id is as long as that");
	struct search *s = xcalloc(1, sizeof(*s));
	s->index = index;
	int r = search_all(s, id, err);
	if (r == 0 && s->n == 0)
		r = error_set(err, -ENOENT, "no source has an advisory %.128s", id);
	if (r == 0 && s->n) {
		qsort(s->found, s->n, sizeof(*s->found), order_found);
		r = tell_all(s, fn, context);
	}
	for (size_t i = 0; i < s->n; i++)
		free(s->found[i].bytes);
	free(s->found);
	free(s);
	return r;
}
