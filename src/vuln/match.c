/* SPDX-License-Identifier: ISC */
/*
 * The matcher: where each package of a posture is looked up, under which name and version; one lookup a
 * package, and matches whose strings are those in the map (judge.c).
 */
#include "vuln/match_private.h"

#include <errno.h>

/* Where packages of one purl type of this posture are looked up; kept while the type stays the same. */
struct place {
	const char *type;
	char ecosystem[ECOSYSTEM_NAME_MAX], bare[ECOSYSTEM_NAME_MAX];
	enum version_ecosystem order;
	enum ecosystem_naming naming;
	bool known, by_binary, has_bare;
	struct error reason;
};

struct matcher {
	struct vuln_index *index;
	const struct posture *posture;
	const struct vuln_match_sink *sink;
	struct place place;
	MDB_cursor *cursor;
	struct judge judge;
	const char *key_version; /* whose key is in judge; NULL: none */
	struct source_alias alias;
	char key_text[INDEX_KEY_MAX], name[PACKAGE_NAME_MAX];
};

/* Advisories of all releases are under the ecosystem's bare name ("Debian"). */
static void find_place(struct matcher *m, const char *type)
{
	struct place *p = &m->place;
	memset(p, 0, sizeof(*p));
	p->type = type;
	if (ecosystem_of_package(type, m->posture->os_id, m->posture->os_version, p->ecosystem, &p->order,
	            &p->naming, &p->reason) < 0)
		return;
	size_t n = strcspn(p->ecosystem, ":");
	if (p->ecosystem[n]) {
		memcpy(p->bare, p->ecosystem, n);
		p->has_bare = index_has_ecosystem(m->index, INDEX_BY_ADVISORY, p->bare);
	}
	p->by_binary = index_has_ecosystem(m->index, INDEX_BY_BINARY, p->ecosystem);
	/* A few advisories of all releases do not make this release known. */
	p->known = p->by_binary || index_has_ecosystem(m->index, INDEX_BY_ADVISORY, p->ecosystem);
	if (!p->known)
		error_set(&p->reason, 0, "the index has no advisories for %s", p->ecosystem);
}

static int refuse(struct matcher *m, const struct posture_package *package, const char *reason)
{
	return m->sink->unjudged ? m->sink->unjudged(package, reason, m->sink->context) : 0;
}

/* The value under this name; MDB_NOTFOUND. */
static int look_up(
        struct matcher *m, enum index_kind kind, const char *ecosystem, const char *name, MDB_val *ret)
{
	MDB_val k = index_val(m->key_text, index_package_key(m->key_text, kind, ecosystem, name));
	return k.mv_size ? mdb_cursor_get(m->cursor, &k, ret, MDB_SET_KEY) : MDB_NOTFOUND;
}

/* In its release, and in all releases where bare is given. 1: judged or nothing to judge; 0: the version is
 * not valid; negative: stop. */
static int judge_key(
        struct matcher *m, enum index_kind kind, const char *bare, const char *name, const char *version)
{
	MDB_val values[2];
	size_t n = 0;
	const char *const ecosystems[] = { m->place.ecosystem, bare };
	for (size_t i = 0; i < ARRAY_LENGTH(ecosystems); i++) {
		int r = ecosystems[i] ? look_up(m, kind, ecosystems[i], name, &values[n]) : MDB_NOTFOUND;
		if (r && r != MDB_NOTFOUND)
			return -EIO;
		n += r == 0;
	}
	if (n == 0)
		return 1;
	if (m->key_version != version) {
		if (version_key_make(m->place.order, version, &m->judge.key, NULL) < 0)
			return 0;
		m->key_version = version;
	}
	int r = n == 1 ? judge_value(&m->judge, &values[0]) : judge_both(&m->judge, &values[0], &values[1]);
	return r < 0 ? r : 1;
}

/* By the name that the ecosystem's advisories use; a signed package by the source that was signed. */
static int judge_by_advisory(struct matcher *m, const struct posture_package *package)
{
	bool by_source = m->place.naming == ECOSYSTEM_BY_SOURCE;
	const char *name = by_source ? package->source : package->name;
	const char *version = by_source ? package->source_version : package->version;
	if (by_source) {
		int r = ecosystem_signed_source(m->place.ecosystem, package, &m->alias);
		if (r < 0)
			return refuse(m, package, "the version of the signed source has another form");
		if (r > 0) {
			name = m->alias.name;
			version = m->alias.version;
			m->key_version = NULL;
		}
	} else if (m->place.order == VERSION_PYPI && ecosystem_package_name("PyPI", name, m->name) == 0) {
		name = m->name;
	}
	m->judge.name = name;
	int r = judge_key(m, INDEX_BY_ADVISORY, m->place.has_bare ? m->place.bare : NULL, name, version);
	if (r == 0)
		return refuse(m, package, "its version is not valid");
	return r < 0 ? r : 0;
}

/* A name that no index can hold is not one that nothing is known against. */
static bool has_key(struct matcher *m, const struct posture_package *package)
{
	const char *const names[] = { package->name, package->source };
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (ecosystem_package_name(m->place.ecosystem, names[i], m->name) < 0 ||
		        index_package_key(m->key_text, INDEX_BY_ADVISORY, m->place.ecosystem, names[i]) == 0)
			return false;
	return true;
}

static int judge_package(struct matcher *m, const struct posture_package *package)
{
	if (!m->place.type || strcmp(m->place.type, package->type) != 0)
		find_place(m, package->type);
	m->key_version = NULL;
	m->judge.package = package;
	m->judge.order = m->place.order;
	if (!m->place.known && !m->place.has_bare)
		return refuse(m, package, m->place.reason.text);
	if (!has_key(m, package))
		return refuse(m, package, "its name is too long to be looked up");
	int r = m->place.known ? 0 : refuse(m, package, m->place.reason.text);
	if (r == 0)
		r = judge_by_advisory(m, package);
	if (r < 0 || !m->place.by_binary)
		return r;
	r = judge_key(m, INDEX_BY_BINARY, NULL, package->name, package->version);
	if (r == 0)
		return refuse(m, package, "its version is not valid");
	return r < 0 ? r : 0;
}

static int match_within(struct matcher *m, uint64_t *ret_generation, struct error *err)
{
	struct index_state state;
	int r = index_read_state(&m->index->e, m->index->txn, &state);
	if (!r)
		r = mdb_cursor_open(m->index->txn, m->index->e.packages, &m->cursor);
	if (r)
		return index_error(err, m->index->dir, r);
	for (size_t i = 0; i < m->posture->n_packages && r >= 0; i++)
		r = judge_package(m, &m->posture->packages[i]);
	mdb_cursor_close(m->cursor);
	if (r < 0)
		return error_set(err, r, "matching stopped: %s", strerror(-r));
	if (ret_generation)
		*ret_generation = state.generation;
	return 0;
}

int vuln_match_all(struct vuln_index *index, const struct posture *p, const struct vuln_match_sink *sink,
        uint64_t *ret_generation, struct error *err)
{
	struct matcher *m = xcalloc(1, sizeof(*m));
	m->index = index;
	m->posture = p;
	m->sink = sink;
	m->judge =
	        (struct judge){ .index = index, .posture = p, .fn = sink->match, .context = sink->context };
	int r = index_begin(index);
	if (r) {
		r = index_error(err, index->dir, r);
	} else {
		r = match_within(m, ret_generation, err);
		index_end(index);
	}
	judge_clear(&m->judge);
	free(m);
	return r;
}

int vuln_match_posture(struct vuln_index *index, const struct posture *p, vuln_match_fn fn, void *context,
        uint64_t *ret_generation, struct error *err)
{
	const struct vuln_match_sink sink = { .match = fn, .context = context };
	return vuln_match_all(index, p, &sink, ret_generation, err);
}
