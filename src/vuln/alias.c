/* SPDX-License-Identifier: ISC */
#include "vuln/alias.h"

#include <errno.h>
#include <stdio.h>

#define GROUP_KEY_MAX (RECORD_ID_MAX + 16)

/* Ids that hang together, as far as sources of a precedence up to `limit` say so. */
struct component {
	struct commit *c;
	uint32_t limit;
	char *ids[ALIAS_IDS_MAX];
	uint32_t precedence[ALIAS_IDS_MAX]; /* the lowest of those that have a record of it */
	size_t n, n_cves;
	bool over;
};

static bool is_cve(const char *id)
{
	return strncmp(id, "CVE-", 4) == 0;
}

static void add_id(struct component *m, const char *from, const char *id)
{
	if (m->over || (is_cve(from) && is_cve(id)))
		return;
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->ids[i], id) == 0)
			return;
	if (m->n == ALIAS_IDS_MAX) {
		m->over = true;
		return;
	}
	m->n_cves += is_cve(id);
	m->precedence[m->n] = UINT32_MAX;
	m->ids[m->n++] = xstrdup(id);
}

static uint32_t precedence_of(struct commit *c, const char *name, size_t length)
{
	const struct commit_source *known = table_get(c->sources, name, length);
	return known ? known->s.v.precedence : VULN_PRECEDENCE_DEFAULT;
}

/* The aliases that the records with this id name. */
static int add_named(struct component *m, MDB_cursor *cursor, size_t at)
{
	const char *id = m->ids[at];
	size_t n = strlen(id) + 1;
	MDB_val k = index_val(id, n), v;
	int r = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	for (; r == 0 && !m->over && k.mv_size >= n && memcmp(k.mv_data, id, n) == 0;
	        r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		uint32_t precedence = precedence_of(m->c, (const char *)k.mv_data + n, k.mv_size - n);
		struct record record;
		if (precedence > m->limit)
			continue;
		if (record_read(v.mv_data, v.mv_size, &record) < 0)
			return MDB_CORRUPTED;
		m->precedence[at] = MIN(m->precedence[at], precedence);
		for (const char *name; (name = record_next_name(&record.aliases));)
			add_id(m, id, name);
	}
	return r == MDB_NOTFOUND ? 0 : r;
}

/* The ids of the records that name this one. */
static int add_naming(struct component *m, MDB_cursor *cursor, const char *id)
{
	MDB_val k = index_val(id, strlen(id)), v;
	size_t looked_at = 0;
	int r = mdb_cursor_get(cursor, &k, &v, MDB_SET_KEY);
	for (; r == 0 && !m->over && v.mv_size > 1; r = mdb_cursor_get(cursor, &k, &v, MDB_NEXT_DUP)) {
		const char *key = v.mv_data;
		size_t n = strnlen(key + 1, v.mv_size - 1);
		if (key[0] != INDEX_ALIAS)
			break; /* those that call it related come behind */
		if (++looked_at > ALIAS_NAMED_MAX) {
			m->over = true;
			break;
		}
		if (n + 1 < v.mv_size && precedence_of(m->c, key + 2 + n, v.mv_size - 2 - n) <= m->limit)
			add_id(m, id, key + 1); /* ids in keys end with a NUL */
	}
	return r == MDB_NOTFOUND ? 0 : r;
}

static void component_clear(struct component *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->ids[i]);
}

/* steps: how far from the id; 1 are those that it is directly joined with. */
static int walk(struct component *m, const char *id, bool far)
{
	MDB_cursor *records = NULL, *refs = NULL;
	int r = mdb_cursor_open(m->c->txn, m->c->index->records, &records);
	if (!r)
		r = mdb_cursor_open(m->c->txn, m->c->index->refs, &refs);
	add_id(m, "", id);
	for (size_t i = 0; !r && !m->over && i < (far ? m->n : 1); i++) {
		r = add_named(m, records, i);
		if (!r)
			r = add_naming(m, refs, m->ids[i]);
	}
	if (refs)
		mdb_cursor_close(refs);
	if (records)
		mdb_cursor_close(records);
	return r;
}

/* Its CVE; else the id of whom stands first, else the first by name. */
static const char *name_of(const struct component *m)
{
	size_t best = 0;
	for (size_t i = 0; i < m->n; i++) {
		if (is_cve(m->ids[i]))
			return m->ids[i];
		if (m->precedence[i] < m->precedence[best] ||
		        (m->precedence[i] == m->precedence[best] && strcmp(m->ids[i], m->ids[best]) < 0))
			best = i;
	}
	return m->ids[best];
}

static size_t group_key(char key[GROUP_KEY_MAX], uint32_t limit, const char *id)
{
	return (size_t)snprintf(key, GROUP_KEY_MAX, "%u %.127s", limit, id);
}

static void remember(struct commit *c, uint32_t limit, const char *id, const char *name)
{
	char key[GROUP_KEY_MAX];
	size_t n = group_key(key, limit, id);
	free(table_set(c->groups, key, n, xstrdup(name)));
}

/* What hangs together with too much: by what it is directly joined with, where that is one CVE. */
static int name_apart(struct commit *c, uint32_t limit, const char *id)
{
	struct component m = { .c = c, .limit = limit };
	int r = is_cve(id) ? 0 : walk(&m, id, false);
	remember(c, limit, id, !m.over && m.n_cves == 1 ? name_of(&m) : id);
	c->result.aliases_refused++;
	component_clear(&m);
	return r;
}

/* Names all that hang together, unless that is done; their ids are added to `ret` where it is not NULL. */
static int name_component(struct commit *c, uint32_t limit, const char *id, struct table *ret)
{
	char key[GROUP_KEY_MAX];
	struct component m = { .c = c, .limit = limit };
	size_t n = group_key(key, limit, id);
	if (table_get(c->groups, key, n))
		return 0;
	int r = walk(&m, id, true);
	bool one = !m.over && m.n_cves <= 1;
	for (size_t i = 0; !r && i < m.n; i++) {
		if (one)
			remember(c, limit, m.ids[i], name_of(&m));
		if (ret && !m.over)
			table_set_string(ret, m.ids[i], c);
	}
	if (ret)
		table_set_string(ret, id, c);
	component_clear(&m);
	return r || one ? r : name_apart(c, limit, id);
}

/* Whoever stands no higher than the record's source sees what it says. */
static int note_for(struct commit *c, uint32_t limit, const struct record *record)
{
	struct reader aliases = record->aliases;
	int r = name_component(c, limit, record->id, c->regroup);
	for (const char *name; !r && (name = record_next_name(&aliases));)
		r = name_component(c, limit, name, c->regroup);
	return r;
}

int alias_note_change(struct commit *c, const struct record *record)
{
	uint32_t own = precedence_of(c, record->source, strlen(record->source));
	int r = 0;
	for (size_t i = 0; !r && i < c->n_levels; i++)
		if (c->levels[i] >= own)
			r = note_for(c, c->levels[i], record);
	return r;
}

void alias_forget(struct commit *c)
{
	table_free(c->groups, free);
	c->groups = table_new();
	c->result.aliases_refused = 0;
}

const char *alias_group(struct commit *c, const char *id, const char *source)
{
	char key[GROUP_KEY_MAX];
	uint32_t limit = precedence_of(c, source, strlen(source));
	size_t n = group_key(key, limit, id);
	if (name_component(c, limit, id, NULL))
		return id;
	const char *name = table_get(c->groups, key, n);
	return name ? name : id;
}
