/* SPDX-License-Identifier: ISC */
/*
 * From an index of vulnerabilities into a repository. A record's stamp is a hash of the compressed text that
 * the index keeps, so that only what changed is unpacked.
 */
#include "base/table.h"
#include "vuln/index_private.h"
#include "vuln/text.h"
#include "vuln/tree/publish_state.h"
#include "vuln/vuln.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct taking {
	struct tree_publisher *p;
	struct tree_source sources[TREE_SOURCES_MAX];
	size_t n_sources;
	struct table *own; /* source -> non-NULL */
	struct tree_taken taken;
};

/* One line of plain characters, cut to what there is room for. */
static void copy_words(const char *from, char *ret, size_t size)
{
	snprintf(ret, size, "%s", from);
	for (; *ret; ret++)
		if (*ret < 0x20 || *ret > 0x7e)
			*ret = '?';
}

static int note_source(const struct vuln_source *source, void *context)
{
	struct taking *t = context;
	if (strcmp(source->kind, "repository") == 0 || source->records == 0 ||
	        !line_name_good(source->name, TREE_NAME_SIZE))
		return 0;
	if (t->n_sources == TREE_SOURCES_MAX)
		return -E2BIG;
	struct tree_source *s = &t->sources[t->n_sources++];
	snprintf(s->name, sizeof(s->name), "%s", source->name);
	copy_words(source->licence, s->licence, sizeof(s->licence));
	snprintf(s->trust, sizeof(s->trust), "%s", vuln_trust_name(source->trust));
	/* A path of this host is nobody else's. */
	if (strstr(source->origin, "://"))
		copy_words(source->origin, s->origin, sizeof(s->origin));
	s->precedence = source->precedence;
	table_set_string(t->own, s->name, t);
	return 0;
}

static void note_refused(struct taking *t, const char *id, const struct error *why)
{
	if (t->taken.refused++ == 0)
		snprintf(t->taken.first_refused, sizeof(t->taken.first_refused), "%s: %s", id, why->text);
}

static int take_text(struct taking *t, const char *id, const char *source, const MDB_val *frame,
        uint64_t stamp, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	struct error why;
	int r = text_decompress(frame->mv_data, frame->mv_size, &text, &length, &why);
	if (r == 0)
		r = tree_publisher_put(t->p, source, text, length, stamp, &why);
	if (r == -EINVAL || r == -EBADMSG) {
		note_refused(t, id, &why);
		return 0;
	}
	return r < 0 ? error_set(err, r, "%s", why.text) : 0;
}

static int take_record(struct taking *t, const MDB_val *key, const MDB_val *frame, struct error *err)
{
	static const uint64_t hash_key[2] = { 0x70726174697175, 0x7265706f7369746f };
	char id[RECORD_ID_MAX], source[RECORD_SOURCE_MAX];
	const char *text = key->mv_data;
	size_t n = strnlen(text, key->mv_size), n_source = key->mv_size - MIN(n + 1, key->mv_size);
	if (n >= sizeof(id) || n_source >= sizeof(source) || n_source == 0)
		return 0;
	memcpy(id, text, n + 1);
	memcpy(source, text + n + 1, n_source);
	source[n_source] = '\0';
	if (!table_get_string(t->own, source))
		return 0;
	t->taken.records++;
	uint64_t stamp = hash_bytes(hash_key, frame->mv_data, frame->mv_size) | 1;
	return tree_publisher_keep(t->p, source, id, stamp) ? 0 : take_text(t, id, source, frame, stamp, err);
}

static int take_records(struct taking *t, struct vuln_index *index, struct error *err)
{
	MDB_cursor *cursor;
	MDB_val key, frame;
	int code = mdb_cursor_open(index->txn, index->e.texts, &cursor), r = 0;
	if (code)
		return index_error(err, index->dir, code);
	while (r == 0 && (code = mdb_cursor_get(cursor, &key, &frame, MDB_NEXT)) == 0)
		r = take_record(t, &key, &frame, err);
	mdb_cursor_close(cursor);
	return r || code == MDB_NOTFOUND ? r : index_error(err, index->dir, code);
}

int tree_publisher_take_index(
        struct tree_publisher *p, struct vuln_index *index, struct tree_taken *ret, struct error *err)
{
	struct taking *t = xcalloc(1, sizeof(*t));
	t->p = p;
	t->own = table_new();
	tree_publisher_replace_all(p);
	int r = vuln_index_each_source(index, note_source, t, err);
	if (r == 0)
		r = tree_publisher_set_sources(p, t->sources, t->n_sources, err);
	int code = r == 0 ? index_begin(index) : 0;
	if (code)
		r = index_error(err, index->dir, code);
	if (r == 0) {
		r = take_records(t, index, err);
		index_end(index);
	}
	*ret = t->taken;
	table_free(t->own, NULL);
	free(t);
	return r;
}
