/* SPDX-License-Identifier: ISC */
/* What the index knows of its sources, over an update. */
#include "vuln/commit.h"

#include <errno.h>

void commit_free_source(void *source_)
{
	struct commit_source *s = source_;
	free(s->name);
	free(s->kind);
	free(s->origin);
	free(s->licence);
	free(s->mark);
	free(s);
}

bool commit_is_replaced(const struct vuln_update *u, const char *source, size_t length)
{
	return u->replace_all || table_get(u->replaced, source, length);
}

static void set_text(char **heap, const char **view, const char *text)
{
	char *copy = xstrdup(text);
	free(*heap);
	*view = *heap = copy;
}

static void set_texts(struct commit_source *s, const struct vuln_source *from)
{
	set_text(&s->kind, &s->s.v.kind, from->kind ? from->kind : "");
	set_text(&s->origin, &s->s.v.origin, from->origin ? from->origin : "");
	set_text(&s->licence, &s->s.v.licence, from->licence ? from->licence : "");
}

static struct commit_source *add_source(struct commit *c, const char *name, const struct source *from)
{
	struct commit_source *s = xcalloc(1, sizeof(*s));
	s->s.v = from->v;
	s->name = xstrdup(name);
	s->s.v.name = s->name;
	set_texts(s, &from->v);
	set_text(&s->mark, &s->s.mark, from->mark);
	table_set_string(c->sources, name, s);
	return s;
}

struct commit_source *commit_source(struct commit *c, const char *name)
{
	struct commit_source *s = table_get_string(c->sources, name);
	const struct source fresh = { .v = source_default, .mark = "" };
	return s ? s : add_source(c, name, &fresh);
}

/* What the update declares; of a load only what it says. */
static void declare(struct commit *c, const struct vuln_source *declared)
{
	struct commit_source *s = commit_source(c, declared->name);
	struct vuln_source *v = &s->s.v;
	s->rank_changed = s->was_there &&
	        (v->precedence != declared->precedence || v->trust != declared->trust ||
	                v->partial != declared->partial);
	v->precedence = declared->precedence;
	v->trust = declared->trust;
	v->required = declared->required;
	v->partial = declared->partial;
	v->freshness_ms = declared->freshness_ms;
	if (declared->loaded)
		v->loaded = declared->loaded;
	if (declared->counted) {
		v->counted = true;
		v->unmapped = declared->unmapped;
		v->refused = declared->refused;
	}
	set_texts(s, declared);
}

int commit_read_sources(struct commit *c)
{
	MDB_cursor *cursor;
	MDB_val k, v;
	int r = mdb_cursor_open(c->txn, c->index->sources, &cursor);
	if (r)
		return r;
	while ((r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
		struct source source;
		char *name FREE_ON_EXIT = xstrndup(k.mv_data, k.mv_size);
		if (source_read(v.mv_data, v.mv_size, name, &source) < 0) {
			r = MDB_CORRUPTED;
			break;
		}
		add_source(c, name, &source)->was_there = true;
	}
	mdb_cursor_close(cursor);
	if (r != MDB_NOTFOUND)
		return r;
	TABLE_FOREACH(it, c->u->declared)
		declare(c, it.value);
	TABLE_FOREACH(it, c->u->marks) {
		char *name FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		struct commit_source *s = commit_source(c, name);
		set_text(&s->mark, &s->s.mark, it.value);
	}
	return 0;
}

static int write_source(struct commit *c, const struct commit_source *s)
{
	struct writer w = wr_make(8 * SOURCE_TEXT_MAX);
	MDB_val k = index_val(s->name, strlen(s->name));
	source_write(&w, &s->s);
	MDB_val v = index_val(w.data, w.length);
	int r = wr_failed(&w) ? E2BIG : mdb_put(c->txn, c->index->sources, &k, &v, 0);
	wr_free(&w);
	return r;
}

/* A source that this update replaced by nothing, not even a mark or a word of itself, is one no more. */
static bool is_gone(const struct commit *c, const struct commit_source *s)
{
	return s->s.v.records == 0 && commit_is_replaced(c->u, s->name, strlen(s->name)) &&
	        !table_get_string(c->u->marks, s->name) && !table_get_string(c->u->declared, s->name) &&
	        !table_get_string(c->u->loaded, s->name);
}

static int write_or_drop(struct commit *c, struct commit_source *s)
{
	MDB_val k = index_val(s->name, strlen(s->name));
	const time_ms *when = table_get_string(c->u->loaded, s->name);
	bool replaced = commit_is_replaced(c->u, s->name, strlen(s->name));
	if (is_gone(c, s)) {
		int r = mdb_del(c->txn, c->index->sources, &k, NULL);
		return r == MDB_NOTFOUND ? 0 : r;
	}
	if (when)
		s->s.v.loaded = *when;
	else if (replaced || s->changed || table_get_string(c->u->marks, s->name))
		s->s.v.loaded = c->now;
	/* A source that is replaced and not marked again is loaded anew next time. */
	if (replaced && !table_get_string(c->u->marks, s->name))
		set_text(&s->mark, &s->s.mark, "");
	if (s->changed)
		s->s.v.generation = c->state.generation;
	return write_source(c, s);
}

int commit_write_sources(struct commit *c)
{
	int r = 0;
	TABLE_FOREACH(it, c->sources)
		if (!r)
			r = write_or_drop(c, it.value);
	return r;
}
