/* SPDX-License-Identifier: ISC */
/*
 * The matcher: where each package of a posture is looked up, under which name and version; one lookup a
 * package, and matches whose strings are those in the map (judge.c).
 */
#include "vuln/built_from.h"
#include "vuln/match_private.h"

#include <errno.h>
#include <stdio.h>

/* Where packages of one purl type of this posture are looked up; kept while the type stays the same. */
struct place {
	const char *type;
	char ecosystem[ECOSYSTEM_NAME_MAX];
	char beside[ECOSYSTEM_NAME_MAX]; /* all releases, or the release's fixes for subscribers */
	enum version_ecosystem order;
	enum ecosystem_naming naming;
	enum ecosystem_form form;
	bool known, by_binary, by_built, has_beside, extended; /* extended: beside are those fixes */
	char origin[ECOSYSTEM_NAME_MAX];                       /* of the backport that was judged last */
	bool origin_known;
	struct error reason;
};

/* What a package is judged as by the advisories of its ecosystem: mostly itself. */
struct subject {
	const char *ecosystem, *beside, *name, *version;
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
	struct backport backport;
	struct posture_package as_built; /* of the package at hand, where s.name is not its own word */
	char rebuilt[VERSION_MAX + 1], built_version[VERSION_MAX + 1],
	        judged_as[ECOSYSTEM_NAME_MAX + VERSION_MAX + 64];
	char key_text[INDEX_KEY_MAX], name[PACKAGE_NAME_MAX];
};

/* Any entry at all, also one that only excuses. */
static bool has_packages(struct matcher *m, enum index_kind kind, const char *ecosystem)
{
	char key[INDEX_KEY_MAX];
	size_t n = index_package_key(key, kind, ecosystem, "");
	MDB_val k = index_val(key, n), v;
	return mdb_cursor_get(m->cursor, &k, &v, MDB_SET_RANGE) == 0 && k.mv_size >= n &&
	        memcmp(k.mv_data, key, n) == 0;
}

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
	p->form = ecosystem_form_of(p->ecosystem);
	p->extended = ecosystem_extended(p->ecosystem, p->beside);
	if (p->ecosystem[n]) {
		if (!p->extended)
			memcpy(p->beside, p->ecosystem, n);
		p->has_beside = p->extended ? index_has_ecosystem(m->index, INDEX_BY_ADVISORY, p->beside)
		                            : has_packages(m, INDEX_BY_ADVISORY, p->beside);
	}
	p->by_binary = has_packages(m, INDEX_BY_BINARY, p->ecosystem);
	p->by_built = has_packages(m, INDEX_BUILT_FROM, p->ecosystem);
	/* A few advisories of all releases do not make this release known. */
	p->known = index_has_ecosystem(m->index, INDEX_BY_BINARY, p->ecosystem) ||
	        index_has_ecosystem(m->index, INDEX_BY_ADVISORY, p->ecosystem);
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

/* In its release, and in what stands beside it. 1: judged or nothing to judge; 0: the version is
 * not valid; negative: stop. */
static int judge_key(struct matcher *m, enum index_kind kind, const struct subject *s)
{
	MDB_val values[2];
	size_t n = 0;
	const char *const ecosystems[] = { s->ecosystem, s->beside };
	for (size_t i = 0; i < ARRAY_LENGTH(ecosystems); i++) {
		int r = ecosystems[i] ? look_up(m, kind, ecosystems[i], s->name, &values[n]) : MDB_NOTFOUND;
		if (r && r != MDB_NOTFOUND)
			return -EIO;
		n += r == 0;
	}
	if (n == 0)
		return 1;
	if (m->key_version != s->version) {
		if (version_key_make(m->place.order, s->version, &m->judge.key, NULL) < 0)
			return 0;
		m->key_version = s->version;
	}
	int r = n == 1 ? judge_value(&m->judge, &values[0]) : judge_both(&m->judge, &values[0], &values[1]);
	return r < 0 ? r : 1;
}

/* A backport is judged in the release that it was built from; where the index does not know that one, it has
 * only what is known of its own. 0, or what refuse() returns. */
static int take_origin(struct matcher *m, const struct posture_package *package, struct subject *s)
{
	struct place *p = &m->place;
	if (strcmp(p->origin, m->backport.ecosystem) != 0) {
		snprintf(p->origin, sizeof(p->origin), "%s", m->backport.ecosystem);
		p->origin_known = index_has_ecosystem(m->index, INDEX_BY_ADVISORY, p->origin);
	}
	s->version = m->backport.version;
	if (!p->origin_known) {
		struct error reason;
		(void)ecosystem_no_origin(p->origin, &reason);
		return refuse(m, package, reason.text);
	}
	s->ecosystem = p->origin;
	snprintf(m->judged_as, sizeof(m->judged_as), "a backport of %s in %s", s->version, p->origin);
	m->judge.judged_as = m->judged_as;
	return 0;
}

/* Inventories that are names of binaries say no source: it is what a suite's indexes know, if they do. */
static bool find_built(struct matcher *m, const struct posture_package *package, MDB_val *ret)
{
	return m->place.by_built && strcmp(package->source, package->name) == 0 &&
	        strcmp(package->source_version, package->version) == 0 &&
	        look_up(m, INDEX_BUILT_FROM, m->place.ecosystem, package->name, ret) == 0;
}

/* Debian and its kin: a signed package by the source that was signed, a rebuild by what was built again, a
 * backport in the release that it is from, a subscriber's fix where these are. */
static int take_source(struct matcher *m, const struct posture_package *package, struct subject *s)
{
	const struct posture_package *p = s->name == package->source ? package : &m->as_built;
	int r = ecosystem_signed_source(m->place.ecosystem, p, &m->alias);
	if (r < 0)
		return refuse(m, package, "the version of the signed source has another form");
	if (r > 0) {
		s->name = m->alias.name;
		s->version = m->alias.version;
	}
	if (m->place.order != VERSION_DPKG)
		return 0;
	if (r == 0 && ecosystem_rebuild(m->place.ecosystem, s->version, m->rebuilt))
		s->version = m->rebuilt;
	if (ecosystem_backport(m->place.ecosystem, s->version, &m->backport))
		return take_origin(m, package, s);
	if (m->place.extended && m->place.has_beside && ecosystem_is_extended(s->version))
		s->ecosystem = NULL;
	return 0;
}

static int judge_as(struct matcher *m, const struct posture_package *package, struct subject s)
{
	int r = m->place.naming == ECOSYSTEM_BY_SOURCE ? take_source(m, package, &s) : 0;
	if (r < 0)
		return r;
	if (m->place.form != ECOSYSTEM_AS_IS && ecosystem_name_in_form(m->place.form, s.name, m->name) == 0)
		s.name = m->name;
	m->judge.name = s.name;
	r = judge_key(m, INDEX_BY_ADVISORY, &s);
	m->judge.judged_as = NULL;
	if (r == 0)
		return refuse(m, package, "its version is not valid");
	return r < 0 ? r : 0;
}

/* By each of the sources that suites name: which of these it is from is not known, and none of them excuses
 * it of the others' advisories. */
static int judge_as_built(
        struct matcher *m, const struct posture_package *package, struct subject s, const MDB_val *built)
{
	struct built_from b = built_from_begin(built->mv_data, built->mv_size);
	int r;
	if (!built_from_next_package(&b))
		return -EBADMSG;
	if (!*b.package) {
		r = refuse(m, package, "its source package has other versions, and the inventory names none");
		return r < 0 ? r : judge_as(m, package, s);
	}
	built_from_version(package->version, m->built_version);
	s.version = m->built_version;
	m->as_built = *package;
	m->as_built.source_version = s.version;
	do {
		m->as_built.source = s.name = b.package;
		m->key_version = NULL;
		r = judge_as(m, package, s);
	} while (r >= 0 && built_from_next_package(&b));
	return r >= 0 && b.left ? -EBADMSG : r;
}

/* By the name that the ecosystem's advisories use. */
static int judge_by_advisory(struct matcher *m, const struct posture_package *package)
{
	const bool by_source = m->place.naming == ECOSYSTEM_BY_SOURCE;
	MDB_val built;
	const struct subject s = { .ecosystem = m->place.ecosystem,
		.beside = m->place.has_beside ? m->place.beside : NULL,
		.name = by_source ? package->source : package->name,
		.version = by_source ? package->source_version : package->version };
	if (by_source && find_built(m, package, &built))
		return judge_as_built(m, package, s, &built);
	return judge_as(m, package, s);
}

/* A name that no index can hold is not one that nothing is known against. */
static bool has_key(struct matcher *m, const struct posture_package *package)
{
	const char *const names[] = { package->name, package->source };
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (ecosystem_name_in_form(m->place.form, names[i], m->name) < 0 ||
		        index_package_key(m->key_text, INDEX_BY_ADVISORY, m->place.ecosystem, names[i]) == 0)
			return false;
	return true;
}

/* Whether the index says of this package that something affects it: then it is known where its ecosystem is
 * not, of which there are partial sources alone. */
static bool is_spoken_of(struct matcher *m, const struct posture_package *package)
{
	const char *named = m->place.naming == ECOSYSTEM_BY_SOURCE ? package->source : package->name;
	struct package_entry entry;
	MDB_val v[2] = { { 0 } };
	bool affected = false;
	if (ecosystem_name_in_form(m->place.form, named, m->name) == 0)
		(void)look_up(m, INDEX_BY_ADVISORY, m->place.ecosystem, m->name, &v[0]);
	(void)look_up(m, INDEX_BY_BINARY, m->place.ecosystem, package->name, &v[1]);
	for (size_t i = 0; i < ARRAY_LENGTH(v); i++)
		for (size_t at = PACKAGE_ENTRIES_AT; at < v[i].mv_size; at += entry.head.size) {
			if (!package_entry_read(
			            (const uint8_t *)v[i].mv_data + at, v[i].mv_size - at, &entry))
				break;
			affected = affected || entry.head.status == VULN_AFFECTED;
		}
	return affected;
}

static int judge_package(struct matcher *m, const struct posture_package *package)
{
	if (!m->place.type || strcmp(m->place.type, package->type) != 0)
		find_place(m, package->type);
	m->key_version = NULL;
	m->judge.package = package;
	m->judge.order = m->place.order;
	const bool known = m->place.known || (m->place.ecosystem[0] && is_spoken_of(m, package));
	if (!known && !m->place.has_beside)
		return refuse(m, package, m->place.reason.text);
	if (!has_key(m, package))
		return refuse(m, package, "its name is too long to be looked up");
	int r = known ? 0 : refuse(m, package, m->place.reason.text);
	if (r == 0)
		r = judge_by_advisory(m, package);
	if (r < 0 || !m->place.by_binary)
		return r;
	const struct subject s = { m->place.ecosystem, NULL, package->name, package->version };
	r = judge_key(m, INDEX_BY_BINARY, &s);
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
