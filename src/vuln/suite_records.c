/* SPDX-License-Identifier: ISC */
#include "vuln/suite_records.h"

#include "posture/dpkg.h"
#include "vuln/built_from.h"
#include "vuln/rule.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The newest version of one binary package, and the source that it is built from; of one source package the
 * version alone. */
struct newest {
	char *source, *source_version, *version;
	bool listed;    /* of a source: a binary of it is in a Packages index */
	char *binaries; /* of a source: what is built from it, with blanks between */
};

/* All binaries of one source at one version; without any the source itself. */
struct binary {
	char *name;
	const char *version; /* in struct newest */
};
struct group {
	char *source, *version;
	struct binary *binaries;
	size_t n, capacity;
};

static void free_newest(void *n_)
{
	struct newest *n = n_;
	free(n->source);
	free(n->source_version);
	free(n->version);
	free(n->binaries);
	free(n);
}

static void free_group(void *g_)
{
	struct group *g = g_;
	for (size_t i = 0; i < g->n; i++)
		free(g->binaries[i].name);
	free(g->binaries);
	free(g->source);
	free(g->version);
	free(g);
}

void suite_clear(struct suite *suite)
{
	table_free(suite->binaries, free_newest);
	table_free(suite->sources, free_newest);
	*suite = (struct suite){ .date = 0 };
}

static void set_text(char *to, size_t size, const char *from)
{
	if (*from)
		snprintf(to, size, "%s", from);
}

void suite_take_release(struct suite *suite, const struct release_file *release)
{
	set_text(suite->origin, sizeof(suite->origin), release->origin);
	set_text(suite->codename, sizeof(suite->codename), release->codename);
	set_text(suite->version, sizeof(suite->version), release->version);
	suite->date = MAX(suite->date, release->date);
}

/* ---- reading indexes ---- */

/* "NAME (VERSION)", "NAME" or nothing. */
static void take_source_field(const struct dpkg_stanza *s, struct newest *ret)
{
	struct dpkg_value source = s->source.text ? s->source : s->package;
	const char *open = memchr(source.text, '(', source.length);
	size_t n = open ? (size_t)(open - source.text) : source.length;
	while (n > 0 && source.text[n - 1] == ' ')
		n--;
	ret->source = xstrndup(source.text, n);
	if (!open) {
		ret->source_version = xstrndup(s->version.text, s->version.length);
		return;
	}
	const char *end = memchr(open, ')', source.length - (size_t)(open - source.text));
	ret->source_version = xstrndup(open + 1, end ? (size_t)(end - open - 1) : 0);
}

/* Whether the stanza's version is above the one that is known of its package. Its text is the caller's. */
static bool is_newer(struct load_reading *r, const struct table *known, const struct dpkg_stanza *s,
        const char *path, char **ret_version)
{
	int order;
	struct error why;
	const struct newest *old = table_get(known, s->package.text, s->package.length);
	char *version FREE_ON_EXIT = xstrndup(s->version.text, s->version.length);
	if (version_compare(VERSION_DPKG, version, old ? old->version : version, &order, &why) < 0) {
		char *where FREE_ON_EXIT = xasprintf("%s, line %u", path, s->line);
		load_note_refused(r->l->report, where, why.text);
		return false;
	}
	if (old && order <= 0)
		return false;
	*ret_version = TAKE_POINTER(version);
	return true;
}

static void keep(struct table *known, const struct dpkg_stanza *s, struct newest *n)
{
	struct newest *old = table_set(known, s->package.text, s->package.length, n);
	if (old)
		free_newest(old);
}

static void take_binary(
        struct load_reading *r, struct suite *suite, const struct dpkg_stanza *s, const char *path)
{
	char *version;
	if (!is_newer(r, suite->binaries, s, path, &version))
		return;
	struct newest *n = xcalloc(1, sizeof(*n));
	n->version = version;
	take_source_field(s, n);
	keep(suite->binaries, s, n);
}

static void add_name(struct writer *w, const char *name, size_t n)
{
	if (n == 0 || n >= PACKAGE_NAME_MAX || memchr(name, ' ', n))
		return;
	wr_bytes(w, " ", w->length > 0);
	wr_bytes(w, name, n);
}

/* "NAME TYPE SECTION PRIORITY ..." a line, behind the field's own; udebs are no packages of a system. */
static void add_package_list(struct writer *w, struct dpkg_value list)
{
	const char *at = list.text, *end = at + list.length;
	while (at && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
		while (at < stop && (*at == ' ' || *at == '\t'))
			at++;
		const char *blank = memchr(at, ' ', (size_t)(stop - at));
		if (blank && stop - blank > 5 && memcmp(blank, " deb ", 5) == 0)
			add_name(w, at, (size_t)(blank - at));
		at = newline ? newline + 1 : end;
	}
}

/* "NAME, NAME,\n NAME": older sources have no list, and do not tell udebs apart. */
static void add_binaries(struct writer *w, struct dpkg_value binary)
{
	const char *at = binary.text, *end = at + binary.length;
	while (at && at < end) {
		const char *stop = at;
		while (stop < end && !strchr(", \t\r\n", *stop))
			stop++;
		add_name(w, at, (size_t)(stop - at));
		at = stop + 1;
	}
}

static char *take_binaries(const struct dpkg_stanza *s)
{
	struct writer w = wr_make(SUITE_BINARIES_MAX);
	size_t length;
	if (s->package_list.length)
		add_package_list(&w, s->package_list);
	else if (s->binary.length)
		add_binaries(&w, s->binary);
	wr_u8(&w, 0);
	if (!wr_failed(&w))
		return (char *)wr_take(&w, &length);
	wr_free(&w);
	return NULL;
}

static void take_source(
        struct load_reading *r, struct suite *suite, const struct dpkg_stanza *s, const char *path)
{
	char *version;
	/* Kept for the licences of what was built with it: no binary of the suite is this version's. */
	if (s->extra_source_only.length == 3 && strncasecmp(s->extra_source_only.text, "yes", 3) == 0)
		return;
	if (!is_newer(r, suite->sources, s, path, &version))
		return;
	struct newest *n = xcalloc(1, sizeof(*n));
	n->version = version;
	n->binaries = take_binaries(s);
	keep(suite->sources, s, n);
}

typedef void (*take_fn)(
        struct load_reading *r, struct suite *suite, const struct dpkg_stanza *s, const char *path);

static int take_stanzas(struct load_reading *r, struct suite *suite, const char *path, const char *text,
        size_t length, take_fn take, struct error *err)
{
	struct dpkg_scanner scanner = dpkg_scan(text, length);
	struct dpkg_stanza s;
	if (!suite->binaries) {
		suite->binaries = table_new();
		suite->sources = table_new();
	}
	while (dpkg_next_stanza(&scanner, &s)) {
		const char *wrong = s.broken ? s.broken
		        : !s.package.text || !s.version.text || !s.package.length || !s.version.length
		        ? "a stanza without package or version"
		        : s.package.length >= PACKAGE_NAME_MAX ? "a package name that is too long"
		                                               : NULL;
		char *where FREE_ON_EXIT = wrong ? xasprintf("%s, line %u", path, s.line) : NULL;
		if (wrong)
			load_note_refused(r->l->report, where, wrong);
		else
			take(r, suite, &s, path);
		if (table_count(suite->binaries) + table_count(suite->sources) > SUITE_PACKAGES_MAX)
			return error_set(err, -E2BIG, "%s: more than %d packages", path, SUITE_PACKAGES_MAX);
	}
	return load_count(r, length, err);
}

int suite_take_packages(struct load_reading *r, struct suite *suite, const char *path, const char *text,
        size_t length, struct error *err)
{
	return take_stanzas(r, suite, path, text, length, take_binary, err);
}

int suite_take_sources(struct load_reading *r, struct suite *suite, const char *path, const char *text,
        size_t length, struct error *err)
{
	return take_stanzas(r, suite, path, text, length, take_source, err);
}

/* ---- records ---- */

static void add_affected(struct record_writer *rw, const char *ecosystem, bool by_binary, const char *name,
        const char *version)
{
	struct version_key key;
	struct record_affected a = { .by_binary = by_binary,
		.ecosystem = ecosystem,
		.package = name,
		.kind = RULE_BELOW,
		.fixed = version };
	if (version_key_make(VERSION_DPKG, version, &key, NULL) < 0)
		return;
	a.rule = key.bytes;
	a.rule_length = key.length;
	record_add_affected(rw, &a);
}

static void write_group(const struct load_reading *r, const char *id, const char *summary, time_ms modified,
        const char *ecosystem, const struct group *g, struct record_writer *rw)
{
	struct record_head head = {
		.id = id, .source = r->source->name, .summary = summary, .modified = modified
	};
	wr_reset(&rw->w);
	record_begin(rw, &head);
	for (size_t i = 0; i < g->n; i++)
		add_affected(rw, ecosystem, true, g->binaries[i].name, g->binaries[i].version);
	if (g->n == 0)
		add_affected(rw, ecosystem, false, g->source, g->version);
}

/* Of visible characters, as an id must be; what a Release file says is a stranger's where nobody signed it.
 */
static bool make_id(const struct suite *suite, const struct group *g, char ret[RECORD_ID_MAX])
{
	char origin[sizeof(suite->origin)];
	size_t i = 0;
	for (; suite->origin[i]; i++)
		origin[i] = (char)toupper((unsigned char)suite->origin[i]);
	origin[i] = '\0';
	int n = snprintf(
	        ret, RECORD_ID_MAX, "%s-SECURITY:%s:%s:%s", origin, suite->codename, g->source, g->version);
	for (const char *c = ret; *c; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return n < RECORD_ID_MAX;
}

static void put_group(struct load_reading *r, const struct suite *suite, const char *ecosystem,
        const struct group *g, struct record_writer *rw)
{
	char id[RECORD_ID_MAX], summary[RECORD_SUMMARY_MAX];
	struct error why = { "more binary packages than a record may have" };
	if (!make_id(suite, g, id)) {
		load_note_refused(r->l->report, g->source, "its name and version make no id");
		return;
	}
	snprintf(summary, sizeof(summary), "%s %s is in the security suite of %s", g->source, g->version,
	        suite->codename);
	/* The Release file has a date each day, and what it says of a package is as old as the package. */
	time_ms before = load_stored_time(r, id);
	write_group(r, id, summary, before ? before : suite->date, ecosystem, g, rw);
	if (!record_end(rw) || load_put_record(r, rw->w.data, rw->w.length, &why) < 0)
		load_note_refused(r->l->report, id, why.text);
}

static int order_binaries(const void *a, const void *b)
{
	return strcmp(((const struct binary *)a)->name, ((const struct binary *)b)->name);
}

static struct group *group_of(struct table *groups, const char *source, const char *version)
{
	char *key FREE_ON_EXIT = xasprintf("%s %s", source, version);
	struct group *g = table_get_string(groups, key);
	if (!g) {
		g = xcalloc(1, sizeof(*g));
		g->source = xstrdup(source);
		g->version = xstrdup(version);
		table_set_string(groups, key, g);
	}
	return g;
}

/* The binaries by source and version, and the sources that have none of them. */
static struct table *make_groups(const struct suite *suite)
{
	struct table *groups = table_new();
	TABLE_FOREACH(it, suite->binaries) {
		const struct newest *n = it.value;
		struct newest *source = table_get_string(suite->sources, n->source);
		struct group *g = group_of(groups, n->source, n->source_version);
		ARRAY_RESERVE_ONE(g->binaries, g->n, g->capacity);
		g->binaries[g->n++] = (struct binary){ xstrndup(it.key, it.key_length), n->version };
		if (source)
			source->listed = true;
	}
	/* The same lists make the same records: only a change raises the generation. */
	TABLE_FOREACH(it, groups) {
		struct group *g = it.value;
		qsort(g->binaries, g->n, sizeof(*g->binaries), order_binaries);
	}
	TABLE_FOREACH(it, suite->sources) {
		const struct newest *n = it.value;
		char *name FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		if (!n->listed)
			(void)group_of(groups, name, n->version);
	}
	return groups;
}

static bool may_speak_of(const struct load_reading *r, const char *ecosystem)
{
	const char *const *allowed = r->source->ecosystems;
	if (!allowed)
		return true;
	for (; *allowed; allowed++)
		if (strcmp(*allowed, ecosystem) == 0)
			return true;
	return false;
}

/* As the Release file says it; one that says nothing that is known here is of what the source is declared to
 * be of. */
static int find_ecosystem(
        struct load_reading *r, struct suite *suite, char ret[ECOSYSTEM_NAME_MAX], struct error *err)
{
	const char *const *declared = r->source->ecosystems;
	enum version_ecosystem order;
	char osv[ECOSYSTEM_NAME_MAX];
	suite->origin[0] = (char)toupper((unsigned char)suite->origin[0]);
	snprintf(osv, sizeof(osv), "%s:%s", suite->origin, suite->version);
	bool known = *suite->version && ecosystem_canonical(osv, ret, &order) == 0 && order == VERSION_DPKG;
	if (!known && declared && declared[0] && !declared[1])
		known = ecosystem_canonical(declared[0], ret, &order) == 0 && order == VERSION_DPKG;
	if (!known)
		return error_set(err, -ENOTSUP,
		        "the suite is of \"%s\", which is no release known here; name its ecosystem", osv);
	if (!may_speak_of(r, ret))
		return error_set(
		        err, -ENOTSUP, "the suite is of %s, of which this source may not speak", ret);
	return 0;
}

/* Of two sources that name one binary always the same one counts. */
static void note_binaries(struct table *built, const char *source, char *binaries)
{
	for (char *name; (name = strsep(&binaries, " "));) {
		const char *other = table_get_string(built, name);
		if (*name && (!other || strcmp(source, other) < 0))
			free(table_set_string(built, name, xstrdup(source)));
	}
}

/* What a Packages index says counts more: it has both versions. */
static void note_listed(struct table *built, const char *name, const struct newest *n)
{
	char version[VERSION_MAX + 1];
	built_from_version(n->version, version);
	bool same = strcmp(version, n->source_version) == 0;
	free(table_set_string(built, name, xstrdup(same ? n->source : "")));
}

static void put_built(struct load_reading *r, const struct suite *suite, const char *ecosystem)
{
	struct table *built = table_new();
	TABLE_FOREACH(it, suite->sources) {
		const struct newest *n = it.value;
		char *name FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		if (n->binaries)
			note_binaries(built, name, n->binaries);
	}
	TABLE_FOREACH(it, suite->binaries) {
		char *name FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		note_listed(built, name, it.value);
	}
	TABLE_FOREACH(it, built) {
		char *name FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		vuln_update_put_built(r->l->update, r->source->name, ecosystem, name, it.value);
	}
	table_free(built, free);
}

int suite_put(struct load_reading *r, struct suite *suite, struct error *err)
{
	char ecosystem[ECOSYSTEM_NAME_MAX];
	int result = find_ecosystem(r, suite, ecosystem, err);
	if (result < 0 || !suite->binaries)
		return result;
	struct record_writer rw = { .w = wr_make(RECORD_MAX) };
	struct table *groups = make_groups(suite);
	TABLE_FOREACH(it, groups)
		put_group(r, suite, ecosystem, it.value, &rw);
	if (r->l->update)
		put_built(r, suite, ecosystem);
	if (r->l->update && table_count(suite->binaries))
		vuln_update_cover(r->l->update, r->source->name, INDEX_BY_BINARY, ecosystem);
	if (r->l->update && table_count(suite->sources))
		vuln_update_cover(r->l->update, r->source->name, INDEX_BY_ADVISORY, ecosystem);
	table_free(groups, free_group);
	wr_free(&rw.w);
	return 0;
}
