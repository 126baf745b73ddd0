/* SPDX-License-Identifier: ISC */
#include "vuln/source.h"

#include "vuln/index_private.h"

#include <errno.h>
#include <stdio.h>

const struct vuln_source source_default = { .name = "",
	.kind = "",
	.origin = "",
	.licence = "",
	.precedence = VULN_PRECEDENCE_DEFAULT,
	.trust = VULN_TRUST_NONE,
	.required = true };

void source_write(struct writer *w, const struct source *s)
{
	wr_u8(w, SOURCE_FORMAT);
	wr_u32(w, s->v.precedence);
	wr_u8(w, (uint8_t)s->v.trust);
	wr_u8(w, (uint8_t)(s->v.required | s->v.partial << 1));
	wr_u64(w, (uint64_t)s->v.freshness_ms);
	wr_u64(w, (uint64_t)s->v.loaded);
	wr_u64(w, (uint64_t)s->v.newest);
	wr_u64(w, s->v.generation);
	wr_u64(w, s->v.records);
	wr_u8(w, s->v.counted);
	wr_u64(w, s->v.unmapped);
	wr_u64(w, s->v.refused);
	wr_string(w, s->v.kind, SOURCE_TEXT_MAX);
	wr_string(w, s->v.origin, SOURCE_TEXT_MAX);
	wr_string(w, s->v.licence, SOURCE_TEXT_MAX);
	wr_string(w, s->mark, SOURCE_TEXT_MAX);
}

int source_read(const void *bytes, size_t length, const char *name, struct source *ret)
{
	struct reader r = rd_make(bytes, length);
	if (rd_u8(&r) != SOURCE_FORMAT)
		return -EBADMSG;
	ret->v.name = name;
	ret->v.precedence = rd_u32(&r);
	ret->v.trust = (enum vuln_trust)rd_u8(&r);
	const uint8_t kinds = rd_u8(&r);
	ret->v.required = kinds & 1;
	ret->v.partial = kinds & 2;
	ret->v.freshness_ms = (time_ms)rd_u64(&r);
	ret->v.loaded = (time_ms)rd_u64(&r);
	ret->v.newest = (time_ms)rd_u64(&r);
	ret->v.generation = rd_u64(&r);
	ret->v.records = rd_u64(&r);
	ret->v.counted = rd_u8(&r);
	ret->v.unmapped = rd_u64(&r);
	ret->v.refused = rd_u64(&r);
	ret->v.kind = rd_string(&r);
	ret->v.origin = rd_string(&r);
	ret->v.licence = rd_string(&r);
	ret->mark = rd_string(&r);
	return rd_failed(&r) || ret->v.trust > VULN_TRUST_SIGNED || ret->v.precedence > VULN_PRECEDENCE_MAX
	        ? -EBADMSG
	        : 0;
}

static int each_within(struct vuln_index *index, MDB_cursor *cursor,
        int (*fn)(const struct vuln_source *source, void *context), void *context, struct error *err)
{
	MDB_val key, value;
	int code;
	while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		char name[RECORD_SOURCE_MAX];
		struct source source;
		snprintf(name, sizeof(name), "%.*s", (int)key.mv_size, (const char *)key.mv_data);
		int r = source_read(value.mv_data, value.mv_size, name, &source);
		if (r < 0)
			return error_set(err, r, "index %s: what it knows of source %s is not readable",
			        index->dir, name);
		r = fn(&source.v, context);
		if (r < 0)
			return error_set(err, r, "%s", strerror(-r));
	}
	return code == MDB_NOTFOUND ? 0 : index_error(err, index->dir, code);
}

int vuln_index_each_source(struct vuln_index *index,
        int (*fn)(const struct vuln_source *source, void *context), void *context, struct error *err)
{
	MDB_cursor *cursor;
	int r = index_begin_cursor(index, index->e.sources, &cursor, err);
	if (r < 0)
		return r;
	r = each_within(index, cursor, fn, context, err);
	index_end_cursor(index, cursor);
	return r;
}

struct aging {
	struct vuln_freshness *freshness;
	time_ms now;
};

static int add_age(const struct vuln_source *s, void *context)
{
	const struct aging *a = context;
	struct vuln_freshness *f = a->freshness;
	f->n_sources++;
	bool stale = s->loaded == 0 || (s->freshness_ms && a->now - s->loaded > s->freshness_ms);
	if (stale && f->n_stale++ == 0)
		snprintf(f->stale_source, sizeof(f->stale_source), "%s", s->name);
	if (s->required && (!f->oldest_source[0] || s->loaded < f->oldest)) {
		f->oldest = s->loaded;
		snprintf(f->oldest_source, sizeof(f->oldest_source), "%s", s->name);
	}
	return 0;
}

int vuln_index_freshness(struct vuln_index *index, time_ms now, struct vuln_freshness *ret)
{
	struct vuln_freshness found = { 0 };
	struct aging aging = { &found, now };
	int r = vuln_index_each_source(index, add_age, &aging, NULL);
	if (r < 0)
		return r;
	if (!found.oldest_source[0])
		found.oldest = vuln_index_updated(index);
	*ret = found;
	return 0;
}
